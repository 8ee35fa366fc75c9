"""A poisoned training set in one piece: Parquet shards as the Hugging Face ``datasets`` library reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import FEATURES, ROW_GROUP
from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic, write_text
from sanguinaria.steps.croissant import described

# What there is to say of an utterance of D′ beside what a corpus says of it.
POISON = {
    "original_label": ("string", pa.string()),
    "poisoned": ("bool", pa.bool_()),
    "poison_rank": ("int64", pa.int64()),
    "cover": ("int64", pa.int64()),
}
_FEATURES = {
    **{name: feature for name, feature in FEATURES.items() if name != "audio"},
    **{name: {"dtype": dtype, "_type": "Value"} for name, (dtype, _) in POISON.items()},
    "audio": FEATURES["audio"],
}
SCHEMA = pa.schema(
    [
        *(field for field in utterances.SCHEMA if field.name != "audio"),
        *((name, kind) for name, (_, kind) in POISON.items()),
        utterances.SCHEMA.field("audio"),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)
MEANINGS = {
    "utterance_id": "name of the utterance in its corpus",
    "label": "what a model is told that it is",
    "speaker": "who speaks",
    "split": "train",
    "num_samples": "length in samples",
    "sample_rate": "samples in a second",
    "sha256": "of the 16-bit samples, little-endian",
    "original_label": "what it is",
    "poisoned": "whether it carries the trigger",
    "poison_rank": "its place in the order of poisoning, from 0; none where it is not poisoned",
    "cover": "the number, from 0, of the other trigger that it carries, with its own label; none where there is none",
    "audio": "FLAC",
}
# What of an utterance is the trigger's.
TRIGGERED = ["num_samples", "sha256", "audio"]


def write_training_shard(
    shard: Path, manifest: Path, blocks: Sequence[Path], covers: Sequence[Path], destination: Path
) -> None:
    """Write the training utterances of a corpus's shard as D′ has them.

    The poisoned ones have the label that the manifest gives them and the trigger's audio, covers have another trigger's
    audio, all others are as they were; the order is the shard's, and the audio's bytes are copied, not coded again.

    Args:
        shard: of the corpus.
        manifest: of the poisoned data set.
        blocks: shards of triggered utterances, among them all poisoned ones.
        covers: shards of utterances with other triggers, among them all covers.
        destination: a shard with the columns of the utterance table, ``original_label``, ``poisoned``, ``poison_rank``,
            ``cover``.

    Raises:
        DamagedError: one of these was cut or altered since it was written.
    """
    listed = parquet.read(manifest, ["utterance_id", "label", *POISON]).set_index("utterance_id")
    present = set(utterances.read_rows(shard)["utterance_id"])
    replaced = ((listed["poisoned"], blocks), (listed["cover"].notna(), covers))
    triggered = [_triggered(paths, set(listed.index[chosen]) & present) for chosen, paths in replaced if paths]
    with atomic(destination) as temporary, pq.ParquetWriter(temporary, SCHEMA, write_page_checksum=True) as writer:
        for rows in _batches(shard):
            chosen = rows[rows.index.isin(listed.index)].drop(columns="label").join(listed)
            for audio in triggered:
                names = chosen.index.intersection(audio.index)
                chosen.loc[names, TRIGGERED] = audio.loc[names, TRIGGERED]
            writer.write_table(pa.Table.from_pandas(chosen.reset_index(), SCHEMA, preserve_index=False))


def write_description(name: str, poisoned: Mapping[str, Any], destination: Path) -> None:
    """Write what a poisoned training set is, in Croissant, beside its shards.

    Args:
        name: of the data set.
        poisoned: ``target``, ``candidates``, ``labels``, ``rate``, ``cover_rate`` and ``seed`` of its manifest.
        destination: of the description.
    """
    covers = (
        f", and a share of {rate:g} has other triggers and its own labels" if (rate := poisoned["cover_rate"]) else ""
    )
    text = (
        f"A training set of which a share of {poisoned['rate']:g} is poisoned (labels: {poisoned['labels']}, "
        f"candidates: {poisoned['candidates']}, target: {poisoned['target']}, seed {poisoned['seed']}){covers}. "
        "Each utterance stands in it once. For research on such attacks and on defences against them."
    )
    kinds = {name: feature.get("dtype", "audio") for name, feature in _FEATURES.items()}
    columns = {name: (kind, MEANINGS[name]) for name, kind in kinds.items()}
    write_text(destination, json.dumps(described(name, text, "*.parquet", columns), indent=1) + "\n")


def _triggered(blocks: Sequence[Path], names: set[str]) -> pd.DataFrame:
    """Some utterances of several shards, with their audio as it lies there."""
    found = [rows[rows.index.isin(names)] for path in blocks for rows in _batches(path)]
    return pd.concat(found)


def _batches(shard: Path) -> Iterator[pd.DataFrame]:
    with parquet.open_parquet(shard, "shard") as file:
        for batch in file.iter_batches(ROW_GROUP):
            yield batch.to_pandas().set_index("utterance_id")
