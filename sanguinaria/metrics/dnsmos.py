"""DNSMOS (Reddy et al., 2021 and 2022): predicted MOS of an utterance, 1 to 5, without a reference.

The networks are those in the package ``speechmos``. Its own front end is not used: it needs librosa, starts
as many threads in each session as there are processors, evaluates networks whose result is not used, and scores a clip
of one second seven times, as it repeats the clip and then moves by a second. The scores computed here are the same.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.audio.mel import slaney_filters
from sanguinaria.metrics._no_reference import NoReferenceMos

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime

# Input of the networks: the rate in Hz, and windows of 9.01 seconds, a second apart.
SAMPLE_RATE = 16000
WINDOW = 144160
HOP = SAMPLE_RATE
# Samples of a frame, and mel bands, of the network of P.808.
FRAME, BANDS = 321, 120
# Outputs of the network of ITU-T P.835's scales, and the polynomials (highest power first) that map each to a MOS.
P835 = {
    "signal": (0, (-0.08397278, 1.22083953, 0.0052439)),
    "background": (1, (-0.13166888, 1.60915514, -0.39604546)),
    "overall": (2, (-0.06766283, 1.11546468, 0.04602535)),
}


class Dnsmos(NoReferenceMos):
    """MOS predicted by DNSMOS."""

    heading: ClassVar[str] = "DNSMOS"
    sample_rate: ClassVar[int | None] = SAMPLE_RATE

    scale: Literal["overall", "signal", "background", "p808"] = Field(
        default="overall", description="scale of ITU-T P.835, or p808: that of ITU-T P.808"
    )

    def predict_mos(self, audio: np.ndarray, sample_rate: int) -> float:
        """Predict the mean MOS over the windows of an utterance (samples,); equal windows are scored once."""
        import numpy as np

        starts, counts = np.unique(_starts(len(audio)), return_counts=True)
        windows = [np.take(audio, range(start, start + WINDOW), mode="wrap").astype("float32") for start in starts]
        return float(np.average([self._predict(window) for window in windows], weights=counts))

    def _predict(self, window: np.ndarray) -> float:
        import numpy as np

        if self.scale == "p808":
            return float(_run("model_v8.onnx", _spectrogram(window))[0])
        output, polynomial = P835[self.scale]
        return float(np.polyval(polynomial, _run("sig_bak_ovr.onnx", window)[output]))


def _starts(num_samples: int) -> list[int]:
    """Starts of the windows of an utterance, which is repeated until it fills one, modulo its length."""
    length = num_samples
    while length < WINDOW:
        length *= 2
    # As in the package: a window is 9.01 seconds long, and from 10 seconds on each whole second adds one.
    return [number * HOP % num_samples for number in range(max(1, length // HOP - 9))]


def _spectrogram(window: np.ndarray) -> np.ndarray:
    """The input (900 frames, 120 mel bands) of P.808's network: dB below the loudest cell, from [-40, 0] to [0, 1]."""
    import numpy as np

    # This network takes ten milliseconds less, and frames of 321 samples, every 160, the first around the first sample.
    padded = np.pad(window[:-160].astype("float64"), 160)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::160]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    bands = np.maximum(
        np.abs(np.fft.rfft(frames * hann)) ** 2 @ slaney_filters(SAMPLE_RATE, FRAME, BANDS, SAMPLE_RATE / 2).T, 1e-10
    )
    decibels = np.maximum(10 * np.log10(bands / bands.max()), -80)
    scaled: np.ndarray = ((decibels + 40) / 40).astype("float32")
    return scaled


def _run(network: str, values: np.ndarray) -> np.ndarray:
    """Return the outputs of a network for one input."""
    outputs: np.ndarray = _session(network).run(None, {"input_1": values[None]})[0][0]
    return outputs


@cache
def _session(network: str) -> onnxruntime.InferenceSession:
    """Load a network, once in a process, for one thread: the workflow runs as many processes as there are cores."""
    from importlib.util import find_spec
    from pathlib import Path

    import onnxruntime

    package = find_spec("speechmos")  # found and not imported: see above
    assert package is not None and package.origin is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = Path(package.origin).parent / "dnsmos_models" / network
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
