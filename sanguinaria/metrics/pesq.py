"""PESQ, wide band (ITU-T P.862.2): perceptual evaluation of speech quality, 1.0 to 4.64."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sanguinaria.metrics import Metric, Unscorable

if TYPE_CHECKING:
    import numpy as np

# The sampling rate of P.862.2, in Hz.
SAMPLE_RATE = 16000


class Pesq(Metric):
    """Wide-band PESQ by the package ``pesq``; other rates are resampled to 16 kHz."""

    heading: ClassVar[str] = "PESQ"

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        from pesq import PesqError, pesq

        if not reference.any() or not degraded.any():
            raise Unscorable("PESQ: an utterance is silent")
        if sample_rate != SAMPLE_RATE:
            from sanguinaria.audio.resampling import resample_polyphase

            reference, degraded = (
                resample_polyphase(audio, sample_rate, SAMPLE_RATE) for audio in (reference, degraded)
            )
        try:
            return float(pesq(SAMPLE_RATE, reference, degraded, "wb"))
        except (PesqError, ValueError) as error:
            raise Unscorable(f"PESQ: {error}") from error
