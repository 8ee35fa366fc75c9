"""Who speaks: embeddings of utterances by the encoder of Resemblyzer (Wan et al., 2018, arXiv:1710.10467).

The network is in ``sanguinaria.nn.ge2e``. Of the package ``resemblyzer`` 0.1.4 (Apache-2.0) the weights are
used and nothing is imported: it needs librosa, its loader unpickles whatever the file holds, and installing what it
asks for puts a module ``typing`` of an old Python into the environment. What it computes is the same.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core.pretrained_weights import PublishedWeights

if TYPE_CHECKING:
    import numpy as np

    from sanguinaria.nn.ge2e import ResemblyzerEncoder

WEIGHTS = PublishedWeights(
    url="https://github.com/resemble-ai/Resemblyzer/raw/refs/heads/master/resemblyzer/pretrained.pt",
    sha256="39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
)
# What messages call the file.
WHAT = "the published pretrained.pt of Resemblyzer"
# Hz.
SAMPLE_RATE = 16000
# Samples that are voiced or not, what they are averaged over, and by how much what is voiced is widened.
VOICE_WINDOW, VOICE_AVERAGE, VOICE_WIDTH = 480, 8, 7
# The level, in dB below full scale, that quieter utterances are raised to.
LEVEL = -30.0


def speaker_embedding(audio: np.ndarray, sample_rate: int, weights: PublishedWeights) -> np.ndarray | None:
    """The embedding (256,) of samples (samples,), of length 1 and nowhere below 0; ``None`` where no voice is heard.

    Raises:
        InputError: the weights cannot be had or are not the encoder's.
    """
    import torch

    from sanguinaria.audio.resampling import resample_polyphase

    heard = trim_silences(
        audio if sample_rate == SAMPLE_RATE else resample_polyphase(audio, sample_rate, SAMPLE_RATE).clip(-1, 1)
    )
    if len(heard) == 0:
        return None
    with torch.inference_mode():
        embedding: np.ndarray = _network(weights).embed(torch.from_numpy(heard).float()[None])[0].numpy()
    return embedding


def trim_silences(audio: np.ndarray) -> np.ndarray:
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


@cache
def _network(weights: PublishedWeights) -> ResemblyzerEncoder:
    """The network, loaded once in a process."""
    return load_encoder(weights)


def load_encoder(weights: PublishedWeights) -> ResemblyzerEncoder:
    """The network, ready to embed.

    Raises:
        InputError: the weights cannot be had or are not the encoder's.
    """
    from sanguinaria.core.foreign_checkpoints import checkpoint_entry, load_weights, read_checkpoint
    from sanguinaria.nn.ge2e import ResemblyzerEncoder

    path = weights_file(weights)
    state = checkpoint_entry(read_checkpoint(path, WHAT), "model_state", path, WHAT)
    # The loss that it was trained with had two numbers of its own.
    wanted = {name: tensor for name, tensor in state.items() if not name.startswith("similarity_")}
    found = ResemblyzerEncoder()
    load_weights(found, wanted, path, WHAT)
    return found.eval()


def weights_file(weights: PublishedWeights) -> Path:
    """The package's own file where it is the one that is meant, or else the user's, or a download."""
    from importlib.util import find_spec

    from sanguinaria.core.downloads import sha256_of

    package = find_spec("resemblyzer")  # found and not imported: see above
    if package is not None and package.origin is not None:
        path = Path(package.origin).with_name("pretrained.pt")
        if path.is_file() and sha256_of(path) == weights.sha256:
            return path
    return weights.obtain()
