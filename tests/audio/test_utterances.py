"""Shards: schema, lossless audio, detected damage, and atomic writes."""

import hashlib
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import ROW_GROUP, Utterances
from sanguinaria.core.errors import InputError

RATE = 16000
COLUMNS = ["utterance_id", "label", "speaker", "split", "num_samples", "sample_rate", "sha256", "audio"]
SPLITS = ("train", "test", "validation", "train")


def pcm(count: int, length: int = 800) -> np.ndarray:
    """Noise, (count, length) 16-bit, with the extremes in it."""
    samples = np.random.default_rng(count).integers(-32768, 32768, (count, length)).astype(np.int16)
    samples[:, :2] = -32768, 32767
    return samples


def batch(samples: np.ndarray, first: int = 0) -> Utterances:
    numbers = range(first, first + len(samples))
    rows = pd.DataFrame(
        {
            "utterance_id": [f"yes/{number:04}.wav" for number in numbers],
            "label": "yes",
            "speaker": [f"speaker {number % 7}" for number in numbers],
            "split": [SPLITS[number % 4] for number in numbers],
        }
    )
    return Utterances(rows, samples.astype(np.float32) / 32768, RATE)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "shard.parquet"
    utterances.write(path, iter([batch(pcm(20))]))
    return path


def ids(batches: Iterator[Utterances]) -> list[str]:
    return [name for batch in batches for name in batch.rows["utterance_id"]]


def test_schema(shard: Path) -> None:
    schema = pq.read_schema(shard)
    assert schema.names == COLUMNS
    assert [schema.field(name).type for name in COLUMNS[:4]] == [pa.string()] * 4
    assert schema.field("num_samples").type == schema.field("sample_rate").type == pa.int64()
    assert schema.field("audio").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def test_metadata_have_the_audio_feature_of_hugging_face(shard: Path) -> None:
    # `datasets` reads its features from this key, and takes a struct of bytes and path as Audio.
    features = json.loads(pq.read_schema(shard).metadata[b"huggingface"])["info"]["features"]
    assert list(features) == COLUMNS
    assert features["audio"] == {"_type": "Audio"}
    assert features["label"] == {"dtype": "string", "_type": "Value"}
    assert features["num_samples"] == {"dtype": "int64", "_type": "Value"}


def test_round_trip_of_rows_and_audio(shard: Path) -> None:
    samples = pcm(20)
    table = pq.read_table(shard).to_pydict()
    assert table["sha256"] == [hashlib.sha256(row.astype("<i2").tobytes()).hexdigest() for row in samples]
    assert set(table["num_samples"]) == {800}
    assert set(table["sample_rate"]) == {RATE}
    for audio, name, row in zip(table["audio"], table["utterance_id"], samples, strict=True):
        assert audio["path"] == f"{name}.flac"
        stored, rate = soundfile.read(io.BytesIO(audio["bytes"]), dtype="int16")
        assert rate == RATE
        np.testing.assert_array_equal(stored, row)


def test_round_trip_of_several_batches_in_order(tmp_path: Path) -> None:
    count = 2 * ROW_GROUP + 5
    samples = pcm(count, 40)
    sizes = [3, ROW_GROUP + 10, count - ROW_GROUP - 13]
    starts = np.cumsum([0, *sizes])
    written = [batch(samples[start : start + size], start) for start, size in zip(starts, sizes, strict=False)]
    utterances.write(tmp_path / "a.parquet", iter(written))
    parts = list(utterances.read(tmp_path / "a.parquet"))
    assert max(len(part.rows) for part in parts) <= ROW_GROUP
    assert all(part.sample_rate == RATE and part.waveforms.dtype == np.float32 for part in parts)
    np.testing.assert_array_equal(np.concatenate([part.waveforms for part in parts]) * 32768, samples)
    assert ids(iter(parts)) == [f"yes/{number:04}.wav" for number in range(count)]


def test_rows_without_audio(shard: Path) -> None:
    rows = utterances.read_rows(shard)
    assert list(rows.columns) == COLUMNS[:-1]
    assert rows["speaker"].tolist() == [f"speaker {number % 7}" for number in range(20)]


def test_filter_by_split(shard: Path) -> None:
    (part,) = utterances.read(shard, split="test")
    assert part.rows["utterance_id"].tolist() == [f"yes/{number:04}.wav" for number in range(1, 20, 4)]
    np.testing.assert_array_equal(part.waveforms * 32768, pcm(20)[1::4])


