"""Trials of speaker verification: pairs of utterances, of the same speaker (target) or of two (non-target)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd

from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError

COLUMNS = ("trial", "target", "enrolment", "test", "enrolment_speaker", "test_speaker")
# 1 for a target trial, else 0; the enrolment utterance; the test utterance.
LINE = re.compile(r"([01])\s+(\S+)\s+(\S+)")
# Extensions of audio files, which lists have or leave out.
EXTENSION = re.compile(r"\.(wav|flac|m4a|mp3|ogg|opus|sph)$", re.IGNORECASE)
# Up to this number, all pairs of utterances are enumerated, so that nearly all of them can be drawn.
ENUMERATED_PAIRS = 200_000
# Largest number of names that an error message lists.
LISTED_NAMES = 3


def write_trials(
    *, index: Path, trial_list: str | Path | None, count: int, seed: int, destination: Path, split: str = "test"
) -> None:
    """Write the trials of a corpus: ``trial, target, enrolment, test, enrolment_speaker, test_speaker``.

    Args:
        index: of the corpus.
        trial_list: a file as :func:`read_trials` reads it; ``None`` for random trials (:func:`make_trials`).
        count: largest number of trials, half of them target trials.
        seed: of the draw.
        destination: file of the rows.
        split: of the utterances of random trials; those of a list are of the test split.

    Raises:
        InputError: as of :func:`read_trials` and :func:`make_trials`.
    """
    rows = parquet.read(index, ["utterance_id", "speaker", "split"])
    if trial_list is None:
        table = make_trials(rows[rows["split"] == split], count, seed)
    else:
        table = _subsample(read_trials(Path(trial_list), rows), count, seed)
    parquet.write(table, destination)


def read_trials(path: Path, utterances: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of a list in the format of VoxCeleb1-O (Nagrani et al., 2017).

    A line has a label, 1 for a target and 0 for a non-target trial, the enrolment and the test utterance, such as
    ``1 id10270/x6uYqmx31kE/00001.wav id10270/8jEAjG6SegY/00008.wav``.

    Args:
        path: of the list; an utterance may be named with or without its extension, or with another one.
        utterances: of the corpus, with columns ``utterance_id, speaker, split``.

    Returns:
        Rows as of :func:`write_trials`.

    Raises:
        InputError: a line is not a trial, its label contradicts its speakers, it compares an utterance with itself, or
            an utterance is not in the corpus's test split.
    """
    parsed = list(_parsed(path))
    if not parsed:
        raise InputError(f"{path}: the list of trials is empty")
    table = pd.DataFrame(parsed, columns=["line", "target", "enrolment", "test"])
    rows = utterances.set_index("utterance_id")
    listed = pd.unique(table[["enrolment", "test"]].to_numpy().ravel())
    names = _utterances_of(path, listed, list(rows.index))
    _check_splits(path, list(names.values()), rows["split"])
    for side in ("enrolment", "test"):
        table[side] = table[side].map(names)
        table[f"{side}_speaker"] = rows["speaker"].loc[table[side]].to_numpy()
    _check_trials(path, table)
    return _numbered(table)


