"""Settings of triggers that need speech of a target speaker: the source of that speech."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.core.fields import UserPath
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import CorpusReference
from sanguinaria.corpora import Split
from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import numpy as np


class TargetSpeechTrigger(Trigger):
    """The protocol of a trigger that needs speech of a target speaker, which a stage of its own gathers once.

    The path of that stage's file is the argument ``weights`` of :meth:`embedder`.
    """

    file: UserPath | None = Field(default=None, description="audio file of the target speaker's speech")
    corpus: CorpusReference | None = Field(
        default=None, description="entry of `corpora` with the target's speech, instead of file"
    )
    utterance: str | None = Field(default=None, description="of that corpus, by its utterance_id")
    speaker: str | None = Field(default=None, description="of that corpus, whose utterances are concatenated")
    split: Split | None = Field(
        default=None,
        description="restricts the speaker's utterances to one split; without it they are the training utterances, or "
        "all where the speaker has none",
    )
    seconds: float = Field(default=30.0, ge=0.5, le=600, description="maximum duration of the speech")
    skip: float = Field(default=0.0, ge=0, le=600, description="seconds that are skipped at its start")

    @model_validator(mode="after")
    def _one_source(self) -> TargetSpeechTrigger:
        if (self.file is None) == (self.corpus is None):
            raise ValueError("the target's speech is either a `file` or from a `corpus`: give one of the two")
        if self.corpus is not None and (self.utterance is None) == (self.speaker is None):
            raise ValueError("the speech of a `corpus` is either an `utterance` or a `speaker`: give one of the two")
        if self.file is not None and (self.utterance or self.speaker):
            raise ValueError("`utterance` and `speaker` belong to a `corpus`, and the target's speech is a `file`")
        if self.split is not None and self.speaker is None:
            raise ValueError("a `split` is of a `speaker`: give one, or leave it out")
        return self

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        if self.file is not None and not self.file.is_file():
            yield "file", f"no file {str(self.file)!r}: put the target's speech there, or give its path"

    def file_fingerprint(self) -> str:
        """Return a hash of the file: other speech under the same name is another trigger; empty without a file."""
        import hashlib

        if self.file is None or not self.file.is_file():
            return ""
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    @property
    @abstractmethod
    def has_network(self) -> bool:
        """Whether the trigger runs a network, for which a GPU is used. References have to be resolved."""


def read_target_speech(path: Path, sample_rate: int) -> np.ndarray:
    """Read gathered speech, resampled.

    Args:
        path: of the stage's file.
        sample_rate: of the result, in Hz.

    Returns:
        (samples,), float32 in [-1, 1].
    """
    import numpy as np

    from sanguinaria.audio.files import read_file
    from sanguinaria.audio.resampling import resample_polyphase

    samples, rate, _ = read_file(path)
    mono: np.ndarray = samples.mean(axis=1)
    return mono if rate == sample_rate else np.clip(resample_polyphase(mono, rate, sample_rate), -1, 1)
