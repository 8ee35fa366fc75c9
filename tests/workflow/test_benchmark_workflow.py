"""A benchmark from its configuration to its tables, and the jobs that an edit invalidates."""

from __future__ import annotations

import pandas as pd
import pytest
from test_invalidation import Edit, append, jobs, replace
from tiny import clone, pending

TARGET = ["tiny_benchmark"]


@pytest.fixture(scope="module")
def table(finished_benchmark) -> pd.DataFrame:
    path = finished_benchmark / "results" / "tables" / "tiny_benchmark.csv"
    return pd.read_csv(path).set_index(["watermark", "distortion"])


def test_detection_and_bit_error_rates(table):
    assert table.loc[("perth", "undistorted"), "detection_rate"] == 1
    assert table.loc["perth", "bit_error_rate"].isna().all() and (table.loc["perth", "bits_per_second"] == 0).all()
    assert table.loc["keyed", "bit_error_rate"].between(0, 1).all()
    assert (table["decoded_utterances"] == 4).all() and (table["undecodable_utterances"] == 0).all()


def test_wrong_keys_quality_and_cost(table):
    keyed = table.loc["keyed"]
    columns = ["wrong_key_bit_error_rate", "near_key_bit_error_rate", "wrong_key_detection_rate"]
    assert keyed[columns].notna().all(axis=None) and table.loc["perth", columns].isna().all(axis=None)
    assert (table["si_sdr_db"] > 0).all()
    # Quality and cost do not depend on the distortion.
    for name in ("si_sdr_db", "embedding_gflops_per_second", "detection_cpu_real_time_factor"):
        assert (table.groupby("watermark")[name].nunique() == 1).all()
    assert table.loc[("perth", "mp3_64"), "embedding_gflops_per_second"] == pytest.approx(0.4766, abs=1e-3)


def test_every_format_of_the_table_is_written(finished_benchmark):
    tables = finished_benchmark / "results" / "tables"
    forms = ("csv", "metrics.csv", "differences.csv", "runs.csv", "efficiency.csv", "comparison.csv")
    pages = ("md", "tex", "provenance.json", "comparison.md")
    assert all((tables / f"tiny_benchmark.{form}").stat().st_size for form in (*forms, *pages))
    page = (tables / "tiny_benchmark.md").read_text()
    assert "**Bit error rate (%)**\n\n| watermark | undistorted | mp3_64 |\n" in page and "SI-SDR dB" in page
    assert "failed" not in page
    costs = pd.read_csv(tables / "tiny_benchmark.efficiency.csv").set_index("watermark")
    assert list(costs.index) == ["perth", "keyed"] and costs["processor"].notna().all()
    compared = pd.read_csv(tables / "tiny_benchmark.comparison.csv", keep_default_na=False)
    matched = compared[(compared["ours"] != "") & (compared["printed"] != "")]
    assert set(zip(matched["metric"], matched["distortion"], strict=True)) == {
        ("bit_error_rate", "undistorted"),
        ("bit_error_rate", "mp3_64"),
        ("mean_bit_error_rate", ""),
        ("bits_per_second", ""),
    }


TABLE = "1 table tiny_benchmark \n 1 efficiency_table tiny_benchmark \n 1 comparison tiny_benchmark"
READINGS = "1 readings {0}-marked-1 \n 1 readings {0}-test \n"
EDITS: dict[str, tuple[Edit, str]] = {
    "nothing": (lambda folder: None, ""),
    "a distortion's settings": (
        replace(
            "config.yaml",
            "mp3_64: {kind: codec, format: mp3, bit_rate: 64}",
            "mp3_64: {kind: codec, format: mp3, bit_rate: 96}",
        ),
        READINGS.format("perth") + READINGS.format("keyed_mask") + TABLE,
    ),
    "a distortion's code": (
        append("sanguinaria/distortions/codec.py", "\nUNUSED = 1\n"),
        READINGS.format("perth") + READINGS.format("keyed_mask") + TABLE,
    ),
    "an additional distortion": (
        replace("tiny.yaml", "[undistorted, mp3_64]", "[undistorted, mp3_64, boost]"),
        READINGS.format("perth") + READINGS.format("keyed_mask") + TABLE,
    ),
    "another false-positive rate": (
        replace("tiny.yaml", "wrong_keys: 2", "wrong_keys: 2\n    false_positive_rate: 0.1"),
        TABLE,
    ),
    "a metric's code": (
        append("sanguinaria/metrics/si_sdr.py", "\nUNUSED = 1\n"),
        "1 quality si_sdr-synthetic-perth-1 \n 1 quality si_sdr-synthetic-keyed_mask-1 \n" + TABLE,
    ),
    "another key": (
        replace("tiny.yaml", "keyed: a key", "keyed: b key"),
        "1 marked synthetic-keyed_mask-1 \n 1 quality si_sdr-synthetic-keyed_mask-1 \n 1 efficiency keyed_mask \n"
        "2 readings keyed_mask-marked-1 \n 1 readings keyed_mask-test \n 1 readings keyed_mask-validation \n" + TABLE,
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_reruns_exactly_what_it_invalidates(finished_benchmark, tmp_path, name):
    edit, stated = EDITS[name]
    folder = clone(finished_benchmark, tmp_path / "edited")
    edit(folder)
    assert pending(folder, TARGET) == jobs(stated)


def test_a_renamed_benchmark_reruns_only_its_tables(finished_benchmark, tmp_path):
    folder = clone(finished_benchmark, tmp_path / "edited")
    replace("tiny.yaml", "tiny_benchmark:", "mine:")(folder)
    assert pending(folder, ["mine"]) == jobs("1 table mine \n 1 efficiency_table mine \n 1 comparison mine")
