"""Corpora: labelled utterances, from an archive, a folder, or a synthesiser."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.core.plugins import Plugin, Settings

if TYPE_CHECKING:
    import numpy as np

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An entry of a corpus's list of recordings.

    Attributes:
        utterance_id: unique in the corpus.
        label: class of the utterance.
        speaker: name of the speaker.
        split: to which the utterance belongs.
        source: of the audio, in a format of the plug-in's own: a path, or the text, voice and rate of a synthesis.
    """

    utterance_id: str
    label: str
    speaker: str
    split: Split
    source: str


class Corpus(Plugin):
    """The protocol of a corpus, and the settings that all corpora have.

    Every utterance becomes mono at ``sample_rate`` Hz and exactly ``duration`` seconds long: longer recordings are
    cropped and shorter ones padded with zeros, in both cases evenly at the two ends.
    """

    room: ClassVar[str] = "corpora"
    # Settings that say where recordings lie, of a corpus whose fingerprint has their contents: they may be moved.
    locations: ClassVar[frozenset[str]] = frozenset()

    sample_rate: int = Field(default=16000, ge=4000, le=96000, description="Hz")
    duration: float = Field(default=1.0, ge=0.05, le=60, description="seconds, of each utterance")
    shards: int = Field(
        default=1, ge=1, description="utterance tables of the corpus, each of which a job of its own computes"
    )
    unreadable: Literal["stop", "refuse"] = Field(
        default="stop", description="stop with an error that names them, or exclude them and count them in report.json"
    )

    incomplete_labels: Literal["stop", "allow"] = Field(
        default="stop", description="stop with an error that names labels without training or without test utterances"
    )

    def labels(self) -> Sequence[str] | None:
        """Return the labels if they follow from the configuration; ``None`` if they depend on the recordings."""
        return None

    def place_of(self, source: str) -> str:
        """Return where a recording lies, for messages."""
        return source

    def label_counts(self) -> Mapping[str, Mapping[str, int]] | None:
        """Return the number of utterances by label and split where no download tells; ``None`` elsewhere."""
        return None

    def fingerprint(self) -> str:
        """Return a digest of the user's own files, the part of the corpus's identity that is not in the settings."""
        return ""

    @abstractmethod
    def recordings(self) -> list[Recording]:
        """List the recordings, sorted by ``utterance_id``.

        Raises:
            InputError: the source is absent or invalid.
        """

    @abstractmethod
    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        """Read the audio of a recording.

        Args:
            source: as in :class:`Recording`.

        Returns:
            Samples (frames, channels) as float32 in [-1, 1], their rate in Hz, and remarks for the report.

        Raises:
            InputError: it cannot be read; the message gives the reason, without the path.
        """


class SplitShares(Settings):
    """Shares of the validation and the test split; the rest is the training split."""

    validation: float = Field(default=0.1, ge=0, lt=1)
    test: float = Field(default=0.2, ge=0, lt=1)

    def split_of(self, speaker: str) -> Split:
        """Return the split of a speaker: by a hash, so that it does not depend on other speakers or their order.

        Example:
            >>> SplitShares(validation=0.0, test=0.0).split_of("ann")
            'train'
        """
        position = int(_digest(speaker)[:12], 16) / 16**12
        if position < self.test:
            return "test"
        return "validation" if position < self.test + self.validation else "train"

    def assign(self, names: Sequence[str]) -> dict[str, Split]:
        """Assign splits to a group of names, such as a speaker's recordings, by the ranks of their hashes.

        The shares are exact but for rounding, and a share above 0 gets at least one name.

        Example:
            >>> sorted(SplitShares().assign(["a", "b", "c"]).values())
            ['test', 'train', 'validation']
        """
        splits: list[Split] = []
        shares: tuple[tuple[Split, float], ...] = (("test", self.test), ("validation", self.validation), ("train", 1))
        for split, share in shares:
            splits += [split] * (max(1, round(share * len(names))) if share else 0)
        return dict(zip(sorted(names, key=_digest), splits, strict=False))


def _digest(name: str) -> str:
    """SHA-256 of a name, hexadecimal."""
    return hashlib.sha256(name.encode()).hexdigest()
