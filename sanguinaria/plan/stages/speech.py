"""Target speakers' speech."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.stage import Stage


@dataclass(frozen=True)
class SpeechStage(Stage):
    """A target speaker's speech: a file of the user's, or an utterance or a speaker of a corpus.

    ``source`` is the file's content, hashed.
    """

    corpus: CorpusStage | None
    file: str | None
    source: str
    utterance: str | None
    speaker: str | None
    split: str | None
    seconds: float
    skip: float

    stage: ClassVar[str] = "target_speech"
    wildcard: ClassVar[str] = "target_speech"
    rules: ClassVar[tuple[str, ...]] = ("target_speech",)

    @property
    def name(self) -> str:
        return "file" if self.corpus is None else kind_of(self.corpus.corpus)

    @property
    def index_files(self) -> list[Path]:
        """The corpus's index; none for a file."""
        return [] if self.corpus is None else [self.corpus.index]

    @property
    def audio_files(self) -> list[Path]:
        """The corpus's shards; none for a file."""
        return [] if self.corpus is None else self.corpus.audio_files

    @property
    def audio(self) -> Path:
        return self.folder / "speech.flac"
