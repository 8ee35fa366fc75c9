"""Embedding, detection and reduction with a generator of known bits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sanguinaria.audio import utterances
from sanguinaria.core.errors import InputError
from sanguinaria.distortions import Distortion
from sanguinaria.distortions.none import NoDistortion
from sanguinaria.reports.benchmarks import measure
from sanguinaria.reports.evaluation import _read, read_cell, write_efficiency, write_tables
from sanguinaria.steps.benchmarks import marked as embedding
from sanguinaria.steps.benchmarks import readings as reading
from sanguinaria.steps.benchmarks.marked import mark_audio, sample_utterances
from sanguinaria.steps.benchmarks.readings import detect_marks
from sanguinaria.watermarks import NO_SOURCES, Detection, Marker, Sources, Watermark
from sanguinaria.watermarks._random_messages import random_message

CPU = torch.device("cpu")
RATE, BITS = 16_000, 4
STEP = 1 / 1024  # a level that 16 bits hold exactly
DEAD, LOUD = 0.5, 0.25  # levels of utterances that the distortion, or the detector, refuses


class ToyMarker(Marker):
    """A bit is the sign of the offset of one quarter of the audio; a key flips signs."""

    def __init__(self, key: str | None) -> None:
        self.signs = torch.tensor([-1.0 if character == "-" else 1.0 for character in key or "++++"])

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        assert message is not None
        return ((2 * message - 1) * self.signs * STEP).repeat_interleave(waveforms.shape[-1] // BITS, -1)

    def detect(self, waveforms: torch.Tensor) -> Detection:
        if (waveforms[:, -1] > LOUD / 2).any():
            raise ValueError("too loud\nfor this detector")
        means = waveforms.unflatten(-1, (BITS, -1)).mean(-1) * self.signs
        return Detection((means.abs().mean(-1) / STEP).clamp(0, 1), (means / STEP + 1) / 2)


class ToyWatermark(Watermark):
    @property
    def message_bits(self) -> int:
        return BITS

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        return {}

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> ToyMarker:
        return ToyMarker(key)


class Flip(Distortion):
    """Inversion of the first quarter: one bit of four is decoded wrongly."""

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        if (waveforms > DEAD / 2 + LOUD / 2).any():
            raise InputError("it cannot be flipped")
        flipped = waveforms.clone()
        flipped[:, : waveforms.shape[-1] // BITS] *= -1
        return flipped


class Shorter(Distortion):
    """Decimation by 2 of utterances whose sum is not 0; silent ones become NaN."""

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        return waveforms[:, ::2] if float(waveforms.sum()) else waveforms * torch.nan


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    for module in (embedding, reading):
        monkeypatch.setattr(module, "load_weights", lambda path: (ToyWatermark(), {}))


def shard(path: Path, levels: list[float], names: list[str] | None = None) -> Path:
    rows = pd.DataFrame({"utterance_id": names or [f"u{n}" for n in range(len(levels))]})
    rows["label"], rows["split"] = "yes", "test"
    rows["speaker"] = [f"s{n // 2}" for n in range(len(levels))]
    waveforms = np.repeat(np.array(levels, np.float32)[:, None], RATE, 1)
    utterances.write(path, iter([utterances.Utterances(rows, waveforms, RATE)]))
    return path


def index_of(shards: list[Path], destination: Path) -> Path:
    """Write an index of all utterances of the shards, beside the destination."""
    path = destination.with_name(f"{destination.name}-index")
    pd.concat([utterances.read_rows(shard) for shard in shards]).to_parquet(path)
    return path


def marked(source: Path, destination: Path, key: str | None = None, mark: int = 1, seed: int = 0) -> Path:
    mark_audio(
        weights=Path(),
        secret=key,
        strength=1.0,
        seed=seed,
        mark=mark,
        shard=source,
        index=index_of([source], destination),
        limit=None,
        destination=destination,
        device=CPU,
    )
    return destination


def read(paths: list[Path], destination: Path, **settings: Any) -> pd.DataFrame:
    given = {"secrets": [None], "distortions": [NoDistortion()], "seed": 0, "marks": 1, **settings}
    detect_marks(
        weights=Path(),
        shards=paths,
        index=index_of(paths, destination),
        split="test",
        limit=None,
        destination=destination,
        device=CPU,
        **given,
    )
    return pd.read_parquet(destination)


def test_messages_depend_on_utterance_seed_and_mark():
    assert random_message("a", 0, 1, 16) == random_message("a", 0, 1, 16) != random_message("b", 0, 1, 16)
    assert len({random_message("a", seed, mark, 32) for seed in (0, 1) for mark in (1, 2)}) == 4
    assert random_message("a", 0, 1, 0) == "" and random_message("a", 0, 1, 5) == random_message("a", 0, 1, 16)[:5]
    bits = "".join(random_message(f"u{n}", 0, 1, 32) for n in range(500))
    # The number of ones of 16,000 fair bits has a standard deviation of 63.
    assert abs(bits.count("1") - 8000) < 300


def test_marks_do_not_depend_on_the_shard(tmp_path):
    names = [f"u{n}" for n in range(6)]
    together = marked(shard(tmp_path / "all", [0.0] * 6), tmp_path / "a")
    parts = [
        marked(shard(tmp_path / f"part{n}", [0.0] * 3, names[3 * n : 3 * n + 3]), tmp_path / f"b{n}") for n in (1, 0)
    ]
    one = utterances.read_rows(together).set_index("utterance_id")["sha256"]
    two = pd.concat(map(utterances.read_rows, parts)).set_index("utterance_id")["sha256"]
    assert one.sort_index().equals(two.sort_index())
    rows = read([together], tmp_path / "rows")
    assert rows["messages"].tolist() == [random_message(name, 0, 1, BITS) for name in names]
    assert (rows["messages"] == rows["decoded_message"]).all() and (rows["score"] == 1).all()


def test_samples_are_nested(tmp_path):
    index = tmp_path / "index"
    pd.DataFrame({"utterance_id": [f"u{n}" for n in range(9)], "split": ["test", "test", "train"] * 3}).to_parquet(
        index
    )
    whole = sample_utterances(index, "test", None)
    assert sorted(whole) == ["u0", "u1", "u3", "u4", "u6", "u7"]
    assert sample_utterances(index, "test", 4) == whole[:4]


def test_bit_errors_with_right_and_wrong_keys(tmp_path):
    source = shard(tmp_path / "clean", [0.0] * 4)
    once = marked(source, tmp_path / "once", "++--")
    rows = read([once], tmp_path / "rows", secrets=["++--", "-+--", "--++"])
    assert rows["utterance_id"].tolist() == [f"u{n // 3}" for n in range(12)]
    wrong = [
        sum(a != b for a, b in zip(sent, got, strict=True))
        for sent, got in zip(rows["messages"], rows["decoded_message"], strict=True)
    ]
    # The right key, one with another sign, and the opposite.
    assert wrong == [0, 1, 4] * 4
    twice = marked(once, tmp_path / "twice", "++++", mark=2)
    both = read([twice], tmp_path / "both", marks=2)
    assert both["messages"].tolist() == [
        f"{random_message(f'u{n}', 0, 1, 4)} {random_message(f'u{n}', 0, 2, 4)}" for n in range(4)
    ]


def test_failed_utterances_have_a_problem(tmp_path):
    source = marked(shard(tmp_path / "clean", [0.0, DEAD, LOUD, 0.0]), tmp_path / "marked")
    rows = read([source], tmp_path / "rows", distortions=[Flip()]).set_index("utterance_id")
    assert rows["problem"].to_dict() == {
        "u0": "",
        "u1": "distortion: InputError: it cannot be flipped",
        "u2": "detector: ValueError: too loud",
        "u3": "",
    }
    failed = rows.loc[["u1", "u2"]]
    assert failed["score"].isna().all() and failed["decoded_message"].isna().all()
    assert (failed["messages"] != "").all()
    assert rows.loc[["u0", "u3"], "score"].tolist() == [1, 1]


def test_distortions_are_independent_of_each_other(tmp_path):
    source = marked(shard(tmp_path / "clean", [0.0, 0.0]), tmp_path / "marked")
    alone = [
        read([source], tmp_path / f"rows{n}", distortions=[each]) for n, each in enumerate([NoDistortion(), Flip()])
    ]
    both = read([source], tmp_path / "both", distortions=[NoDistortion(), Flip()])
    assert both["distortion"].tolist() == [0, 1, 0, 1] and both["utterance_id"].tolist() == ["u0", "u0", "u1", "u1"]
    for place in (0, 1):
        one = both[both["distortion"] == place].assign(distortion=0).reset_index(drop=True)
        pd.testing.assert_frame_equal(one, alone[place])


def test_non_finite_and_shorter_audio(tmp_path):
    source = shard(tmp_path / "clean", [0.0, 0.125, 0.0])
    rows = read([source], tmp_path / "rows", distortions=[Shorter()], marks=0)
    assert rows["problem"].tolist() == ["distortion: not finite", "", "distortion: not finite"]
    assert rows["messages"].tolist() == ["", "", ""]


def test_out_of_memory_is_raised(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ToyMarker, "detect", full)
    with pytest.raises(MemoryError):
        read([shard(tmp_path / "clean", [0.0])], tmp_path / "rows")


# Reduction of rows to a line of a table, against values by hand.


def rows(path: Path, scores: list[float | None], decoded: list[str] | None = None, key: int = 0) -> str:
    count = len(scores)
    table = pd.DataFrame(
        {
            "utterance_id": [f"u{n}" for n in range(count)],
            "speaker": [f"s{n // 2}" for n in range(count)],
            "distortion": 0,
            "key": key,
            "score": [float("nan") if score is None else score for score in scores],
            "messages": "0000" if decoded else "",
            "decoded_message": decoded or "",
            "problem": ["" if score is not None else "distortion: it failed" for score in scores],
        }
    )
    table.to_parquet(path)
    return str(path)


@pytest.fixture
def line(tmp_path) -> dict[str, Any]:
    marked = rows(tmp_path / "m", [0.9, 0.8, 0.6, 0.55, 0.4, None], ["0000", "0001", "0011", "0000", "1111", "0000"])
    clean = rows(tmp_path / "c", [0.1, 0.2, 0.58, 0.3, 0.1, 0.1])
    validation = rows(tmp_path / "v", [0.57, *[0.5] * 99])
    wrong = pd.concat(
        [
            pd.read_parquet(rows(tmp_path / f"w{key}", [0.6, 0.2], decoded, key))
            for key, decoded in enumerate([["0011", "0011"], ["0001", "0000"], ["0000", "0111"]])
        ]
    )
    wrong.to_parquet(tmp_path / "w")
    names = {"utterance_id": ["a", "b"], "label": "x", "speaker": ["c", "d"]}
    pd.DataFrame({**names, "value": [3.0, None], "problem": ["", "why"]}).to_parquet(tmp_path / "q")
    paths = {"marked": [marked], "clean": [clean], "validation": [validation], "wrong_keys": [str(tmp_path / "w")]}
    names = {"benchmark": "b", "corpus": "c", "watermark": "w", "marks": "single", "decoded_mark": "first"}
    return {
        **names,
        "name": "d",
        "mark": 1,
        "distortion": 0,
        "bits": 4,
        "bits_per_second": 4.0,
        "wrong_keys": 2,
        "seeds": [paths],
        "quality": {"snr_db": [[str(tmp_path / "q")]]},
        "efficiency": None,
    }


def cell(line) -> dict[str, Any]:
    """A cell of a specification."""
    settings = ("mark", "distortion", "bits", "bits_per_second", "wrong_keys")
    rows = {kind: [seed[kind] for seed in line["seeds"]] for kind in ("marked", "clean", "validation", "wrong_keys")}
    return {
        "factors": {name: line[name] for name in ("benchmark", "corpus", "watermark", "marks", "decoded_mark")}
        | {"distortion": line["name"]},
        "settings": {name: line[name] for name in settings},
        "runs": [{"messages": place} for place in range(len(line["seeds"]))],
        "rows": rows | ({"efficiency": [[line["efficiency"]]]} if line["efficiency"] else {}),
        "quality": {metric: files * len(line["seeds"]) for metric, files in line["quality"].items()},
    }


def reduce_line(line, false_positive_rate):
    _read.cache_clear()  # tests write other rows to one path
    return measure(read_cell(cell(line)), false_positive_rate)


def test_a_line_reduces_the_rows_of_its_distortion(line):
    seed = line["seeds"][0]
    for audio in ("marked", "clean"):
        table = pd.read_parquet(seed[audio][0])
        worse = table.assign(distortion=1, score=0.0, decoded_message="1111" if audio == "marked" else "")
        pd.concat([worse, table]).to_parquet(seed[audio][0])
    first, second = (reduce_line({**line, "distortion": place}, 0.01) for place in (0, 1))
    assert first["detection_rate"].estimate.value == 0.8 and second["detection_rate"].estimate.value == 0
    assert second["bit_error_rate"].estimate.value == 1
    # The thresholds are those of undistorted audio.
    assert second["fixed_false_positive_rate"].estimate.value == 0


def test_the_measures_of_a_line(line):
    measures = reduce_line(line, 0.01)
    value = {name: measured.estimate.value for name, measured in measures.items()}
    # The five decoded utterances have 0, 1, 2, 0 and 4 bit errors.
    assert value["bit_error_rate"] == pytest.approx((0 + 1 + 2 + 0 + 4) / 20)
    assert (measures["bit_error_rate"].scored, measures["bit_error_rate"].unscored) == (5, 1)
    assert value["detection_rate"] == pytest.approx(4 / 5)
    assert value["false_positive_rate"] == pytest.approx(1 / 6)
    # 4 true positives, 1 false negative, 1 false positive.
    assert value["f1"] == pytest.approx(8 / (8 + 1 + 1))
    # One of a hundred validation utterances may exceed the threshold, which is 0.5. One clean test utterance does, and
    # four marked ones.
    assert value["fixed_false_positive_rate"] == pytest.approx(1 / 6)
    assert value["fixed_detection_rate"] == pytest.approx(4 / 5)
    assert value["wrong_key_bit_error_rate"] == pytest.approx((2 + 2 + 1 + 0) / 16)
    assert value["wrong_key_lowest"] == pytest.approx(1 / 8)
    assert value["near_key_bit_error_rate"] == value["near_key_lowest"] == pytest.approx(3 / 8)
    assert value["wrong_key_detection_rate"] == pytest.approx(1 / 2)
    assert (value["snr_db"], measures["snr_db"].scored, measures["snr_db"].unscored) == (3.0, 1, 1)
    # Of one utterance there is no interval.
    assert np.isnan(measures.pop("snr_db").estimate.low)
    for measured in measures.values():
        assert measured.estimate.low <= measured.estimate.value <= measured.estimate.high


def test_seeds_may_differ_in_the_number_of_near_keys(line, tmp_path):
    fewer = pd.read_parquet(tmp_path / "w")
    fewer[fewer["key"] < 2].to_parquet(tmp_path / "w2")
    line["seeds"].append({**line["seeds"][0], "wrong_keys": [str(tmp_path / "w2")]})
    measures = reduce_line(line, 0.01)
    assert measures["near_key_bit_error_rate"].estimate.value == pytest.approx(3 / 8)
    assert measures["wrong_key_bit_error_rate"].estimate.value == pytest.approx(5 / 16)
    assert measures["wrong_key_lowest"].estimate.value == pytest.approx(1 / 8)


def test_the_threshold_follows_from_validation_utterances_alone(line):
    strict = reduce_line(line, 0.001)
    # None of a hundred may exceed it: it is the highest score, 0.57.
    assert strict["fixed_detection_rate"].estimate.value == pytest.approx(3 / 5)
    assert strict["fixed_false_positive_rate"].estimate.value == pytest.approx(1 / 6)


def test_without_validation_there_is_no_fixed_threshold(line, tmp_path):
    line["seeds"][0]["validation"] = [rows(tmp_path / "empty", [])]
    assert not [name for name in reduce_line(line, 0.01) if name.startswith("fixed")]


def test_utterances_that_failed_with_one_seed_are_left_out_of_all(line, tmp_path):
    second = rows(tmp_path / "m2", [0.9, None, 0.6, 0.6, 0.6, 0.6], ["0000"] * 6)
    line["seeds"].append({**line["seeds"][0], "marked": [second]})
    measures = reduce_line(line, 0.01)["bit_error_rate"]
    assert measures.estimate.value == pytest.approx((0 + 2 + 0 + 4) / 16 / 2)
    assert (measures.scored, measures.unscored) == (4, 2)


def test_tables_of_a_benchmark(line, tmp_path):
    costs = tmp_path / "row.json"
    costs.write_text('{"embedding_parameters": 7, "processor": "P", "seconds": 1.0}')
    line["efficiency"] = str(costs)
    names = ("t.csv", "t.metrics.csv", "t.differences.csv", "t.runs.csv", "t.efficiency.csv")
    wide, long, paired, runs, efficiency = (tmp_path / name for name in names)
    cells = [cell(line), cell({**line, "name": "e"})]
    settings = {"false_positive_rate": 0.01}
    specification = {"kind": "benchmarks", "cells": cells, "settings": settings, "columns": {}}
    write_tables(specification, wide, long, paired, runs)
    write_efficiency(specification, efficiency)
    table = pd.read_csv(wide)
    assert table["distortion"].tolist() == ["d", "e"]
    assert table["bit_error_rate"].tolist() == table["mean_bit_error_rate"].tolist() == [0.35, 0.35]
    assert table["undecodable_utterances"].tolist() == [1, 1] and table["decoded_utterances"].tolist() == [5, 5]
    assert table["embedding_parameters"].tolist() == [7, 7]
    metrics = pd.read_csv(long).set_index(["distortion", "metric"])
    assert metrics.loc[("d", "bit_error_rate"), "unscored"] == 1
    assert pd.read_csv(efficiency)[["watermark", "processor"]].to_numpy().tolist() == [["w", "P"]]
