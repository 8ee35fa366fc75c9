"""The tables, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from sanguinaria.plan.figure_columns import MEASURED
from sanguinaria.reports.evaluation import write_tables
from sanguinaria.statistics.intervals import clopper_pearson

COLUMNS = (
    "experiment, corpus, target, trigger, test_trigger, poisoning, victim, defence, seeds, "
    "benign_accuracy, benign_accuracy_low, "
    "benign_accuracy_high, attack_success_rate, attack_success_rate_low, attack_success_rate_high, "
    "false_trigger_rate, pesq, stoi, snr_db, test_utterances, triggered_utterances, poisoned_utterances, "
    "training_utterances, unscorable_utterances, rate, stealthy, detection_rate, false_positive_rate, bit_error_rate"
).split(", ")


def scores(path, labels, clean, triggered=None, speakers="one"):
    """A model's predictions; of a single speaker, the utterances are all that there is to sample."""
    names = [f"u{number}" for number in range(len(labels))]
    table = pd.DataFrame({"utterance_id": names, "label": labels, "speaker": speakers, "target_probability": 0.5})
    predictions = {"clean": clean} | ({} if triggered is None else {"triggered": triggered})
    parts = [table.assign(audio=audio, predicted=predicted) for audio, predicted in predictions.items()]
    pd.concat(parts).to_parquet(path)
    return [str(path)]


def values(path, labels, scores):
    names = [f"u{number}" for number in range(len(labels))]
    table = {"utterance_id": names, "label": labels, "speaker": "one", "value": scores, "problem": ""}
    pd.DataFrame(table).to_parquet(path)
    return [str(path)]


@pytest.fixture
def configuration(tmp_path):
    labels = ["left", "left", "up", "up", "down"]
    manifest = tmp_path / "manifest.parquet"
    pd.DataFrame({"utterance_id": list("abcdefgh"), "poisoned": [True, True] + [False] * 6}).to_parquet(manifest)
    return {
        "experiment": "hand",
        "corpus": "c",
        "trigger": "t",
        "test_trigger": "t",
        "poisoning": "flip-0.25",
        "victim": "v",
        "defence": "none",
        "rate": 0.25,
        "target": "left",
        "results": [
            {
                "scores": scores(
                    tmp_path / "a.parquet",
                    labels,
                    # Four of five right; one of three non-target utterances called "left".
                    clean=["left", "left", "up", "left", "down"],
                    # All three non-target utterances called "left"; what the two others are called counts for nothing.
                    triggered=["up", "up", "left", "left", "left"],
                ),
                "manifest": str(manifest),
            }
        ],
        "quality": {
            # The two target utterances, whose values are absurd here, are not triggered ones.
            "pesq": values(tmp_path / "p.parquet", labels, [9.0, 9.0, 2.0, 3.0, np.nan]),
            "stoi": values(tmp_path / "s.parquet", labels, [9.0, 9.0, 0.5, np.nan, np.nan]),
            "snr_db": values(tmp_path / "r.parquet", labels, [9.0, 9.0, 10.0, 20.0, 30.0]),
        },
        "detections": None,
    }


def detections(path, labels, detected, message="", decoded=None):
    names = [f"u{number}" for number in range(len(labels))]
    table = {"utterance_id": names, "label": labels, "speaker": "one", "detection_score": 0.5, "detected": detected}
    texts = {"message": message, "decoded_message": decoded or [""] * len(labels)}
    pd.DataFrame(table | texts).to_parquet(path)
    return [str(path)]


@pytest.fixture
def detected(tmp_path):
    """Five utterances, of which the first two, of the target label, count for nothing."""
    labels = ["left", "left", "up", "up", "down"]
    decoded = ["1001", "1001", "0110", "0111", "1001"]
    return {
        "clean": detections(tmp_path / "dc.parquet", labels, [True, True, False, False, True], "0110", ["0000"] * 5),
        "triggered": detections(tmp_path / "dt.parquet", labels, [False, False, True, True, False], "0110", decoded),
    }


