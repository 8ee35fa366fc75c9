"""Defences and detectors in the plan."""

import pytest

from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.defended import DefendedStage, RepairedStage
from sanguinaria.plan.stages.scores import ScoreStage
from sanguinaria.plan.stages.triggered import TriggeredStage
from sanguinaria.plan.stages.victims import VictimStage
from tests.plans import CONFIGURATION, PRUNED, count_added_stages, plan_of, poisoned_stages, stages_of_type


def _detections(cell):
    """Detections on clean and on triggered audio, if the trigger has a detector."""
    return [cell.rows[name][0] for name in ("detections.clean", "detections.triggered") if name in cell.rows]


def test_a_defence_of_the_input_leaves_the_model_and_one_of_the_model_the_input():
    made = plan_of(PRUNED, defences=["lowpass", "pruned"], seeds=[0])
    for row in made.tables["demo"].cells:
        scores = row.rows["scores"][0]
        for features in filter(None, (scores.clean, scores.triggered)):
            audio = features.audio_stage
            if row.factors["defence"] == "lowpass":
                assert isinstance(audio, DefendedStage) and isinstance(scores.victim, VictimStage)
            else:
                assert isinstance(audio, CorpusStage | TriggeredStage) and isinstance(scores.victim, RepairedStage)
    # Every model is repaired once, whatever its test audio.
    repaired, victims = stages_of_type(made, RepairedStage), stages_of_type(made, VictimStage)
    assert {stage.victim.key for stage in repaired} == {stage.key for stage in victims}
    assert len(repaired) == len(victims) == 3 * 2


def test_the_test_audio_of_a_repaired_model_is_that_of_the_undefended_one():
    made = plan_of(PRUNED, defences=["none", "pruned"])
    by_case = {
        tuple(row.factors[name] for name in ("trigger", "victim", "defence")): row for row in made.tables["demo"].cells
    }
    for trigger, victim, defence in by_case:
        row, undefended = by_case[trigger, victim, defence], by_case[trigger, victim, "none"]
        assert _detections(row) == _detections(undefended)
        assert [(scores.clean, scores.triggered) for scores in row.rows["scores"]] == [
            (scores.clean, scores.triggered) for scores in undefended.rows["scores"]
        ]


def test_a_defence_of_the_model_adds_repaired_models_and_what_they_say():
    assert count_added_stages(plan_of(defences=["none"]), plan_of(PRUNED, defences=["none", "pruned"])) == {
        "defended": 2 * 2 * 3,
        "scores": 2 * 2 * 3,
    }


def test_the_share_of_a_pruning_changes_repaired_models_and_what_they_say():
    before = plan_of(PRUNED, defences=["none", "pruned"])
    after = plan_of(PRUNED.replace("share: 0.5", "share: 0.6"), defences=["none", "pruned"])
    changed = {key for stage in before.stages for key in before.stages[stage].keys() - after.stages[stage].keys()}
    scores = stages_of_type(before, ScoreStage)
    assert changed == {stage.key for stage in stages_of_type(before, RepairedStage)} | {
        stage.key for stage in scores if isinstance(stage.victim, RepairedStage)
    }


@pytest.mark.parametrize(("epochs", "held_out"), [(0, 0), (3, 1)])
def test_held_out_utterances_are_given_to_a_defence_that_asks_for_them(epochs: int, held_out: int):
    made = plan_of(PRUNED.replace("share: 0.5", f"share: 0.5, fine_tune_epochs: {epochs}"), defences=["pruned"])
    for stage in stages_of_type(made, RepairedStage):
        assert [*stage.upstream].count(stage.victim.clean_features) == held_out
        assert len(stage.held_out_files) == held_out * stage.poisoned.corpus.shards


def test_a_pruning_that_prunes_nothing_is_no_defence():
    made = plan_of(PRUNED.replace("share: 0.5", "share: 0"), defences=["pruned"])
    assert "defended" not in made.stages


CURVE = CONFIGURATION.replace(
    "  lowpass: {kind: lowpass}\n",
    "".join(
        f"  {name}: {settings}\n"
        for name, settings in {
            "lowpass": "{kind: lowpass}",
            **{f"tuned_{epochs}": f"{{kind: fine_tuning, epochs: {epochs}}}" for epochs in (0, 1, 2, 4, 8)},
            "faster_2": "{kind: fine_tuning, epochs: 2, learning_rate: 0.01}",
            "pruned": "{kind: pruning, share: 0.5}",
            "pruned_tuned": "{kind: pruning, share: 0.5, fine_tune_epochs: 3}",
            "pruned_more": "{kind: pruning, share: 0.6}",
        }.items()
    ),
)
TUNED = ["tuned_0", "tuned_1", "tuned_2", "tuned_4"]


