"""The utterance table: labelled audio in Parquet shards.

Columns: ``utterance_id, label, speaker, split, num_samples, sample_rate, sha256`` (of the 16-bit samples) and
``audio``, a struct of ``bytes`` (FLAC) and ``path``, which the Hugging Face ``datasets`` library reads as its Audio
feature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sanguinaria.audio.files import decode_flac, encode_flac, to_int16
from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.parquet import open_parquet

DESCRIPTION = ("utterance_id", "label", "speaker", "split")
METADATA = (*DESCRIPTION, "num_samples", "sample_rate", "sha256")

FEATURES = {
    **{name: {"dtype": "string", "_type": "Value"} for name in DESCRIPTION},
    "num_samples": {"dtype": "int64", "_type": "Value"},
    "sample_rate": {"dtype": "int64", "_type": "Value"},
    "sha256": {"dtype": "string", "_type": "Value"},
    "audio": {"_type": "Audio"},
}
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in DESCRIPTION),
        ("num_samples", pa.int64()),
        ("sample_rate", pa.int64()),
        ("sha256", pa.string()),
        ("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)
# Rows read and written at once: 256 one-second clips are 16 MB as float32.
ROW_GROUP = 256


@dataclass(frozen=True)
class Utterances:
    """Some utterances in memory: their rows (without audio) and their waveforms (utterances, samples), float32."""

    rows: pd.DataFrame
    waveforms: np.ndarray
    sample_rate: int


def write(path: Path, batches: Iterator[Utterances]) -> None:
    """Write a shard, batch by batch, atomically; waveforms beyond ±1 are clipped to 16 bits."""
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="none", write_page_checksum=True) as writer,
    ):
        for batch in batches:
            writer.write_table(_table(batch), row_group_size=ROW_GROUP)


def _table(batch: Utterances) -> pa.Table:
    samples = [to_int16(waveform) for waveform in batch.waveforms]
    names = batch.rows["utterance_id"].tolist()
    columns = {
        **{name: batch.rows[name].tolist() for name in DESCRIPTION},
        "num_samples": [len(row) for row in samples],
        "sample_rate": [batch.sample_rate] * len(samples),
        "sha256": [hashlib.sha256(row.astype("<i2").tobytes()).hexdigest() for row in samples],
        "audio": [
            {"bytes": encode_flac(row, batch.sample_rate), "path": f"{name}.flac"}
            for row, name in zip(samples, names, strict=True)
        ],
    }
    return pa.table(columns, schema=SCHEMA)


def read(path: Path, ids: Sequence[str] | None = None, split: str | None = None) -> Iterator[Utterances]:
    """The utterances of a shard in its order, in batches of at most :data:`ROW_GROUP`.

    Args:
        path: a shard.
        ids: only these, where given.
        split: only this split, where given.

    Raises:
        DamagedError: the shard was cut or altered since it was written.
        InputError: it cannot be read for another reason.
    """
    wanted = None if ids is None else pa.array(sorted(ids), pa.string())
    with open_parquet(path, "shard") as file:
        for batch in file.iter_batches(ROW_GROUP):
            yield from _selected(pa.Table.from_batches([batch]), wanted, split)


def _selected(table: pa.Table, wanted: pa.Array | None, split: str | None) -> Iterator[Utterances]:
    import pyarrow.compute as pc

    if split is not None:
        table = table.filter(pc.equal(table["split"], split))
    if wanted is not None:
        table = table.filter(pc.is_in(table["utterance_id"], value_set=wanted))
    if table.num_rows:
        audio = table["audio"].combine_chunks().field("bytes")
        waveforms = np.stack([decode_flac(data.as_py()) for data in audio])
        rows = table.select(list(METADATA)).to_pandas()
        yield Utterances(rows, waveforms, int(rows["sample_rate"].iloc[0]))


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of a shard or an index without their audio; errors as of :func:`read`."""
    return parquet.read(path, METADATA)
