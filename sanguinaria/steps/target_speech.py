"""The speech of a target speaker: gathered once from a file or a corpus, and checked."""

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

# Of speech, without the silence before and after it.
LEAST_SECONDS = 0.5
# Utterances of one speaker get a common peak, and stand apart.
PEAK, PAUSE = 0.5, 0.1
# What is below half a step of 16-bit audio is silence.
SILENCE = 0.5 / 2**15
# Names that an error lists.
TOLD = 20


def gather_from_file(file: Path, seconds: float, destination: Path, skip: float = 0.0) -> None:
    """Write a file's speech, mono and without silence at its ends, as FLAC: so many seconds after the skipped ones.

    Raises:
        InputError: it cannot be read, is silent, or is too short.
    """
    place = f"target speech {str(file)!r}"
    try:
        samples, rate, _ = read_file(file)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    _write(samples.mean(axis=1), rate, seconds, skip, place, destination)


def gather_from_corpus(
    index: Path,
    shards: Sequence[Path],
    utterance: str | None,
    speaker: str | None,
    seconds: float,
    destination: Path,
    skip: float = 0.0,
    split: str | None = None,
) -> None:
    """Write an utterance, or what there is of a speaker, as FLAC without silence at its ends.

    A speaker's utterances are those of a split, or else those that train, or all where none does, by their names: so
    many seconds after the skipped ones. Each gets the same peak; they stand 0.1 s apart.

    Raises:
        InputError: the corpus has no such utterance or speaker, or it is silent or too short.
    """
    table = parquet.read(index)
    column, wanted = ("utterance_id", utterance) if speaker is None else ("speaker", speaker)
    place = f"target speech, {column} {wanted!r}"
    chosen = table[table[column] == wanted]
    if chosen.empty:
        raise InputError(f"{place}: {_unknown(column, str(wanted), sorted(table[column].unique()))}")
    if speaker is not None:
        chosen = _of_split(chosen, split, place)
    rate = int(chosen["sample_rate"].iloc[0])
    sounds = [sound for sound in map(_trimmed, _read(chosen, shards, skip + seconds)) if sound.size]
    _write(_joined(sounds, rate) if speaker is not None else _only(sounds), rate, seconds, skip, place, destination)


def _of_split(chosen: pd.DataFrame, split: str | None, place: str) -> pd.DataFrame:
    found = chosen[chosen["split"] == (split or "train")]
    if len(found):
        return found
    if split is not None:
        raise InputError(
            f"{place}: none of its utterances are of the {split} split; leave `split` out, or name another"
        )
    return chosen


def _unknown(column: str, wanted: str, known: list[str]) -> str:
    """That there is no such name; of many that are unlike it, the first are told."""
    if len(known) > TOLD and not get_close_matches(wanted, known, n=1, cutoff=0.5):
        known = [*known[:TOLD], f"and {len(known) - TOLD} more"]
    return unknown_name(column, wanted, known)


def _read(chosen: pd.DataFrame, shards: Sequence[Path], seconds: float) -> Iterator[np.ndarray]:
    """The waveforms of chosen rows of an index, in their order, as far as they are needed for so many seconds."""
    needed = chosen[(chosen["num_samples"] / chosen["sample_rate"]).cumsum().shift(fill_value=0) < seconds]
    found: dict[str, np.ndarray] = {}
    for shard, names in needed.groupby("shard")["utterance_id"]:
        for batch in utterances.read(shards[int(str(shard))], ids=names.tolist()):
            found |= dict(zip(batch.rows["utterance_id"], batch.waveforms, strict=True))
    return (found[name] for name in needed["utterance_id"])


def _trimmed(waveform: np.ndarray) -> np.ndarray:
    """Without the silence at both ends."""
    sounding = np.flatnonzero(np.abs(waveform) >= SILENCE)
    return waveform[sounding[0] : sounding[-1] + 1] if sounding.size else waveform[:0]


def _only(sounds: Sequence[np.ndarray]) -> np.ndarray:
    return sounds[0] if sounds else np.zeros(0, dtype=np.float32)


def _joined(sounds: Sequence[np.ndarray], rate: int) -> np.ndarray:
    pause = np.zeros(round(PAUSE * rate), dtype=np.float32)
    parts = [part for sound in sounds for part in (pause, sound * (PEAK / np.abs(sound).max()))]
    return np.concatenate(parts[1:]) if parts else pause[:0]


def _write(samples: np.ndarray, rate: int, seconds: float, skip: float, place: str, destination: Path) -> None:
    sound = _trimmed(samples)[round(skip * rate) : round((skip + seconds) * rate)]
    if sound.size == 0:
        raise InputError(f"{place}: it is silent; name another one, with speech in it")
    if len(sound) < LEAST_SECONDS * rate:
        raise InputError(
            f"{place}: it has {len(sound) / rate:.2f} s of sound, and {LEAST_SECONDS:g} s are the least that tell a "
            "voice; name a longer one, or a speaker with several utterances"
        )
    with atomic(destination) as temporary:
        temporary.write_bytes(encode_flac(to_int16(sound), rate))
