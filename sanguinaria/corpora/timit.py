"""TIMIT (Garofolo et al., 1993, LDC93S1): who reads one of ten sentences, in a quiet room."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.core.errors import InputError
from sanguinaria.corpora import Corpus, Recording, Split, SplitShares

if TYPE_CHECKING:
    import numpy as np

Part = Literal["train", "test"]
PARTS: dict[Literal["train", "test", "both"], tuple[Part, ...]] = {
    "train": ("train",),
    "test": ("test",),
    "both": ("train", "test"),
}
# Speakers of the parts, and sentences of a speaker: 2 that all read, 5 that are balanced by phones, 3 diverse ones.
SPEAKERS: dict[Part, int] = {"train": 462, "test": 168}
SENTENCES = 10
# PART/DIALECT REGION/SPEAKER/SENTENCE: the disc has SPHERE files of capital letters; copies have small ones, or beside
# each a RIFF file whose name goes on with .wav.
NAME = re.compile(r"(?P<sentence>(?P<kind>SA|SX|SI)\d+)\.WAV(\.WAV)?", re.IGNORECASE)
SPEAKER = re.compile(r"[FM][A-Z]{3}\d", re.IGNORECASE)
REGION = re.compile(r"DR[1-8]", re.IGNORECASE)
# What a copy's own name for the format is worth in the report: nothing.
EXPECTED = "mislabelled: NIST"


class Timit(Corpus):
    """Speaker identification on a copy of one's own: the corpus is licensed by the LDC, and is never downloaded.

    ``root`` holds the folders TRAIN and TEST, in capital or small letters, or one that does. The labels are the
    speakers.

    ``split: sincnet`` is Ravanelli and Bengio's (2018, arXiv:1808.00158, section 4.1): the two sentences that everyone
    reads are left out, the five of kind SX train, and the three of kind SI test. There is no validation. With shares
    instead, all ten sentences are dealt: ``{validation: 0, test: 0.1}`` is Fake the Real's 90 and 10 %.

    Sentences last 3.1 s on average, from 0.9 to 7.8: a fixed ``duration`` crops or pads them, evenly at both ends.
    """

    root: Path = Field(description="the folder of your copy")
    part: Literal["train", "test", "both"] = Field(default="train", description="462, 168 or all 630 speakers")
    split: Literal["sincnet"] | SplitShares = Field(default="sincnet", description="sincnet's, or shares of sentences")
    duration: float = Field(default=3.0, gt=0, le=60, description="seconds, from the middle of the sentence")

    def labels(self) -> Sequence[str] | None:
        try:
            return sorted(self._listed())
        except InputError:  # the first job tells it: a configuration that names other corpora can be used without
            return None

    def fingerprint(self) -> str:
        """The files' names; one that is exchanged is not noticed."""
        try:
            paths = [path for sentences in self._listed().values() for path in sentences.values()]
        except InputError:
            return ""
        return hashlib.sha256("\n".join(paths).encode()).hexdigest()[:16]

    def recordings(self) -> list[Recording]:
        found = [
            Recording(f"{speaker}/{sentence}", speaker, speaker, split, sentences[sentence])
            for speaker, sentences in self._listed().items()
            for sentence, split in self._splits(speaker, sorted(sentences))
        ]
        return sorted(found, key=lambda recording: recording.utterance_id)

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from sanguinaria.audio.files import read_file

        samples, rate, remarks = read_file(Path(source))
        return samples, rate, [remark for remark in remarks if remark != EXPECTED]

    def _splits(self, speaker: str, sentences: Sequence[str]) -> Iterator[tuple[str, Split]]:
        if self.split != "sincnet":
            # The speaker's name makes each speaker's order another, as all read the same two sentences.
            dealt = self.split.deal([f"{speaker}/{sentence}" for sentence in sentences])
            yield from ((name.partition("/")[2], split) for name, split in dealt.items())
            return
        of_kind: dict[str, Split] = {"SX": "train", "SI": "test"}
        yield from ((sentence, of_kind[sentence[:2]]) for sentence in sentences if sentence[:2] in of_kind)

    def _listed(self) -> dict[str, dict[str, str]]:
        """Speaker → sentence → path.

        Raises:
            InputError: the copy is absent or not whole.
        """
        if not self.root.is_dir():
            raise InputError(
                f"no folder {str(self.root)!r}: give the folder of your copy of TIMIT, with TRAIN and TEST in it; the "
                "corpus is licensed by the LDC (LDC93S1) and is not downloaded"
            )
        return {
            speaker: sentences
            for part in PARTS[self.part]
            for speaker, sentences in _read_part(self.root, part, self.root.stat().st_mtime_ns).items()
        }


@lru_cache(maxsize=8)
def _read_part(root: Path, part: Part, modified: int) -> dict[str, dict[str, str]]:
    """Speaker → sentence → path of a part, read once in a process for each state of the root."""
    folder = _folder(root, part)
    found: dict[str, dict[str, str]] = {}
    for region in _below(folder, REGION):
        for speaker in _below(region, SPEAKER):
            names = sorted(name for name in os.listdir(speaker) if NAME.fullmatch(name))
            # A SPHERE file comes before the RIFF file whose name goes on, and is not replaced by it.
            own = found.setdefault(speaker.name.upper(), {})
            for name in names:
                own.setdefault(name.partition(".")[0].upper(), str(speaker / name))
    if len(found) != SPEAKERS[part]:
        raise InputError(f"{folder}: {len(found)} speakers instead of {SPEAKERS[part]}: complete your copy of TIMIT")
    if short := next((name for name, own in sorted(found.items()) if len(own) != SENTENCES), None):
        raise InputError(
            f"{folder}: {short} has {len(found[short])} sentences instead of {SENTENCES}: complete your copy of TIMIT"
        )
    return found


def _folder(root: Path, part: Part) -> Path:
    """The folder of a part, in the root or one below it."""
    candidates = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    for place in candidates:
        found = next((path for path in sorted(place.iterdir()) if path.is_dir() and path.name.lower() == part), None)
        if found is not None:
            return found
    raise InputError(f"{root}: no folder {part.upper()} in it: give the folder of your copy of TIMIT as `root`")


def _below(folder: Path, name: re.Pattern[str]) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and name.fullmatch(path.name))
