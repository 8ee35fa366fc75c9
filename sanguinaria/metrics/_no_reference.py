"""What listeners would say of an utterance, predicted without a reference: what such metrics share.

Where a trigger says the utterance again, as voice conversion does, nothing is left that PESQ or STOI could compare.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.metrics import Metric, Unscorable

if TYPE_CHECKING:
    import numpy as np


class Opinion(Metric):
    """A metric of one utterance: of the triggered one, as is usual, of the clean one, or of how they differ.

    ``title`` is what messages call it; ``sample_rate`` is what it hears, in Hz, or ``None`` for any.
    """

    title: ClassVar[str]
    sample_rate: ClassVar[int | None] = None

    of: Literal["triggered", "change", "clean"] = Field(
        default="triggered", description="change: triggered minus clean, below 0 where it sounds worse"
    )

    @property
    def needs_reference(self) -> bool:
        return self.of != "triggered"

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        heard = {"triggered": [degraded], "clean": [reference], "change": [degraded, reference]}[self.of]
        if not all(audio.any() for audio in heard):
            raise Unscorable(f"{self.title}: an utterance is silent")
        opinion, *other = (self._heard(audio, sample_rate) for audio in heard)
        return opinion - sum(other)

    def _heard(self, audio: np.ndarray, sample_rate: int) -> float:
        wanted = self.sample_rate or sample_rate
        if sample_rate != wanted:
            from sanguinaria.audio.resampling import resample_polyphase

            audio = resample_polyphase(audio, sample_rate, wanted).clip(-1, 1)
        return self.opinion(audio, wanted)

    @abstractmethod
    def opinion(self, audio: np.ndarray, sample_rate: int) -> float:
        """The opinion of samples (samples,) in [-1, 1] at ``sample_rate`` Hz, not all of which are 0.

        Raises:
            Unscorable: there is none of this utterance.
        """
