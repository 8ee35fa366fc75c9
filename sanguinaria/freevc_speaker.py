"""A speaker's embedding by an LSTM trained with the generalised end-to-end loss (Wan et al., 2018, arXiv:1710.10467).

The network, its input and its partial utterances are those of "Real-Time Voice Cloning", from which FreeVC takes its
speaker encoder, and Resemblyzer its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from sanguinaria.foreign_weights import fill, part_of, read_checkpoint

WHAT = "the checkpoint of FreeVC's speaker encoder (pretrained_bak_5805000.pt)"
SAMPLE_RATE = 16_000
# Windows of 25 ms every 10 ms, and a partial utterance of 1.6 s, 1.3 of which begin in each second.
WINDOW, HOP, PARTIAL = 400, 160, 160
STEP = round(SAMPLE_RATE / 1.3 / HOP)
# A last partial utterance counts if so much of it is there.
COVERAGE = 0.75
# As librosa trims: frames this much below the loudest are silence.
TRIM, TRIM_WINDOW, TRIM_HOP = 20.0, 2048, 512


class SpeakerEncoder(nn.Module):
    """Mel spectrograms (partials, frames, bands) → embeddings (partials, numbers), not negative, with norm 1."""

    def __init__(self, bands: int, hidden: int, layers: int, numbers: int) -> None:
        super().__init__()
        self.bands = bands
        self.lstm = nn.LSTM(bands, hidden, layers, batch_first=True)
        self.linear = nn.Linear(hidden, numbers)

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(mels)
        return nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)


def load_speaker_encoder(path: Path) -> SpeakerEncoder:
    """The network of a checkpoint, at whatever size its weights have.

    Raises:
        InputError: the file is absent, or is no such checkpoint.
    """
    weights = part_of(read_checkpoint(path, WHAT), "model_state", path, WHAT)
    # The scale and offset of the loss only train.
    kept = {name: tensor for name, tensor in weights.items() if name.startswith(("lstm.", "linear."))}
    bands, (numbers, hidden) = 40, (256, 256)
    if "linear.weight" in kept and "lstm.weight_ih_l0" in kept:
        bands, (numbers, hidden) = kept["lstm.weight_ih_l0"].shape[1], kept["linear.weight"].shape
    layers = max(1, sum(name.startswith("lstm.weight_ih_l") for name in kept))
    network = SpeakerEncoder(bands, hidden, layers, numbers)
    fill(network, kept, path, WHAT)
    return network.eval()


def embedding_of(network: SpeakerEncoder, speech: np.ndarray) -> torch.Tensor:
    """The embedding (numbers,) of speech (samples,) at 16 kHz: the mean over partial utterances, with norm 1."""
    sound = torch.from_numpy(trimmed(speech))
    starts = partials(len(sound))
    # Zeros up to the last partial utterance's end.
    needed = (starts[-1] + PARTIAL) * HOP
    mels = mel_spectrogram(nn.functional.pad(sound, (0, max(0, needed - len(sound)))), network.bands)
    found = network(torch.stack([mels[start : start + PARTIAL] for start in starts]))
    return nn.functional.normalize(found.mean(0), dim=0)


def mel_spectrogram(sound: torch.Tensor, bands: int) -> torch.Tensor:
    """Power, no logarithm, in Slaney's mel bands: (samples,) → (frames, bands)."""
    from torchaudio.functional import melscale_fbanks

    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(sound, WINDOW, HOP, window=window, pad_mode="reflect", return_complex=True).abs().square()
    filters = melscale_fbanks(WINDOW // 2 + 1, 0.0, SAMPLE_RATE / 2, bands, SAMPLE_RATE, "slaney", "slaney")
    mels: torch.Tensor = spectrum.T @ filters
    return mels


def partials(num_samples: int) -> list[int]:
    """First frames of the partial utterances: at least one, which may end after the speech does."""
    frames = -(-(num_samples + 1) // HOP)
    starts = list(range(0, max(1, frames - PARTIAL + STEP + 1), STEP))
    covered = (num_samples - starts[-1] * HOP) / (PARTIAL * HOP)
    return starts[:-1] if covered < COVERAGE and len(starts) > 1 else starts


def trimmed(speech: np.ndarray) -> np.ndarray:
    """Speech (samples,) without what is 20 dB below its loudest frame at both ends."""
    padded = np.pad(speech, TRIM_WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, TRIM_WINDOW)[::TRIM_HOP]
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-TRIM / 10))
    if loud.size == 0:
        return speech
    return speech[loud[0] * TRIM_HOP : min(len(speech), (loud[-1] + 1) * TRIM_HOP)]
