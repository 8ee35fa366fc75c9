"""Verifications: speaker verification under attack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from sanguinaria.core.fields import Seeds, UserPath, entry_names
from sanguinaria.core.plugins import Settings
from sanguinaria.plan.sections.comparison import Comparison


class Trials(Settings):
    """The pairs of utterances that are compared."""

    count: int = Field(default=4000, ge=2, description="at most so many, half of them of one speaker")
    seed: int = Field(default=0, ge=0, description="of the choice")
    list: UserPath | None = Field(
        default=None,
        description="a list in the format of VoxCeleb1-O, of which so many are taken; made of the corpus where absent",
    )

    def fingerprint(self) -> str:
        """Return a hash of the list; empty where it is absent, which the first job reports."""
        import hashlib

        if self.list is None or not self.list.is_file():
            return ""
        return hashlib.sha256(self.list.read_bytes()).hexdigest()[:16]


class Verification(Settings):
    """A table of every speaker encoder under every attack behind every defence: error rates of speaker verification.

    The defence acts on the attacked utterance of a trial, and on the same side of genuine trials.
    """

    renamed: ClassVar[Mapping[str, str]] = {"trained_on": "training_corpus", "quality_probes": "quality_utterances"}

    corpus: str = Field(description="entry of `corpora`, whose test utterances are compared")
    training_corpus: str | None = Field(
        default=None,
        description="entry of `corpora` with speakers for labels, on which encoders are trained; `corpus` where absent",
    )
    encoders: entry_names("victims")  # type: ignore[valid-type]
    attacks: entry_names("adversaries")  # type: ignore[valid-type]
    defences: entry_names("defences") = ("none",)  # type: ignore[valid-type]
    metrics: entry_names("metrics", minimum_length=0) = ("stoi", "pesq", "si_sdr")  # type: ignore[valid-type]
    trials: Trials = Trials()
    seeds: Seeds = Field(default=(0,), description="of trainings and attacks")
    quality_utterances: int | None = Field(
        default=None, ge=1, description="number of attacked utterances that metrics of quality score; all where absent"
    )
    comparison: Comparison | None = None