FACTORS = ("experiment", "corpus", "target", "trigger", "test_trigger", "poisoning", "victim", "defence")


def cell(configuration):
    """A cell of a specification."""
    results = configuration["results"]
    rows = {
        "scores": [result["scores"] for result in results],
        "manifest": [[result["manifest"]] for result in results],
    }
    for audio, files in (configuration["detections"] or {}).items():
        rows[f"detections.{audio}"] = [files]
    return {
        "factors": {name: configuration[name] for name in FACTORS},
        "settings": {"rate": configuration["rate"]},
        "runs": [{"poison": place, "training": place} for place in range(len(results))],
        "rows": rows,
        "quality": {column: [files] for column, files in configuration["quality"].items()},
    }


def reduce(tmp_path, *configurations, bounds=None):
    cells = [cell(configuration) for configuration in configurations]
    specification = {"kind": "experiments", "cells": cells, "settings": {"bounds": bounds or {}}, "columns": {}}
    write_tables(
        specification, tmp_path / "t.csv", *(tmp_path / f"t.{form}.csv" for form in ("metrics", "differences", "runs"))
    )
    return pd.read_csv(tmp_path / "t.csv"), pd.read_csv(tmp_path / "t.metrics.csv")


def test_the_columns_are_the_contract(tmp_path, configuration):
    assert list(reduce(tmp_path, configuration)[0].columns) == COLUMNS
    measured = [name for name in COLUMNS if name not in FACTORS and not name.endswith(("_low", "_high"))]
    assert measured == list(MEASURED)


def test_every_number_by_hand(tmp_path, configuration):
    wide, long = reduce(tmp_path, configuration)
    row, long = wide.iloc[0], long.set_index("metric")
    assert row["benign_accuracy"] == pytest.approx(0.8)
    # Of five utterances: V = .16 / 4, so four independent trials, and t of four degrees of freedom is 2.776.
    expected = clopper_pearson(0.8, 4 * (1.959964 / 2.776445) ** 2)
    assert long.loc["benign_accuracy", ["low", "high"]].tolist() == pytest.approx(expected, rel=1e-5)
    assert row["attack_success_rate"] == 1.0
    assert long.loc["attack_success_rate", "low"] == pytest.approx(0.025 ** (1 / 3), rel=1e-5)  # all of three
    assert row["false_trigger_rate"] == pytest.approx(1 / 3, rel=1e-5)
    assert (row["pesq"], row["stoi"], row["snr_db"]) == (2.5, 0.5, 20.0)
    assert (row["test_utterances"], row["triggered_utterances"]) == (5, 3)
    assert (row["poisoned_utterances"], row["training_utterances"]) == (2, 8)
    assert row["unscorable_utterances"] == 2  # one of them by both metrics


def test_one_training_has_no_interval_over_trainings(tmp_path, configuration):
    wide, long = reduce(tmp_path, configuration)
    bounds = [f"{rate}_{end}" for rate in ("benign_accuracy", "attack_success_rate") for end in ("low", "high")]
    assert wide.iloc[0][bounds].isna().all()
    long = long.set_index("metric")
    # That over utterances alone is in the long table, which says what it is over.
    assert long.loc["benign_accuracy", "low"] > 0
    assert long.loc["benign_accuracy", ["interval_over", "not_moved"]].tolist() == ["utterances:5", "poison training"]
    assert long.loc["pesq", "interval_over"] == "utterances:2" and pd.isna(long.loc["pesq", "not_moved"])


def test_two_trainings_have_one(tmp_path, configuration):
    twice = configuration | {"results": configuration["results"] * 2}
    wide, long = reduce(tmp_path, twice)
    assert wide.iloc[0]["attack_success_rate_low"] == pytest.approx(0.025 ** (1 / 3), rel=1e-5)
    assert long.set_index("metric").loc["benign_accuracy", "interval_over"] == "poison+training:2 utterances:5"


