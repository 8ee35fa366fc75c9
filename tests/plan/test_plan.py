"""From experiments to the grids of their tables: what is planned for each row, and what rows share."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import kind_of
from sanguinaria.core.random_streams import random_order
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages import stage as stages
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.scores import ScoreStage
from sanguinaria.plan.stages.triggered import TriggeredStage
from sanguinaria.steps.poisoning.blocks import EDGES, PoisonBlock, blocks_for
from tests.plans import CONFIGURATION, PRUNED, TWO_TABLES, count_added_stages, plan_of, stage_keys, stages_of_type


def test_models_are_tested_with_other_triggers_without_a_second_training():
    before = plan_of()
    after = plan_of(test_triggers=["perth", "seal"])
    # Of the new trigger the test audio, its features behind each defence, predictions and quality; of the other one
    # only the predictions of models that were not trained on it: the clean ones and the tone's.
    assert count_added_stages(before, after) == {
        "watermarks": 1,
        "triggered": 1,
        "defended": 1,
        "detections": 4,
        "features": 4,
        "quality": 2,
        "scores": (2 + 3) * 2 * 2 * 2,
    }
    rows = {
        (row.factors["trigger"], row.factors["test_trigger"]): row
        for row in after.tables["demo"].cells
        if (row.factors["victim"], row.factors["defence"]) == ("lstm", "none")
    }
    assert set(rows) == {
        *((trigger, tested) for trigger in ("clean", "tone") for tested in (trigger, "perth", "seal")),
        *(("perth", tested) for tested in ("perth", "seal")),
    }
    own, other = rows["tone", "tone"], rows["tone", "perth"]
    assert own.rows["manifest"] == other.rows["manifest"]
    assert [scores.victim for scores in own.rows["scores"]] == [scores.victim for scores in other.rows["scores"]]
    assert other.quality == rows["perth", "perth"].quality
    for audio in ("clean", "triggered"):
        assert other.rows[f"detections.{audio}"] == rows["perth", "perth"].rows[f"detections.{audio}"]


def test_every_target_has_models_of_its_own_and_shares_what_is_triggered_for_tests():
    one, two = plan_of(), plan_of(target=["left", "right"])
    blocks = 2 * 2 * len(blocks_for(0.1))  # of two triggers and two seeds, none of them for tests
    assert count_added_stages(one, two) == {
        "triggered": blocks,
        "detections": blocks // 2,
        "features": 2 * blocks,
        "poisoned": 4,
        "datasets": 4,
        "victims": 8,
        "scores": 3 * 2 * 2 * 2,
    }
    # Clean models are the same for every target, and have other scores for each.
    assert {row.factors["target"] for row in two.tables["demo"].cells} == {"left", "right"}
    assert len(two.tables["demo"].cells) == 2 * len(one.tables["demo"].cells)


def test_corpora_may_have_targets_and_victims_of_their_own():
    text = CONFIGURATION.replace("watermarks:", "  letters: {kind: synthetic, words: [ay, bee]}\nwatermarks:", 1)
    made = plan_of(
        text,
        corpus=["spoken", "letters"],
        target={"spoken": "left", "letters": ["ay", "bee"]},
        victims={"spoken": ["lstm"], "letters": ["resnet"]},
    )
    combinations = {
        tuple(row.factors[name] for name in ("corpus", "target", "victim")) for row in made.tables["demo"].cells
    }
    assert combinations == {("spoken", "left", "lstm"), ("letters", "ay", "resnet"), ("letters", "bee", "resnet")}


@pytest.mark.parametrize(
    ("settings", "message"),
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
def test_mistakes_in_settings_by_corpus_are_reported_with_their_places(settings, message):
    with pytest.raises(InputError, match=message):
        plan_of(**settings)


def test_clean_audio_has_a_quality_where_that_needs_no_reference():
    text = CONFIGURATION.replace("stoi: {kind: stoi}", "mos: {kind: dnsmos}\n  worse: {kind: dnsmos, of: change}")
    made = plan_of(text, metrics=["snr", "mos", "worse"])
    of_row = {row.factors["trigger"]: row.quality for row in made.tables["demo"].cells}
    assert set(of_row["clean"]) == {"mos"} and set(of_row["tone"]) == {"snr_db", "mos", "worse"}
    (quality,) = of_row["clean"]["mos"]
    assert isinstance(quality.triggered, CorpusStage) and quality.clean == quality.triggered
    assert of_row["tone"]["mos"][0].clean == quality.clean


def test_a_metric_of_the_target_is_measured_of_triggers_that_have_one():
    text = CONFIGURATION.replace("stoi: {kind: stoi}", "to: {kind: speaker_similarity, to: target}")
    text = text.replace("victims:", "  voice: {kind: natural_speech, corpus: spoken, speaker: ann}\nvictims:", 1)
    made = plan_of(text, metrics=["snr", "to"], triggers=["clean", "tone", "voice"])
    of_row = {row.factors["trigger"]: row.quality for row in made.tables["demo"].cells}
    assert [set(of_row[name]) for name in ("clean", "tone", "voice")] == [set(), {"snr_db"}, {"snr_db", "to"}]
    (speech,) = made.stages["target_speech"].values()
    assert of_row["voice"]["to"][0].target == [speech.audio] and of_row["voice"]["snr_db"][0].target == []


def test_the_whole_grid_is_planned_and_nothing_else():
    made = plan_of()
    assert {stage: len(keys) for stage, keys in made.stages.items()} == {
        "corpora": 1,
        "watermarks": 1,
        # PerTh's detections in clean and in triggered audio, before and after the filter, and in the poison.
        "detections": 2 * 2 + 2 * len(blocks_for(0.1)),
        # Two triggers: the test split, and three blocks of a seed's order.
        "triggered": 2 * (1 + 2 * len(blocks_for(0.1))),
        # A corpus and what each trigger makes of its test split, low-passed.
        "defended": 3,
        # For two front ends: that, before and after the defence, and the poison.
        "features": 2 * (3 + 3 + 2 * 2 * len(blocks_for(0.1))),
        "poisoned": 1 + 2 * 2,
        # Poisoned training data can be written in one piece.
        "datasets": 2 * 2,
        "victims": 2 * 2 * 3,
        # Each victim on clean audio and on that of its trigger, by defence.
        "scores": 2 * 2 * 2 * 3,
        "quality": 2 * 2,
    }
    assert len(made.tables["demo"].cells) == 3 * 2 * 2


def test_every_stage_lies_where_its_identity_says_and_what_it_is_made_from_is_planned():
    made = plan_of()
    for name, results in made.stages.items():
        for key, stage in results.items():
            assert re.fullmatch(r"[\w-]+-[0-9a-f]{12}", key)
            assert stage.folder == Path("results") / name / key
            assert all(upstream.key in made.stages[upstream.stage] for upstream in stage.upstream)
    folders = {tuple(path.parts[:3]) for path in made.tables["demo"].inputs}
    assert {stage for _, stage, _ in folders} == {"scores", "quality", "poisoned", "detections"}
    assert all(root == "results" and key in made.stages[stage] for root, stage, key in folders)


def test_several_corpora_are_the_grids_of_each():
    text = CONFIGURATION.replace(
        "corpora:\n", "corpora:\n  again: {kind: synthetic, voices: 14, split: {test: 0.25}}\n"
    )
    both = plan_of(text, corpus=["spoken", "again"])
    one, other = plan_of(text), plan_of(text, corpus="again")
    assert stage_keys(both) == {
        stage: stage_keys(one).get(stage, set()) | stage_keys(other).get(stage, set()) for stage in stage_keys(one)
    }
    assert [row.factors["corpus"] for row in both.tables["demo"].cells] == ["spoken"] * 12 + ["again"] * 12
    assert both.tables["demo"].cells == one.tables["demo"].cells + other.tables["demo"].cells
    assert stage_keys(plan_of(text, corpus=["spoken"])) == stage_keys(one)


def test_the_rows_of_a_figure_have_the_numbers_among_their_settings():
    config = yaml.safe_load(PRUNED)
    config["experiments"]["demo"] |= {"defences": ["none", "pruned"], "labels": ["none", "flip"], "rates": [0.1, 0.2]}
    panel = {"x": "pesq", "y": "attack_success_rate", "order_by": "trigger.strength", "where": {"victim": "lstm"}}
    config["figures"] = {"curves": {"experiment": "demo", "panels": [panel]}}
    made = Plan(load(config))
    figure = made.figures["curves"]
    assert figure.tables == (made.tables["demo"],)
    specification = yaml.safe_load(figure.specification)
    assert specification["figure"]["panels"][0]["order_by"] == "trigger.strength"
    rows = {
        tuple(line[name] for name in ("trigger", "poisoning", "victim", "defence")): line
        for line in specification["lines"]
    }
    assert len(rows) == len(made.tables["demo"].cells)
    row = rows["perth", "flip-0.2", "lstm", "pruned"]
    assert (row["rate"], row["trigger.strength"], row["defence.share"]) == (0.2, 5.0, 0.5)
    assert (row["experiment"], row["corpus"]) == ("demo", "spoken")
    assert rows["perth", "none", "lstm", "none"]["rate"] == 0
    assert "defence.share" not in rows["perth", "none", "lstm", "none"]
    assert rows["tone", "flip-0.1", "lstm", "none"]["trigger.level"] == -30
    assert "trigger.form" not in rows["tone", "flip-0.1", "lstm", "none"]
    # A figure makes nothing but itself.
    del config["figures"]
    assert stage_keys(Plan(load(config))) == stage_keys(made)


def test_a_figure_of_several_experiments_has_the_rows_of_all():
    config = yaml.safe_load(CONFIGURATION)
    config["experiments"]["again"] = dict(config["experiments"]["demo"], rates=[0.2])
    panel = {"x": "rate", "y": "pesq"}
    series = {"second": {"rate": 0.2}, "first": {"rate": 0.1}}
    config["figures"] = {"curves": {"experiment": ["again", "demo"], "panels": [panel], "series": series}}
    made = Plan(load(config))
    assert made.figures["curves"].tables == (made.tables["again"], made.tables["demo"])
    specification = json.loads(made.figures["curves"].specification)
    assert [row["experiment"] for row in specification["lines"]] == ["again"] * 12 + ["demo"] * 12
    # The legend is in the order that the user gave.
    assert list(specification["figure"]["series"]) == ["second", "first"]


@given(rate=st.floats(0, 1, exclude_min=True), total=st.integers(0, 10_000))
def test_blocks_hold_the_first_ranks_and_no_block_is_in_vain(rate: float, total: int):
    blocks = [
        PoisonBlock(target="left", candidates="target", seed=0, block=block).ranks(total) for block in blocks_for(rate)
    ]
    ranks = [rank for block in blocks for rank in block]
    assert ranks == list(range(len(ranks)))
    assert len(ranks) >= round(rate * total)
    assert len(blocks) == 1 or rate > EDGES[len(blocks) - 2]


@given(st.sets(st.text(), max_size=20), st.integers(0, 3))
def test_an_order_depends_on_nothing_but_names_and_seed(names: set[str], seed: int):
    full = random_order(names, seed)
    assert sorted(full) == sorted(names)
    rest = set(full[::2])
    assert random_order(rest, seed) == [name for name in full if name in rest]


def test_rows_are_written_in_parts_of_some_shards_each(monkeypatch):
    monkeypatch.setattr(stages, "SHARDS_OF_A_PART", 3)
    made = plan_of(CONFIGURATION.replace("voices: 12", "voices: 12, shards: 7"))
    for stage in ("scores", "quality"):
        for rows in made.stages[stage].values():
            assert [path.name for path in rows.row_files] == ["0.parquet", "1.parquet", "2.parquet"]
            shards = list(range(7))
            assert [rows.of_part(shards, part) for part in range(3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert all(path in made.tables["demo"].inputs for path in rows.row_files)
    # Candidates for poisoning are one shard, however many the corpus has.
    blocks = [stage for stage in made.stages["detections"].values() if isinstance(stage.audio_stage, TriggeredStage)]
    assert {len(stage.row_files) for stage in blocks if stage.audio_stage.block} == {1}


class TestLazyPlan:
    """Only the tables that are looked up are expanded."""

    @pytest.fixture
    def made(self) -> Plan:
        return Plan(load(yaml.safe_load(TWO_TABLES)))

    def test_names_and_files_need_no_expansion(self, made: Plan):
        assert list(made.tables) == ["demo", "other"] and len(made.tables) == 2
        assert made.targets["other"][0].as_posix() == "results/tables/other.csv"
        assert list(made.datasets) == ["demo"]
        assert made.tables.made == {} and made.tables_of_stages == {}

    def test_files_by_name_are_those_of_the_table(self, made: Plan):
        assert {name: table.files for name, table in made.tables.items()} == made.targets

    def test_a_table_alone_is_expanded(self, made: Plan):
        made.expand(["other", "of_no_section"])
        assert set(made.tables.made) == {"other"}
        assert set(made.tables_of_stages.values()) == {"other"}
        (scores,) = [key for name in made.tables_of_stages for stage, key in [name.split("/")] if stage == "scores"]
        assert made.planned("scores", scores) is made.stage("scores", scores)
        assert set(made.tables.made) == {"other"}

    def test_a_result_of_another_table_is_searched_for_in_the_hinted_table_first(self, made: Plan):
        whole = Plan(load(yaml.safe_load(TWO_TABLES)))
        assert whole.stages
        of_other = next(name for name, table in whole.tables_of_stages.items() if table == "other")
        stage, key = of_other.split("/")
        assert made.planned(stage, key) is None
        assert made.stage(stage, key, ["of_no_section", "other"]).key == key
        assert set(made.tables.made) == {"other"}
        wrong = Plan(load(yaml.safe_load(TWO_TABLES)))
        assert wrong.stage(stage, key, ["demo"]).key == key
        assert set(wrong.tables.made) == {"demo", "other"}

    def test_an_unknown_result_or_table_is_a_key_error(self, made: Plan):
        with pytest.raises(KeyError, match="lstm-000000000000"):
            made.stage("victims", "lstm-000000000000")
        with pytest.raises(KeyError, match="of_no_section"):
            made.tables["of_no_section"]

    def test_expansion_in_parts_is_expansion_of_the_whole(self, made: Plan):
        whole = Plan(load(yaml.safe_load(TWO_TABLES)))
        made.expand(["other"])
        made.expand(["demo"])
        assert stage_keys(made) == stage_keys(whole)


def test_networks_on_waveforms_score_on_a_gpu():
    text = CONFIGURATION.replace(
        "  resnet: {kind: resnet18}\n", "  resnet: {kind: resnet18}\n  sinc: {kind: sincnet}\n"
    )
    scores = stages_of_type(plan_of(text, victims=["resnet", "sinc"]), ScoreStage)
    assert {(kind_of(stage.victim.victim), stage.gpus) for stage in scores} == {("resnet18", 0), ("sincnet", 1)}
