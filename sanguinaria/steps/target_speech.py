"""Speech of a target speaker, from a file or a corpus, trimmed and validated once for all triggers that use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from sanguinaria.audio import utterances
from sanguinaria.audio.files import encode_flac, read_file, to_int16
from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import InputError
from sanguinaria.core.suggestions import unknown_name

# Shortest target speech in seconds, without leading and trailing silence.
MINIMUM_SECONDS = 0.5
# Utterances of one speaker are scaled to a common peak, and separated by a pause in seconds.
PEAK, PAUSE = 0.5, 0.1
# Samples below half a step of 16-bit audio are silence.
SILENCE = 0.5 / 2**15
# Largest number of names that an error message lists.
LISTED_NAMES = 20


def gather_target_speech(
    *,
    file: str | Path | None,
    utterance: str | None,
    speaker: str | None,
    split: str | None,
    seconds: float,
    skip: float,
    index: Path | None,
    shards: Sequence[Path],
    destination: Path,
) -> None:
    """Write target speech from a file, or from an utterance or a speaker of a corpus.

    Args:
        file: of the target speech; ``None`` where it is taken from a corpus.
        utterance: id of the utterance, or ``None``.
        speaker: of the corpus, or ``None``.
        split: of the speaker's utterances.
        seconds: largest length.
        skip: seconds that are left out at the beginning.
        index: of the corpus; ``None`` for a file.
        shards: all shards of the corpus; none for a file.
        destination: FLAC file.

    Raises:
        InputError: as of :func:`gather_from_file` and :func:`gather_from_corpus`.
    """
    if file is not None:
        gather_from_file(Path(file), seconds, destination, skip)
        return
    assert index is not None
    gather_from_corpus(
        index,
        shards,
        utterance=utterance,
        speaker=speaker,
        split=split,
        seconds=seconds,
        skip=skip,
        destination=destination,
    )


def gather_from_file(file: Path, seconds: float, destination: Path, skip: float = 0.0) -> None:
    """Write a file's speech as mono FLAC, without leading and trailing silence.

    Args:
        file: audio file.
        seconds: largest length after the skipped part.
        destination: FLAC file.
        skip: seconds that are left out at the beginning.

    Raises:
        InputError: the file cannot be read, is silent, or is too short.
    """
    source = f"target speech {str(file)!r}"
    try:
        samples, rate, _ = read_file(file)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    _write(samples.mean(axis=1), rate, seconds, skip, source, destination)


def gather_from_corpus(
    index: Path,
    shards: Sequence[Path],
    *,
    utterance: str | None,
    speaker: str | None,
    seconds: float,
    destination: Path,
    skip: float = 0.0,
    split: str | None = None,
) -> None:
    """Write an utterance, or the concatenated utterances of a speaker, as FLAC without leading and trailing silence.

    A speaker's utterances are concatenated in the order of their names, each scaled to the same peak, with pauses of
    0.1 s between them.

    Args:
        index: of the corpus.
        shards: all shards of the corpus.
        utterance: id of the utterance; not used with a speaker.
        speaker: whose utterances are concatenated; ``None`` for a single utterance.
        seconds: largest length after the skipped part.
        destination: FLAC file.
        skip: seconds that are left out at the beginning.
        split: of the speaker's utterances; ``None`` for the training split, or all splits where that has none.

    Raises:
        InputError: the corpus has no such utterance or speaker, or the speech is silent or too short.
    """
    table = parquet.read(index)
    column, name = ("utterance_id", utterance) if speaker is None else ("speaker", speaker)
    source = f"target speech, {column} {name!r}"
    rows = table[table[column] == name]
    if rows.empty:
        raise InputError(f"{source}: {_unknown(column, str(name), sorted(table[column].unique()))}")
    if speaker is not None:
        rows = _of_split(rows, split, source)
    rate = int(rows["sample_rate"].iloc[0])
    waveforms = [waveform for waveform in map(_trimmed, _read(rows, shards, skip + seconds)) if waveform.size]
    speech = _joined(waveforms, rate) if speaker is not None else _first(waveforms)
    _write(speech, rate, seconds, skip, source, destination)


def _of_split(rows: pd.DataFrame, split: str | None, source: str) -> pd.DataFrame:
    """Rows of a split; without a split those of the training split, or all where it has none."""
    of_split = rows[rows["split"] == (split or "train")]
    if len(of_split):
        return of_split
    if split is not None:
        raise InputError(
            f"{source}: none of its utterances are of the {split} split; leave `split` out, or name another"
        )
    return rows


def _unknown(column: str, name: str, names: list[str]) -> str:
    """Message for an unknown name; a long list without close matches is cut."""
    if len(names) > LISTED_NAMES and not get_close_matches(name, names, n=1, cutoff=0.5):
        names = [*names[:LISTED_NAMES], f"and {len(names) - LISTED_NAMES} more"]
    return unknown_name(column, name, names)


def _read(rows: pd.DataFrame, shards: Sequence[Path], seconds: float) -> Iterator[np.ndarray]:
    """Waveforms of the first rows of an index that together have at least this duration."""
    needed = rows[(rows["num_samples"] / rows["sample_rate"]).cumsum().shift(fill_value=0) < seconds]
    waveforms: dict[str, np.ndarray] = {}
    for shard, names in needed.groupby("shard")["utterance_id"]:
        for batch in utterances.read(shards[int(str(shard))], ids=names.tolist()):
            waveforms |= dict(zip(batch.rows["utterance_id"], batch.waveforms, strict=True))
    return (waveforms[name] for name in needed["utterance_id"])


def _trimmed(waveform: np.ndarray) -> np.ndarray:
    """Waveform (samples,) without leading and trailing silence."""
    voiced = np.flatnonzero(np.abs(waveform) >= SILENCE)
    return waveform[voiced[0] : voiced[-1] + 1] if voiced.size else waveform[:0]


def _first(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    return waveforms[0] if waveforms else np.zeros(0, dtype=np.float32)


def _joined(waveforms: Sequence[np.ndarray], rate: int) -> np.ndarray:
    pause = np.zeros(round(PAUSE * rate), dtype=np.float32)
    parts = [part for waveform in waveforms for part in (pause, waveform * (PEAK / np.abs(waveform).max()))]
    return np.concatenate(parts[1:]) if parts else pause[:0]


def _write(samples: np.ndarray, rate: int, seconds: float, skip: float, source: str, destination: Path) -> None:
    speech = _trimmed(samples)[round(skip * rate) : round((skip + seconds) * rate)]
    if speech.size == 0:
        raise InputError(f"{source}: it is silent; name another one, with speech in it")
    if len(speech) < MINIMUM_SECONDS * rate:
        raise InputError(
            f"{source}: it has {len(speech) / rate:.2f} s of sound, and at least {MINIMUM_SECONDS:g} s are needed to "
            "characterise a voice; name a longer one, or a speaker with several utterances"
        )
    with atomic(destination) as temporary:
        temporary.write_bytes(encode_flac(to_int16(speech), rate))
