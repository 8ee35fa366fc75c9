"""Metrics that predict the mean opinion score (MOS) of an utterance without a reference.

Voice conversion speaks the utterance anew, so that nothing is left that PESQ or STOI could compare.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.metrics import Metric, Unscorable

if TYPE_CHECKING:
    import numpy as np


class NoReferenceMos(Metric):
    """The protocol of a metric of one utterance: the triggered one, the clean one, or their difference.

    ``sample_rate`` is that of the network in Hz, or ``None`` for any.
    """

    sample_rate: ClassVar[int | None] = None

    of: Literal["triggered", "change", "clean"] = Field(
        default="triggered",
        description="the utterance that is scored; change: triggered minus clean, below 0 where quality is lost",
    )

    @property
    def needs_reference(self) -> bool:
        return self.of != "triggered"

    @property
    def titles(self) -> tuple[str, str]:
        return {
            "triggered": (self.heading, self.heading),
            "change": (f"Δ{self.heading}", f"change of {self.heading}"),
            "clean": (f"{self.heading}, clean", f"{self.heading} of clean audio"),
        }[self.of]

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        utterances = {"triggered": [degraded], "clean": [reference], "change": [degraded, reference]}[self.of]
        if not all(audio.any() for audio in utterances):
            raise Unscorable(f"{self.heading}: an utterance is silent")
        score, *clean_score = (self._resampled_mos(audio, sample_rate) for audio in utterances)
        return score - sum(clean_score)

    def _resampled_mos(self, audio: np.ndarray, sample_rate: int) -> float:
        network_rate = self.sample_rate or sample_rate
        if sample_rate != network_rate:
            from sanguinaria.audio.resampling import resample_polyphase

            audio = resample_polyphase(audio, sample_rate, network_rate).clip(-1, 1)
        return self.predict_mos(audio, network_rate)

    @abstractmethod
    def predict_mos(self, audio: np.ndarray, sample_rate: int) -> float:
        """Predict the MOS of an utterance that is not silent.

        Args:
            audio: samples (samples,) in [-1, 1].
            sample_rate: in Hz.

        Raises:
            Unscorable: the utterance has no score.
        """
