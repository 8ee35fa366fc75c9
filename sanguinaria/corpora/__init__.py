"""Corpora: labelled utterances, from an archive, a folder, or a synthesiser."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.core.plugins import Plugin, Settings

if TYPE_CHECKING:
    import numpy as np

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Recording:
    """One item of a corpus's list, before it is read.

    ``source`` says where the audio comes from in the plug-in's own words: a path, or what is to be spoken.
    """

    utterance_id: str
    label: str
    speaker: str
    split: Split
    source: str


class Corpus(Plugin):
    """The protocol of a corpus, and the settings that all have.

    Every utterance becomes mono at ``sample_rate`` Hz and exactly ``duration`` seconds long: longer ones are cropped
    and shorter ones padded with zeros, both evenly at the two ends.
    """

    room: ClassVar[str] = "corpora"

    sample_rate: int = Field(default=16000, ge=4000, le=96000, description="Hz")
    duration: float = Field(default=1.0, gt=0, le=60, description="seconds")
    shards: int = Field(default=1, ge=1, description="files that the corpus is spread over, each one job's work")
    unreadable: Literal["stop", "refuse"] = Field(
        default="stop", description="stop with their names, or leave them out and count them in report.json"
    )

    def labels(self) -> Sequence[str] | None:
        """The labels, where the configuration alone says them; ``None`` where only the files do."""
        return None

    def fingerprint(self) -> str:
        """What tells one state of the source from another, where the settings alone do not: the user's own files."""
        return ""

    @abstractmethod
    def recordings(self) -> list[Recording]:
        """Every recording, sorted by ``utterance_id``.

        Raises:
            InputError: the source is absent or not what it should be.
        """

    @abstractmethod
    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        """The audio of a recording.

        Returns:
            Samples (frames, channels) as float32 in [-1, 1], their rate in Hz, and remarks for the report.

        Raises:
            InputError: it cannot be read; the message says why, without the path.
        """


class SplitShares(Settings):
    """Which share of the speakers goes to which split; the rest trains."""

    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)

    def of(self, speaker: str) -> Split:
        """The split of a speaker: by a hash, so that it depends on no other speaker and on no order."""
        position = int(_digest(speaker)[:12], 16) / 16**12
        if position < self.test:
            return "test"
        return "validation" if position < self.test + self.validation else "train"

    def deal(self, names: Sequence[str]) -> dict[str, Split]:
        """Splits for names that belong together, by rank of their hashes: the smallest share gets a name, too."""
        splits: list[Split] = []
        shares: tuple[tuple[Split, float], ...] = (("test", self.test), ("validation", self.validation), ("train", 1))
        for split, share in shares:
            splits += [split] * (max(1, round(share * len(names))) if share else 0)
        return dict(zip(sorted(names, key=_digest), splits, strict=False))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
