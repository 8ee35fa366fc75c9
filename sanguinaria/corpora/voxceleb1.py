"""VoxCeleb1 (Nagrani, Chung, Zisserman, 2017, arXiv:1706.08612): speaker identification on interviews from the web."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.fields import UserPath
from sanguinaria.core.plugins import Plugin
from sanguinaria.corpora import Corpus, Recording, Split

if TYPE_CHECKING:
    import numpy as np

LIST = "iden_split.txt"
# Numbers of the splits in the official list.
SPLIT_OF: dict[str, Split] = {"1": "train", "2": "validation", "3": "test"}
# Number, speaker, session and file. No part begins with a dot, so that no path leads out of the root.
LINE = re.compile(r"([123]) ([^/\s.][^/\s]*)/([^/\s.][^/\s]*/[^/\s.][^/\s]*\.wav)\s*")
# Parents of the speakers' folders below the root: one for all, or one for each of the two extracted archives.
FOLDERS = ("wav", "dev/wav", "test/wav", "")
# Names in an error message, at most.
NAMED = 3


class VoxCeleb1(Corpus):
    """Speaker identification on a copy of one's own: the corpus needs an agreement, and is never downloaded.

    ``root`` holds the recordings as wav/SPEAKER/SESSION/NUMBER.wav, as {dev,test}/wav/SPEAKER/…, or as SPEAKER/…
    directly, and the official list iden_split.txt, whose lines are a number (1 train, 2 validation, 3 test), a space,
    and SPEAKER/SESSION/NUMBER.wav. The labels are the speakers. Every speaker is in every split of the official list,
    which keeps one session of each for the test.

    Utterances last at least 4 s, 8.2 s on average, and the paper's networks are trained on 3 s of them, which need no
    padding. Here they are the middle of the utterance; the paper draws a random crop each time.

    Bloodroot's VoxCeleb-125 is of 125 speakers, and its paper does not list them: ``speakers: 125`` takes the first
    125 names in alphabetical order.
    """

    root: UserPath = Field(description="the folder of your copy")
    split: UserPath | None = Field(default=None, description=f"the list of the splits; {LIST} in the root by default")
    speakers: Literal["all"] | Annotated[int, Field(ge=2)] | Annotated[tuple[str, ...], Field(min_length=2)] = Field(
        default="all", description="all 1,251, the first so many in alphabetical order, or their names"
    )
    duration: float = Field(default=3.0, gt=0, le=60, description="seconds, from the middle of the utterance")

    @field_validator("speakers")
    @classmethod
    def _differ(cls, speakers: str | int | tuple[str, ...]) -> str | int | tuple[str, ...]:
        if isinstance(speakers, tuple) and len(set(speakers)) < len(speakers):
            raise ValueError("speakers must differ from one another")
        return speakers

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        if not self.root.is_dir():
            # Reported by the first job, as a configuration may be used for its other corpora alone.
            return
        if not self._list.is_file():
            yield (
                "split" if self.split is not None else "root",
                f"no file {str(self._list)!r}: put VoxCeleb1's official list there (lines such as "
                "'1 id10003/na8-QEFmj44/00003.wav'), or give its path as `split`",
            )
        else:
            yield from self._problems_of_list()

    def labels(self) -> Sequence[str] | None:
        try:
            return self._speakers()
        except InputError:  # reported by problems()
            return None

    def fingerprint(self) -> str:
        """Return a digest of the list. The 150,000 recordings are not read, so a replaced one does not change it."""
        import hashlib

        return hashlib.sha256(self._list.read_bytes()).hexdigest()[:16] if self._list.is_file() else ""

    def recordings(self) -> list[Recording]:
        if not self.root.is_dir():
            raise InputError(
                f"no folder {str(self.root)!r}: give the folder of your copy of VoxCeleb1, with wav/SPEAKER/SESSION/"
                f"NUMBER.wav and {LIST} in it; the corpus needs an agreement with its authors and is not downloaded"
            )
        if message := next((message for _, message in self.problems({})), None):
            raise InputError(message)
        splits_of = _read_list(self._list)
        recordings = [
            Recording(
                utterance_id=f"{speaker}/{name.removesuffix('.wav')}",
                label=speaker,
                speaker=speaker,
                split=split,
                source=f"{folder}/{name}",
            )
            for speaker in self._speakers()
            for folder in [self._folder(speaker)]
            for name, split in splits_of[speaker].items()
        ]
        absent = [recording.source for recording in recordings if not os.path.lexists(recording.source)]
        if absent:
            raise InputError(
                f"{self._list}: {len(absent)} of the {len(recordings)} listed recordings are absent: "
                f"{_first(absent)}; complete {self.root}, or set `speakers` to those that you have"
            )
        return sorted(recordings, key=lambda recording: recording.utterance_id)

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from sanguinaria.audio.files import read_file

        return read_file(Path(source))

    @property
    def _list(self) -> Path:
        """The path of the list of splits."""
        return self.root / LIST if self.split is None else self.split

    def _problems_of_list(self) -> Iterator[tuple[str, str]]:
        """Errors of the list and of the speakers that it lacks, as (field, message) pairs."""
        try:
            listed = _read_list(self._list)
        except InputError as error:
            yield "split" if self.split is not None else "root", str(error)
            return
        if isinstance(self.speakers, int) and self.speakers > len(listed):
            yield "speakers", f"{self._list} lists {len(listed)} speakers, not {self.speakers}"
        if isinstance(self.speakers, tuple) and (absent := [name for name in self.speakers if name not in listed]):
            yield "speakers", f"{len(absent)} of the speakers are not in {self._list}: {_first(absent)}"

    def _speakers(self) -> list[str]:
        """Names of the speakers that the settings select, sorted."""
        if isinstance(self.speakers, tuple):
            return sorted(self.speakers)
        names = sorted(_read_list(self._list))
        return names if self.speakers == "all" else names[: self.speakers]

    def _folder(self, speaker: str) -> str:
        """The folder of a speaker; where it is absent, the first folder that it is searched for in."""
        candidates = [os.path.join(self.root, folder, speaker) for folder in FOLDERS]
        return next(filter(os.path.isdir, candidates), candidates[0])


def _read_list(path: Path) -> Mapping[str, Mapping[str, Split]]:
    """Map speakers to recordings (SESSION/NUMBER.wav) to splits.

    Raises:
        InputError: the file is absent or not text, or a line is invalid.
    """
    try:
        state = path.stat()
        return _parse(path, state.st_mtime_ns, state.st_size)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as VoxCeleb1's list of splits: {error}") from error


@lru_cache(maxsize=4)
def _parse(path: Path, modified: int, size: int) -> Mapping[str, Mapping[str, Split]]:
    """Parse the list, once for each state of the file: it has 153,516 lines, and every configuration needs it."""
    splits_of: dict[str, dict[str, Split]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        match = LINE.fullmatch(line)
        if match is not None:
            split, speaker, name = match.groups()
            splits = splits_of.setdefault(speaker, {})
            if name in splits:
                raise InputError(f"{path}:{number}: {speaker}/{name} is listed a second time: remove one of the lines")
            splits[name] = SPLIT_OF[split]
        elif line.strip():
            raise InputError(f"{path}:{number}: {line[:80]!r} is not '1, 2 or 3', a space, SPEAKER/SESSION/NUMBER.wav")
    if not splits_of:
        raise InputError(f"{path}: the list is empty; obtain VoxCeleb1's {LIST}")
    return splits_of


def _first(names: Sequence[str]) -> str:
    """The first few names, for an error message."""
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
