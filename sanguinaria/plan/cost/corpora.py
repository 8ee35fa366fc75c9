"""Numbers of utterances of corpora: from the report of an imported corpus, or else from published sizes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sanguinaria.core import plugins
from sanguinaria.core.paths import RESULTS
from sanguinaria.corpora import SPLITS, Corpus
from sanguinaria.corpora.librispeech import UTTERANCES as LIBRISPEECH_RECORDINGS
from sanguinaria.corpora.speech_commands import ALL, CLIPS, WORDS
from sanguinaria.corpora.timit import PARTS, SENTENCES, SPEAKERS
from sanguinaria.plan.cost.specifications import Specification

# Utterances by split.
Sizes = Mapping[str, float]

# Clips of each keyword in the full archive of Speech Commands v0.02 (its README.md, and Warden, 2018, table 2).
CLIPS_OF_WORD = {
    **{"backward": 1664, "bed": 2014, "bird": 2064, "cat": 2031, "dog": 2128, "down": 3917, "eight": 3787},
    **{"five": 4052, "follow": 1579, "forward": 1557, "four": 3728, "go": 3880, "happy": 2054, "house": 2113},
    **{"learn": 1575, "left": 3801, "marvin": 2100, "nine": 3934, "no": 3941, "off": 3745, "on": 3845, "one": 3890},
    **{"right": 3778, "seven": 3998, "sheila": 2022, "six": 3860, "stop": 3872, "three": 3727, "tree": 1759},
    **{"two": 3880, "up": 3723, "visual": 1592, "wow": 2123, "yes": 4044, "zero": 4052},
}
# Clips of its official lists, all keywords.
OFFICIAL_SPLITS = {"train": 84_843, "validation": 9_981, "test": 11_005}
# Clips in the view of the speakers: of the test archive's 239 speakers, 52 have thirty or more.
SHARE_OF_FREQUENT_SPEAKERS = 0.45

# VoxCeleb1 (Nagrani et al., 2017): speakers, and the recordings of its list for identification and for verification.
VOXCELEB1_SPEAKERS = 1_251
IDENTIFICATION = {"train": 138_361, "validation": 6_904, "test": 8_251}
VERIFICATION = {"train": 141_210, "validation": 7_432, "test": 4_874}

# Hours and speakers of the subsets of LibriSpeech (Panayotov et al., 2015, table 1).
LIBRISPEECH = {"train-clean-100": (100.6, 251), "dev-clean": (5.4, 40), "test-other": (5.1, 33)}


def utterances_by_split(stage: Specification, results: Path = RESULTS) -> Sizes:
    """Return the number of utterances of a corpus in each split.

    Args:
        stage: nested specification of the corpus.
        results: the results folder, where the report of an imported corpus is.
    """
    report = results / "corpora" / stage["key"] / "report.json"
    if report.is_file():
        sizes: Sizes = json.loads(report.read_text(encoding="utf-8"))["utterances"]
        return sizes
    corpus = stage["corpus"]
    published = PUBLISHED.get(corpus["kind"])
    return _listed(corpus) if published is None else published(corpus)


def _listed(settings: Mapping[str, Any]) -> Sizes:
    """Count the recordings of a corpus that lists them without a download.

    Raises:
        InputError: the source is absent.
    """
    corpus = plugins.build("corpora", settings)
    assert isinstance(corpus, Corpus)
    splits = [recording.split for recording in corpus.recordings()]
    return {split: splits.count(split) for split in SPLITS}


def _in_shares(total: float, shares: Mapping[str, float]) -> Sizes:
    """Utterances by split, from a corpus's setting ``split``."""
    test, validation = shares["test"], shares["validation"]
    return {"train": total * (1 - test - validation), "validation": total * validation, "test": total * test}


def _speech_commands(corpus: Mapping[str, Any]) -> Sizes:
    words = corpus["words"]
    if corpus["archive"] == "test":
        share = 1.0 if isinstance(words, str) else len(words) / len(WORDS["sc10"])
        total = CLIPS["test"] * share
    else:
        total = sum(CLIPS_OF_WORD[word] for word in (WORDS.get(words, ALL) if isinstance(words, str) else words))
    if corpus["view"] == "speakers":
        return _in_shares(total * SHARE_OF_FREQUENT_SPEAKERS, corpus["split"])
    if corpus["archive"] == "test":
        return _in_shares(total, corpus["split"])
    return {split: total * count / CLIPS["full"] for split, count in OFFICIAL_SPLITS.items()}


def _voxceleb1(corpus: Mapping[str, Any]) -> Sizes:
    speakers = corpus["speakers"]
    selected = speakers if isinstance(speakers, int) else VOXCELEB1_SPEAKERS if speakers == "all" else len(speakers)
    share = selected / VOXCELEB1_SPEAKERS
    sizes = IDENTIFICATION if corpus["split"] is None else VERIFICATION
    return {split: count * share for split, count in sizes.items()}


def _librispeech(corpus: Mapping[str, Any]) -> Sizes:
    hours, speakers = LIBRISPEECH[corpus["subset"]]
    # A recording's rest is left out: half a segment, on average.
    segments = 3600 * hours / corpus["duration"] - 0.5 * LIBRISPEECH_RECORDINGS[corpus["subset"]]
    maximum = corpus["maximum_segments"]
    return _in_shares(segments if maximum is None else min(segments, maximum * speakers), corpus["split"])


def _timit(corpus: Mapping[str, Any]) -> Sizes:
    speakers = sum(SPEAKERS[part] for part in PARTS[corpus["part"]])
    if corpus["split"] == "sincnet":  # five SX sentences, three SI sentences
        return {"train": 5 * speakers, "validation": 0, "test": 3 * speakers}
    return _in_shares(SENTENCES * speakers, corpus["split"])


def _synthetic(corpus: Mapping[str, Any]) -> Sizes:
    return _in_shares(len(corpus["words"]) * corpus["voices"] * len(corpus["paces"]), corpus["split"])


# Kinds of corpora with a published size; any other lists its recordings.
PUBLISHED: Mapping[str, Callable[[Mapping[str, Any]], Sizes]] = {
    "speech_commands": _speech_commands,
    "voxceleb1": _voxceleb1,
    "librispeech": _librispeech,
    "timit": _timit,
    "synthetic": _synthetic,
}
