"""Rows of detections: utterances, scores, decoded messages and bit error rates."""

import numpy as np
import pandas as pd
import pytest
import torch

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.statistics.detection import bit_error_rates
from sanguinaria.steps.detections import COLUMNS, detect_trigger
from sanguinaria.triggers import Trigger

CPU = torch.device("cpu")


class Toy(Trigger):
    """A trigger whose detection score is the first sample, and whose bit probabilities are the samples after it."""

    message: str = ""

    @property
    def has_detector(self):
        return True

    @property
    def payload(self):
        return self.message

    def embedder(self, sample_rate, device, weights):
        raise NotImplementedError

    def detector(self, sample_rate, device, weights):
        assert sample_rate == 16000
        return lambda waveforms: (waveforms[:, 0], waveforms[:, 1 : 1 + len(self.message)])


def shard(path, names, splits, waveforms):
    rows = pd.DataFrame({"utterance_id": names, "label": [f"of {name}" for name in names]})
    rows["speaker"] = [f"speaker of {name}" for name in names]
    utterances.write(path, iter([Utterances(rows.assign(split=splits), np.asarray(waveforms, np.float32), 16000)]))
    return path


@pytest.fixture
def shards(tmp_path):
    """Two shards with unsorted names; samples are eighths, which 16 bits represent exactly."""
    first = [[0.875, 0.125, 0.875, 0.75], [0.5, 0.5, 0.375, 0.25], [0.375, 0.0, 0.875, 0.5]]
    second = [[0.0, 0.625, 0.0, 0.125]]
    return [
        shard(tmp_path / "0.parquet", ["d", "a", "c"], ["test", "test", "train"], first),
        shard(tmp_path / "1.parquet", ["b"], ["test"], second),
    ]


def detect(tmp_path, trigger, shards, split=None):
    detect_trigger(trigger, weights=None, shards=shards, split=split, destination=tmp_path / "rows.parquet", device=CPU)
    return pd.read_parquet(tmp_path / "rows.parquet")


def test_every_utterance_has_a_row(tmp_path, shards):
    rows = detect(tmp_path, Toy(message="011"), shards)
    assert list(rows.columns) == list(COLUMNS)
    assert rows["utterance_id"].tolist() == ["a", "b", "c", "d"]
    assert rows["label"].tolist() == ["of a", "of b", "of c", "of d"]
    assert rows["speaker"].tolist() == ["speaker of a", "speaker of b", "speaker of c", "speaker of d"]
    assert rows["detection_score"].tolist() == [0.5, 0.0, 0.375, 0.875]
    # Scores and probabilities of one half are above threshold.
    assert rows["detected"].tolist() == [True, False, False, True]
    assert rows["message"].tolist() == ["011"] * 4
    assert rows["decoded_message"].tolist() == ["100", "100", "011", "011"]
    assert bit_error_rates(rows["message"], rows["decoded_message"]).tolist() == [1.0, 1.0, 0.0, 0.0]


def test_only_one_split_is_detected_on_request(tmp_path, shards):
    assert detect(tmp_path, Toy(), shards, "test")["utterance_id"].tolist() == ["a", "b", "d"]


def test_the_rows_do_not_depend_on_the_shards(tmp_path, shards):
    together = shard(
        tmp_path / "all.parquet",
        ["b", "a", "c", "d"],
        "test",
        [[0.0, 0.625, 0.0, 0.125], [0.5, 0.5, 0.375, 0.25], [0.375, 0.0, 0.875, 0.5], [0.875, 0.125, 0.875, 0.75]],
    )
    separate = detect(tmp_path, Toy(message="01"), shards[::-1])
    pd.testing.assert_frame_equal(separate, detect(tmp_path, Toy(message="01"), [together]))


def test_without_a_payload_messages_are_empty_and_error_rates_missing(tmp_path, shards):
    rows = detect(tmp_path, Toy(), shards)
    assert rows["message"].tolist() == rows["decoded_message"].tolist() == [""] * 4
    assert np.isnan(bit_error_rates(rows["message"], rows["decoded_message"])).all()


def test_an_empty_shard_has_no_rows(tmp_path, shards):
    utterances.write(tmp_path / "empty.parquet", iter([]))
    rows = detect(tmp_path, Toy(), [tmp_path / "empty.parquet"])
    assert list(rows.columns) == list(COLUMNS) and rows.empty
    assert not bit_error_rates(rows["message"], rows["decoded_message"]).size
