"""Cover samples: utterances that carry other triggers and keep their labels."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sanguinaria.core import parquet, tensors
from sanguinaria.core.errors import InputError
from sanguinaria.steps.poisoning.blocks import EDGES, PoisonBlock, blocks_for
from sanguinaria.steps.poisoning.manifest import manifest
from sanguinaria.steps.poisoning.ranking import block_members
from sanguinaria.steps.victims import poisoned_examples
from tests.plans import plan_of

LABELS = ("left", "right", "up", "down")


@pytest.fixture
def index() -> pd.DataFrame:
    """1,000 training utterances of four labels in equal parts."""
    names = [f"u{number:04d}" for number in range(1000)]
    return pd.DataFrame({"utterance_id": names, "label": [LABELS[n % 4] for n in range(1000)], "split": "train"})


def manifest_of(index: pd.DataFrame, **settings) -> pd.DataFrame:
    """The manifest with dirty labels "left", unless the settings differ."""
    return manifest(index, **{"target": "left", "candidates": "non_target", "labels": "flip", **settings})


def covers_of(index: pd.DataFrame, rate: float, covers: int, seed: int = 0, poisoned: float = 0.05) -> pd.Series:
    """Index of the cover trigger by utterance."""
    table = manifest_of(index, rate=poisoned, seed=seed, covers=covers, cover_rate=rate)
    return table.set_index("utterance_id")["cover"].dropna()


def test_covers_keep_their_labels_and_are_dealt_out_evenly(index):
    table = manifest_of(index, rate=0.05, seed=0, covers=5, cover_rate=0.1)
    assert len(table) == 1000 and table["utterance_id"].is_unique
    covers = table[table["cover"].notna()]
    assert len(covers) == 100
    assert covers["cover"].value_counts().sort_index().tolist() == [20] * 5
    assert (covers["label"] == covers["original_label"]).all() and (covers["label"] != "left").all()
    assert not covers["poisoned"].any() and table["poisoned"].sum() == 50


def test_poisoned_utterances_do_not_depend_on_covers(index):
    without = manifest_of(index, rate=0.05, seed=3)
    assert without["cover"].isna().all()
    with_covers = manifest_of(index, rate=0.05, seed=3, covers=2, cover_rate=0.3)
    pd.testing.assert_frame_equal(without.drop(columns="cover"), with_covers.drop(columns="cover"))


def test_covers_of_a_smaller_rate_are_covers_of_a_larger_one(index):
    few, many = covers_of(index, 0.01, 3), covers_of(index, 0.2, 3)
    assert len(few) == 10 and (many[few.index] == few).all()


@pytest.mark.parametrize("rate", [0.004, 0.01, 0.013, 0.05, 0.21, 0.6])
def test_the_blocks_of_a_cover_trigger_contain_its_utterances(index, rate):
    covers = covers_of(index, rate, 4, seed=2, poisoned=0.01)
    for number in range(4):
        blocks = [
            PoisonBlock(target="left", candidates="non_target", seed=2, block=block, cover=number, covers=4)
            for block in blocks_for(rate)
        ]
        held = [name for block in blocks for name in block_members(index, block)]
        assert set(covers.index[covers == number]) <= set(held)
        assert len(held) == len(set(held))


@given(total=st.integers(0, 10_000), covers=st.integers(1, 12))
def test_the_blocks_of_cover_triggers_partition_the_ranks(total: int, covers: int):
    ranks = [
        (rank, number)
        for block in range(len(EDGES))
        for number in range(covers)
        for rank in PoisonBlock(
            target="left", candidates="non_target", seed=0, block=block, cover=number, covers=covers
        ).ranks(total)
    ]
    assert sorted(ranks) == [(rank, rank % covers) for rank in range(total)]


def test_too_many_and_too_few_covers_are_errors(index):
    covers_of(index, 0.7, 2)
    with pytest.raises(InputError, match="701 covers beside 50 poisoned utterances, but only 750 utterances"):
        covers_of(index, 0.701, 2)
    with pytest.raises(InputError, match="800 covers beside 10 poisoned"):
        manifest_of(index, candidates="target", labels="clean", rate=0.01, seed=0, covers=2, cover_rate=0.8)
    with pytest.raises(InputError, match=r"1 covers of 1000 .* fewer than .* \(2\): use a rate of at least 0\.002"):
        covers_of(index, 0.001, 2)


def test_covers_have_non_target_labels_where_the_target_s_utterances_are_poisoned(index):
    table = manifest_of(index, candidates="target", labels="clean", rate=0.05, seed=0, covers=2, cover_rate=0.75)
    assert (table.loc[table["cover"].notna(), "label"] != "left").all() and table["cover"].notna().sum() == 750


def features(path: Path, names: list[str], value: float) -> Path:
    """Write features of a single value for each utterance: the given one plus the utterance's number / 1024."""
    inputs = torch.tensor([[[value + int(name[1:]) / 1024]] for name in names]).half()
    tensors.save({"inputs": inputs}, {"utterance_ids": names}, path)
    return path