def test_speakers_who_differ_widen_the_interval(tmp_path, configuration):
    first = configuration["results"][0]
    labels, predicted = ["up"] * 8 + ["left"] * 2, ["up"] * 8 + ["up"] * 2
    # One speaker's words are all classified correctly and the other's are not: another two may be of either sort.
    answers = scores(tmp_path / "c.parquet", labels, predicted, speakers=["one"] * 8 + ["two"] * 2)
    row = reduce(tmp_path, configuration | {"results": [first | {"scores": answers}]})[1].iloc[0]
    assert (row["metric"], row["value"], row["interval_over"]) == ("benign_accuracy", 0.8, "speakers:2")
    # t of one degree of freedom is 12.7: there is next to no information.
    assert row["low"] < 0.001 and row["high"] > 0.999


def test_seeds_are_averaged(tmp_path, configuration):
    first = configuration["results"][0]
    # The second seed's model calls everything "left": accuracy 0.4, and every clean utterance triggers.
    second = first | {"scores": scores(tmp_path / "c.parquet", ["left", "left", "up", "up", "down"], ["left"] * 5)}
    row = reduce(tmp_path, configuration | {"results": [first, second]})[0].iloc[0]
    assert row["seeds"] == 2
    assert row["benign_accuracy"] == pytest.approx(0.6)
    assert row["false_trigger_rate"] == pytest.approx(2 / 3, rel=1e-5)


def test_where_nothing_is_triggered_attack_success_is_the_floor(tmp_path, configuration):
    labels = ["left", "left", "up", "up", "down"]
    only_clean = scores(tmp_path / "c.parquet", labels, ["left", "left", "up", "left", "down"])
    result = configuration["results"][0] | {"scores": only_clean}
    row = reduce(tmp_path, configuration | {"results": [result], "quality": {}})[0].iloc[0]
    assert row["attack_success_rate"] == row["false_trigger_rate"] == pytest.approx(1 / 3, rel=1e-5)
    assert row["triggered_utterances"] == 3


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
    assert long.loc["pesq", ["scored", "unscored"]].tolist() == [2, 1]
    assert long.loc["stoi", ["scored", "unscored"]].tolist() == [1, 2]
    # 10, 20 and 30 dB: 20 ± 4.303 · 10 / √3.
    assert long.loc["snr_db", ["low", "high"]].tolist() == pytest.approx([20 - 24.841, 20 + 24.841], abs=0.001)


def test_without_quality_its_columns_are_empty(tmp_path, configuration):
    row = reduce(tmp_path, configuration | {"quality": {}})[0].iloc[0]
    assert row[["pesq", "stoi", "snr_db"]].isna().all()
    assert row["unscorable_utterances"] == 0


def test_the_rate_is_the_configured_one(tmp_path, configuration):
    table = reduce(tmp_path, configuration, configuration | {"rate": 0.0, "trigger": "clean"})[0]
    assert table["rate"].tolist() == [0.25, 0.0]


def test_what_the_detector_says_by_hand(tmp_path, configuration, detected):
    wide, long = reduce(tmp_path, configuration | {"detections": detected})
    row = wide.iloc[0]
    assert row["detection_rate"] == pytest.approx(2 / 3, rel=1e-5)
    assert row["false_positive_rate"] == pytest.approx(1 / 3, rel=1e-5)
    # Of four bits none, one and all four are wrong.
    assert row["bit_error_rate"] == pytest.approx((0 + 1 / 4 + 1) / 3, rel=1e-5)
    long = long.set_index("metric")
    assert list(long.index[-3:]) == ["detection_rate", "false_positive_rate", "bit_error_rate"]
    assert (long.loc["detection_rate":, "scored"] == 3).all()
    # Of three utterances: V = (2 / 9) / 2, so two independent trials, and t of two degrees of freedom is 4.303.
    expected = clopper_pearson(2 / 3, 2 * (1.959964 / 4.302653) ** 2)
    assert long.loc["detection_rate", ["low", "high"]].tolist() == pytest.approx(expected, rel=1e-5)


