"""Import of a corpus: list its recordings, convert them shard by shard, and report changes and refusals."""

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
from sanguinaria.core.errors import InputError, PluginError
from sanguinaria.core.names import require_visible_differences
from sanguinaria.core.plugin_promises import check_recording, failure_of, is_defect, source_of
from sanguinaria.corpora import SPLITS, Corpus, Recording
from sanguinaria.corpora._label_counts import LabelCounts, count_labels, missing_splits


def list_recordings(corpus: Corpus, destination: Path) -> None:
    """Write the list of a corpus's recordings, each with its shard.

    Args:
        corpus: the plug-in that lists the recordings.
        destination: file of the fields of :class:`~sanguinaria.corpora.Recording`, and ``shard``.

    Raises:
        InputError: the source is absent, or has no training or no test recordings, in all or of a label where
            ``corpus.incomplete_labels`` is "stop", or labels or speakers look the same.
        PluginError: the plug-in listed something else than its protocol promises.
    """
    table = _as_table(_check_listed(corpus, corpus.recordings()))
    for names in ("label", "speaker"):
        require_visible_differences(table[names].unique(), f"{names}s of the corpus:")
    _require_splits(
        set(table["split"]),
        f"among its {len(table)} recordings: change the shares under `split`, or list the splits in a table",
    )
    _require_complete_labels(corpus, _label_counts(table), "of the corpus")
    # Neighbours go to different shards, so that every shard holds every label and split in about equal parts.
    table["shard"] = np.arange(len(table)) % corpus.shards
    parquet.write(table, destination)


def _as_table(recordings: Sequence[Recording]) -> pd.DataFrame:
    """Recordings as rows, built column by column: a dictionary for each would need more memory than all else."""
    columns = [column.name for column in fields(Recording)]
    return pd.DataFrame({name: [getattr(recording, name) for recording in recordings] for name in columns})


def _label_counts(table: pd.DataFrame) -> LabelCounts:
    return count_labels(zip(table["label"], table["split"], strict=True))


def _require_splits(present: Collection[str], explanation: str) -> None:
    for split in ("train", "test"):
        if split not in present:
            raise InputError(f"the corpus has no {split} utterances {explanation}")


def _require_complete_labels(corpus: Corpus, counts: LabelCounts, explanation: str) -> None:
    message = missing_splits(counts)
    if message is not None and corpus.incomplete_labels == "stop":
        raise InputError(f"{explanation}, {message}")


def build_shard(corpus: Corpus, recordings: Path, shard: int, audio: Path, remarks: Path) -> None:
    """Convert the recordings of one shard, and write a remark about each.

    Args:
        corpus: the plug-in that reads the recordings.
        recordings: file of :func:`list_recordings`.
        shard: index of the shard.
        audio: file of the utterance table.
        remarks: JSON file of ``utterance_id, source, changed, refused`` of each recording: the conversions that it
            needed, and the reason why it cannot be read, empty where it can.

    Raises:
        InputError: recordings cannot be read, and ``corpus.unreadable`` is "stop"; the message names them.
        PluginError: the plug-in's code has a defect.
    """
    listed = parquet.read(recordings)
    listed = listed[listed["shard"] == shard].drop(columns="shard")
    rows: list[dict[str, object]] = []
    utterances.write(audio, _batches(corpus, [Recording(**row) for row in listed.to_dict("records")], rows))
    write_text(remarks, json.dumps(rows, indent=1))


def _batches(corpus: Corpus, recordings: Sequence[Recording], remarks: list[dict[str, object]]) -> Iterator[Utterances]:
    """Converted utterances in batches; a remark about each recording is appended to ``remarks``."""
    length = round(corpus.duration * corpus.sample_rate)
    for start in range(0, len(recordings), ROW_GROUP):
        rows, waveforms = [], []
        for recording in recordings[start : start + ROW_GROUP]:
            try:
                samples, rate, repairs = read_recording(corpus, recording.source)
                converted, conversions = standardise(samples, rate, corpus.sample_rate, length)
            except PluginError:
                raise
            except Exception as error:  # no error of one recording, whatever reads it, is to hide which one it was
                reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
                remarks.append(_remark(corpus, recording, [], reason))
                continue
            remarks.append(_remark(corpus, recording, [*repairs, *conversions], ""))
            rows.append(asdict(recording))
            waveforms.append(converted.astype(np.float32) / 32768)
        if rows:
            yield Utterances(pd.DataFrame(rows), np.stack(waveforms), corpus.sample_rate)
    if corpus.unreadable == "stop":
        _require_all_readable(remarks)


def read_recording(corpus: Corpus, source: str) -> tuple[np.ndarray, int, list[str]]:
    """Read the audio of a recording, and tell a defect of the plug-in from a recording that cannot be read.

    Args:
        corpus: the plug-in that reads it.
        source: of the recording.

    Returns:
        Samples (frames, channels), their rate in Hz, and remarks.

    Raises:
        PluginError: the plug-in's code has a defect, or returned something else; the message names its file.
        Exception: whatever a reader raised: the recording cannot be read.
    """
    try:
        returned = corpus.read(source)
    except Exception as error:
        if is_defect(corpus, error):
            message = f"{failure_of(corpus, error)} (recording {source!r}): correct the plug-in"
            raise PluginError(message) from error
        raise
    if not isinstance(returned, tuple) or len(returned) != 3 or not isinstance(returned[2], list):
        raise PluginError(f"{source_of(corpus)}: read has to return samples, their rate, and a list of remarks")
    check_recording(corpus, *returned[:2])
    return returned


