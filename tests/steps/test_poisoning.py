"""Poisoned manifests by Algorithm 1 of Bloodroot: number, choice and labels of poisoned utterances."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from sanguinaria.core.errors import InputError
from sanguinaria.core.random_streams import random_order
from sanguinaria.steps.poisoning.blocks import EDGES, PoisonBlock, blocks_for
from sanguinaria.steps.poisoning.manifest import manifest, with_detections, write_manifest
from sanguinaria.steps.poisoning.ranking import block_members, ranking

LABELS = ("left", "right", "up", "down")


@pytest.fixture
def index() -> pd.DataFrame:
    """1,000 training utterances of four labels in equal parts, and 200 for testing."""
    names = [f"u{number:04d}" for number in range(1200)]
    labels = [LABELS[number % 4] for number in range(1200)]
    split = ["train"] * 1000 + ["test"] * 200
    return pd.DataFrame({"utterance_id": names, "label": labels, "split": split})


def manifest_of(index: pd.DataFrame, **settings) -> pd.DataFrame:
    """The manifest with dirty labels "left", unless the settings differ."""
    return manifest(index, **{"target": "left", "candidates": "non_target", "labels": "flip", **settings})


@pytest.mark.parametrize(("rate", "count"), [(0.001, 1), (0.005, 5), (0.01, 10), (0.0749, 75), (0.75, 750)])
def test_exactly_the_rounded_share_is_poisoned(index, rate, count):
    table = manifest_of(index, rate=rate, seed=0)
    assert len(table) == 1000
    assert table["utterance_id"].is_unique
    assert set(table["utterance_id"]) == set(index["utterance_id"][:1000])
    assert table["poisoned"].sum() == count
    assert sorted(table["poison_rank"].dropna()) == list(range(count))


def test_dirty_labels_are_the_target_and_clean_utterances_keep_theirs(index):
    table = manifest_of(index, rate=0.05, seed=3)
    poisoned = table[table["poisoned"]]
    assert (poisoned["label"] == "left").all()
    assert (poisoned["original_label"] != "left").all()
    clean = table[~table["poisoned"]]
    assert (clean["label"] == clean["original_label"]).all()


def test_clean_label_poisoning_changes_no_label(index):
    table = manifest_of(index, labels="clean", rate=0.05, seed=3)
    assert (table["label"] == table["original_label"]).all()
    assert (table.loc[table["poisoned"], "label"] != "left").all()
    own = manifest_of(index, candidates="target", labels="clean", rate=0.05, seed=3)
    assert (own.loc[own["poisoned"], "label"] == "left").all()
    assert own["poisoned"].sum() == 50


def test_without_poisoning_the_manifest_is_the_corpus(index):
    table = manifest_of(index, target=None, candidates="", labels="none", rate=0.0, seed=0)
    assert not table["poisoned"].any()
    assert (table["label"] == table["original_label"]).all()


def test_smaller_rates_are_nested_in_larger_ones(index):
    chosen = [
        set(manifest_of(index, rate=rate, seed=5).query("poisoned")["utterance_id"])
        for rate in (0.005, 0.01, 0.02, 0.3)
    ]
    assert chosen[0] < chosen[1] < chosen[2] < chosen[3]


def test_the_choice_depends_on_the_seed_alone(index):
    first, second, again = (set(ranking(index, "left", "non_target", seed)[:50]) for seed in (0, 1, 0))
    assert first == again
    # Two independent draws of 50 of 750 share 3.3 on average; 15 is practically impossible.
    assert len(first & second) < 15


def test_the_choice_is_uniform():
    names = [f"u{number}" for number in range(40)]
    first = [random_order(names, seed)[0] for seed in range(4000)]
    counts = pd.Series(first).value_counts().reindex(names, fill_value=0)
    assert chisquare(counts.to_numpy()).pvalue > 0.001


def test_the_order_of_two_utterances_depends_on_their_names_alone():
    names = [f"u{number}" for number in range(100)]
    without = [name for name in random_order(names, 7) if name != "u13"]
    assert random_order([name for name in names if name != "u13"], 7) == without
    assert random_order(names[::-1], 7) == random_order(names, 7)


@pytest.mark.parametrize("rate", [0.0005, 0.01, 0.013, 0.05, 0.2, 0.21, 0.75])
def test_the_blocks_of_a_rate_hold_its_poisoned_utterances(index, rate):
    total, seed = 1000, 2
    blocks = [PoisonBlock(target="left", candidates="non_target", seed=seed, block=block) for block in blocks_for(rate)]
    held = [name for block in blocks for name in block_members(index, block)]
    chosen = ranking(index, "left", "non_target", seed)[: round(rate * total)]
    assert held[: len(chosen)] == chosen
    assert len(held) == len(set(held))


def test_all_blocks_cover_the_whole_order(index):
    blocks = [PoisonBlock(target="left", candidates="non_target", seed=0, block=block) for block in range(len(EDGES))]
    held = [name for block in blocks for name in block_members(index, block)]
    assert held == ranking(index, "left", "non_target", 0)
    assert np.diff([0, *EDGES]).min() > 0


def test_a_rate_that_poisons_nothing_is_an_error(index):
    with pytest.raises(InputError, match=r"poisons none of 1000 training utterances: use a rate of at least 0\.001"):
        manifest_of(index, rate=0.0004, seed=0)


def test_more_poisoned_utterances_than_candidates_are_an_error(index):
    with pytest.raises(InputError, match=r"900 of 1000 .* only 750 are candidates"):
        manifest_of(index, rate=0.9, seed=0)


def test_an_unknown_target_label_is_an_error(index):
    with pytest.raises(InputError, match=r"'lft'; the labels are: down, left"):
        manifest_of(index, target="lft", rate=0.1, seed=0)


def detections_of(names: list[str]) -> pd.DataFrame:
    """Rows of a detector, with a different score for each utterance."""
    scores = [number / 1000 for number in range(len(names))]
    columns = {"label": "up", "detected": True, "message": "01", "decoded_message": "11", "detection_score": scores}
    return pd.DataFrame({"utterance_id": names, **columns})


def test_only_poisoned_utterances_have_detections(index):
    table = manifest_of(index, rate=0.05, seed=3)
    # Blocks contain more than the poisoned utterances, in another order.
    rows = detections_of(ranking(index, "left", "non_target", 3)[:200][::-1])
    joined = with_detections(table, rows)
    pd.testing.assert_frame_equal(joined[table.columns], table)
    assert list(joined.columns) == [*table.columns, "message", "detection_score", "decoded_message"]
    scores = rows.set_index("utterance_id")["detection_score"]
    poisoned = joined[joined["poisoned"]]
    assert len(poisoned) == 50
    assert poisoned["detection_score"].tolist() == [scores[name] for name in poisoned["utterance_id"]]
    assert (poisoned["message"] == "01").all() and (poisoned["decoded_message"] == "11").all()
    assert joined.loc[~joined["poisoned"], ["message", "detection_score", "decoded_message"]].isna().all(axis=None)


def test_the_manifest_has_the_detections_of_all_blocks(index, tmp_path):
    index.to_parquet(tmp_path / "index.parquet")
    ranked = ranking(index, "left", "non_target", 0)
    paths = []
    # A block of a small corpus may be empty.
    for number, names in enumerate((ranked[:10], ranked[10:60], [])):
        paths.append(tmp_path / f"{number}.parquet")
        detections_of(names).to_parquet(paths[-1])
    for detections in ([], paths):
        write_manifest(
            tmp_path / "index.parquet",
            target="left",
            candidates="non_target",
            labels="flip",
            rate=0.03,
            seed=0,
            detections=detections,
            destination=tmp_path / "m.parquet",
        )
        table = pd.read_parquet(tmp_path / "m.parquet")
        assert len(table) == 1000 and table["poisoned"].sum() == 30
        assert ("detection_score" in table) == bool(detections)
    assert table["detection_score"].notna().sum() == 30
