"""ViSQOL (Hines et al., 2015; Chinen et al., 2020): similarity of gammatone spectrograms as a MOS, 1 to 5."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.metrics import Metric, Unscorable

if TYPE_CHECKING:
    import numpy as np
    import visqol

# The sampling rate of the speech mode, in Hz.
SAMPLE_RATE = 16000


class Visqol(Metric):
    """ViSQOL's speech mode by the package ``visqol-python``; other rates are resampled to 16 kHz.

    Only whole patches of 0.4 s with speech are compared, the first from 0.18 s on: of a clip of one second nothing
    outside 0.18–0.58 s counts for itself. The authors' guidelines recommend half a second of silence around the speech,
    which ``silence`` adds, and 3 to 10 seconds of speech: single scores of short clips are unreliable.

    The polynomial maps similarity to a MOS (``--use_lattice_model=false`` of the original), which gives 5 to
    identical audio. The lattice, trained with longer audio, gives 3.7 to 4.7 to clips of one second.
    """

    heading: ClassVar[str] = "ViSQOL"

    silence: float = Field(
        default=0.0, ge=0, le=2, description="seconds of silence added before and after each utterance"
    )

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        import numpy as np

        if not reference.any() or not degraded.any():
            raise Unscorable("ViSQOL: an utterance is silent")
        if sample_rate != SAMPLE_RATE:
            from sanguinaria.audio.resampling import resample_polyphase

            reference, degraded = (
                resample_polyphase(audio, sample_rate, SAMPLE_RATE) for audio in (reference, degraded)
            )
        padding = round(self.silence * SAMPLE_RATE)
        clean, triggered = (np.pad(audio.astype("float64"), padding) for audio in (reference, degraded))
        try:
            value = float(_model().measure_from_arrays(clean, triggered, SAMPLE_RATE).moslqo)
        except (IndexError, ValueError) as error:  # an IndexError where no whole patch holds speech
            raise Unscorable("ViSQOL: no whole patch of 0.4 s holds speech") from error
        if value != value:
            raise Unscorable("ViSQOL: not a number")
        return value


@cache
def _model() -> visqol.VisqolApi:
    """Build ViSQOL's speech mode, once in a process."""
    from visqol import VisqolApi

    model = VisqolApi()
    model.create(mode="speech", use_lattice_model=False)
    return model