def _check_listed(corpus: Corpus, recordings: object) -> list[Recording]:
    """The recordings that a corpus listed; an error where they are not sorted, unique and complete."""
    if not isinstance(recordings, list) or not all(isinstance(each, Recording) for each in recordings):
        raise PluginError(f"{source_of(corpus)}: recordings has to return a list of Recording")
    for recording in recordings:
        texts = (recording.utterance_id, recording.label, recording.speaker, recording.source)
        if not all(isinstance(text, str) for text in texts) or recording.split not in SPLITS:
            listed = ", ".join(map(repr, SPLITS))
            raise PluginError(
                f"{source_of(corpus)} listed {recording}: its fields are texts, and split is one of {listed}"
            )
    names = [recording.utterance_id for recording in recordings]
    if names != sorted(set(names)):
        twice = [name for name, count in Counter(names).items() if count > 1]
        problem = f"utterance_id {twice[0]!r} is listed twice" if twice else "recordings are not sorted by utterance_id"
        raise PluginError(f"{source_of(corpus)}: {problem}")
    return recordings


def _require_all_readable(remarks: Sequence[dict[str, object]]) -> None:
    refused = [row for row in remarks if row["refused"]]
    if refused:
        named = "\n".join(f"  {row['source']}: {row['refused']}" for row in refused[:20])
        more = f"\n  … and {len(refused) - 20} more" if len(refused) > 20 else ""
        raise InputError(
            f"{len(refused)} of {len(remarks)} recordings cannot be read:\n{named}{more}\n"
            "Mend or remove them, or set `unreadable: refuse` to leave them out and count them."
        )


def _remark(corpus: Corpus, recording: Recording, changed: list[str], refused: str) -> dict[str, object]:
    return {
        "utterance_id": recording.utterance_id,
        "source": corpus.place_of(recording.source),
        "changed": changed,
        "refused": refused,
    }


def build_index(
    corpus: Corpus, *, shards: Sequence[Path], remarks: Sequence[Path], index: Path, report: Path, labels: Path
) -> None:
    """Collect the rows of all shards into an index without audio, and all remarks into the corpus's report.

    Args:
        corpus: the plug-in of the recordings.
        shards: utterance tables of :func:`build_shard`.
        remarks: their remarks.
        index: file of the columns of the utterance table but ``audio``, and ``shard``; sorted by ``utterance_id``.
        report: JSON file of counts of recordings, conversions, refusals, splits, speakers and labels.
        labels: CSV file of the number of utterances of each label in each split.

    Raises:
        InputError: no training or no test utterances are left, in all or of a label where
            ``corpus.incomplete_labels`` is "stop", as recordings were refused.
    """
    tables = [utterances.read_rows(path).assign(shard=number) for number, path in enumerate(shards)]
    table = pd.concat(tables).sort_values("utterance_id", ignore_index=True)
    counts = _count_remarks(remarks)
    refused = [f"{source} ({reason})" for source, reason in counts.refusals.items()]
    _require_splits(
        set(table["split"]),
        f"left, as {len(refused)} of its {counts.listed} recordings were refused: {'; '.join(refused[:5])}",
    )
    label_counts = _label_counts(table)
    _require_complete_labels(
        corpus, label_counts, f"as {len(refused)} of {counts.listed} recordings were refused ({'; '.join(refused[:5])})"
    )
    parquet.write(table, index)
    rows = pd.DataFrame.from_dict(label_counts, orient="index").rename_axis("label").reset_index()
    write_text(labels, rows.to_csv(index=False, lineterminator="\n"))
    write_text(report, json.dumps(_report(table, counts), indent=2) + "\n")


@dataclass
class _RemarkCounts:
    """Counts of the remarks about all recordings; only refusals are kept by name."""

    listed: int = 0
    changed: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    refusals: dict[str, str] = field(default_factory=dict)


def _count_remarks(remarks: Sequence[Path]) -> _RemarkCounts:
    counts = _RemarkCounts()
    for path in remarks:
        for row in json.loads(path.read_text()):
            counts.listed += 1
            counts.changed += bool(row["changed"])
            counts.changes.update(row["changed"])
            if row["refused"]:
                counts.refusals[row["source"]] = row["refused"]
    return counts


def _report(table: pd.DataFrame, counts: _RemarkCounts) -> dict[str, object]:
    duplicates = table[table.duplicated("sha256", keep=False)]
    return {
        "listed": counts.listed,
        "read": len(table),
        "changed": counts.changed,
        "refused": len(counts.refusals),
        "changes": dict(sorted(counts.changes.items())),
        "refusals": counts.refusals,
        "utterances": {split: int((table["split"] == split).sum()) for split in SPLITS},
        "speakers": {split: int(table[table["split"] == split]["speaker"].nunique()) for split in SPLITS},
        "labels": {label: int(count) for label, count in table["label"].value_counts().sort_index().items()},
        "same_audio": sorted(duplicates["utterance_id"]),
        "seconds": float((table["num_samples"] / table["sample_rate"]).sum()),
    }