def test_without_a_message_there_are_no_bits_to_get_wrong(tmp_path, configuration):
    rows = {
        audio: detections(tmp_path / f"{audio}.parquet", ["up"] * 4, [audio == "triggered"] * 4)
        for audio in ("clean", "triggered")
    }
    wide, long = reduce(tmp_path, configuration | {"detections": rows})
    row = wide.iloc[0]
    assert (row["detection_rate"], row["false_positive_rate"]) == (1.0, 0.0)
    assert np.isnan(row["bit_error_rate"])
    assert "bit_error_rate" not in long["metric"].tolist()


def test_without_a_detector_its_columns_are_empty(tmp_path, configuration):
    wide, long = reduce(tmp_path, configuration)
    assert wide.iloc[0][["detection_rate", "false_positive_rate", "bit_error_rate"]].isna().all()
    assert not long["metric"].str.contains("detection|positive|bit_error").any()


# Of the fixture: PESQ 2.5, STOI 0.5, SNR 20 dB.
@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"pesq": ("higher", 2.5)}, True),
        ({"pesq": ("higher", 2.51)}, False),
        ({"snr_db": ("lower", 20.0)}, True),
        ({"snr_db": ("lower", 19.9)}, False),
        ({"pesq": ("higher", 2.0), "stoi": ("higher", 0.4)}, True),
        ({"pesq": ("higher", 2.0), "stoi": ("higher", 0.6)}, False),
        # One that objects is enough, though another was not measured.
        ({"pesq": ("higher", 2.51), "visqol": ("higher", 1.0)}, False),
    ],
)
def test_a_trigger_is_stealthy_where_all_bounds_hold(tmp_path, configuration, bounds, expected):
    bounds = {metric: {"better": better, "value": value} for metric, (better, value) in bounds.items()}
    stealthy = reduce(tmp_path, configuration, bounds=bounds)[0].iloc[0]["stealthy"]
    assert bool(stealthy) is expected


def test_stealth_is_undefined_without_bounds_or_measurements(tmp_path, configuration):
    bound = {"pesq": {"better": "higher", "value": 1.0}}
    assert np.isnan(reduce(tmp_path, configuration)[0].iloc[0]["stealthy"])
    assert np.isnan(reduce(tmp_path, configuration | {"quality": {}}, bounds=bound)[0].iloc[0]["stealthy"])
    nothing = values(tmp_path / "n.parquet", ["up", "down"], [np.nan, np.nan])
    unscorable = configuration | {"quality": {"pesq": nothing}}
    assert np.isnan(reduce(tmp_path, unscorable, bounds=bound)[0].iloc[0]["stealthy"])
    # PESQ is above its bound, and the other metric is not measured.
    half = bound | {"visqol": {"better": "higher", "value": 1.0}}
    assert np.isnan(reduce(tmp_path, configuration, bounds=half)[0].iloc[0]["stealthy"])


def test_rows_may_lie_in_parts(tmp_path, configuration):
    whole, metrics = reduce(tmp_path, configuration)
    [(path,)] = [result["scores"] for result in configuration["results"]]
    rows = pd.read_parquet(path)
    parts = [str(tmp_path / f"part{number}.parquet") for number in range(2)]
    rows[rows["utterance_id"] >= "u2"].to_parquet(parts[0])
    rows[rows["utterance_id"] < "u2"].to_parquet(parts[1])
    split = configuration | {"results": [configuration["results"][0] | {"scores": parts}]}
    again, metrics_again = reduce(tmp_path, split)
    pd.testing.assert_frame_equal(again, whole)
    pd.testing.assert_frame_equal(metrics_again, metrics)
