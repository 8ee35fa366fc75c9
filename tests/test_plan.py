"""What is to be made depends on the settings alone: on no name, no order, no notation, and on no other experiment."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sanguinaria.configuration import load
from sanguinaria.errors import InputError
from sanguinaria.plan import Plan, plan
from sanguinaria.plugins import Plugin, build, kind_of
from sanguinaria.poisoning_order import EDGES, PoisonBlock, blocks_for, order
from sanguinaria.stages import stage as stages
from sanguinaria.stages.corpora import CorpusStage
from sanguinaria.stages.defended import DefendedStage, RepairedStage
from sanguinaria.stages.scores import QualityStage, ScoreStage
from sanguinaria.stages.stage import Stage
from sanguinaria.stages.triggered import DetectionStage, TriggeredStage
from sanguinaria.stages.victims import FeatureStage, PoisonedStage, VictimStage
from sanguinaria.stages.watermarks import WatermarkStage

CONFIGURATION = """
corpora:
  spoken: {kind: synthetic, voices: 12, split: {validation: 0.1, test: 0.25}}
watermarks:
  perth: {kind: perth}
  seal: {kind: audioseal, source: random, bits: 4}
triggers:
  clean: {kind: none}
  tone: {kind: ultrasonic, level: -30}
  perth: {kind: watermark, watermark: perth, strength: 5}
  seal: {kind: watermark, watermark: seal, message: "0110"}
victims:
  lstm: {kind: lstm, log_mel: {bands: 40}}
  resnet: {kind: resnet18}
defences:
  none: {kind: none}
  lowpass: {kind: lowpass}
metrics:
  snr: {kind: snr}
  stoi: {kind: stoi}
experiments:
  demo:
    corpus: spoken
    target: left
    triggers: [clean, tone, perth]
    victims: [lstm, resnet]
    defences: [none, lowpass]
    metrics: [snr, stoi]
    rates: [0.1]
    seeds: [0, 1]
