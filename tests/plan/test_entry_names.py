"""Results are named by the entries of the configuration behind them, by their settings."""

from plans import CONFIGURATION, TWO_TABLES, plan_of, stages_of_type

from sanguinaria.plan.stages.defended import RepairedStage
from sanguinaria.plan.stages.scores import QualityStage, ScoreStage
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.plan.stages.triggered import DetectionStage, TriggeredStage
from sanguinaria.plan.stages.victims import VictimStage


def names(made, kind: type[Stage]) -> set[str]:
    """The names of all results of a kind."""
    return {made.entry_names(stage.stage, stage.key) for stage in stages_of_type(made, kind)}


def test_a_model_is_named_by_the_columns_of_its_table():
    made = plan_of(seeds=[3], triggers=["clean", "tone", "perth"], victims=["resnet"])
    assert names(made, VictimStage) == {
        "corpus spoken, poisoning none, victim resnet, seed 3",
        "corpus spoken, target left, trigger tone, poisoning flip-0.1, victim resnet, seed 3",
        "corpus spoken, target left, trigger perth, poisoning flip-0.1, victim resnet, watermark perth, seed 3",
    }


def test_scores_of_another_trigger_than_that_of_the_training():
    made = plan_of(seeds=[0], triggers=["tone"], test_triggers=["perth"], victims=["lstm"], defences=["lowpass"])
    of_model = "poisoning flip-0.1, victim lstm, defence lowpass"
    assert names(made, ScoreStage) == {
        f"corpus spoken, target left, trigger tone, {of_model}, seed 0",
        f"corpus spoken, target left, trigger tone, test_trigger perth, {of_model}, watermark perth, seed 0",
    }


def test_audio_detections_and_metrics():
    made = plan_of(seeds=[1], triggers=["perth"], metrics=["stoi"], defences=["none"])
    assert names(made, TriggeredStage) == {
        "corpus spoken, trigger perth, watermark perth",
        "corpus spoken, target left, trigger perth, watermark perth, seed 1",
    }
    assert "corpus spoken, trigger perth, watermark perth" in names(made, DetectionStage)
    assert names(made, QualityStage) == {"corpus spoken, trigger perth, watermark perth, metric stoi"}


def test_a_defence_that_shares_a_training_with_others_and_an_entry_that_is_renamed():
    defences = "  short: {kind: fine_tuning, epochs: 1}\n  long: {kind: fine_tuning, epochs: 3}\n"
    text = CONFIGURATION.replace("  lowpass: {kind: lowpass}\n", "  lowpass: {kind: lowpass}\n" + defences)
    settings = {"seeds": [0], "triggers": ["tone"], "victims": ["lstm"], "defences": ["short", "long"]}
    made = plan_of(text, **settings)
    (stage,) = stages_of_type(made, RepairedStage)
    assert "trigger tone, poisoning flip-0.1, victim lstm, defence long" in made.entry_names(stage.stage, stage.key)
    renamed = plan_of(text.replace("  tone:", "  whistle:"), **{**settings, "triggers": ["whistle"]})
    assert "trigger whistle" in renamed.entry_names(stage.stage, next(iter(renamed.stages["defended"])))
    assert set(renamed.stages["defended"]) == {stage.key}


def test_only_planned_results_have_names():
    made = plan_of(TWO_TABLES)
    made.expand(["other"])
    assert {names for _, _, names in made.named_stages()} >= {"corpus spoken", "corpus spoken, poisoning none"}
    assert not any("perth" in names for _, _, names in made.named_stages())
    assert made.entry_names("tables", "other") == ""
