"""NISQA 2.0 (Mittag et al., 2021, arXiv:2104.09494): an utterance's quality and four dimensions of it, 1 to 5.

The network is the one in the package ``torchmetrics`` 1.9.0, with the authors' weights. What the package offers around
it is not used: it needs librosa, takes its weights from a fixed folder of the user's home or else downloads them
without a look at what it got, and fills every utterance with 52 seconds of padding, which is masked and changes
nothing but the time. So the class, which it does not call public, is taken from the very version that is installed
with this project, and is given a state from a file that was verified. What it computes is the same.

The weights are licensed CC BY-NC-SA 4.0: not for commercial use.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from sanguinaria.audio.mel import slaney_filters
from sanguinaria.core.pretrained_weights import PublishedWeights
from sanguinaria.metrics import Unscorable
from sanguinaria.metrics._no_reference import NoReferenceMos

if TYPE_CHECKING:
    import numpy as np

WEIGHTS = PublishedWeights(
    url="https://github.com/gabrielmittag/NISQA/raw/refs/heads/master/weights/nisqa.tar",
    sha256="7ec4cf937514dd3f8860b21e66fabd8ca87a168572675ef8d979c4c4ad2e805c",
)
# The network's outputs, in their order.
SCALES = ("overall", "noisiness", "discontinuity", "coloration", "loudness")
# Of the spectrum (the checkpoint's "args"): bins of 4,096 samples, frames of 20 ms every 10 ms, mel bands to 20 kHz.
FFT, WINDOW, HOP, BANDS, HIGHEST = 4096, 0.02, 0.01, 48, 20000.0
# Frames of a segment, the frames between two, and the most segments of an utterance.
SEGMENT, STRIDE, MOST = 15, 4, 1300

# The file's name in messages.
WHAT = "the published nisqa.tar"


class Nisqa(NoReferenceMos):
    """MOS predicted by NISQA, at the utterance's own sample rate; mel bands above half of that are empty."""

    heading: ClassVar[str] = "NISQA"

    scale: Literal["overall", "noisiness", "discontinuity", "coloration", "loudness"] = Field(
        default="overall", description="higher is better on every scale: a high noisiness is little noise"
    )
    weights: PublishedWeights = Field(default=WEIGHTS, description="the published file nisqa.tar, which is no archive")

    def predict_mos(self, audio: np.ndarray, sample_rate: int) -> float:
        import torch

        segments = torch.from_numpy(_segments(_spectrogram(audio, sample_rate)))
        with torch.inference_mode():
            scores = _network(self.weights)(segments[None], torch.tensor([len(segments)]))[0]
        return float(scores[SCALES.index(self.scale)])


def _spectrogram(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Magnitudes (frames, mel bands) in dB, at least the greatest minus 80 dB, and at least -80 dB.

    Frames are centred every 10 ms, the first on the first sample, with reflect padding at both ends.
    """
    import numpy as np

    length, hop = int(WINDOW * sample_rate), int(HOP * sample_rate)
    count = 1 + len(audio) // hop
    if count < SEGMENT:
        raise Unscorable(f"NISQA: the utterance is shorter than {HOP * (SEGMENT - 1):.2f} s")
    padded = np.pad(audio.astype("float64"), FFT // 2, mode="reflect")[(FFT - length) // 2 :]
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop][:count]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    bands = np.abs(np.fft.rfft(frames * hann, FFT)) @ slaney_filters(sample_rate, FFT, BANDS, HIGHEST).T
    decibels = 20 * np.log10(np.maximum(bands, 1e-4))
    limited: np.ndarray = np.maximum(decibels, decibels.max() - 80).astype("float32")
    return limited


def _segments(spectrogram: np.ndarray) -> np.ndarray:
    """The network's input (segments, mel bands, 15 frames) of a spectrogram (frames, mel bands)."""
    import numpy as np

    segments: np.ndarray = np.lib.stride_tricks.sliding_window_view(spectrogram, SEGMENT, axis=0)[::STRIDE].copy()
    if len(segments) > MOST:
        raise Unscorable(f"NISQA: the utterance is longer than {HOP * STRIDE * MOST:.0f} s")
    return segments


@cache
def _network(weights: PublishedWeights) -> Any:
    """The network, loaded once in a process."""
    from torchmetrics.functional.audio.nisqa import _NISQADIM

    from sanguinaria.core.foreign_checkpoints import checkpoint_entry, load_weights, read_checkpoint

    path = weights.obtain()
    checkpoint = read_checkpoint(path, WHAT)
    state = checkpoint_entry(checkpoint, "model_state_dict", path, WHAT)
    network = _NISQADIM(checkpoint_entry(checkpoint, "args", path, WHAT))
    load_weights(network, state, path, WHAT)
    return network.eval()