"""


def configured(text: str = CONFIGURATION, **experiment: Any) -> Plan:
    """The plan of a configuration, with settings of its experiment replaced."""
    config = yaml.safe_load(text)
    config["experiments"]["demo"].update(experiment)
    return plan(load(config))


def keys(made: Plan) -> dict[str, set[str]]:
    return {stage: set(found) for stage, found in made.stages.items()}


def added(before: Plan, after: Plan) -> dict[str, int]:
    """How many stages came, by stage; none may have gone."""
    old, new = keys(before), keys(after)
    assert all(old[stage] <= new[stage] for stage in old)
    return {stage: len(new[stage] - old.get(stage, set())) for stage in new if new[stage] != old.get(stage)}


def poisoned(made: Plan) -> dict[tuple[str, float, int], PoisonedStage]:
    """Manifests by kind of trigger, rate and seed."""
    return {
        (kind_of(stage.blocks[0].trigger) if stage.blocks else "none", stage.rate, stage.seed): stage
        for stage in made.stages["poisoned"].values()
        if isinstance(stage, PoisonedStage)
    }


def ancestry(stage: Stage) -> Iterable[Stage]:
    yield stage
    for upstream in stage.upstream:
        yield from ancestry(upstream)


def has_trigger(stage: Stage, kind: str) -> bool:
    return any(
        isinstance(part, TriggeredStage | DetectionStage) and kind_of(part.trigger) == kind for part in ancestry(stage)
    )


def test_models_hear_other_triggers_without_being_trained_again():
    before = configured()
    after = configured(heard=["perth", "seal"])
    # Of the new trigger the test audio, its features behind each defence, and what models and metrics say of it; of the
    # other one only what models say that were not trained on it: the clean ones and the tone's.
    assert added(before, after) == {
        "watermarks": 1,
        "triggered": 1,
        "defended": 1,
        "detections": 4,
        "features": 4,
        "quality": 2,
        "scores": (2 + 3) * 2 * 2 * 2,
    }
    rows = {
        (row.names["trigger"], row.names["heard"]): row
        for row in after.tables["demo"].rows
        if (row.names["victim"], row.names["defence"]) == ("lstm", "none")
    }
    assert set(rows) == {
        *((trigger, heard) for trigger in ("clean", "tone") for heard in (trigger, "perth", "seal")),
        *(("perth", heard) for heard in ("perth", "seal")),
    }
    own, other = rows["tone", "tone"], rows["tone", "perth"]
    assert [seed.poisoned for seed in own.seeds] == [seed.poisoned for seed in other.seeds]
    assert [seed.scores.victim for seed in own.seeds] == [seed.scores.victim for seed in other.seeds]
    assert other.quality == rows["perth", "perth"].quality and other.detections == rows["perth", "perth"].detections


def test_every_target_has_models_of_its_own_and_shares_what_is_triggered_for_tests():
    one, two = configured(), configured(target=["left", "right"])
    blocks = 2 * 2 * len(blocks_for(0.1))  # of two triggers and two seeds, none of them for tests
    assert added(one, two) == {
        "triggered": blocks,
        "detections": blocks // 2,
        "features": 2 * blocks,
        "poisoned": 4,
        "datasets": 4,
        "victims": 8,
        "scores": 3 * 2 * 2 * 2,
    }
    # Clean models are the same for every target, and say something else of each.
    assert {row.names["target"] for row in two.tables["demo"].rows} == {"left", "right"}
    assert len(two.tables["demo"].rows) == 2 * len(one.tables["demo"].rows)


def test_corpora_may_have_targets_and_victims_of_their_own():
    text = CONFIGURATION.replace("watermarks:", "  letters: {kind: synthetic, words: [ay, bee]}\nwatermarks:", 1)
    made = configured(
        text,
        corpus=["spoken", "letters"],
        target={"spoken": "left", "letters": ["ay", "bee"]},
        victims={"spoken": ["lstm"], "letters": ["resnet"]},
    )
    found = {tuple(row.names[name] for name in ("corpus", "target", "victim")) for row in made.tables["demo"].rows}
    assert found == {("spoken", "left", "lstm"), ("letters", "ay", "resnet"), ("letters", "bee", "resnet")}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"target": {"spokn": "left"}}, "target is given by corpus: spoken and spokn must be named both in it and in"),
        (
            {"target": {"spoken": "lefft"}},
            r"experiments\.demo\.target\.spoken: unknown label 'lefft'; did you mean 'left'",
        ),
        ({"target": ["left", "rihgt"]}, r"experiments\.demo\.target\[1\]: unknown label 'rihgt'; did you mean 'right'"),
        ({"target": []}, r"experiments\.demo\.target: should not be empty"),
        (
            {"victims": {"spoken": ["lsmt"]}},
            r"victims\.spoken\[0\]: unknown entry of victims 'lsmt'; did you mean 'lstm'",
        ),
        ({"victims": {"spoken": "lstm"}}, r"experiments\.demo\.victims\.spoken: should be a list, not 'lstm'"),
    ],
)
def test_mistakes_in_what_is_given_by_corpus_are_told_with_their_places(settings, told):
    with pytest.raises(InputError, match=told):
        configured(**settings)


def test_clean_audio_has_a_quality_where_that_needs_no_reference():
    text = CONFIGURATION.replace("stoi: {kind: stoi}", "mos: {kind: dnsmos}\n  worse: {kind: dnsmos, of: change}")
    made = configured(text, metrics=["snr", "mos", "worse"])
    of_row = {row.names["trigger"]: row.quality for row in made.tables["demo"].rows}
    assert set(of_row["clean"]) == {"mos"} and set(of_row["tone"]) == {"snr", "mos", "worse"}
    quality = of_row["clean"]["mos"]
    assert isinstance(quality.triggered, CorpusStage) and quality.clean == quality.triggered
    assert of_row["tone"]["mos"].clean == quality.clean


def test_a_metric_of_the_target_is_measured_of_triggers_that_have_one():
    text = CONFIGURATION.replace("stoi: {kind: stoi}", "to: {kind: speaker_similarity, to: target}")
    text = text.replace("victims:", "  voice: {kind: natural_speech, corpus: spoken, speaker: ann}\nvictims:", 1)
    made = configured(text, metrics=["snr", "to"], triggers=["clean", "tone", "voice"])
    of_row = {row.names["trigger"]: row.quality for row in made.tables["demo"].rows}
    assert [set(of_row[name]) for name in ("clean", "tone", "voice")] == [set(), {"snr"}, {"snr", "to"}]
    (speech,) = made.stages["speech"].values()
    assert of_row["voice"]["to"].target == [speech.audio] and of_row["voice"]["snr"].target == []


def test_the_whole_grid_is_planned_and_nothing_else():
    made = configured()
    assert {stage: len(found) for stage, found in made.stages.items()} == {
        "corpora": 1,
        "watermarks": 1,
        # What PerTh's detector finds in clean and in triggered audio, before and after the filter, and in the poison.
        "detections": 2 * 2 + 2 * len(blocks_for(0.1)),
        # Two triggers: the test split, and three blocks of a seed's order.
        "triggered": 2 * (1 + 2 * len(blocks_for(0.1))),
        # A corpus and what each trigger makes of its test split, low-passed.
        "defended": 3,
        # For two front ends: that, before and after the defence, and the poison.
        "features": 2 * (3 + 3 + 2 * 2 * len(blocks_for(0.1))),
        "poisoned": 1 + 2 * 2,
        # What is poisoned can be had in one piece.
        "datasets": 2 * 2,
        "victims": 2 * 2 * 3,
        # Each victim on clean audio and on that of its trigger, by defence.
        "scores": 2 * 2 * 2 * 3,
        "quality": 2 * 2,
    }
    assert len(made.tables["demo"].rows) == 3 * 2 * 2


def test_every_stage_lies_where_its_identity_says_and_what_it_is_made_from_is_planned():
    made = configured()
    for name, found in made.stages.items():
        for key, stage in found.items():
            assert re.fullmatch(r"[\w-]+-[0-9a-f]{12}", key)
            assert stage.folder == Path("results") / name / key
            assert all(upstream.key in made.stages[upstream.stage] for upstream in stage.upstream)
    folders = {tuple(path.parts[:3]) for path in made.tables["demo"].inputs}
    assert {stage for _, stage, _ in folders} == {"scores", "quality", "poisoned", "detections"}
    assert all(results == "results" and key in made.stages[stage] for results, stage, key in folders)


def test_a_plan_is_the_same_every_time():
    assert keys(configured()) == keys(configured())


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
    before, after = configured(), plan(load(yaml.safe_load(renamed)))
    assert keys(before) == keys(after)
    assert before.tables["demo"].inputs == after.tables["paper"].inputs
    assert before.tables["demo"].specification != after.tables["paper"].specification


def test_the_name_of_a_watermark_is_in_no_specification():
    stage = next(stage for stage in configured().stages["triggered"].values() if "watermark" in stage.key)
    assert isinstance(stage, TriggeredStage)
    assert stage.watermark is not None
    assert f'"watermark": "{stage.watermark.key}"' in stage.specification
    assert '"watermark": "perth"' not in stage.specification


def test_the_order_of_keys_changes_nothing():
    def reversed_keys(value: Any) -> Any:
        return {k: reversed_keys(v) for k, v in reversed(value.items())} if isinstance(value, Mapping) else value

    config = yaml.safe_load(CONFIGURATION)
    assert keys(plan(load(reversed_keys(config)))) == keys(plan(load(config)))
    specifications = [plan(load(c)).tables["demo"].specification for c in (config, reversed_keys(config))]
    assert specifications[0] == specifications[1]


@pytest.mark.parametrize("notation", ["1.0e-1", "1e-1", "'0.1'", ".1", "0.10"])
def test_the_notation_of_a_number_changes_nothing(notation: str):
    other = configured(CONFIGURATION.replace("0.1]", f"{notation}]").replace("0.1,", f"{notation},"))
    assert keys(other) == keys(configured())
    assert other.tables["demo"].specification == configured().tables["demo"].specification


def test_a_default_that_is_spelt_out_changes_nothing():
    spelt = CONFIGURATION.replace("level: -30", "level: -30.0, frequency: 7500, form: continuous")
    assert keys(configured(spelt)) == keys(configured())


def test_comments_and_unused_entries_change_nothing():
    text = CONFIGURATION.replace("triggers:\n", "triggers: # ours\n  loud: {kind: ultrasonic, level: 0}\n", 1)
    assert keys(configured(text)) == keys(configured())


def test_a_rate_in_the_same_block_makes_no_audio():
    # A manifest and two victims for each of two triggers and two seeds, and what the victims say.
    assert added(configured(), configured(rates=[0.1, 0.15])) == {
        "poisoned": 4,
        "datasets": 4,
        "victims": 8,
        "scores": 16,
    }


def test_a_higher_rate_adds_its_own_blocks_alone():
    assert blocks_for(0.1) == range(3)
    more = added(configured(), configured(rates=[0.5, 0.1]))
    audio = {"triggered": 4, "detections": 2, "features": 8}
    assert more == audio | {"poisoned": 4, "datasets": 4, "victims": 8, "scores": 16}


def test_a_lower_rate_makes_no_audio():
    assert set(added(configured(), configured(rates=[0.001, 0.1]))) == {"poisoned", "datasets", "victims", "scores"}


def test_rates_share_the_blocks_of_the_smaller_ones():
    manifests = poisoned(configured(rates=[0.005, 0.01, 0.05, 1]))
    for trigger in ("ultrasonic", "watermark"):
        blocks = [manifests[trigger, rate, 0].blocks for rate in (0.005, 0.01, 0.05, 1.0)]
        assert [len(part) for part in blocks] == [1, 1, 2, 4]
        assert all(part == blocks[-1][: len(part)] for part in blocks)


def test_a_seed_adds_its_own_stages_alone():
    more = added(configured(), configured(seeds=[2, 0, 1]))
    # Test audio and its qualities, and the manifest of the clean models, have no seed.
    audio = {"triggered": 6, "detections": 3, "features": 12}
    assert more == audio | {"poisoned": 2, "datasets": 2, "victims": 6, "scores": 12}


def test_seeds_share_the_manifest_of_the_clean_model():
    made = configured(seeds=[0, 1, 2])
    clean = [victim for victim in made.stages["victims"].values() if not victim.poison_features]  # type: ignore[attr-defined]
    assert sorted(victim.seed for victim in clean) == [0, 0, 1, 1, 2, 2]  # type: ignore[attr-defined]
    assert len({victim.poisoned.key for victim in clean}) == 1  # type: ignore[attr-defined]


def test_seeds_poison_other_utterances():
    made = poisoned(configured())
    assert made["ultrasonic", 0.1, 0].blocks[0].block == PoisonBlock("left", "non_target", 0, 0)
    assert made["ultrasonic", 0.1, 1].blocks[0].block == PoisonBlock("left", "non_target", 1, 0)


def test_a_trigger_adds_its_own_branch_alone():
    more = added(configured(triggers=["clean", "tone"]), configured())
    before = configured(triggers=["clean", "tone"])
    after = configured()
    new = [
        stage for name in more for key, stage in after.stages[name].items() if key not in before.stages.get(name, {})
    ]
    assert all(stage.stage == "watermarks" or has_trigger(stage, "watermark") for stage in new)


def test_a_defence_trains_nothing():
    # Its own audio, what PerTh's detector finds there, and what the models say to it.
    assert added(configured(defences=["none"]), configured()) == {
        "defended": 3,
        "detections": 2,
        "features": 6,
        "scores": 12,
    }


def test_a_metric_adds_its_scores_alone():
    assert added(configured(metrics=["stoi"]), configured()) == {"quality": 2}


def test_no_trigger_and_no_defence_compute_nothing():
    made = configured(triggers=["clean"], defences=["none"])
    assert set(made.stages) == {"corpora", "features", "poisoned", "victims", "scores"}
    assert [row.quality for row in made.tables["demo"].rows] == [{}, {}]
    seed = made.tables["demo"].rows[0].seeds[0]
    assert seed.scores.triggered is None


def test_without_poisoning_every_trigger_meets_the_clean_model():
    made = configured(labels=["none", "flip"])
    assert len(keys(made)["poisoned"]) == len(keys(configured())["poisoned"])
    rows = {(row.names["trigger"], row.names["poisoning"]) for row in made.tables["demo"].rows}
    assert rows == {("clean", "none")} | {(t, p) for t in ("tone", "perth") for p in ("none", "flip-0.1")}


def test_experiments_share_what_they_have_in_common():
    config = yaml.safe_load(CONFIGURATION)
    config["experiments"]["again"] = dict(config["experiments"]["demo"], rates=[0.1, 0.15])
    together = plan(load(config))
    assert keys(together) == keys(configured(rates=[0.1, 0.15]))
    assert together.tables["demo"].inputs == configured().tables["demo"].inputs


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
    before, after = keys(configured()), keys(configured(CONFIGURATION.replace(old, new)))
    shared = {stage for stage in before if before[stage] & after[stage]}
    changed = {stage for stage in before if before[stage] != after[stage]}
    assert kept <= shared
    assert {len(before[stage]) == len(after[stage]) for stage in before} == {True}
    assert "scores" in changed


@pytest.mark.parametrize("kind", ["ultrasonic", "watermark"])
def test_the_code_of_a_trigger_changes_its_branch_and_nothing_else(kind: str):
    def code(edited: str) -> Any:
        return lambda stage, plugins: f"{stage} {[(kind_of(p), kind_of(p) == edited) for p in plugins]}"

    configuration = load(yaml.safe_load(CONFIGURATION))
    before, after = plan(configuration, code("")), plan(configuration, code(kind))
    for name, found in before.stages.items():
        branch = {key for key, stage in found.items() if has_trigger(stage, kind)}
        assert set(found) & set(after.stages[name]) == set(found) - branch
    assert any(has_trigger(stage, kind) for stage in before.stages["scores"].values())


def test_the_code_of_a_stage_is_asked_for_with_the_plug_ins_that_it_calls():
    calls: set[tuple[str, tuple[str, ...]]] = set()

    def code(stage: str, plugins: Sequence[Plugin]) -> str:
        calls.add((stage, tuple(kind_of(plugin) for plugin in plugins)))
        return ""

    plan(load(yaml.safe_load(CONFIGURATION)), code)
    assert calls == {
        ("corpora", ("synthetic",)),
        ("watermarks", ("perth",)),
        ("triggered", ("ultrasonic",)),
        ("triggered", ("watermark", "perth")),
        ("detections", ("watermark", "perth")),
        ("defended_audio", ("lowpass",)),
        ("features", ("log_mel",)),
        ("poisoned", ()),
        ("datasets", ()),
        ("victims", ("lstm",)),
        ("victims", ("resnet18",)),
        ("scores", ("lstm",)),
        ("scores", ("resnet18",)),
        ("quality", ("snr",)),
        ("quality", ("stoi",)),
        ("tables", ()),
    }


PRUNED = CONFIGURATION.replace(
    "  lowpass: {kind: lowpass}\n", "  lowpass: {kind: lowpass}\n  pruned: {kind: pruning, share: 0.5}\n"
)


def of_type(made: Plan, kind: type[Stage]) -> list[Any]:
    return [stage for found in made.stages.values() for stage in found.values() if isinstance(stage, kind)]


def test_a_defence_of_the_input_leaves_the_model_and_one_of_the_model_the_input():
    made = configured(PRUNED, defences=["lowpass", "pruned"], seeds=[0])
    for row in made.tables["demo"].rows:
        scores = row.seeds[0].scores
        for features in filter(None, (scores.clean, scores.triggered)):
            audio = features.audio_stage
            if row.names["defence"] == "lowpass":
                assert isinstance(audio, DefendedStage) and isinstance(scores.victim, VictimStage)
            else:
                assert isinstance(audio, CorpusStage | TriggeredStage) and isinstance(scores.victim, RepairedStage)
    # Every model is repaired once, whatever it is asked.
    repaired, victims = of_type(made, RepairedStage), of_type(made, VictimStage)
    assert {stage.victim.key for stage in repaired} == {stage.key for stage in victims}
    assert len(repaired) == len(victims) == 3 * 2


def test_the_audio_that_a_repaired_model_hears_is_that_of_the_undefended_one():
    made = configured(PRUNED, defences=["none", "pruned"])
    by_case = {
        tuple(row.names[name] for name in ("trigger", "victim", "defence")): row for row in made.tables["demo"].rows
    }
    for trigger, victim, defence in by_case:
        row, undefended = by_case[trigger, victim, defence], by_case[trigger, victim, "none"]
        assert row.detections == undefended.detections
        assert [(seed.scores.clean, seed.scores.triggered) for seed in row.seeds] == [
            (seed.scores.clean, seed.scores.triggered) for seed in undefended.seeds
        ]


def test_a_defence_of_the_model_adds_repaired_models_and_what_they_say():
    assert added(configured(defences=["none"]), configured(PRUNED, defences=["none", "pruned"])) == {
        "defended": 2 * 2 * 3,
        "scores": 2 * 2 * 3,
    }


def test_the_share_of_a_pruning_changes_repaired_models_and_what_they_say():
    before = configured(PRUNED, defences=["none", "pruned"])
    after = configured(PRUNED.replace("share: 0.5", "share: 0.6"), defences=["none", "pruned"])
    changed = {key for stage in before.stages for key in before.stages[stage].keys() - after.stages[stage].keys()}
    scores = of_type(before, ScoreStage)
    assert changed == {stage.key for stage in of_type(before, RepairedStage)} | {
        stage.key for stage in scores if isinstance(stage.victim, RepairedStage)
    }


@pytest.mark.parametrize(("epochs", "held_out"), [(0, 0), (3, 1)])
def test_held_out_utterances_are_given_to_a_defence_that_asks_for_them(epochs: int, held_out: int):
    made = configured(PRUNED.replace("share: 0.5", f"share: 0.5, fine_tune_epochs: {epochs}"), defences=["pruned"])
    for stage in of_type(made, RepairedStage):
        assert [*stage.upstream].count(stage.victim.clean_features) == held_out
        assert len(stage.held_out_files) == held_out * stage.poisoned.corpus.shards


def test_a_pruning_that_prunes_nothing_is_no_defence():
    made = configured(PRUNED.replace("share: 0.5", "share: 0"), defences=["pruned"])
    assert "defended" not in made.stages


def test_detections_are_of_triggers_that_have_a_detector():
    rows = configured().tables["demo"].rows
    assert {row.names["trigger"] for row in rows if row.detections} == {"perth"}
    assert configured(triggers=["clean", "tone"]).stages.keys() & {"detections", "watermarks"} == set()


def test_detections_are_of_clean_and_of_triggered_audio_behind_the_defence():
    for row in configured(triggers=["perth"]).tables["demo"].rows:
        assert row.detections is not None
        clean, triggered = row.detections.clean, row.detections.triggered
        if row.names["defence"] == "lowpass":
            assert all(isinstance(stage.audio_stage, DefendedStage) for stage in (clean, triggered))
            sources = [stage.audio_stage.audio_stage for stage in (clean, triggered)]  # type: ignore[attr-defined]
        else:
            sources = [clean.audio_stage, triggered.audio_stage]
        assert [type(source) for source in sources] == [CorpusStage, TriggeredStage]
        assert sources[1].block is None
        # A corpus has utterances of all splits; the other stages hold test utterances alone.
        assert [stage.split for stage in (clean, triggered)] == (
            ["test", None] if row.names["defence"] == "none" else [None, None]
        )
        assert clean.weights == triggered.weights == row.seeds[0].poisoned.blocks[0].weights != []


def test_the_poison_is_looked_at_block_by_block():
    made = poisoned(configured())
    stage = made["watermark", 0.1, 1]
    assert [found.audio_stage for found in stage.detections] == list(stage.blocks)
    assert {found.split for found in stage.detections} == {None}
    assert set(stage.detections) <= set(stage.upstream)
    assert made["ultrasonic", 0.1, 1].detections == ()


TRAINED = """
corpora:
  spoken: {kind: synthetic, voices: 12, split: {validation: 0.1, test: 0.25}}
  elsewhere: {kind: synthetic, voices: 16}