def test_filter_by_ids_in_the_order_of_the_shard(shard: Path) -> None:
    (part,) = utterances.read(shard, ids=["yes/0011.wav", "yes/0002.wav", "yes/0007.wav"])
    assert part.rows["utterance_id"].tolist() == ["yes/0002.wav", "yes/0007.wav", "yes/0011.wav"]
    np.testing.assert_array_equal(part.waveforms * 32768, pcm(20)[[2, 7, 11]])


def test_both_filters(shard: Path) -> None:
    assert ids(utterances.read(shard, ids=["yes/0001.wav", "yes/0002.wav"], split="test")) == ["yes/0001.wav"]


@pytest.mark.parametrize("filters", [{"ids": []}, {"split": "other"}, {"ids": ["yes/0099.wav"]}])
def test_filters_without_matches(shard: Path, filters: dict) -> None:
    assert list(utterances.read(shard, **filters)) == []


def test_an_empty_shard(tmp_path: Path) -> None:
    utterances.write(tmp_path / "a.parquet", iter([]))
    assert pq.read_schema(tmp_path / "a.parquet").names == COLUMNS
    assert list(utterances.read(tmp_path / "a.parquet")) == []
    assert utterances.read_rows(tmp_path / "a.parquet").empty


def test_waveforms_beyond_one_are_clipped(tmp_path: Path) -> None:
    waveforms = np.array([[2.0, -2.0, 0.5]], np.float32)
    utterances.write(tmp_path / "a.parquet", iter([Utterances(batch(pcm(1)).rows, waveforms, RATE)]))
    (part,) = utterances.read(tmp_path / "a.parquet")
    assert (part.waveforms * 32768).tolist() == [[32767, -32768, 16384]]


def test_equal_utterances_give_equal_files(tmp_path: Path, shard: Path) -> None:
    utterances.write(tmp_path / "again.parquet", iter([batch(pcm(20))]))
    assert (tmp_path / "again.parquet").read_bytes() == shard.read_bytes()


def interrupted(error: type[BaseException]) -> Iterator[Utterances]:
    yield batch(pcm(5))
    raise error


@pytest.mark.parametrize("error", [InputError, KeyboardInterrupt, FloatingPointError])
def test_an_interrupted_write_leaves_no_file(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        utterances.write(tmp_path / "folder" / "a.parquet", interrupted(error))
    assert list((tmp_path / "folder").iterdir()) == []


def test_an_interrupted_write_preserves_the_previous_file(shard: Path) -> None:
    before = shard.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        utterances.write(shard, interrupted(KeyboardInterrupt))
    assert shard.read_bytes() == before
    assert list(shard.parent.iterdir()) == [shard]


@pytest.mark.parametrize("keep", [0, 3, 1000, -1])
def test_the_error_of_a_truncated_shard_names_it(shard: Path, keep: int) -> None:
    shard.write_bytes(shard.read_bytes()[:keep])
    for reading in (lambda: list(utterances.read(shard)), lambda: utterances.read_rows(shard)):
        with pytest.raises(InputError, match=str(shard)):
            reading()


def contents(path: Path) -> tuple | str:
    """All that a shard gives, or the message with which it is refused."""
    try:
        parts = list(utterances.read(path))
    except InputError as error:
        return str(error)
    return [part.rows.to_csv() for part in parts], [part.waveforms.tobytes() for part in parts]


def test_an_altered_bit_is_detected_or_has_no_effect(shard: Path) -> None:
    original, expected = shard.read_bytes(), contents(shard)
    draw = random.Random(0)
    messages = []
    for place in [draw.randrange(len(original)) for _ in range(150)]:
        altered = bytearray(original)
        altered[place] ^= 1 << draw.randrange(8)
        shard.write_bytes(altered)
        content = contents(shard)
        if isinstance(content, str):
            messages.append(content)
        else:
            assert content == expected
    assert all(str(shard) in message for message in messages)
    # The other bits are the footer's, most of which describes the file to other programs.
    assert len(messages) > 100


def test_another_parquet_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"utterance_id": ["a"], "split": ["test"]}).to_parquet(path)
    for reading in (lambda: list(utterances.read(path)), lambda: utterances.read_rows(path)):
        with pytest.raises(InputError, match=str(path)):
            reading()
