"""The tables, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from sanguinaria.intervals import wilson
from sanguinaria.reports.tables import write_tables

COLUMNS = (
    "experiment, corpus, trigger, poisoning, victim, defence, seeds, benign_accuracy, benign_accuracy_low, "
    "benign_accuracy_high, attack_success_rate, attack_success_rate_low, attack_success_rate_high, "
    "false_trigger_rate, pesq, stoi, snr_db, test_utterances, triggered_utterances, poisoned_utterances, "
    "training_utterances, unscorable_utterances"
).split(", ")


def rows(path, labels, predicted):
    names = [f"u{number}" for number in range(len(labels))]
    table = {"utterance_id": names, "label": labels, "predicted": predicted, "target_probability": 0.5}
    pd.DataFrame(table).to_parquet(path)
    return str(path)


def values(path, labels, scores):
    names = [f"u{number}" for number in range(len(labels))]
    pd.DataFrame({"utterance_id": names, "label": labels, "value": scores, "problem": ""}).to_parquet(path)
    return str(path)


@pytest.fixture
def configuration(tmp_path):
    labels = ["left", "left", "up", "up", "down"]
    manifest = tmp_path / "manifest.parquet"
    pd.DataFrame({"utterance_id": list("abcdefgh"), "poisoned": [True, True] + [False] * 6}).to_parquet(manifest)
    return {
        "experiment": "hand",
        "corpus": "c",
        "trigger": "t",
        "poisoning": "flip-0.25",
        "victim": "v",
        "defence": "none",
        "target": "left",
        "results": [
            {
                # Four of five right; one of three non-target utterances called "left".
                "clean": rows(tmp_path / "a.parquet", labels, ["left", "left", "up", "left", "down"]),
                # All three non-target utterances called "left"; what the two others are called counts for nothing.
                "triggered": rows(tmp_path / "b.parquet", labels, ["up", "up", "left", "left", "left"]),
                "manifest": str(manifest),
            }
        ],
        "quality": {
            # The two target utterances, whose values are absurd here, are not triggered ones.
            "pesq": values(tmp_path / "p.parquet", labels, [9.0, 9.0, 2.0, 3.0, np.nan]),
            "stoi": values(tmp_path / "s.parquet", labels, [9.0, 9.0, 0.5, np.nan, np.nan]),
            "snr": values(tmp_path / "r.parquet", labels, [9.0, 9.0, 10.0, 20.0, 30.0]),
        },
    }


def reduce(tmp_path, *configurations):
    write_tables(configurations, tmp_path / "t.csv", tmp_path / "t.metrics.csv")
    return pd.read_csv(tmp_path / "t.csv"), pd.read_csv(tmp_path / "t.metrics.csv")


def test_the_columns_are_the_contract(tmp_path, configuration):
    assert list(reduce(tmp_path, configuration)[0].columns) == COLUMNS


def test_every_number_by_hand(tmp_path, configuration):
    row = reduce(tmp_path, configuration)[0].iloc[0]
    assert row["benign_accuracy"] == pytest.approx(0.8)
    assert (row["benign_accuracy_low"], row["benign_accuracy_high"]) == pytest.approx(wilson(0.8, 5), rel=1e-5)
    assert row["attack_success_rate"] == 1.0
    assert row["attack_success_rate_low"] == pytest.approx(3 / (3 + 1.959964**2), rel=1e-5)  # Wilson's, all of three
    assert row["false_trigger_rate"] == pytest.approx(1 / 3, rel=1e-5)
    assert (row["pesq"], row["stoi"], row["snr_db"]) == (2.5, 0.5, 20.0)
    assert (row["test_utterances"], row["triggered_utterances"]) == (5, 3)
    assert (row["poisoned_utterances"], row["training_utterances"]) == (2, 8)
    assert row["unscorable_utterances"] == 2  # one of them by both metrics


def test_seeds_are_averaged(tmp_path, configuration):
    first = configuration["results"][0]
    # The second seed's model calls everything "left": accuracy 0.4, and every clean utterance triggers.
    second = first | {"clean": rows(tmp_path / "c.parquet", ["left", "left", "up", "up", "down"], ["left"] * 5)}
    row = reduce(tmp_path, configuration | {"results": [first, second]})[0].iloc[0]
    assert row["seeds"] == 2
    assert row["benign_accuracy"] == pytest.approx(0.6)
    assert row["false_trigger_rate"] == pytest.approx(2 / 3, rel=1e-5)


def test_the_long_table_counts_what_was_scored(tmp_path, configuration):
    long = reduce(tmp_path, configuration)[1].set_index("metric")
    assert list(long.index) == [
        "benign_accuracy",
        "attack_success_rate",
        "false_trigger_rate",
        "pesq",
        "stoi",
        "snr_db",
    ]
    assert long.loc["pesq", ["scored_utterances", "unscorable_utterances"]].tolist() == [2, 1]
    assert long.loc["stoi", ["scored_utterances", "unscorable_utterances"]].tolist() == [1, 2]
    assert long.loc["snr_db", "low"] <= 20.0 <= long.loc["snr_db", "high"]


def test_without_quality_its_columns_are_empty(tmp_path, configuration):
    row = reduce(tmp_path, configuration | {"quality": {}})[0].iloc[0]
    assert row[["pesq", "stoi", "snr_db"]].isna().all()
    assert row["unscorable_utterances"] == 0