watermarks:
  own: {kind: audioseal_trained, corpus: elsewhere, steps: 10}
  tuned: {kind: bloodroot_ft, base: own, corpus: elsewhere, steps: 10}
triggers:
  mark: {kind: watermark, watermark: tuned, message: "0101010101010101"}
victims: {lstm: {kind: lstm}}
defences: {none: {kind: none}}
metrics: {snr: {kind: snr}}
experiments:
  demo: {corpus: spoken, target: left, triggers: [mark], victims: [lstm], metrics: [snr]}
"""


def watermarks(made: Plan) -> dict[str, WatermarkStage]:
    return {kind_of(stage.watermark): stage for stage in of_type(made, WatermarkStage)}


def test_a_watermark_is_trained_on_its_corpus_and_fine_tuned_from_its_base():
    made = configured(TRAINED)
    found = watermarks(made)
    trained, tuned = found["audioseal_trained"], found["bloodroot_ft"]
    assert trained.corpus is not None and trained.base is None
    assert trained.corpus.corpus.voices == 16  # type: ignore[attr-defined]
    assert tuned.base == trained and tuned.corpus == trained.corpus
    assert trained.audio_files == trained.corpus.audio_files and trained.base_files == []
    assert tuned.base_files == [trained.weights]
    # Weights of a fine-tuned generator are read with its base's code.
    assert [kind_of(plugin) for plugin in tuned.plugins] == ["bloodroot_ft", "audioseal_trained"]
    assert len(made.stages["corpora"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("voices: 16", "voices: 17", {"audioseal_trained", "bloodroot_ft"}),
        (
            "corpus: elsewhere, steps: 10}\n  tuned",
            "corpus: elsewhere, steps: 11}\n  tuned",
            {"audioseal_trained", "bloodroot_ft"},
        ),
        ("base: own, corpus: elsewhere, steps: 10", "base: own, corpus: elsewhere, steps: 11", {"bloodroot_ft"}),
        ("base: own, corpus: elsewhere", "base: own, corpus: spoken", {"bloodroot_ft"}),
        ("voices: 12", "voices: 13", set()),
    ],
)
def test_weights_depend_on_what_they_are_made_from(old: str, new: str, changed: set[str]):
    before, after = (watermarks(configured(text)) for text in (TRAINED, TRAINED.replace(old, new)))
    assert {kind for kind in before if before[kind].key != after[kind].key} == changed


def test_the_names_of_corpora_and_of_bases_are_in_no_identity():
    renamed = TRAINED
    for old, new in [("elsewhere", "abroad"), ("own", "ours"), ("tuned", "finer"), ("spoken", "voices_of_our_own")]:
        renamed = re.sub(rf"\b{old}\b", new, renamed)
    assert keys(configured(renamed)) == keys(configured(TRAINED))
    assert not any(
        f'"{name}"' in stage.specification
        for name in ("elsewhere", "own", "tuned", "spoken")
        for stage in of_type(configured(TRAINED), Stage)
    )


def test_what_a_value_is_called_changes_no_measurement_but_the_table():
    before, after = (
        configured(),
        configured(CONFIGURATION.replace("snr: {kind: snr}", "snr: {kind: snr, stealthy: 20}")),
    )
    assert keys(before) == keys(after)
    assert all("stealthy" in stage.specification for stage in of_type(after, QualityStage))
    specifications = [yaml.safe_load(made.tables["demo"].specification) for made in (before, after)]
    assert [found.pop("bounds") for found in specifications] == [{}, {"snr": {"better": "higher", "value": 20.0}}]
    assert specifications[0] == specifications[1]


def test_several_corpora_are_the_grids_of_each():
    text = CONFIGURATION.replace(
        "corpora:\n", "corpora:\n  again: {kind: synthetic, voices: 14, split: {test: 0.25}}\n"
    )
    both = configured(text, corpus=["spoken", "again"])
    one, other = configured(text), configured(text, corpus="again")
    assert keys(both) == {stage: keys(one).get(stage, set()) | keys(other).get(stage, set()) for stage in keys(one)}
    assert [row.names["corpus"] for row in both.tables["demo"].rows] == ["spoken"] * 12 + ["again"] * 12
    assert both.tables["demo"].rows == one.tables["demo"].rows + other.tables["demo"].rows
    assert keys(configured(text, corpus=["spoken"])) == keys(one)


def test_what_a_paper_printed_changes_the_table_s_specification_alone():
    comparison = {"paper": "bloodroot", "table": "1", "stands_for": {"perth": "bloodroot"}}
    before, after = configured(), configured(comparison=comparison)
    assert keys(before) == keys(after)
    specifications = [yaml.safe_load(made.tables["demo"].specification) for made in (before, after)]
    assert [found.pop("comparison") for found in specifications] == [None, comparison]
    assert specifications[0] == specifications[1]


def test_the_rows_of_a_figure_have_the_numbers_among_their_settings():
    config = yaml.safe_load(PRUNED)
    config["experiments"]["demo"] |= {"defences": ["none", "pruned"], "labels": ["none", "flip"], "rates": [0.1, 0.2]}
    panel = {"x": "pesq", "y": "attack_success_rate", "along": "trigger.strength", "where": {"victim": "lstm"}}
    config["figures"] = {"curves": {"experiment": "demo", "panels": [panel]}}
    made = plan(load(config))
    figure = made.figures["curves"]
    assert figure.tables == (made.tables["demo"],)
    specification = yaml.safe_load(figure.specification)
    assert specification["figure"]["panels"][0]["along"] == "trigger.strength"
    rows = {
        tuple(row[name] for name in ("trigger", "poisoning", "victim", "defence")): row for row in specification["rows"]
    }
    assert len(rows) == len(made.tables["demo"].rows)
    row = rows["perth", "flip-0.2", "lstm", "pruned"]
    assert (row["rate"], row["trigger.strength"], row["defence.share"]) == (0.2, 5.0, 0.5)
    assert (row["experiment"], row["corpus"]) == ("demo", "spoken")
    assert rows["perth", "none", "lstm", "none"]["rate"] == 0
    assert "defence.share" not in rows["perth", "none", "lstm", "none"]
    assert rows["tone", "flip-0.1", "lstm", "none"]["trigger.level"] == -30
    assert "trigger.form" not in rows["tone", "flip-0.1", "lstm", "none"]
    # A figure makes nothing but itself.
    del config["figures"]
    assert keys(plan(load(config))) == keys(made)


def test_a_figure_of_several_experiments_has_the_rows_of_all():
    config = yaml.safe_load(CONFIGURATION)
    config["experiments"]["again"] = dict(config["experiments"]["demo"], rates=[0.2])
    panel = {"x": "rate", "y": "pesq"}
    config["figures"] = {"curves": {"experiment": ["again", "demo"], "panels": [panel]}}
    made = plan(load(config))
    assert made.figures["curves"].tables == (made.tables["again"], made.tables["demo"])
    rows = yaml.safe_load(made.figures["curves"].specification)["rows"]
    assert [row["experiment"] for row in rows] == ["again"] * 12 + ["demo"] * 12


def test_the_title_of_a_figure_changes_no_table():
    config = yaml.safe_load(CONFIGURATION)
    panels = [{"x": "rate", "y": "pesq", "title": title} for title in ("before", "after")]
    before, after = (
        plan(load(config | {"figures": {"curves": {"experiment": "demo", "panels": [p]}}})) for p in panels
    )
    assert before.figures["curves"].specification != after.figures["curves"].specification
    assert before.tables["demo"].specification == after.tables["demo"].specification


DISTORTED = """
distortions:
  hiss: {kind: noise, snr: 20}
  coded: {kind: codec, format: mp3, bit_rate: 64}
