"""Benchmarks in the plan: one stage for all distortions, keys by seed, and nothing of anybody else's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import yaml

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin, kind_of
from sanguinaria.plan.configuration import load
from sanguinaria.plan.expander import Made
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.marked import MarkedStage
from sanguinaria.plan.stages.readings import ReadingStage
from sanguinaria.watermarks._wrong_keys import neighbouring_keys, random_key, random_keys
from sanguinaria.watermarks.keyed_mask import KeyedMask
from sanguinaria.watermarks.wake import Wake

CONFIGURATION = """
corpora:
  spoken: {kind: synthetic, voices: 12, split: {validation: 0.1, test: 0.25}}
watermarks:
  perth: {kind: perth}
  seal: {kind: audioseal, source: random, bits: 4}
  keyed: {kind: wake, corpus: spoken, blocks: 4}
triggers:
  tone: {kind: ultrasonic, level: -30}
victims:
  lstm: {kind: lstm}
defences:
  none: {kind: none}
distortions:
  untouched: {kind: none}
  hiss: {kind: noise, snr: 20}
  quiet: {kind: gain, factor: 0.8}
metrics:
  snr: {kind: snr}
  stoi: {kind: stoi}
experiments:
  demo: {corpus: spoken, target: left, triggers: [tone], victims: [lstm], metrics: [snr]}
benchmarks:
  bench:
    corpus: spoken
    watermarks: [perth, keyed]
    distortions: [untouched, hiss]
    keys: {keyed: "1011"}
    metrics: [snr, stoi]
    utterances: 10
