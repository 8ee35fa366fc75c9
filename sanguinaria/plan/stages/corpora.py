"""Corpora: listed recordings, audio in shards, and an index."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.corpora import Corpus
from sanguinaria.plan.stages.stage import AudioStage


@dataclass(frozen=True)
class CorpusStage(AudioStage):
    """A corpus: its listed recordings, its audio in shards, the index of all of them, and the report."""

    corpus: Corpus
    source: str

    stage: ClassVar[str] = "corpora"
    wildcard: ClassVar[str] = "corpus"
    rules: ClassVar[tuple[str, ...]] = ("corpus_recordings", "corpus_audio", "corpus_index")

    @property
    def identifying(self) -> str:
        """The specification without locations of recordings, whose contents ``source`` has: they may be moved."""
        specification = json.loads(self.specification)
        kept = {name: value for name, value in specification["corpus"].items() if name not in self.corpus.locations}
        return json.dumps({**specification, "corpus": kept}, sort_keys=True)

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.corpus.shards

    @property
    def remark_files(self) -> list[Path]:
        """The remarks on the recordings of each shard."""
        return [path.with_suffix(".json") for path in self.audio_files]

    @property
    def index(self) -> Path:
        return self.folder / "index.parquet"