def _scored(made, defence):
    """The scored models of a defence, and the epochs of fine-tuning of each."""
    cells = [cell for cell in made.tables["demo"].cells if cell.factors["defence"] == defence]
    return [(scores.victim, scores.epochs) for cell in cells for scores in cell.rows["scores"]]


def test_defences_that_differ_in_their_epochs_alone_are_one_training():
    made = plan_of(CURVE, defences=TUNED)
    repaired, victims = stages_of_type(made, RepairedStage), stages_of_type(made, VictimStage)
    assert len(repaired) == len(victims) == 3 * 2 * 2
    assert {(stage.epochs, stage.defence.fine_tuning_epochs) for stage in repaired} == {((1, 2, 4), 4)}
    assert {epochs for _, epochs in _scored(made, "tuned_2")} == {2}
    assert [stage for stage, _ in _scored(made, "tuned_2")] == [stage for stage, _ in _scored(made, "tuned_4")]
    # No epoch at all leaves the victim.
    assert {(type(stage), epochs) for stage, epochs in _scored(made, "tuned_0")} == {(VictimStage, None)}
    # A model has scores of its own for each number of epochs.
    assert len(stages_of_type(made, ScoreStage)) == 4 * len(victims)


def test_a_pruning_and_its_fine_tuning_are_one_training():
    made = plan_of(CURVE, defences=["pruned", "pruned_tuned", "pruned_more"], victims=["lstm"], triggers=["clean"])
    trainings = {(stage.defence.share, stage.epochs, *stage.upstream) for stage in stages_of_type(made, RepairedStage)}
    assert {(share, epochs) for share, epochs, *_ in trainings} == {(0.5, (0, 3)), (0.6, (0,))}
    assert {epochs for _, epochs in _scored(made, "pruned")} == {0}
    assert {epochs for _, epochs in _scored(made, "pruned_tuned")} == {3}


def test_other_settings_are_another_training():
    made = plan_of(CURVE, defences=["tuned_1", "faster_2"], victims=["lstm"], triggers=["clean"], seeds=[0])
    rates = {stage.epochs: stage.defence.learning_rate for stage in stages_of_type(made, RepairedStage)}
    assert rates == {(1,): 1e-4, (2,): 0.01}


def test_a_training_depends_on_the_defences_of_its_table_alone():
    def repaired(*defences, text=CURVE):
        return {stage.key for stage in stages_of_type(plan_of(text, defences=defences), RepairedStage)}

    keys = repaired("tuned_1", "tuned_4")
    assert keys == repaired("tuned_4", "none", "tuned_1", "lowpass") == repaired("tuned_1", "pruned", "tuned_4") & keys
    assert keys == repaired("tuned_1", "tuned_4", text=CURVE.replace("epochs: 8", "epochs: 9"))
    assert keys.isdisjoint(repaired("tuned_1", "tuned_4", "tuned_8"))
    # Neither on the order of the table's defences, nor on their names.
    assert keys == repaired("tuned_1", "best", text=CURVE.replace("tuned_4", "best"))


def test_detections_are_of_triggers_that_have_a_detector():
    rows = plan_of().tables["demo"].cells
    assert {row.factors["trigger"] for row in rows if _detections(row)} == {"perth"}
    assert plan_of(triggers=["clean", "tone"]).stages.keys() & {"detections", "watermarks"} == set()


def test_detections_are_of_clean_and_of_triggered_audio_behind_the_defence():
    for row in plan_of(triggers=["perth"]).tables["demo"].cells:
        clean, triggered = _detections(row)
        if row.factors["defence"] == "lowpass":
            assert all(isinstance(stage.audio_stage, DefendedStage) for stage in (clean, triggered))
            sources = [stage.audio_stage.audio_stage for stage in (clean, triggered)]  # type: ignore[attr-defined]
        else:
            sources = [clean.audio_stage, triggered.audio_stage]
        assert [type(source) for source in sources] == [CorpusStage, TriggeredStage]
        assert sources[1].block is None
        # A corpus has utterances of all splits; the other stages hold test utterances alone.
        assert [stage.split for stage in (clean, triggered)] == (
            ["test", None] if row.factors["defence"] == "none" else [None, None]
        )
        assert clean.weights == triggered.weights == row.rows["manifest"][0].blocks[0].weights != []


def test_the_poison_is_looked_at_block_by_block():
    made = poisoned_stages(plan_of())
    stage = made["watermark", 0.1, 1]
    assert [detection.audio_stage for detection in stage.detections] == list(stage.blocks)
    assert {detection.split for detection in stage.detections} == {None}
    assert set(stage.detections) <= set(stage.upstream)
    assert made["ultrasonic", 0.1, 1].detections == ()
