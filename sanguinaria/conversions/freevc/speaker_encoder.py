"""FreeVC's speaker encoder: its checkpoint, and target speech as it hears it. See ``sanguinaria.nn.ge2e``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from sanguinaria.core.foreign_checkpoints import checkpoint_entry, load_weights, read_checkpoint
from sanguinaria.nn.ge2e import SpeakerEncoder

WHAT = "the checkpoint of FreeVC's speaker encoder (pretrained_bak_5805000.pt)"
# As librosa trims: frames this much below the loudest are silence.
TRIM, TRIM_WINDOW, TRIM_HOP = 20.0, 2048, 512


def load_speaker_encoder(path: Path) -> SpeakerEncoder:
    """The network of a checkpoint, at whatever size its weights have.

    Raises:
        InputError: the file is absent, or is no such checkpoint.
    """
    weights = checkpoint_entry(read_checkpoint(path, WHAT), "model_state", path, WHAT)
    # The scale and offset of the loss only train.
    kept = {name: tensor for name, tensor in weights.items() if name.startswith(("lstm.", "linear."))}
    bands, (numbers, hidden) = 40, (256, 256)
    if "linear.weight" in kept and "lstm.weight_ih_l0" in kept:
        bands, (numbers, hidden) = kept["lstm.weight_ih_l0"].shape[1], kept["linear.weight"].shape
    layers = max(1, sum(name.startswith("lstm.weight_ih_l") for name in kept))
    network = SpeakerEncoder(bands, hidden, layers, numbers)
    load_weights(network, kept, path, WHAT)
    return network.eval()


def embedding_of(network: SpeakerEncoder, speech: np.ndarray) -> torch.Tensor:
    """The embedding (numbers,) of speech (samples,) at 16 kHz."""
    return network.embed(torch.from_numpy(trimmed(speech))[None], "reflect")[0]


def trimmed(speech: np.ndarray) -> np.ndarray:
    """Speech (samples,) without what is 20 dB below its loudest frame at both ends."""
    padded = np.pad(speech, TRIM_WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, TRIM_WINDOW)[::TRIM_HOP]
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-TRIM / 10))
    if loud.size == 0:
        return speech
    return speech[loud[0] * TRIM_HOP : min(len(speech), (loud[-1] + 1) * TRIM_HOP)]
