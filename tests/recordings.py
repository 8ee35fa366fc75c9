"""Small recordings, and corpora of them."""

import csv
import io
import json
import struct
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from sanguinaria.corpora import Corpus, Recording, SplitShares
from sanguinaria.steps.corpora import build_index, build_shard, list_recordings

RATE = 16000


HALVES = SplitShares(validation=0, test=0.5)


def noise(seed: int, length: int = RATE) -> np.ndarray:
    return np.random.default_rng(seed).integers(-20000, 20000, length).astype(np.int16)


def wav_bytes(samples: np.ndarray, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def float_wav(samples: np.ndarray) -> bytes:
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 1, RATE, 4 * RATE, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def flac(samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format="FLAC")
    return buffer.getvalue()


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def recordings_by_id(corpus: Corpus) -> dict[str, Recording]:
    recordings = corpus.recordings()
    names = [recording.utterance_id for recording in recordings]
    assert names == sorted(set(names))
    return {recording.utterance_id: recording for recording in recordings}


def build_corpus(corpus: Corpus, out: Path) -> tuple[pd.DataFrame, dict]:
    """Build all shards of a corpus, and return its index and report."""
    list_recordings(corpus, out / "recordings.parquet")
    audio = [out / f"{shard}.parquet" for shard in range(corpus.shards)]
    remarks = [out / f"{shard}.json" for shard in range(corpus.shards)]
    for shard in range(corpus.shards):
        build_shard(corpus, out / "recordings.parquet", shard, audio[shard], remarks[shard])
    build_index(
        corpus,
        shards=audio,
        remarks=remarks,
        index=out / "index.parquet",
        report=out / "report.json",
        labels=out / "labels.csv",
    )
    return pd.read_parquet(out / "index.parquet"), json.loads((out / "report.json").read_text())


def empty_files(folder: Path, *names: str) -> Path:
    return put(folder, dict.fromkeys(names, b""))


def write_csv(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path
