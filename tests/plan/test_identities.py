"""Results that a change of the configuration changes, and those that it does not."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from sanguinaria.core.plugins import Plugin, build, kind_of
from sanguinaria.plan.configuration import load
from sanguinaria.plan.expander import Made
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.scores import QualityStage
from sanguinaria.plan.stages.triggered import TriggeredStage
from sanguinaria.plan.stages.victims import FeatureStage
from sanguinaria.reports import printed
from sanguinaria.steps.poisoning.blocks import PoisonBlock, blocks_for
from tests.plans import (
    CONFIGURATION,
    count_added_stages,
    has_trigger,
    plan_of,
    poisoned_stages,
    stage_keys,
    stages_of_type,
)


def test_a_plan_is_the_same_every_time():
    assert stage_keys(plan_of()) == stage_keys(plan_of())


def test_renaming_changes_the_table_alone():
    renamed = CONFIGURATION
    for old, new in [
        ("demo", "paper"),
        ("spoken", "voices"),
        ("clean", "baseline"),
        ("tone", "beep"),
        ("perth", "mark"),
    ]:
        renamed = re.sub(rf"\b{old}\b", new, renamed)
    for old, new in [("lstm", "recurrent"), ("lowpass", "filter"), ("none", "nothing"), ("snr", "noise")]:
        renamed = re.sub(rf"\b{old}\b", new, renamed)
    # Kinds are no names of entries.
    for kind, entry in [
        ("none", "nothing"),
        ("perth", "mark"),
        ("lstm", "recurrent"),
        ("lowpass", "filter"),
        ("snr", "noise"),
    ]:
        renamed = renamed.replace(f"kind: {entry}", f"kind: {kind}")
    before, after = plan_of(), Plan(load(yaml.safe_load(renamed)))
    assert stage_keys(before) == stage_keys(after)
    assert before.tables["demo"].inputs == after.tables["paper"].inputs
    assert before.tables["demo"].specification != after.tables["paper"].specification


def test_the_name_of_a_watermark_is_in_no_specification():
    stage = next(stage for stage in plan_of().stages["triggered"].values() if "watermark" in stage.key)
    assert isinstance(stage, TriggeredStage)
    assert stage.watermark is not None
    assert f'"watermark": "{stage.watermark.key}"' in stage.specification
    assert '"watermark": "perth"' not in stage.specification


def test_the_order_of_keys_changes_nothing():
    def reversed_keys(value: Any) -> Any:
        return {k: reversed_keys(v) for k, v in reversed(value.items())} if isinstance(value, Mapping) else value

    config = yaml.safe_load(CONFIGURATION)
    assert stage_keys(Plan(load(reversed_keys(config)))) == stage_keys(Plan(load(config)))
    specifications = [Plan(load(c)).tables["demo"].specification for c in (config, reversed_keys(config))]
    assert specifications[0] == specifications[1]


@pytest.mark.parametrize("notation", ["1.0e-1", "1e-1", "'0.1'", ".1", "0.10"])
def test_the_notation_of_a_number_changes_nothing(notation: str):
    other = plan_of(CONFIGURATION.replace("0.1]", f"{notation}]").replace("0.1,", f"{notation},"))
    assert stage_keys(other) == stage_keys(plan_of())
    assert other.tables["demo"].specification == plan_of().tables["demo"].specification


def test_a_default_that_is_spelt_out_changes_nothing():
    spelt = CONFIGURATION.replace("level: -30", "level: -30.0, frequency: 7500, form: continuous")
    assert stage_keys(plan_of(spelt)) == stage_keys(plan_of())


def test_comments_and_unused_entries_change_nothing():
    text = CONFIGURATION.replace("triggers:\n", "triggers: # ours\n  loud: {kind: ultrasonic, level: 0}\n", 1)
    assert stage_keys(plan_of(text)) == stage_keys(plan_of())


def test_a_rate_in_the_same_block_makes_no_audio():
    # A manifest and two victims for each of two triggers and two seeds, and the victims' predictions.
    assert count_added_stages(plan_of(), plan_of(rates=[0.1, 0.15])) == {
        "poisoned": 4,
        "datasets": 4,
        "victims": 8,
        "scores": 16,
    }


def test_a_higher_rate_adds_its_own_blocks_alone():
    assert blocks_for(0.1) == range(3)
    more = count_added_stages(plan_of(), plan_of(rates=[0.5, 0.1]))
    audio = {"triggered": 4, "detections": 2, "features": 8}
    assert more == audio | {"poisoned": 4, "datasets": 4, "victims": 8, "scores": 16}


def test_a_lower_rate_makes_no_audio():
    assert set(count_added_stages(plan_of(), plan_of(rates=[0.001, 0.1]))) == {
        "poisoned",
        "datasets",
        "victims",
        "scores",
    }


def test_rates_share_the_blocks_of_the_smaller_ones():
    manifests = poisoned_stages(plan_of(rates=[0.005, 0.01, 0.05, 1]))
    for trigger in ("ultrasonic", "watermark"):
        blocks = [manifests[trigger, rate, 0].blocks for rate in (0.005, 0.01, 0.05, 1.0)]
        assert [len(part) for part in blocks] == [1, 1, 2, 4]
        assert all(part == blocks[-1][: len(part)] for part in blocks)


def test_a_seed_adds_its_own_stages_alone():
    more = count_added_stages(plan_of(), plan_of(seeds=[2, 0, 1]))
    # Test audio and its qualities, and the manifest of the clean models, have no seed.
    audio = {"triggered": 6, "detections": 3, "features": 12}
    assert more == audio | {"poisoned": 2, "datasets": 2, "victims": 6, "scores": 12}


def test_seeds_share_the_manifest_of_the_clean_model():
    made = plan_of(seeds=[0, 1, 2])
    clean = [victim for victim in made.stages["victims"].values() if not victim.poison_features]  # type: ignore[attr-defined]
    assert sorted(victim.seed for victim in clean) == [0, 0, 1, 1, 2, 2]  # type: ignore[attr-defined]
    assert len({victim.poisoned.key for victim in clean}) == 1  # type: ignore[attr-defined]


def test_seeds_poison_other_utterances():
    made = poisoned_stages(plan_of())
    assert made["ultrasonic", 0.1, 0].blocks[0].block == PoisonBlock(
        target="left", candidates="non_target", seed=0, block=0
    )
    assert made["ultrasonic", 0.1, 1].blocks[0].block == PoisonBlock(
        target="left", candidates="non_target", seed=1, block=0
    )


def test_a_trigger_adds_its_own_branch_alone():
    more = count_added_stages(plan_of(triggers=["clean", "tone"]), plan_of())
    before = plan_of(triggers=["clean", "tone"])
    after = plan_of()
    new = [
        stage for name in more for key, stage in after.stages[name].items() if key not in before.stages.get(name, {})
    ]
    assert all(stage.stage == "watermarks" or has_trigger(stage, "watermark") for stage in new)


def test_a_defence_trains_nothing():
    # Its own audio, the detections of PerTh in it, and the models' predictions for it.
    assert count_added_stages(plan_of(defences=["none"]), plan_of()) == {
        "defended": 3,
        "detections": 2,
        "features": 6,
        "scores": 12,
    }


def test_a_metric_adds_its_scores_alone():
    assert count_added_stages(plan_of(metrics=["stoi"]), plan_of()) == {"quality": 2}


def test_no_trigger_and_no_defence_compute_nothing():
    made = plan_of(triggers=["clean"], defences=["none"])
    assert set(made.stages) == {"corpora", "features", "poisoned", "victims", "scores"}
    assert [row.quality for row in made.tables["demo"].cells] == [{}, {}]
    (scores, _) = made.tables["demo"].cells[0].rows["scores"]
    assert scores.triggered is None


def test_without_poisoning_every_trigger_meets_the_clean_model():
    made = plan_of(labels=["none", "flip"])
    assert len(stage_keys(made)["poisoned"]) == len(stage_keys(plan_of())["poisoned"])
    rows = {(row.factors["trigger"], row.factors["poisoning"]) for row in made.tables["demo"].cells}
    assert rows == {("clean", "none")} | {(t, p) for t in ("tone", "perth") for p in ("none", "flip-0.1")}


def test_experiments_share_what_they_have_in_common():
    config = yaml.safe_load(CONFIGURATION)
    config["experiments"]["again"] = dict(config["experiments"]["demo"], rates=[0.1, 0.15])
    together = Plan(load(config))
    assert stage_keys(together) == stage_keys(plan_of(rates=[0.1, 0.15]))
    assert together.tables["demo"].inputs == plan_of().tables["demo"].inputs


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("level: -30", "level: -31", {"corpora", "watermarks", "defended", "features", "quality"}),
        ("bands: 40", "bands: 41", {"corpora", "watermarks", "triggered", "defended", "quality", "poisoned"}),
        ("voices: 12", "voices: 13", {"watermarks"}),
        (
            "kind: lowpass",
            "kind: lowpass, order: 2",
            {"corpora", "watermarks", "triggered", "quality", "poisoned", "victims"},
        ),
    ],
)
def test_a_setting_changes_what_depends_on_it(old: str, new: str, kept: set[str]):
    before, after = stage_keys(plan_of()), stage_keys(plan_of(CONFIGURATION.replace(old, new)))
    shared = {stage for stage in before if before[stage] & after[stage]}
    changed = {stage for stage in before if before[stage] != after[stage]}
    assert kept <= shared
    assert {len(before[stage]) == len(after[stage]) for stage in before} == {True}
    assert "scores" in changed


@pytest.mark.parametrize("kind", ["ultrasonic", "watermark"])
def test_the_code_of_a_trigger_changes_its_branch_and_nothing_else(kind: str):
    def code(edited: str) -> Any:
        return lambda made, plugins, modules=(): f"{made} {[(kind_of(p), kind_of(p) == edited) for p in plugins]}"

    configuration = load(yaml.safe_load(CONFIGURATION))
    before, after = Plan(configuration, code("")), Plan(configuration, code(kind))
    for name, stages in before.stages.items():
        branch = {key for key, stage in stages.items() if has_trigger(stage, kind)}
        assert set(stages) & set(after.stages[name]) == set(stages) - branch
    assert any(has_trigger(stage, kind) for stage in before.stages["scores"].values())


def test_the_code_hash_of_a_stage_covers_the_plug_ins_that_it_calls():
    calls: set[tuple[str, tuple[str, ...]]] = set()

    def code(made: type[Made], plugins: Sequence[Plugin], modules: Sequence[str] = ()) -> str:
        calls.add((made.rules[0], (*(kind_of(plugin) for plugin in plugins), *modules)))
        return ""

    assert Plan(load(yaml.safe_load(CONFIGURATION)), code).stages
    assert calls == {
        ("corpus_recordings", ("synthetic",)),
        ("watermark", ("perth",)),
        ("triggered_test", ("ultrasonic",)),
        ("triggered_test", ("watermark", "perth")),
        ("detections", ("watermark", "perth")),
        ("defended_audio", ("lowpass",)),
        ("features", ("log_mel",)),
        ("poisoned", ()),
        ("dataset_audio", ()),
        ("victim", ("lstm",)),
        ("victim", ("resnet18",)),
        ("scores", ("lstm",)),
        ("scores", ("resnet18",)),
        ("quality", ("snr",)),
        ("quality", ("stoi",)),
        ("table", ("sanguinaria.reports.experiments",)),
    }


def test_what_a_value_is_called_changes_no_measurement_but_the_table():
    before, after = (
        plan_of(),
        plan_of(CONFIGURATION.replace("snr: {kind: snr}", "snr: {kind: snr, stealthy: 20}")),
    )
    assert stage_keys(before) == stage_keys(after)
    assert all("stealthy" in stage.specification for stage in stages_of_type(after, QualityStage))
    specifications = [yaml.safe_load(made.tables["demo"].specification) for made in (before, after)]
    assert [specification["settings"].pop("bounds") for specification in specifications] == [
        {},
        {"snr_db": {"better": "higher", "value": 20.0}},
    ]
    assert specifications[0] == specifications[1]


def test_a_comparison_with_a_paper_changes_no_table():
    comparison = {"paper": "bloodroot", "table": "1", "stands_for": {"perth": "bloodroot"}}
    before, after = plan_of(), plan_of(comparison=comparison)
    assert stage_keys(before) == stage_keys(after)
    assert before.tables["demo"].specification == after.tables["demo"].specification
    assert before.tables["demo"].compared is None
    compared = json.loads(after.tables["demo"].compared.specification)
    assert compared["comparison"] == comparison


def test_a_printed_number_changes_the_comparisons_with_its_table_alone(monkeypatch):
    def specifications() -> list[str]:
        plans = [plan_of(comparison={"paper": "bloodroot", "table": table}) for table in ("1", "2")]
        return [plan.tables["demo"].compared.specification for plan in plans]

    before, lines = specifications(), printed._lines()
    place = next(n for n, line in enumerate(lines) if (line["paper"], line["table"]) == ("bloodroot", "2"))
    corrected = (*lines[:place], {**lines[place], "value": "12.3"}, *lines[place + 1 :])
    monkeypatch.setattr(printed, "_lines", lambda: corrected)
    after = specifications()
    assert before[0] == after[0] and before[1] != after[1]


def test_the_title_of_a_figure_changes_no_table():
    config = yaml.safe_load(CONFIGURATION)
    panels = [{"x": "rate", "y": "pesq", "title": title} for title in ("before", "after")]
    before, after = (
        Plan(load(config | {"figures": {"curves": {"experiment": "demo", "panels": [p]}}})) for p in panels
    )
    assert before.figures["curves"].specification != after.figures["curves"].specification
    assert before.tables["demo"].specification == after.tables["demo"].specification


def test_jobs_can_build_their_plug_ins_from_a_specification():
    made = plan_of(triggers=["seal"])
    stage = next(stage for stage in made.stages["triggered"].values())
    assert isinstance(stage, TriggeredStage)
    settings = yaml.safe_load(stage.specification)
    assert build("triggers", settings["trigger"]) == stage.trigger
    assert stage.trigger.message == "0110"  # type: ignore[attr-defined]
    features = next(stage for stage in made.stages["features"].values() if isinstance(stage, FeatureStage))
    assert build("front_ends", yaml.safe_load(features.specification)["front_end"]) == features.front_end


def test_the_user_s_files_are_in_the_identity_of_a_folder(tmp_path: Path):
    (tmp_path / "left").mkdir()
    recording = tmp_path / "left" / "a.wav"
    recording.write_bytes(b"1")
    folder = f"{{kind: folder, path: {tmp_path}, incomplete_labels: allow,"
    text = CONFIGURATION.replace("{kind: synthetic, voices: 12,", folder)
    before = plan_of(text)
    assert stage_keys(plan_of(text)) == stage_keys(before)
    recording.write_bytes(b"22")
    assert not stage_keys(plan_of(text))["corpora"] & stage_keys(before)["corpora"]


def test_recordings_may_be_moved(tmp_path: Path):
    def moved(name: str, content: bytes) -> Plan:
        (tmp_path / name / "left").mkdir(parents=True)
        (tmp_path / name / "left" / "a.wav").write_bytes(content)
        folder = f"{{kind: folder, path: {tmp_path / name}, incomplete_labels: allow,"
        return plan_of(CONFIGURATION.replace("{kind: synthetic, voices: 12,", folder))

    before, after, other = moved("one", b"1"), moved("two", b"1"), moved("three", b"2")
    assert stage_keys(before) == stage_keys(after)
    assert not stage_keys(before)["victims"] & stage_keys(other)["victims"]
    (stage,) = after.stages["corpora"].values()
    # The job is told where they are now.
    assert build("corpora", yaml.safe_load(stage.specification)["corpus"]).path == tmp_path / "two"  # type: ignore[attr-defined]


def test_one_corpus_at_two_places_is_one_result(tmp_path: Path):
    config = yaml.safe_load(CONFIGURATION)
    name = config["experiments"]["demo"]["corpus"]
    for place in ("one", "two"):
        (tmp_path / place / "left").mkdir(parents=True)
        (tmp_path / place / "left" / "a.wav").write_bytes(b"1")
        config["corpora"][place] = {"kind": "folder", "path": str(tmp_path / place), "incomplete_labels": "allow"}
    config["experiments"]["demo"]["corpus"] = ["one", "two"]
    assert name not in config["experiments"]["demo"]["corpus"]
    assert len(Plan(load(config)).stages["corpora"]) == 1