"""


def hissing(distortion: str = "{kind: noise, snr: 20}", name: str = "hiss", seed: int = 0) -> Plan:
    """The plan with two defences more: a distortion, and another one."""
    config = yaml.safe_load(CONFIGURATION) | yaml.safe_load(DISTORTED)
    config["distortions"] = {name: yaml.safe_load(distortion), "coded": config["distortions"]["coded"]}
    config["defences"]["hissed"] = {"kind": "distortion", "distortion": name, "seed": seed}
    config["defences"]["coded"] = {"kind": "distortion", "distortion": "coded"}
    config["experiments"]["demo"]["defences"] += ["hissed", "coded"]
    return plan(load(config))


def test_a_distortion_adds_what_comes_after_it_and_changes_nothing():
    # For each of the corpus and two triggers: defended audio, its features by two front ends, its scores, and what
    # PerTh's detector finds.
    assert added(configured(), hissing()) == {
        "defended": 2 * 3, "features": 2 * 2 * 3, "scores": 2 * 2 * 2 * 3, "detections": 2 * 2
    }  # fmt: skip
    config = yaml.safe_load(CONFIGURATION + DISTORTED)
    assert keys(plan(load(config))) == keys(configured())


@pytest.mark.parametrize(
    "change", [{"distortion": "{kind: noise, snr: 21}"}, {"distortion": "{kind: gain, factor: 0.9}"}, {"seed": 1}]
)
def test_another_distortion_is_other_defended_audio_and_the_same_of_all_else(change: dict[str, Any]):
    before, after = hissing(), hissing(**change)
    changed = {stage: found - keys(after)[stage] for stage, found in keys(before).items()}
    assert {stage: len(found) for stage, found in changed.items() if found} == {
        "defended": 3, "features": 2 * 3, "scores": 2 * 2 * 3, "detections": 2
    }  # fmt: skip
    assert all(
        isinstance(stage, DefendedStage) and '"snr' in stage.specification
        for key in changed["defended"]
        for stage in [before.stages["defended"][key]]
    )


def test_the_name_of_a_distortion_and_how_its_settings_are_written_are_in_no_identity():
    assert keys(hissing()) == keys(hissing(name="noise"))
    assert keys(hissing()) == keys(hissing("{snr: 2.0e1, colour: white, kind: noise}"))


def test_a_distortion_s_settings_can_be_an_axis():
    rows = {row.names["defence"]: row.settings for row in hissing().tables["demo"].rows}
    assert rows["hissed"] == {**rows["none"], "defence.snr": 20, "defence.seed": 0}
    assert rows["coded"]["defence.bit_rate"] == 64


def test_the_job_of_a_distorted_stage_has_its_settings():
    stages = hissing().stages["defended"].values()
    defences = [yaml.safe_load(stage.specification)["defence"] for stage in stages]
    settings = {yaml.safe_load(defence["distortion"])["kind"] for defence in defences if "distortion" in defence}
    assert settings == {"noise", "codec"}
    for stage, defence in zip(stages, defences, strict=True):
        assert isinstance(stage, DefendedStage)
        assert build("defences", defence) == stage.defence


ATTACKED = """
corpora:
  spoken: {kind: synthetic, voices: 12, split: {validation: 0.1, test: 0.25}}
