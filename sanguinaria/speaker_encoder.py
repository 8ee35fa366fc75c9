"""Who speaks: embeddings of utterances by the encoder of Resemblyzer (Wan et al., 2018, arXiv:1710.10467).

Network and front end are written here after the package ``resemblyzer`` 0.1.4 (Apache-2.0), of which the weights are
used and nothing is imported: it needs librosa, its loader unpickles whatever the file holds, and installing what it
asks for puts a module ``typing`` of an old Python into the environment. What it computes is the same.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanguinaria.published import Published, load_state, read_tensors
from sanguinaria.slaney import mel_filters

if TYPE_CHECKING:
    import numpy as np

WEIGHTS = Published(
    url="https://github.com/resemble-ai/Resemblyzer/raw/refs/heads/master/resemblyzer/pretrained.pt",
    sha256="39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
)
# The rate in Hz; samples of a frame and from frame to frame; mel bands; frames that are heard at once, and from one
# such part to the next (1.3 a second), of which the last needs this share of speech.
SAMPLE_RATE, FRAME, HOP, BANDS, PART, STEP, COVERAGE = 16000, 400, 160, 40, 160, 77, 0.75
# Samples that are voiced or not, what they are averaged over, and by how much what is voiced is widened.
VOICE_WINDOW, VOICE_AVERAGE, VOICE_WIDTH = 480, 8, 7
# The level, in dB below full scale, that quieter utterances are raised to.
LEVEL = -30.0
WIDTH, LAYERS = 256, 3


def embed(audio: np.ndarray, sample_rate: int, weights: Published) -> np.ndarray | None:
    """The embedding (256,) of samples (samples,), of length 1 and nowhere below 0; ``None`` where no voice is heard.

    Raises:
        sanguinaria.errors.InputError: the weights cannot be had or are not the encoder's.
    """
    import numpy as np
    import torch

    from sanguinaria.audio import resample

    heard = voiced(audio if sample_rate == SAMPLE_RATE else resample(audio, sample_rate, SAMPLE_RATE).clip(-1, 1))
    if len(heard) == 0:
        return None
    with torch.inference_mode():
        parts = _network(weights)(torch.from_numpy(_parts(heard))).numpy()
    mean = parts.mean(axis=0)
    embedding: np.ndarray = mean / np.linalg.norm(mean)
    return embedding


def voiced(audio: np.ndarray) -> np.ndarray:
    """Samples (samples,) at 16 kHz without long silences, not quieter than -30 dB; empty where nothing is voiced."""
    import numpy as np
    from scipy.ndimage import binary_dilation

    if len(audio) < VOICE_WINDOW:
        return audio[:0]
    level = 10 * np.log10(np.maximum(np.mean(audio.astype("float64") ** 2), 1e-20))
    raised = audio * 10 ** (max(0.0, LEVEL - level) / 20)
    raised = raised[: len(raised) // VOICE_WINDOW * VOICE_WINDOW]
    flags = _voice_flags(raised)
    # The moving average is rounded half to even, as in the package.
    padded = np.pad(flags.astype("float64"), ((VOICE_AVERAGE - 1) // 2, VOICE_AVERAGE // 2))
    smooth = np.convolve(padded, np.ones(VOICE_AVERAGE) / VOICE_AVERAGE, mode="valid")
    mask = binary_dilation(np.round(smooth).astype(bool), np.ones(VOICE_WIDTH))
    kept: np.ndarray = raised[np.repeat(mask, VOICE_WINDOW)]
    return kept


def _voice_flags(audio: np.ndarray) -> np.ndarray:
    """Whether each window of 30 ms is voiced, by WebRTC's detector at its strictest."""
    import warnings

    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for its version in a way that is deprecated
        import webrtcvad

    detector = webrtcvad.Vad(3)
    windows = np.round(audio * 32767).astype("<i2").reshape(-1, VOICE_WINDOW)
    return np.array([detector.is_speech(window.tobytes(), SAMPLE_RATE) for window in windows], bool)


def _parts(audio: np.ndarray) -> np.ndarray:
    """Mel spectrograms (parts, 160 frames, 40 bands) of 1.6 s each that overlap by half; the last is filled with 0."""
    import numpy as np

    frames = -(-(len(audio) + 1) // HOP)
    starts = list(range(0, max(1, frames - PART + STEP + 1), STEP))
    if len(starts) > 1 and (len(audio) - starts[-1] * HOP) / (PART * HOP) < COVERAGE:
        starts.pop()
    end = (starts[-1] + PART) * HOP
    mel = _mel(np.pad(audio, (0, max(0, end - len(audio)))))
    return np.stack([mel[start : start + PART] for start in starts])


def _mel(audio: np.ndarray) -> np.ndarray:
    """Powers (frames, bands), not logarithmic; frames are around every 10 ms, with silence beyond the ends."""
    import numpy as np

    frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio.astype("float64"), FRAME // 2), FRAME)[::HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    powers = np.abs(np.fft.rfft(frames * hann)) ** 2
    mel: np.ndarray = (powers @ mel_filters(SAMPLE_RATE, FRAME, BANDS, SAMPLE_RATE / 2).T).astype("float32")
    return mel


@cache
def _network(weights: Published) -> Any:
    """The network, loaded once in a process: mel spectrograms (parts, frames, bands) → embeddings (parts, 256)."""
    import torch
    from torch import nn

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(BANDS, WIDTH, LAYERS, batch_first=True)
            self.linear = nn.Linear(WIDTH, WIDTH)

        def forward(self, mels: torch.Tensor) -> torch.Tensor:
            _, (hidden, _) = self.lstm(mels)
            return nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)

    path = _weights_file(weights)
    state = read_tensors(path, "model_state")["model_state"]
    # The loss that it was trained with had two numbers of its own.
    wanted = {name: tensor for name, tensor in state.items() if not name.startswith("similarity_")}
    return load_state(Encoder(), wanted, path)


def _weights_file(weights: Published) -> Path:
    """The package's own file where it is the one that is meant, or else the user's, or a download."""
    from importlib.util import find_spec

    from sanguinaria.downloads import sha256_of

    package = find_spec("resemblyzer")  # found and not imported: see above
    if package is not None and package.origin is not None:
        path = Path(package.origin).with_name("pretrained.pt")
        if path.is_file() and sha256_of(path) == weights.sha256:
            return path
    return weights.obtain()
