"""Trials of speaker verification: pairs of utterances, of one speaker (target trials) or of two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd

from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError

COLUMNS = ("trial", "target", "enrolment", "test", "enrolment_speaker", "test_speaker")
# 1 for a target trial, else 0; the enrolled utterance; the test utterance.
LINE = re.compile(r"([01])\s+(\S+)\s+(\S+)")
# Up to so many pairs of utterances are all listed, so that nearly all of them may be taken.
LISTED = 200_000
NAMED = 3  # of what is wrong, so many are named


def write_trials(
    index: Path, listed: Path | None, count: int, seed: int, destination: Path, split: str = "test"
) -> None:
    """Write a corpus's trials, a row each: ``trial, target, enrolment, test, enrolment_speaker, test_speaker``.

    Args:
        index: of the corpus.
        listed: a list as :func:`read_trials` reads it; trials are made (:func:`make_trials`) where ``None``.
        count: at most so many, half of them target trials.
        seed: of the choice.
        destination: of the rows.
        split: whose utterances trials are made of; listed ones are of the test.

    Raises:
        InputError: as of those two.
    """
    rows = parquet.read(index, ["utterance_id", "speaker", "split"])
    if listed is None:
        table = make_trials(rows[rows["split"] == split], count, seed)
    else:
        table = _some(read_trials(listed, rows), count, seed)
    parquet.write(table, destination)


def read_trials(path: Path, utterances: pd.DataFrame) -> pd.DataFrame:
    """Trials in the format of VoxCeleb1-O (Nagrani et al., 2017): lines of a label, 1 for one speaker and 0 for two,
    the enrolled and the test utterance, such as ``1 id10270/x6uYqmx31kE/00001.wav id10270/8jEAjG6SegY/00008.wav``.

    Args:
        path: of the list; a suffix of its names is no part of an utterance's name.
        utterances: all of the corpus: columns ``utterance_id, speaker, split``.

    Raises:
        InputError: a line is no trial, its label is not that of its speakers, an utterance is compared with itself, or
            is not among the corpus's test utterances.
    """
    parsed = list(_parsed(path))
    if not parsed:
        raise InputError(f"{path}: the list of trials is empty")
    table = pd.DataFrame(parsed, columns=["line", "target", "enrolment", "test"])
    known = utterances.set_index("utterance_id")
    named = pd.unique(table[["enrolment", "test"]].to_numpy().ravel())
    if absent := [name for name in named if name not in known.index]:
        told = f"{len(absent)} of the {len(named)} utterances are not in the corpus: {_some_of(absent)}"
        raise InputError(f"{path}: {told}")
    splits = known["split"]
    if wrong := [name for name in named if splits[name] != "test"]:
        raise InputError(
            f"{path}: {len(wrong)} of the {len(named)} utterances are of the corpus's {splits[wrong[0]]} split, "
            f"which trials may not name: {_some_of(wrong)}"
        )
    for side in ("enrolment", "test"):
        table[f"{side}_speaker"] = known["speaker"].loc[table[side]].to_numpy()
    _check(path, table)
    return _numbered(table)


def _parsed(path: Path) -> Iterator[tuple[int, bool, str, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as a list of trials: {error}") from error
    for number, line in enumerate(lines, 1):
        if (match := LINE.fullmatch(line.strip())) is not None:
            yield number, match[1] == "1", _name(match[2]), _name(match[3])
        elif line.strip():
            raise InputError(f"{path}:{number}: {line[:80]!r} is not '0 or 1', the enrolled and the test utterance")


def _name(text: str) -> str:
    return re.sub(r"\.(wav|flac|m4a)$", "", text)


def _check(path: Path, table: pd.DataFrame) -> None:
    same = table["enrolment_speaker"] == table["test_speaker"]
    for wrong, what in (
        (table["enrolment"] == table["test"], "compares an utterance with itself"),
        (table["target"] != same, "has a label that is not that of its speakers"),
    ):
        if wrong.any():
            raise InputError(f"{path}:{table['line'][wrong].iloc[0]}: the trial {what}")


def _some_of(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")


def _numbered(table: pd.DataFrame) -> pd.DataFrame:
    """In a fixed order, with names that sort as they stand."""
    table = table.reset_index(drop=True)
    return table.assign(trial=[f"trial-{number:06d}" for number in range(len(table))])[list(COLUMNS)]


def _some(table: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """At most so many of listed trials, half of them target trials as far as there are such."""
    random = np.random.default_rng(seed)
    places = [random.permutation(np.flatnonzero(table["target"] == kind))[: count // 2] for kind in (True, False)]
    return _numbered(table.iloc[np.sort(np.concatenate(places))])


def make_trials(utterances: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """As many target as non-target trials, no pair of utterances twice, each speaker as often as possible alike.

    Args:
        utterances: columns ``utterance_id, speaker``; a target trial is of two different ones.
        count: of trials, fewer where there are not as many pairs.
        seed: of the choice.

    Raises:
        InputError: no speaker has two utterances, or there is one speaker only.
    """
    own = {str(speaker): sorted(rows) for speaker, rows in utterances.groupby("speaker")["utterance_id"]}
    targets = {speaker: comb(len(names), 2) for speaker, names in own.items()}
    possible = min(sum(targets.values()), comb(sum(map(len, own.values())), 2) - sum(targets.values()))
    if possible == 0:
        raise InputError(
            f"no trials can be made of {len(utterances)} utterances of {len(own)} speakers: there must be two "
            "speakers, and one with two utterances"
        )
    half = min(count // 2, possible)
    random = np.random.default_rng(seed)
    pairs = [*_target_pairs(own, _shared(targets, half), random), *_other_pairs(own, half, random)]
    speakers = {name: speaker for speaker, names in own.items() for name in names}
    table = pd.DataFrame(pairs, columns=["enrolment", "test"])
    for side in ("enrolment", "test"):
        table[f"{side}_speaker"] = table[side].map(speakers)
    table["target"] = table["enrolment_speaker"] == table["test_speaker"]
    return _numbered(table)


def _shared(available: dict[str, int], total: int) -> dict[str, int]:
    """So many taken from all as equally as possible; who has least gives all it has."""
    found: dict[str, int] = {}
    for rest, speaker in zip(
        range(len(available), 0, -1), sorted(available, key=lambda s: (available[s], s)), strict=True
    ):
        found[speaker] = min(available[speaker], -(-(total - sum(found.values())) // rest))
    return found


def _target_pairs(
    own: dict[str, list[str]], wanted: dict[str, int], random: np.random.Generator
) -> Iterator[tuple[str, str]]:
    for speaker, names in own.items():
        pairs = list(combinations(names, 2))
        for place in random.permutation(len(pairs))[: wanted[speaker]]:
            yield _turned(pairs[place], random)


def _other_pairs(own: dict[str, list[str]], count: int, random: np.random.Generator) -> list[tuple[str, str]]:
    """Pairs of two speakers' utterances: first of all pairs of speakers alike, then of what is left."""
    speakers = list(own)
    if sum(map(len, own.values())) ** 2 / 2 <= LISTED:
        every = [(a, b) for one, two in combinations(speakers, 2) for a in own[one] for b in own[two]]
        return [_turned(every[place], random) for place in random.permutation(len(every))[:count]]
    found: dict[tuple[str, str], None] = {}
    while len(found) < count:
        one, two = sorted(random.choice(len(speakers), 2, replace=False))
        first, second = (own[speakers[number]] for number in (one, two))
        found[(first[random.integers(len(first))], second[random.integers(len(second))])] = None
    return [_turned(pair, random) for pair in found]


def _turned(pair: tuple[str, str], random: np.random.Generator) -> tuple[str, str]:
    """Either of the two is the enrolled one."""
    return pair if random.random() < 0.5 else (pair[1], pair[0])
