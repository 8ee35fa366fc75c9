"""Speaker embeddings by the pretrained encoder of Resemblyzer (Wan et al., 2018, arXiv:1710.10467).

The network is in ``sanguinaria.nn.ge2e``. Only the weights of the package ``resemblyzer`` 0.1.4 (Apache-2.0) are used.
The package is not imported: it needs librosa, its loader unpickles whatever the file holds, and its dependencies put a
module ``typing`` of an old Python into the environment. The embeddings are the same.
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
# Name of the file in error messages.
DESCRIPTION = "the published pretrained.pt of Resemblyzer"
# Hz.
SAMPLE_RATE = 16000
# Voice activity detection: samples of a window (30 ms), windows of the moving average, and windows of the dilation.
VAD_WINDOW, VAD_AVERAGE, VAD_DILATION = 480, 8, 7
# dB of full scale, up to which quieter utterances are amplified.
LEVEL = -30.0


def speaker_embedding(audio: np.ndarray, sample_rate: int, weights: PublishedWeights) -> np.ndarray | None:
    """Compute the speaker embedding of an utterance, without its silences.

    Args:
        audio: (samples,).
        sample_rate: in Hz; audio at another rate than 16 kHz is resampled.
        weights: of the encoder.

    Returns:
        A non-negative embedding (256,) of length 1; ``None`` where no window of the audio is voiced.

    Raises:
        InputError: the weights cannot be obtained or are not the encoder's.
    """
    import torch

    from sanguinaria.audio.resampling import resample_polyphase

    if sample_rate != SAMPLE_RATE:
        audio = resample_polyphase(audio, sample_rate, SAMPLE_RATE).clip(-1, 1)
    voiced = trim_silences(audio)
    if len(voiced) == 0:
        return None
    with torch.inference_mode():
        embedding: np.ndarray = _cached_encoder(weights).embed(torch.from_numpy(voiced).float()[None])[0].numpy()
    return embedding


def trim_silences(audio: np.ndarray) -> np.ndarray:
    """Cut long silences out of audio, and amplify it to at least −30 dB of full scale.

    Args:
        audio: (samples,) at 16 kHz.

    Returns:
        The voiced samples (voiced,); none where no window is voiced.
    """
    import numpy as np
    from scipy.ndimage import binary_dilation

    if len(audio) < VAD_WINDOW:
        return audio[:0]
    level = 10 * np.log10(np.maximum(np.mean(audio.astype("float64") ** 2), 1e-20))
    amplified = audio * 10 ** (max(0.0, LEVEL - level) / 20)
    amplified = amplified[: len(amplified) // VAD_WINDOW * VAD_WINDOW]
    flags = _voice_activity(amplified)
    # The moving average is rounded half to even, as in the package.
    padded = np.pad(flags.astype("float64"), ((VAD_AVERAGE - 1) // 2, VAD_AVERAGE // 2))
    smooth = np.convolve(padded, np.ones(VAD_AVERAGE) / VAD_AVERAGE, mode="valid")
    mask = binary_dilation(np.round(smooth).astype(bool), np.ones(VAD_DILATION))
    voiced: np.ndarray = amplified[np.repeat(mask, VAD_WINDOW)]
    return voiced


def _voice_activity(audio: np.ndarray) -> np.ndarray:
    """Whether each window of 30 ms is voiced, by WebRTC's detector in its strictest mode: (windows,)."""
    import warnings

    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # webrtcvad imports the deprecated pkg_resources for its version
        import webrtcvad

    detector = webrtcvad.Vad(3)
    windows = np.round(audio * 32767).astype("<i2").reshape(-1, VAD_WINDOW)
    return np.array([detector.is_speech(window.tobytes(), SAMPLE_RATE) for window in windows], bool)


@cache
def _cached_encoder(weights: PublishedWeights) -> ResemblyzerEncoder:
    """The encoder, loaded once in a process."""
    return load_encoder(weights)


def load_encoder(weights: PublishedWeights) -> ResemblyzerEncoder:
    """Load the pretrained encoder, in evaluation mode.

    Raises:
        InputError: the weights cannot be obtained or are not the encoder's.
    """
    from sanguinaria.core.foreign_checkpoints import checkpoint_entry, load_weights, read_checkpoint
    from sanguinaria.nn.ge2e import ResemblyzerEncoder

    path = weights_file(weights)
    state = checkpoint_entry(read_checkpoint(path, DESCRIPTION), "model_state", path, DESCRIPTION)
    # The weight and the bias of the similarity belong to the training loss.
    encoder_state = {name: tensor for name, tensor in state.items() if not name.startswith("similarity_")}
    encoder = ResemblyzerEncoder()
    load_weights(encoder, encoder_state, path, DESCRIPTION)
    return encoder.eval()


def weights_file(weights: PublishedWeights) -> Path:
    """Return the path of the weights: in the installed package if its digest is right, else that of ``obtain``."""
    from importlib.util import find_spec

    from sanguinaria.core.downloads import sha256_of

    package = find_spec("resemblyzer")  # located without importing it
    if package is not None and package.origin is not None:
        path = Path(package.origin).with_name("pretrained.pt")
        if path.is_file() and sha256_of(path) == weights.sha256:
            return path
    return weights.obtain()
