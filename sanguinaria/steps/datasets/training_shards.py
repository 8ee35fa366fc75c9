"""Shards of a poisoned training set D′, in the Parquet layout of the Hugging Face ``datasets`` library."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import FEATURES as UTTERANCE_FEATURES
from sanguinaria.audio.utterances import ROW_GROUP
from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic

# Columns of the manifest that D′ has beside those of the utterance table.
MANIFEST_COLUMNS = {
    "original_label": ("string", pa.string()),
    "poisoned": ("bool", pa.bool_()),
    "poison_rank": ("int64", pa.int64()),
    "cover": ("int64", pa.int64()),
}
# Features of D′ in the words of the `datasets` library.
FEATURES: dict[str, dict[str, Any]] = {
    **{name: feature for name, feature in UTTERANCE_FEATURES.items() if name != "audio"},
    **{name: {"dtype": dtype, "_type": "Value"} for name, (dtype, _) in MANIFEST_COLUMNS.items()},
    "audio": UTTERANCE_FEATURES["audio"],
}
SCHEMA = pa.schema(
    [
        *(field for field in utterances.SCHEMA if field.name != "audio"),
        *((name, kind) for name, (_, kind) in MANIFEST_COLUMNS.items()),
        utterances.SCHEMA.field("audio"),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)
# Columns that describe the samples, which a trigger changes.
AUDIO_COLUMNS = ["num_samples", "sha256", "audio"]


def write_training_shard(
    *, shard: Path, manifest: Path, blocks: Sequence[Path], covers: Sequence[Path], destination: Path
) -> None:
    """Write the training utterances of one shard of a corpus as D′ has them.

    Poisoned utterances have the label of the manifest and the trigger's audio, covers have their cover trigger's audio,
    all others keep both. The order is that of the shard. Encoded audio is copied and not encoded again.

    Args:
        shard: of the corpus.
        manifest: of the poisoned data set.
        blocks: shards of triggered utterances, among them all poisoned ones.
        covers: shards of utterances with cover triggers, among them all covers.
        destination: a shard with the columns of the utterance table, ``original_label``, ``poisoned``, ``poison_rank``,
            ``cover``.

    Raises:
        DamagedError: an input file was cut or altered since it was written.
    """
    listed = parquet.read(manifest, ["utterance_id", "label", *MANIFEST_COLUMNS]).set_index("utterance_id")
    present = set(utterances.read_rows(shard)["utterance_id"])
    replacements = ((listed["poisoned"], blocks), (listed["cover"].notna(), covers))
    triggered = [_rows_of(paths, set(listed.index[mask]) & present) for mask, paths in replacements if paths]
    with atomic(destination) as temporary, pq.ParquetWriter(temporary, SCHEMA, write_page_checksum=True) as writer:
        for batch in _batches(shard):
            rows = batch[batch.index.isin(listed.index)].drop(columns="label").join(listed)
            for audio in triggered:
                names = rows.index.intersection(audio.index)
                rows.loc[names, AUDIO_COLUMNS] = audio.loc[names, AUDIO_COLUMNS]
            writer.write_table(pa.Table.from_pandas(rows.reset_index(), SCHEMA, preserve_index=False))


def _rows_of(shards: Sequence[Path], names: set[str]) -> pd.DataFrame:
    """Rows of the named utterances in several shards, with their encoded audio."""
    return pd.concat([rows[rows.index.isin(names)] for path in shards for rows in _batches(path)])


def _batches(shard: Path) -> Iterator[pd.DataFrame]:
    """Rows of a shard, a row group at a time, indexed by utterance id."""
    with parquet.open_parquet(shard, "shard") as file:
        for batch in file.iter_batches(ROW_GROUP):
            yield batch.to_pandas().set_index("utterance_id")
