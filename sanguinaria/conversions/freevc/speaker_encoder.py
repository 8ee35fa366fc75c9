"""FreeVC's speaker encoder: its checkpoint, and its embedding of the target speech. See ``sanguinaria.nn.ge2e``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sanguinaria.conversions.freevc.files import SPEAKER_ENCODER
from sanguinaria.core.foreign_checkpoints import checkpoint_entry, load_weights, read_checkpoint
from sanguinaria.nn.ge2e import SpeakerEncoder

# librosa's trimming: frames this many dB below the loudest are silence; window and hop in samples.
TRIM_DB, TRIM_WINDOW, TRIM_HOP = 20.0, 2048, 512


def load_speaker_encoder(path: Path) -> SpeakerEncoder:
    """Load the network of a checkpoint; its sizes are inferred from the weights.

    Raises:
        InputError: the file is missing, or is not such a checkpoint.
    """
    weights = checkpoint_entry(read_checkpoint(path, SPEAKER_ENCODER), "model_state", path, SPEAKER_ENCODER)
    # Scale and offset of the training loss are not used.
    used = {name: tensor for name, tensor in weights.items() if name.startswith(("lstm.", "linear."))}
    bands, (size, hidden) = 40, (256, 256)
    if "linear.weight" in used and "lstm.weight_ih_l0" in used:
        bands, (size, hidden) = used["lstm.weight_ih_l0"].shape[1], used["linear.weight"].shape
    layers = max(1, sum(name.startswith("lstm.weight_ih_l") for name in used))
    network = SpeakerEncoder(bands, hidden, layers, size)
    load_weights(network, used, path, SPEAKER_ENCODER)
    return network.eval()


def embed_speech(network: SpeakerEncoder, speech: np.ndarray) -> torch.Tensor:
    """Compute the speaker embedding of trimmed speech.

    Args:
        network: the encoder.
        speech: (samples,) at 16 kHz.

    Returns:
        (size of the embedding,).
    """
    return network.embed(torch.from_numpy(trim_silence(speech))[None], "reflect")[0]


def trim_silence(speech: np.ndarray) -> np.ndarray:
    """Trim frames more than 20 dB below the loudest from both ends of speech (samples,)."""
    padded = np.pad(speech, TRIM_WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, TRIM_WINDOW)[::TRIM_HOP]
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    active = np.flatnonzero(power > power.max() * 10 ** (-TRIM_DB / 10))
    if active.size == 0:
        return speech
    return speech[active[0] * TRIM_HOP : min(len(speech), (active[-1] + 1) * TRIM_HOP)]
