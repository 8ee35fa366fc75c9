"""TIMIT (Garofolo et al., 1993, LDC93S1): speaker identification on read sentences."""

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
from sanguinaria.core.fields import UserPath
from sanguinaria.corpora import Corpus, Recording, Split, SplitShares

if TYPE_CHECKING:
    import numpy as np

Part = Literal["train", "test"]
PARTS: dict[Literal["train", "test", "both"], tuple[Part, ...]] = {
    "train": ("train",),
    "test": ("test",),
    "both": ("train", "test"),
}
# Speakers of the parts, and sentences of a speaker: 2 dialect sentences (SA), which all speakers read, 5 phonetically
# compact ones (SX) and 3 phonetically diverse ones (SI).
SPEAKERS: dict[Part, int] = {"train": 462, "test": 168}
SENTENCES = 10
# PART/DIALECT REGION/SPEAKER/SENTENCE. The disc has SPHERE files with names in capitals. Copies have names in lower
# case, or beside each file a RIFF file with .wav appended to its name.
NAME = re.compile(r"(?P<sentence>(?P<kind>SA|SX|SI)\d+)\.WAV(\.WAV)?", re.IGNORECASE)
SPEAKER = re.compile(r"[FM][A-Z]{3}\d", re.IGNORECASE)
REGION = re.compile(r"DR[1-8]", re.IGNORECASE)
# A remark that is left out of the report: every SPHERE file is named .WAV.
EXPECTED_REMARK = "mislabelled: NIST"


class Timit(Corpus):
    """Speaker identification on a copy of one's own: the corpus is licensed by the LDC, and is never downloaded.

    ``root`` holds the folders TRAIN and TEST, in upper or lower case, or is the parent of a folder that does. The
    labels are the speakers.

    ``split: sincnet`` is Ravanelli and Bengio's (2018, arXiv:1808.00158, section 4.1): the two sentences that all
    speakers read (SA) are left out, the five SX sentences are for training, and the three SI sentences for testing.
    There is no validation split. With shares instead, all ten sentences are assigned: ``{validation: 0, test: 0.1}`` is
    Fake the Real's 90 and 10 %.

    Sentences last 3.1 s on average, from 0.9 to 7.8 s: a fixed ``duration`` crops or pads them, evenly at both ends.
    """

    root: UserPath = Field(description="the folder of your copy")
    part: Literal["train", "test", "both"] = Field(default="train", description="462, 168 or all 630 speakers")
    split: Literal["sincnet"] | SplitShares = Field(
        default="sincnet", description="the split of SincNet's paper, or shares of each speaker's sentences"
    )
    duration: float = Field(default=3.0, gt=0, le=60, description="seconds, from the middle of the sentence")

    def labels(self) -> Sequence[str] | None:
        try:
            return sorted(self._sentences())
        except InputError:  # reported by the first job, as a configuration may be used for its other corpora alone
            return None

    def fingerprint(self) -> str:
        """Return a digest of the files' paths. A file that is replaced by another does not change it."""
        try:
            paths = [path for sentences in self._sentences().values() for path in sentences.values()]
        except InputError:
            return ""
        return hashlib.sha256("\n".join(paths).encode()).hexdigest()[:16]

    def recordings(self) -> list[Recording]:
        recordings = [
            Recording(
                utterance_id=f"{speaker}/{sentence}",
                label=speaker,
                speaker=speaker,
                split=split,
                source=sentences[sentence],
            )
            for speaker, sentences in self._sentences().items()
            for sentence, split in self._splits(speaker, sorted(sentences))
        ]
        return sorted(recordings, key=lambda recording: recording.utterance_id)

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from sanguinaria.audio.files import read_file

        samples, rate, remarks = read_file(Path(source))
        return samples, rate, [remark for remark in remarks if remark != EXPECTED_REMARK]

    def _splits(self, speaker: str, sentences: Sequence[str]) -> Iterator[tuple[str, Split]]:
        """The sentences of a speaker that are used, with their splits."""
        if self.split != "sincnet":
            # With the speaker's name, as all speakers read the same two sentences.
            splits = self.split.assign([f"{speaker}/{sentence}" for sentence in sentences])
            yield from ((name.partition("/")[2], split) for name, split in splits.items())
            return
        of_kind: dict[str, Split] = {"SX": "train", "SI": "test"}
        yield from ((sentence, of_kind[sentence[:2]]) for sentence in sentences if sentence[:2] in of_kind)

    def _sentences(self) -> dict[str, dict[str, str]]:
        """Map speakers to sentences to paths.

        Raises:
            InputError: the copy is absent or incomplete.
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
    """Map the speakers of a part to sentences to paths; cached in a process for each modification time of the root."""
    folder = _folder(root, part)
    sentences_of: dict[str, dict[str, str]] = {}
    for region in _below(folder, REGION):
        for speaker in _below(region, SPEAKER):
            names = sorted(name for name in os.listdir(speaker) if NAME.fullmatch(name))
            # A SPHERE file sorts before its RIFF copy, whose name is longer, and is not replaced by it.
            sentences = sentences_of.setdefault(speaker.name.upper(), {})
            for name in names:
                sentences.setdefault(name.partition(".")[0].upper(), str(speaker / name))
    if len(sentences_of) != SPEAKERS[part]:
        raise InputError(
            f"{folder}: {len(sentences_of)} speakers instead of {SPEAKERS[part]}: complete your copy of TIMIT"
        )
    if incomplete := next((name for name, own in sorted(sentences_of.items()) if len(own) != SENTENCES), None):
        raise InputError(
            f"{folder}: {incomplete} has {len(sentences_of[incomplete])} sentences instead of {SENTENCES}: "
            "complete your copy of TIMIT"
        )
    return sentences_of


def _folder(root: Path, part: Part) -> Path:
    """The folder of a part, in the root or in one of its sub-folders."""
    parents = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    for parent in parents:
        folder = next((path for path in sorted(parent.iterdir()) if path.is_dir() and path.name.lower() == part), None)
        if folder is not None:
            return folder
    raise InputError(f"{root}: no folder {part.upper()} in it: give the folder of your copy of TIMIT as `root`")


def _below(folder: Path, name: re.Pattern[str]) -> list[Path]:
    """The sub-folders whose names match a pattern, sorted."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and name.fullmatch(path.name))