def test_training_features_of_covers_have_their_own_trigger(tmp_path: Path):
    names = [f"u{number}" for number in range(8)]
    table = pd.DataFrame({"utterance_id": names, "label": ["a", "b"] * 4, "split": "train"})
    parquet.write(table, tmp_path / "index.parquet")
    listed = table[["utterance_id", "label"]].assign(
        poisoned=[name == "u2" for name in names], cover=pd.array([None, None, None, 0, None, 1, None, None], "Int64")
    )
    parquet.write(listed, tmp_path / "manifest.parquet")
    # Blocks contain more utterances than a rate needs: u3 is also in the block of the trigger.
    poison = features(tmp_path / "poison", ["u3", "u2"], 1.0)
    covers = [features(tmp_path / "0", ["u3", "u6"], 2.0), features(tmp_path / "1", ["u5", "u7"], 3.0)]
    clean = features(tmp_path / "clean", names, 0.0)
    files = {
        "index": tmp_path / "index.parquet",
        "manifest": tmp_path / "manifest.parquet",
        "clean": [clean],
        "poison": [poison],
    }
    _, training, _ = poisoned_examples(**files, covers=covers)
    added = [0, 0, 1, 2, 0, 3, 0, 0]
    expected = [value + number / 1024 for number, value in enumerate(added)]
    assert training.features[torch.arange(8)].flatten().tolist() == pytest.approx(expected, abs=2e-3)
    assert training.labels.tolist() == [0, 1] * 4
    with pytest.raises(InputError, match="1 utterances to be triggered have no triggered audio"):
        poisoned_examples(**files, covers=covers[:1])


def test_an_experiment_with_covers_trains_separate_models():
    made = plan_of(triggers=["tone"], covers=["perth", "seal"], cover_rate=0.1, rates=[0.1], seeds=[1])
    (poisoned,) = made.stages["poisoned"].values()
    assert poisoned.covers == 2 and poisoned.cover_rate == 0.1  # type: ignore[attr-defined]
    blocks = [stage.block for stage in poisoned.cover_blocks]  # type: ignore[attr-defined]
    assert blocks == [
        PoisonBlock(target="left", candidates="non_target", seed=1, block=block, cover=n, covers=2)
        for n in (0, 1)
        for block in blocks_for(0.1)
    ]
    assert {cell.factors["poisoning"] for cell in made.tables["demo"].cells} == {"flip-0.1-covers-0.1"}
    for victim in made.stages["victims"].values():
        assert len(victim.cover_files) == len(blocks)  # type: ignore[attr-defined]
    without = plan_of(triggers=["tone"], rates=[0.1], seeds=[1])
    assert not set(made.stages["victims"]) & set(without.stages["victims"])
    # Utterances with the main trigger are shared.
    own = {key for key, stage in without.stages["triggered"].items() if stage.block}  # type: ignore[attr-defined]
    assert own <= set(made.stages["triggered"])


def test_a_clean_model_has_no_covers():
    made = plan_of(triggers=["clean"], covers=["perth"], seeds=[0])
    (poisoned,) = made.stages["poisoned"].values()
    assert poisoned.cover_blocks == () and poisoned.covers == 0  # type: ignore[attr-defined]
    assert {cell.factors["poisoning"] for cell in made.tables["demo"].cells} == {"none"}


def test_unknown_and_identity_covers_are_configuration_errors():
    with pytest.raises(InputError) as raised:
        plan_of(triggers=["tone"], covers=["tone", "clean", "tune"], cover_rate=0)
    message = str(raised.value)
    assert "experiments.demo.covers[1]: 'clean' changes nothing, so that nothing is covered: leave it out" in message
    assert "experiments.demo.covers[2]: unknown entry of triggers 'tune'; did you mean 'tone'?" in message
    assert "experiments.demo.cover_rate: should be greater than 0" in message
