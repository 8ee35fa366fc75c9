"""VoxCeleb1 (Nagrani, Chung, Zisserman, 2017, arXiv:1706.08612): who speaks, in interviews from the open web."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.corpora import Corpus, Recording, Split

if TYPE_CHECKING:
    import numpy as np

LIST = "iden_split.txt"
# The official list's numbers.
SPLIT_OF: dict[str, Split] = {"1": "train", "2": "validation", "3": "test"}
# Number, speaker, session and file; no part may begin with a dot, and so lead out of the root.
LINE = re.compile(r"([123]) ([^/\s.][^/\s]*)/([^/\s.][^/\s]*/[^/\s.][^/\s]*\.wav)\s*")
# Where speakers' folders lie below the root: all together, or as the archives of the two parts were extracted.
FOLDERS = ("wav", "dev/wav", "test/wav", "")
NAMED = 3  # of what is wrong, so many are named


class VoxCeleb1(Corpus):
    """Speaker identification on a copy of one's own: the corpus needs an agreement, and is never downloaded.

    ``root`` holds the recordings as wav/SPEAKER/SESSION/NUMBER.wav, as {dev,test}/wav/SPEAKER/…, or as SPEAKER/…
    directly, and the official list iden_split.txt, whose lines are a number (1 train, 2 validation, 3 test), a space,
    and SPEAKER/SESSION/NUMBER.wav. The labels are the speakers. Every speaker is in every split of the official list,
    which keeps one session of each for the test.

    Utterances last at least 4 s, 8.2 s on average, and the paper's networks are trained on 3 s of them: so 3 s need no
    padding. They are the middle of the utterance, whereas the paper draws another part each time.

    Bloodroot's VoxCeleb-125 is of 125 speakers, and its paper does not say which: ``speakers: 125`` takes the first
    125 names in alphabetical order.
    """

    root: Path = Field(description="the folder of your copy")
    split: Path | None = Field(default=None, description=f"the list of the splits; {LIST} in the root by default")
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
            # The first job tells it: a configuration that names other corpora, too, can be used without a copy.
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
        except InputError:  # problems() has told it
            return None

    def fingerprint(self) -> str:
        """The list's content; the 150,000 recordings are not looked at, so one that is exchanged is not noticed."""
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
        listed = _read_list(self._list)
        found = [
            Recording(f"{speaker}/{name.removesuffix('.wav')}", speaker, speaker, split, f"{folder}/{name}")
            for speaker in self._speakers()
            for folder in [self._folder(speaker)]
            for name, split in listed[speaker].items()
        ]
        absent = [recording.source for recording in found if not os.path.isfile(recording.source)]
        if absent:
            raise InputError(
                f"{self._list}: {len(absent)} of the {len(found)} listed recordings are not there: "
                f"{_first(absent)}; complete {self.root}, or set `speakers` to those that you have"
            )
        return sorted(found, key=lambda recording: recording.utterance_id)

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from sanguinaria.audio.files import read_file

        return read_file(Path(source))

    @property
    def _list(self) -> Path:
        return self.root / LIST if self.split is None else self.split

    def _problems_of_list(self) -> Iterator[tuple[str, str]]:
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
        """Names of the speakers that are asked for, sorted."""
        if isinstance(self.speakers, tuple):
            return sorted(self.speakers)
        every = sorted(_read_list(self._list))
        return every if self.speakers == "all" else every[: self.speakers]

    def _folder(self, speaker: str) -> str:
        """The folder of a speaker, or where it is expected to be."""
        places = [os.path.join(self.root, folder, speaker) for folder in FOLDERS]
        return next(filter(os.path.isdir, places), places[0])


def _read_list(path: Path) -> Mapping[str, Mapping[str, Split]]:
    """Speaker → SESSION/NUMBER.wav → split.

    Raises:
        InputError: the file is absent or no text, or a line is not as it should be.
    """
    try:
        state = path.stat()
        return _parse(path, state.st_mtime_ns, state.st_size)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as VoxCeleb1's list of splits: {error}") from error


@lru_cache(maxsize=4)
def _parse(path: Path, modified: int, size: int) -> Mapping[str, Mapping[str, Split]]:
    """The list, read once for each state of the file: it has 153,516 lines, and is needed at every parse."""
    found: dict[str, dict[str, Split]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        match = LINE.fullmatch(line)
        if match is not None:
            split, speaker, name = match.groups()
            own = found.setdefault(speaker, {})
            if name in own:
                raise InputError(f"{path}:{number}: {speaker}/{name} is listed a second time: remove one of the lines")
            own[name] = SPLIT_OF[split]
        elif line.strip():
            raise InputError(f"{path}:{number}: {line[:80]!r} is not '1, 2 or 3', a space, SPEAKER/SESSION/NUMBER.wav")
    if not found:
        raise InputError(f"{path}: the list is empty; obtain VoxCeleb1's {LIST}")
    return found


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