def _parsed(path: Path) -> Iterator[tuple[int, bool, str, str]]:
    """Line number, label, enrolment and test utterance of each trial."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as a list of trials: {error}") from error
    for number, line in enumerate(lines, 1):
        if (match := LINE.fullmatch(line.strip())) is not None:
            yield number, match[1] == "1", match[2], match[3]
        elif line.strip():
            raise InputError(f"{path}:{number}: {line[:80]!r} is not '0 or 1', the enrolled and the test utterance")


def _without_extension(name: str) -> str:
    return EXTENSION.sub("", name)


def _utterances_of(path: Path, listed: Sequence[str], utterance_ids: Sequence[str]) -> dict[str, str]:
    """The utterance that each name of a list means: the one of that name, or else of that name but for extensions."""
    exact = set(utterance_ids)
    by_stem: dict[str, list[str]] = {}
    for utterance_id in utterance_ids:
        by_stem.setdefault(_without_extension(utterance_id), []).append(utterance_id)
    candidates = {name: [name] if name in exact else by_stem.get(_without_extension(name), []) for name in listed}
    if absent := [name for name, ids in candidates.items() if not ids]:
        raise InputError(
            f"{path}: {len(absent)} of the {len(listed)} utterances are not in the corpus: {_listed(absent)}; it has "
            f"names such as {utterance_ids[0]}"
        )
    if ambiguous := [name for name, ids in candidates.items() if len(ids) > 1]:
        files = ", ".join(candidates[ambiguous[0]])
        raise InputError(f"{path}: {ambiguous[0]} may be {files}: write its extension")
    return {name: ids[0] for name, ids in candidates.items()}


def _check_splits(path: Path, names: Sequence[str], splits: Mapping[str, str]) -> None:
    if wrong := [name for name in names if splits[name] != "test"]:
        raise InputError(
            f"{path}: {len(wrong)} of the {len(names)} utterances are of the corpus's {splits[wrong[0]]} split, "
            f"which trials may not name: {_listed(wrong)}"
        )


def _check_trials(path: Path, table: pd.DataFrame) -> None:
    same_speaker = table["enrolment_speaker"] == table["test_speaker"]
    for wrong, problem in (
        (table["enrolment"] == table["test"], "compares an utterance with itself"),
        (table["target"] != same_speaker, "has a label that is not that of its speakers"),
    ):
        if wrong.any():
            raise InputError(f"{path}:{table['line'][wrong].iloc[0]}: the trial {problem}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED_NAMES]) + (", …" if len(names) > LISTED_NAMES else "")


def _numbered(table: pd.DataFrame) -> pd.DataFrame:
    """Trials with names whose alphabetical order is that of the rows."""
    table = table.reset_index(drop=True)
    return table.assign(trial=[f"trial-{number:06d}" for number in range(len(table))])[list(COLUMNS)]


def _subsample(table: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Random trials of a list, at most ``count``, half of them target trials where there are enough."""
    random = np.random.default_rng(seed)
    positions = [random.permutation(np.flatnonzero(table["target"] == kind))[: count // 2] for kind in (True, False)]
    return _numbered(table.iloc[np.sort(np.concatenate(positions))])


def make_trials(utterances: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Return random trials: equally many target and non-target trials, balanced over speakers, no pair twice.

    Args:
        utterances: columns ``utterance_id, speaker``; the two utterances of a target trial differ.
        count: number of trials; fewer where there are not enough pairs.
        seed: of the draw.

    Returns:
        Rows as of :func:`write_trials`.

    Raises:
        InputError: no speaker has two utterances, or there is only one speaker.
    """
    by_speaker = {str(speaker): sorted(rows) for speaker, rows in utterances.groupby("speaker")["utterance_id"]}
    target_pairs = {speaker: comb(len(names), 2) for speaker, names in by_speaker.items()}
    all_pairs = comb(sum(map(len, by_speaker.values())), 2)
    possible = min(sum(target_pairs.values()), all_pairs - sum(target_pairs.values()))
    if possible == 0:
        raise InputError(
            f"no trials can be made of {len(utterances)} utterances of {len(by_speaker)} speakers: there must be two "
            "speakers, and one with two utterances"
        )
    half = min(count // 2, possible)
    random = np.random.default_rng(seed)
    pairs = [
        *_target_pairs(by_speaker, _equal_shares(target_pairs, half), random),
        *_non_target_pairs(by_speaker, half, random),
    ]
    speakers = {name: speaker for speaker, names in by_speaker.items() for name in names}
    table = pd.DataFrame(pairs, columns=["enrolment", "test"])
    for side in ("enrolment", "test"):
        table[f"{side}_speaker"] = table[side].map(speakers)
    table["target"] = table["enrolment_speaker"] == table["test_speaker"]
    return _numbered(table)


def _equal_shares(available: dict[str, int], total: int) -> dict[str, int]:
    """Shares of a total, as equal as possible; where fewer are available, all of them are taken.

    >>> _equal_shares({"a": 1, "b": 5, "c": 5}, 7)
    {'a': 1, 'b': 3, 'c': 3}
    """
    shares: dict[str, int] = {}
    by_size = sorted(available, key=lambda speaker: (available[speaker], speaker))
    for remaining, speaker in zip(range(len(available), 0, -1), by_size, strict=True):
        shares[speaker] = min(available[speaker], -(-(total - sum(shares.values())) // remaining))
    return shares


def _target_pairs(
    by_speaker: dict[str, list[str]], counts: dict[str, int], random: np.random.Generator
) -> Iterator[tuple[str, str]]:
    for speaker, names in by_speaker.items():
        pairs = list(combinations(names, 2))
        for position in random.permutation(len(pairs))[: counts[speaker]]:
            yield _random_sides(pairs[position], random)


def _non_target_pairs(
    by_speaker: dict[str, list[str]], count: int, random: np.random.Generator
) -> list[tuple[str, str]]:
    """Pairs of utterances of two speakers, drawn from all pairs, or speaker by speaker where there are too many."""
    speakers = list(by_speaker)
    if sum(map(len, by_speaker.values())) ** 2 / 2 <= ENUMERATED_PAIRS:
        pairs = [(a, b) for one, two in combinations(speakers, 2) for a in by_speaker[one] for b in by_speaker[two]]
        return [_random_sides(pairs[position], random) for position in random.permutation(len(pairs))[:count]]
    # A dictionary keeps the order of the draws and has no pair twice.
    drawn: dict[tuple[str, str], None] = {}
    while len(drawn) < count:
        one, two = sorted(random.choice(len(speakers), 2, replace=False))
        first, second = (by_speaker[speakers[number]] for number in (one, two))
        drawn[(first[random.integers(len(first))], second[random.integers(len(second))])] = None
    return [_random_sides(pair, random) for pair in drawn]


def _random_sides(pair: tuple[str, str], random: np.random.Generator) -> tuple[str, str]:
    """Pair of enrolment and test utterance, either way round."""
    return pair if random.random() < 0.5 else (pair[1], pair[0])
