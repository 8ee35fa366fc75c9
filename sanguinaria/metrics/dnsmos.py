"""DNSMOS (Reddy et al., 2021 and 2022): what listeners would say of an utterance, 1 to 5, predicted without reference.

The networks are those in the package ``speechmos``. Its own front end is not used: it needs librosa, lets each session
start as many threads as there are processors, evaluates networks whose result is not asked for, and scores a clip of
one second seven times over, since it repeats the clip and then moves by a second. What it computes is the same.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.metrics import Metric, Unscorable

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime

# What the networks were trained for: the rate in Hz, and windows of 9.01 seconds, a second apart.
SAMPLE_RATE = 16000
WINDOW = 144160
HOP = SAMPLE_RATE
# Samples of a frame, and mel bands, of the network of P.808.
FRAME, BANDS = 321, 120
# Outputs of the network of ITU-T P.835's scales, and the polynomials (highest power first) that map each to opinions.
P835 = {
    "signal": (0, (-0.08397278, 1.22083953, 0.0052439)),
    "background": (1, (-0.13166888, 1.60915514, -0.39604546)),
    "overall": (2, (-0.06766283, 1.11546468, 0.04602535)),
}


class Dnsmos(Metric):
    """Predicted opinion of the triggered utterance, as is usual, or how far the trigger has changed it."""

    scale: Literal["overall", "signal", "background", "p808"] = Field(
        default="overall", description="of ITU-T P.835; p808: the one scale of P.808"
    )
    of: Literal["triggered", "change"] = Field(
        default="triggered", description="change: triggered minus clean, below 0 where it sounds worse"
    )

    @property
    def needs_reference(self) -> bool:
        return self.of == "change"

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        if not degraded.any() or (self.of == "change" and not reference.any()):
            raise Unscorable("DNSMOS: an utterance is silent")
        opinion = self._opinion(degraded, sample_rate)
        return opinion if self.of == "triggered" else opinion - self._opinion(reference, sample_rate)

    def _opinion(self, audio: np.ndarray, sample_rate: int) -> float:
        """The mean opinion over the windows of an utterance (samples,), of which equal ones are scored once."""
        import numpy as np

        if sample_rate != SAMPLE_RATE:
            from sanguinaria.audio import resample

            audio = resample(audio, sample_rate, SAMPLE_RATE).clip(-1, 1)
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
    """Where the windows of an utterance start, which is doubled until it fills one, modulo its length."""
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
    bands = np.maximum(np.abs(np.fft.rfft(frames * hann)) ** 2 @ _mel_filters().T, 1e-10)
    decibels = np.maximum(10 * np.log10(bands / bands.max()), -80)
    scaled: np.ndarray = ((decibels + 40) / 40).astype("float32")
    return scaled


@cache
def _mel_filters() -> np.ndarray:
    """Triangles (bands, bins) of unit area up to 8 kHz on Slaney's scale, linear to 1 kHz and logarithmic above.

    torchaudio has them too, but only for frames of even length.
    """
    import numpy as np

    mels = np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))[:, None]
    bins = np.arange(FRAME // 2 + 1) * SAMPLE_RATE / FRAME
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters: np.ndarray = np.minimum(rising, falling).clip(min=0) * 2 / (edges[2:] - edges[:-2])
    return filters


def _run(network: str, values: np.ndarray) -> np.ndarray:
    """The outputs of a network for one input."""
    outputs: np.ndarray = _session(network).run(None, {"input_1": values[None]})[0][0]
    return outputs


@cache
def _session(network: str) -> onnxruntime.InferenceSession:
    """A network, loaded once in a process. One thread: the workflow runs as many processes as there are cores."""
    from importlib.util import find_spec
    from pathlib import Path

    import onnxruntime

    package = find_spec("speechmos")  # found and not imported: see above
    assert package is not None and package.origin is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = Path(package.origin).parent / "dnsmos_models" / network
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
