"""Building a corpus: list its recordings, read them shard by shard, and count what was read, changed, and refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd

from sanguinaria.audio import utterances
from sanguinaria.audio.files import standardise
from sanguinaria.audio.utterances import ROW_GROUP, Utterances
from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.errors import InputError
from sanguinaria.corpora import SPLITS, Corpus, Recording


def list_recordings(corpus: Corpus, destination: Path) -> None:
    """Write the list of a corpus's recordings, each with its shard.

    Raises:
        InputError: the source is absent, or there is nothing to train or test on.
    """
    table = _listed(corpus.recordings())
    _require_splits(
        set(table["split"]),
        f"among its {len(table)} recordings: change the shares under `split`, or list the splits in a table",
    )
    # Neighbours go to different shards, so that every shard holds every label and split in about equal parts.
    table["shard"] = np.arange(len(table)) % corpus.shards
    parquet.write(table, destination)


def _listed(recordings: Sequence[Recording]) -> pd.DataFrame:
    """Column by column: a dictionary for each recording would take more memory than all else."""
    columns = [column.name for column in fields(Recording)]
    return pd.DataFrame({name: [getattr(recording, name) for recording in recordings] for name in columns})


def _require_splits(present: Collection[str], explanation: str) -> None:
    for split in ("train", "test"):
        if split not in present:
            raise InputError(f"the corpus has no {split} utterances {explanation}")


def build_shard(corpus: Corpus, recordings: Path, shard: int, audio: Path, remarks: Path) -> None:
    """Read the recordings of one shard and write their audio, and beside it what there is to say of each.

    Raises:
        InputError: some cannot be read, and the corpus's settings do not say to refuse them; all are named.
    """
    listed = parquet.read(recordings)
    listed = listed[listed["shard"] == shard].drop(columns="shard")
    found: list[dict[str, object]] = []
    utterances.write(audio, _batches(corpus, [Recording(**row) for row in listed.to_dict("records")], found))
    write_text(remarks, json.dumps(found, indent=1))


def _batches(corpus: Corpus, recordings: Sequence[Recording], found: list[dict[str, object]]) -> Iterator[Utterances]:
    length = round(corpus.duration * corpus.sample_rate)
    for start in range(0, len(recordings), ROW_GROUP):
        kept, waveforms = [], []
        for recording in recordings[start : start + ROW_GROUP]:
            try:
                samples, rate, remarks = corpus.read(recording.source)
            except InputError as error:
                found.append(_remark(recording, [], str(error)))
                continue
            fitted, changes = standardise(samples, rate, corpus.sample_rate, length)
            found.append(_remark(recording, [*remarks, *changes], ""))
            kept.append(asdict(recording))
            waveforms.append(fitted.astype(np.float32) / 32768)
        if kept:
            yield Utterances(pd.DataFrame(kept), np.stack(waveforms), corpus.sample_rate)
    if corpus.unreadable == "stop":
        _require_all_read(found)


def _require_all_read(found: Sequence[dict[str, object]]) -> None:
    refused = [row for row in found if row["refused"]]
    if refused:
        named = "\n".join(f"  {row['source']}: {row['refused']}" for row in refused[:20])
        more = f"\n  … and {len(refused) - 20} more" if len(refused) > 20 else ""
        raise InputError(
            f"{len(refused)} of {len(found)} recordings cannot be read:\n{named}{more}\n"
            "Mend or remove them, or set `unreadable: refuse` to leave them out and count them."
        )


def _remark(recording: Recording, changed: list[str], refused: str) -> dict[str, object]:
    return {
        "utterance_id": recording.utterance_id,
        "source": recording.source,
        "changed": changed,
        "refused": refused,
    }


def build_index(shards: Sequence[Path], remarks: Sequence[Path], index: Path, report: Path) -> None:
    """Gather the rows of all shards into one table without audio, and all remarks into the corpus's report.

    The index has the columns of the utterance table but ``audio``, and ``shard``; it is sorted by ``utterance_id``.

    Raises:
        InputError: so many recordings were refused that there is nothing left to train or test on.
    """
    tables = [utterances.read_rows(path).assign(shard=number) for number, path in enumerate(shards)]
    table = pd.concat(tables).sort_values("utterance_id", ignore_index=True)
    said = _told(remarks)
    refused = [f"{source} ({reason})" for source, reason in said.refusals.items()]
    _require_splits(
        set(table["split"]),
        f"left, as {len(refused)} of its {said.listed} recordings were refused: {'; '.join(refused[:5])}",
    )
    parquet.write(table, index)
    write_text(report, json.dumps(_report(table, said), indent=2) + "\n")


@dataclass
class _Told:
    """The remarks of all recordings, counted; only refusals are kept by name."""

    listed: int = 0
    changed: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    refusals: dict[str, str] = field(default_factory=dict)


def _told(remarks: Sequence[Path]) -> _Told:
    told = _Told()
    for path in remarks:
        for row in json.loads(path.read_text()):
            told.listed += 1
            told.changed += bool(row["changed"])
            told.changes.update(row["changed"])
            if row["refused"]:
                told.refusals[row["source"]] = row["refused"]
    return told


def _report(table: pd.DataFrame, said: _Told) -> dict[str, object]:
    duplicates = table[table.duplicated("sha256", keep=False)]
    return {
        "listed": said.listed,
        "read": len(table),
        "changed": said.changed,
        "refused": len(said.refusals),
        "changes": dict(sorted(said.changes.items())),
        "refusals": said.refusals,
        "utterances": {split: int((table["split"] == split).sum()) for split in SPLITS},
        "speakers": {split: int(table[table["split"] == split]["speaker"].nunique()) for split in SPLITS},
        "labels": {label: int(count) for label, count in table["label"].value_counts().sort_index().items()},
        "same_audio": sorted(duplicates["utterance_id"]),
        "seconds": float((table["num_samples"] / table["sample_rate"]).sum()),
    }
