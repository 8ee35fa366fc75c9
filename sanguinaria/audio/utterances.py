"""Utterance tables: labelled audio in Parquet shards.

Columns: ``utterance_id, label, speaker, split, num_samples, sample_rate, sha256`` (of the 16-bit samples) and
``audio``, a struct of ``bytes`` (FLAC) and ``path``, the Audio feature of the Hugging Face ``datasets`` library.
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
# Utterances in a batch and in a row group: 256 one-second clips are 16 MB as float32.
ROW_GROUP = 256


@dataclass(frozen=True)
class Utterances:
    """A batch of utterances in memory.

    Args:
        rows: the table's rows, without audio.
        waveforms: (utterances, samples), float32.
        sample_rate: in Hz.
    """

    rows: pd.DataFrame
    waveforms: np.ndarray
    sample_rate: int


def write(path: Path, batches: Iterator[Utterances]) -> None:
    """Write a shard from batches, atomically; waveforms are converted to 16 bits, and clipped at ±1."""
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="none", write_page_checksum=True) as writer,
    ):
        for batch in batches:
            writer.write_table(_table(batch), row_group_size=ROW_GROUP)


def _table(batch: Utterances) -> pa.Table:
    """A batch as a table with encoded audio."""
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
    """Read the utterances of a shard in its order, in batches of at most :data:`ROW_GROUP`.

    Args:
        path: the shard.
        ids: the utterances to read; all where ``None``.
        split: the split to read; all where ``None``.

    Yields:
        A batch of utterances for each row group that has any of those requested.

    Raises:
        DamagedError: the shard was truncated or altered.
        InputError: the shard cannot be read for another reason.
    """
    requested = None if ids is None else pa.array(sorted(ids), pa.string())
    with open_parquet(path, "shard") as file:
        for batch in file.iter_batches(ROW_GROUP):
            yield from _select(pa.Table.from_batches([batch]), requested, split)


def _select(table: pa.Table, requested: pa.Array | None, split: str | None) -> Iterator[Utterances]:
    """The requested utterances of a table as a batch, if there are any."""
    import pyarrow.compute as pc

    if split is not None:
        table = table.filter(pc.equal(table["split"], split))
    if requested is not None:
        table = table.filter(pc.is_in(table["utterance_id"], value_set=requested))
    if table.num_rows:
        audio = table["audio"].combine_chunks().field("bytes")
        waveforms = np.stack([decode_flac(data.as_py()) for data in audio])
        rows = table.select(list(METADATA)).to_pandas()
        yield Utterances(rows, waveforms, int(rows["sample_rate"].iloc[0]))


def read_rows(path: Path) -> pd.DataFrame:
    """Read the rows of a shard or an index without their audio; errors are those of :func:`read`."""
    return parquet.read(path, METADATA)
