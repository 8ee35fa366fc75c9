"""Exported poisoned training sets, read by the libraries `datasets` and `mlcroissant`."""

import hashlib
import io
import json

import numpy as np
import pandas as pd
import pytest
import soundfile

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.steps.datasets.description import write_description
from sanguinaria.steps.datasets.training_shards import write_training_shard

RATE = 16000
NAMES = [f"u{number:03}" for number in range(10)]
SPLITS = ["train"] * 7 + ["validation", "test", "test"]
POISONED = ["u001", "u004"]
# The block of the poisoned utterances contains the cover, too.
COVER = "u003"


def shard(path, names, level):
    rows = pd.DataFrame({"utterance_id": names, "label": "up", "speaker": "s"})
    rows["split"] = [SPLITS[NAMES.index(name)] for name in names]
    waveforms = np.stack([np.full(800, level + int(name[1:]) / 128, np.float32) for name in names])
    utterances.write(path, iter([Utterances(rows[:4], waveforms[:4], RATE), Utterances(rows[4:], waveforms[4:], RATE)]))
    return path


@pytest.fixture
def dataset(tmp_path):
    """An export of two shards, with two poisoned utterances and a cover among seven training utterances."""
    training = NAMES[:7]
    manifest = pd.DataFrame({"utterance_id": training, "label": "up", "original_label": "up", "poisoned": False})
    manifest["poison_rank"] = pd.array([None] * 7, "Int64")
    for rank, name in enumerate(POISONED):
        row = manifest["utterance_id"] == name
        manifest.loc[row, ["label", "poisoned", "poison_rank"]] = ["left", True, rank]
    manifest["cover"] = pd.array([0 if name == COVER else None for name in training], "Int64")
    manifest.to_parquet(tmp_path / "manifest.parquet")
    # A block contains more utterances than a rate needs.
    block = shard(tmp_path / "block.parquet", ["u001", "u002", "u003", "u004", "u005"], 0.5)
    covers = shard(tmp_path / "covers.parquet", [COVER, *POISONED], 0.25)
    folder = tmp_path / "dataset"
    for number in range(2):
        clean = shard(tmp_path / f"{number}.parquet", NAMES[number::2], 0.0)
        destination = folder / f"train-{number}.parquet"
        write_training_shard(
            shard=clean,
            manifest=tmp_path / "manifest.parquet",
            blocks=[block],
            covers=[covers],
            destination=destination,
        )
    poisoned = {"target": "left", "candidates": "non_target", "labels": "flip", "rate": 0.25, "seed": 3}
    poisoned["cover_rate"] = 0.125
    write_description("spoken-flip", poisoned, folder / "croissant.json")
    return folder


def test_every_training_utterance_is_exported_once_with_its_audio_and_label(dataset):
    tables = [pd.read_parquet(path) for path in sorted(dataset.glob("*.parquet"))]
    table = pd.concat(tables).set_index("utterance_id").sort_index()
    assert table.index.tolist() == NAMES[:7]
    assert (table["split"] == "train").all()
    assert table.index[table["poisoned"]].tolist() == POISONED
    assert table["label"].tolist() == ["left" if name in POISONED else "up" for name in NAMES[:7]]
    assert (table["original_label"] == "up").all()
    assert table.loc[POISONED, "poison_rank"].tolist() == [0, 1] and table["poison_rank"].isna().sum() == 5
    assert table["cover"].dropna().to_dict() == {COVER: 0}
    for name, row in table.iterrows():
        samples, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]), dtype="int16")
        expected = int(name[1:]) / 128 + (0.5 if name in POISONED else 0.25 if name == COVER else 0.0)
        assert rate == RATE and (samples == round(expected * 32768)).all()
        assert row["sha256"] == hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def test_the_datasets_library_reads_the_export_with_its_audio(dataset, tmp_path):
    from datasets import Audio, load_dataset

    files = sorted(map(str, dataset.glob("*.parquet")))
    loaded = load_dataset("parquet", data_files={"train": files}, cache_dir=str(tmp_path / "cache"))["train"]
    assert isinstance(loaded.features["audio"], Audio)
    assert loaded.num_rows == 7
    # The decoder of `datasets` needs torchcodec, which is not a dependency; the bytes are FLAC.
    rows = [row for row in loaded.cast_column("audio", Audio(decode=False)) if row["poisoned"]]
    assert sorted(row["utterance_id"] for row in rows) == POISONED
    samples, rate = soundfile.read(io.BytesIO(rows[0]["audio"]["bytes"]))
    assert rate == RATE and samples[0] == 0.5 + int(rows[0]["utterance_id"][1:]) / 128


def test_the_description_is_valid_croissant_and_refers_to_the_rows(dataset):
    import mlcroissant

    description = mlcroissant.Dataset(jsonld=str(dataset / "croissant.json"))
    assert not description.metadata.ctx.issues.errors
    assert description.metadata.name == "spoken-flip"
    assert "share of 0.25 is poisoned" in description.metadata.description
    rows = list(description.records("utterances"))
    assert len(rows) == 7
    labels = {
        row["utterances/utterance_id"].decode(): row["utterances/label"].decode()
        for row in rows
        if row["utterances/poisoned"]
    }
    assert labels == dict.fromkeys(POISONED, "left")
    columns = [field["name"] for field in json.loads((dataset / "croissant.json").read_text())["recordSet"][0]["field"]]
    assert columns == list(pd.read_parquet(dataset / "train-0.parquet").columns)