"""

Edit = Callable[[dict[str, Any]], object]
NEW = ("marked", "readings", "efficiency")


def configured(edit: Edit | None = None, code: Any = None) -> Plan:
    config = yaml.safe_load(CONFIGURATION)
    if edit is not None:
        edit(config)
    return Plan(load(config), *([] if code is None else [code]))


def bench(**settings: Any) -> Edit:
    return lambda config: config["benchmarks"]["bench"].update(settings)


def keys(made: Plan) -> dict[str, set[str]]:
    return {stage: set(stages) for stage, stages in made.stages.items()}


def added(before: Plan, after: Plan) -> dict[str, int]:
    """Number of added stages, by stage."""
    old = keys(before)
    return {stage: n for stage, stages in keys(after).items() if (n := len(stages - old.get(stage, set())))}


def gone(before: Plan, after: Plan) -> dict[str, int]:
    return added(after, before)


def readings(made: Plan) -> list[ReadingStage]:
    return [stage for stage in made.stages["readings"].values() if isinstance(stage, ReadingStage)]


def test_the_whole_benchmark_is_planned():
    counts = {stage: len(stages) for stage, stages in configured().stages.items()}
    assert counts["marked"] == 2 and counts["efficiency"] == 2
    # Of each watermark marked and clean utterances after all distortions, and clean ones for validation; one that has
    # keys is read with others, too.
    assert counts["readings"] == 2 * 3 + 1
    # And one of the experiment's trigger.
    assert counts["quality"] == 2 * 2 + 1
    assert [line.factors["distortion"] for line in configured().tables["bench"].cells] == [*("untouched", "hiss") * 2]


def test_what_a_table_is_made_from_is_planned_and_lies_where_its_identity_says():
    made = configured()
    for path in made.tables["bench"].inputs:
        _, stage, key, *_ = path.parts
        assert key in made.stages[stage]
    for stages in made.stages.values():
        for stage in stages.values():
            assert all(upstream.key in made.stages[upstream.stage] for upstream in stage.upstream)


def test_a_benchmark_changes_nothing_of_an_experiment():
    without = configured(lambda config: config.pop("benchmarks"))
    assert not gone(without, configured())
    assert set(added(without, configured())) == {*NEW, "watermarks", "quality"}
    assert without.tables["demo"].specification == configured().tables["demo"].specification


def test_another_distortion_is_other_readings_after_it_alone():
    after = configured(lambda config: config["distortions"]["hiss"].update(snr=10))
    # Marked and clean, of two watermarks.
    assert added(configured(), after) == gone(configured(), after) == {"readings": 4}


def test_a_distortion_more_is_read_with_the_others():
    after = configured(bench(distortions=["untouched", "hiss", "quiet"]))
    assert added(configured(), after) == gone(configured(), after) == {"readings": 4}


def test_a_watermark_adds_its_own_branch_alone():
    after = configured(bench(watermarks=["perth", "keyed", "seal"]))
    assert not gone(configured(), after)
    assert added(configured(), after) == {"watermarks": 1, "marked": 1, "readings": 3, "quality": 2, "efficiency": 1}


def test_retrained_generators_are_as_many_as_seeds_and_have_their_seeds():
    def trained(made: Plan) -> list[int]:
        return sorted(stage.watermark.seed for stage in made.stages["watermarks"].values() if stage.corpus is not None)

    once, anew = configured(bench(seeds=[0, 2])), configured(bench(seeds=[0, 2], train_per_seed=True))
    assert trained(once) == [0] and trained(anew) == [0, 2]
    # Perth, which nobody trains, is read as before; of the other one all that belongs to the second seed is another.
    assert gone(once, anew) == {"marked": 1, "readings": 4, "quality": 2}
    for mark in anew.stages["marked"].values():
        assert isinstance(mark, MarkedStage)
        if mark.watermark.corpus is not None:
            assert mark.watermark.watermark.seed == mark.seed


def test_a_student_is_retrained_with_a_teacher_of_its_own():
    made = configured(
        lambda config: (
            config["watermarks"].update(
                teacher={"kind": "pkdmark_teacher", "corpus": "spoken", "sample_rate": 16000},
                student={"kind": "pkdmark", "corpus": "spoken", "base": "teacher"},
            ),
            bench(watermarks=["student"], keys={}, seeds=[0, 1], train_per_seed=True)(config),
        )
    )
    students = [stage for stage in made.stages["watermarks"].values() if stage.base is not None]
    assert sorted((stage.watermark.seed, stage.base.watermark.seed) for stage in students) == [(0, 0), (1, 1)]


def test_renaming_changes_the_table_alone():
    text = CONFIGURATION
    for old, new in [("bench:", "mine:"), ("hiss", "noise_of_20_dB"), ("keyed", "ours"), ("spoken", "voices_12")]:
        text = text.replace(old, new)
    after = Plan(load(yaml.safe_load(text)))
    assert keys(after) == keys(configured())
    assert after.tables["mine"].specification != configured().tables["bench"].specification


@pytest.mark.parametrize(("edited", "kind"), [("noise", "distortion"), ("wake", "watermark")])
def test_code_of_one_plug_in_reruns_what_calls_it(edited: str, kind: str):
    def code(changed: str) -> Any:
        def of(made: type[Made], plugins: Sequence[Plugin], modules: Sequence[str] = ()) -> str:
            return f"{made} {[(kind_of(plugin), kind_of(plugin) == changed) for plugin in plugins]}"

        return of

    before, after = configured(code=code("")), configured(code=code(edited))
    if kind == "distortion":
        assert added(before, after) == {"readings": 4}
    else:
        assert added(before, after) == {"watermarks": 1, "marked": 1, "readings": 4, "quality": 2, "efficiency": 1}


def test_the_code_hash_of_a_stage_covers_the_plug_ins_that_it_calls():
    calls: set[tuple[str, tuple[str, ...]]] = set()

    def code(made: type[Made], plugins: Sequence[Plugin], modules: Sequence[str] = ()) -> str:
        calls.add((made.rules[0], (*(kind_of(plugin) for plugin in plugins), *modules)))
        return ""

    assert configured(code=code).stages
    assert {call for call in calls if call[0] in (*NEW, "table")} == {
        ("table", ("sanguinaria.reports.experiments",)),
        ("table", ("sanguinaria.reports.benchmarks",)),
        *((stage, (watermark,)) for stage in ("marked", "efficiency") for watermark in ("perth", "wake")),
        *(("readings", (mark, *kinds)) for mark in ("perth", "wake") for kinds in (["none"], ["none", "noise"])),
    }


def test_clean_readings_are_shared_by_seeds_of_messages_unless_their_keys_are_others():
    more = added(configured(), configured(bench(seeds=[0, 1])))
    # Perth: marked. Wake with another key: marked, clean, for validation, and with other keys.
    assert more == {"marked": 2, "readings": 1 + 4, "quality": 4}


def test_a_second_mark_lies_on_the_first_and_has_its_own_key():
    made = configured(bench(marks=[1, 2]))
    marked = [stage for stage in made.stages["marked"].values() if isinstance(stage, MarkedStage)]
    second = {kind_of(stage.watermark.watermark): stage for stage in marked if stage.marks == 2}
    for stage in second.values():
        assert isinstance(stage.audio_stage, MarkedStage) and stage.audio_stage in marked
    first = second["wake"].audio_stage
    assert isinstance(first, MarkedStage)
    assert first.secret == "1011" and second["wake"].secret not in (None, "1011")
    assert second["perth"].secret is None
    lines = [line for line in made.tables["bench"].cells if line.factors["watermark"] == "keyed"]
    assert [(line.factors["marks"], line.factors["decoded_mark"], line.settings["mark"]) for line in lines[::2]] == [
        ("single", "first", 1),
        ("double", "first", 1),
        ("double", "second", 2),
    ]
    assert [line.rows["marked"][0].secrets for line in lines[::2]] == [("1011",), ("1011",), (second["wake"].secret,)]
    # 32 bits in each second of each mark.
    assert [line.settings["bits_per_second"] for line in lines[::2]] == [32, 64, 64]
    assert added(configured(), made)["marked"] == 2


def test_a_table_specifies_its_comparison_and_the_environments_of_its_trainings():
    table = configured(bench(comparison={"paper": "wake", "table": "1"})).tables["bench"]
    content = json.loads(table.specification)
    assert table.compared is not None and "comparison" not in content
    compared = json.loads(table.compared.specification)
    assert compared["comparison"] == {"paper": "wake", "table": "1", "stands_for": {}}
    assert len(table.environments) == 2
    assert content["cells"][-1]["settings"]["wrong_keys"] == 3 and content["cells"][0]["rows"]["wrong_keys"] == []


def test_keys_are_drawn_like_another_and_differ():
    wake, mask = Wake(corpus="c"), KeyedMask(corpus="c")
    drawn = random_keys(wake, "10110010", "wrong", 20, excluded=["10110010"])
    assert len({*drawn, "10110010"}) == 21
    assert all(wake.key_problem(key) is None for key in drawn)
    assert drawn == random_keys(wake, "10110010", "wrong", 20, excluded=["10110010"])
    assert drawn[0] != random_key(wake, "10110010", "first 1")
    assert all(len(key) == 9 for key in random_keys(mask, "owner one", "wrong", 3, excluded=[]))
    digits = Wake(corpus="c", keys="digits")
    assert all(digits.key_problem(key) is None for key in random_keys(digits, "12345678", "wrong", 5, excluded=[]))
    # "11111111" may be of bits or of digits: the watermark determines which.
    assert digits.key_problem(neighbouring_keys(digits, "12345678")[0]) is None


def test_there_are_no_more_keys_than_there_are():
    with pytest.raises(InputError, match="no more keys like '10'.*number of wrong keys"):
        random_keys(Wake(corpus="c", blocks=2), "10", "wrong", 3, excluded=["10"])


def test_neighbours_differ_in_one_character():
    near = neighbouring_keys(Wake(corpus="c"), "10000000")
    # The first would mark nothing, and is no key.
    assert near == ["11000000", "10100000", "10010000", "10001000", "10000100", "10000010", "10000001"]
    for key, place in zip(neighbouring_keys(KeyedMask(corpus="c"), "a key"), range(5), strict=True):
        assert [a != b for a, b in zip(key, "a key", strict=True)] == [other == place for other in range(5)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"keys": {}}, "bench.keys.keyed: give a key of 4 times 0 or 1, one for each block, not None"),
        ({"keys": {"keyed": "10"}}, "bench.keys.keyed: give a key of 4 times"),
        ({"keys": {"keyed": "1011", "perth": "x"}}, "bench.keys.perth: this watermark has no keys: remove it"),
        ({"keys": {"keyed": "1011", "seal": "x"}}, "bench.keys.seal: unknown watermark of this benchmark 'seal'"),
        ({"watermarks": ["perht"], "keys": {}}, "watermarks[0]: unknown entry of watermarks 'perht'; did you mean"),
        ({"distortions": ["his"]}, "distortions[0]: unknown entry of distortions 'his'; did you mean 'hiss'?"),
        ({"metrics": ["pesk"]}, "metrics[0]: unknown entry of metrics 'pesk'"),
        ({"corpus": "speech"}, "bench.corpus: unknown entry of corpora 'speech'"),
        ({"marks": [3]}, "bench.marks[0]"),
        ({"false_positive_rate": 1}, "bench.false_positive_rate: should be less than 1"),
        ({"comparison": {"paper": "wake", "table": "9"}}, "no printed numbers of wake 9"),
        (
            {"comparison": {"paper": "wake", "table": "4", "stands_for": {"perth": "wavmark"}}},
            "stands_for: 'perth' cannot stand for 'wavmark', of which wake 4 has no number; it has some of ",
        ),
    ],
)
def test_mistakes_have_places(settings: dict[str, Any], message: str):
    with pytest.raises(InputError) as caught:
        configured(bench(**settings))
    assert message in str(caught.value)
    assert "has 1 problem;" in str(caught.value)


def test_a_benchmark_s_name_is_no_experiment_s():
    def rename(config: dict[str, Any]) -> None:
        config["benchmarks"]["demo"] = config["benchmarks"].pop("bench")

    with pytest.raises(InputError, match="benchmarks.demo: 'demo' is an experiment's name, too"):
        configured(rename)