distortions:
  hiss: {kind: noise, snr: 20}
  louder: {kind: gain, factor: 1.2}
  coded: {kind: codec, format: mp3, bit_rate: 64}
watermarks:
  large: {kind: pkdmark_teacher, corpus: spoken, sample_rate: 16000, edits: [hiss, louder], steps: 10}
  small: {kind: pkdmark, base: large, corpus: spoken, edits: [hiss, coded]}
triggers:
  mark: {kind: watermark, watermark: small, message: "01010101"}
victims: {lstm: {kind: lstm}}
defences: {none: {kind: none}}
metrics: {snr: {kind: snr}}
experiments:
  demo: {corpus: spoken, target: left, triggers: [mark], victims: [lstm], metrics: [snr]}
"""


def test_a_watermark_has_the_settings_of_each_distortion_in_its_list():
    found = watermarks(configured(ATTACKED))
    for kind, kinds in (("pkdmark_teacher", ["noise", "gain"]), ("pkdmark", ["noise", "codec"])):
        settings = yaml.safe_load(found[kind].specification)["watermark"]
        assert [yaml.safe_load(text)["kind"] for text in settings["edits"]] == kinds
        assert build("watermarks", settings) == found[kind].watermark
    assert found["pkdmark"].base == found["pkdmark_teacher"]


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("snr: 20", "snr: 21", {"pkdmark_teacher", "pkdmark"}),
        ("factor: 1.2", "factor: 1.3", {"pkdmark_teacher", "pkdmark"}),  # the student by its base
        ("bit_rate: 64", "bit_rate: 32", {"pkdmark"}),
        ("[hiss, coded]", "[coded, hiss]", {"pkdmark"}),  # another order draws others
        ("[hiss, coded]", "[hiss]", {"pkdmark"}),
        ("hiss", "noise", set()),
        ("{kind: noise, snr: 20}", "{snr: 2.0e1, colour: white, kind: noise}", set()),
    ],
)
def test_weights_depend_on_the_distortions_in_a_list_and_not_on_their_names(old: str, new: str, changed: set[str]):
    before, after = (watermarks(configured(text)) for text in (ATTACKED, ATTACKED.replace(old, new)))
    assert {kind for kind in before if before[kind].key != after[kind].key} == changed


def test_a_name_in_a_list_that_there_is_not_is_told_at_its_place():
    with pytest.raises(
        InputError, match=r"watermarks\.small\.edits\[1\]: unknown entry of distortions 'codec'; did you"
    ):
        configured(ATTACKED.replace("[hiss, coded]", "[hiss, codec]"))


def test_the_code_of_the_distortions_in_a_list_is_the_watermark_s():
    asked = set()

    def code(script: str, plugins: Sequence[Plugin]) -> str:
        if script == "watermarks":
            asked.add(tuple(kind_of(plugin) for plugin in plugins))
        return ""

    plan(load(yaml.safe_load(ATTACKED)), code)
    assert asked == {("pkdmark_teacher", "noise", "gain"), ("pkdmark", "pkdmark_teacher", "noise", "codec")}


def test_jobs_can_build_their_plug_ins_from_a_specification():
    made = configured(triggers=["seal"])
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
    text = CONFIGURATION.replace("{kind: synthetic, voices: 12,", f"{{kind: folder, path: {tmp_path},")
    before = configured(text)
    assert keys(configured(text)) == keys(before)
    recording.write_bytes(b"22")
    assert not keys(configured(text))["corpora"] & keys(before)["corpora"]


@given(rate=st.floats(0, 1, exclude_min=True), total=st.integers(0, 10_000))
def test_blocks_hold_the_first_ranks_and_no_block_is_in_vain(rate: float, total: int):
    blocks = [PoisonBlock("left", "target", 0, block).ranks(total) for block in blocks_for(rate)]
    ranks = [rank for block in blocks for rank in block]
    assert ranks == list(range(len(ranks)))
    assert len(ranks) >= round(rate * total)
    assert len(blocks) == 1 or rate > EDGES[len(blocks) - 2]


@given(st.sets(st.text(), max_size=20), st.integers(0, 3))
def test_an_order_depends_on_nothing_but_names_and_seed(names: set[str], seed: int):
    full = order(names, seed)
    assert sorted(full) == sorted(names)
    rest = set(full[::2])
    assert order(rest, seed) == [name for name in full if name in rest]


def test_rows_are_written_in_parts_of_some_shards_each(monkeypatch):
    monkeypatch.setattr(stages, "SHARDS_OF_A_PART", 3)
    made = configured(CONFIGURATION.replace("voices: 12", "voices: 12, shards: 7"))
    for stage in ("scores", "quality"):
        for rows in made.stages[stage].values():
            assert [path.name for path in rows.row_files] == ["0.parquet", "1.parquet", "2.parquet"]
            shards = list(range(7))
            assert [rows.of_part(shards, part) for part in range(3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert all(path in made.tables["demo"].inputs for path in rows.row_files)
    # What may be poisoned is one shard, however many the corpus has.
    blocks = [found for found in made.stages["detections"].values() if isinstance(found.audio_stage, TriggeredStage)]
    assert {len(found.row_files) for found in blocks if found.audio_stage.block} == {1}
