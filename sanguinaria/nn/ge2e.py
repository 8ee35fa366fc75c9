"""Speaker encoders that were trained with the generalised end-to-end loss (Wan et al., 2018, arXiv:1710.10467).

Network, input and partial utterances are those of "Real-Time Voice Cloning", from which FreeVC takes its encoder, and
the package ``Resemblyzer`` 0.1.4 (Apache-2.0) its own; the constants are theirs.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import normalize, pad

SAMPLE_RATE = 16_000
# Windows of 25 ms every 10 ms; a partial utterance of 1.6 s, 1.3 of which begin in each second.
BANDS, FFT, HOP = 40, 400, 160
PARTIAL = 160
STEP = round(SAMPLE_RATE / 1.3 / HOP)
# A last partial utterance counts if so much of it is there.
COVERAGE = 0.75
SIZE, LAYERS = 256, 3
# dB of full scale, up to which Resemblyzer amplifies quiet audio.
LEVEL = -30.0
# Below any level of audio: keeps silence from a division by 0.
TINY = 1e-12


class SpeakerEncoder(nn.Module):
    """Mel energies (partials, frames, bands) → embeddings (partials, numbers), not negative, of length 1."""

    def __init__(self, bands: int, hidden: int, layers: int, numbers: int) -> None:
        super().__init__()
        self.bands = bands
        self.lstm = nn.LSTM(bands, hidden, layers, batch_first=True)
        self.linear = nn.Linear(hidden, numbers)

    def forward(self, energies: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(energies)
        return normalize(torch.relu(self.linear(hidden[-1])), dim=-1)

    def embed(self, audio: torch.Tensor, padding: str = "constant") -> torch.Tensor:
        """The means over partial utterances, of length 1: (utterances, samples) at 16 kHz → (utterances, numbers).

        What is shorter than one is filled with zeros; ``padding`` is what lies beyond the ends of the audio.
        """
        starts = partial_starts(audio.shape[-1])
        end = (starts[-1] + PARTIAL) * HOP
        energies = mel_energies(pad(audio, (0, max(0, end - audio.shape[-1]))), self.bands, padding)
        heard = torch.stack([energies[:, start : start + PARTIAL] for start in starts])
        found = SpeakerEncoder.forward(self, heard.flatten(0, 1)).reshape(*heard.shape[:2], -1)
        return normalize(found.mean(0), dim=-1)


class ResemblyzerEncoder(SpeakerEncoder):
    """Resemblyzer's, through which gradients pass: waveforms at 16 kHz (utterances, 1, samples) → (utterances, 256).

    It is the package's but for one step: silence is not cut out of the audio, which no gradient could pass.
    """

    def __init__(self) -> None:
        super().__init__(BANDS, SIZE, LAYERS, SIZE)

    def train(self, mode: bool = True) -> ResemblyzerEncoder:
        """cuDNN has no gradients of a recurrent layer that is not in training, where this one does nothing else."""
        super().train(mode)
        self.lstm.train()
        return self

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        with torch.autocast(waveforms.device.type, enabled=False):
            return self.embed(_amplified(waveforms[:, 0].float()))


def partial_starts(samples: int) -> list[int]:
    """First frames of the partial utterances: at least one, which may end after the audio does."""
    frames = -(-(samples + 1) // HOP)
    starts = list(range(0, max(1, frames - PARTIAL + STEP + 1), STEP))
    covered = (samples - starts[-1] * HOP) / (PARTIAL * HOP)
    return starts[:-1] if covered < COVERAGE and len(starts) > 1 else starts


def mel_energies(audio: torch.Tensor, bands: int = BANDS, padding: str = "constant") -> torch.Tensor:
    """Power, no logarithm, in Slaney's mel bands of equal area, (utterances, samples) → (utterances, frames, bands)."""
    from sanguinaria.audio.mel import slaney_filters

    window = torch.hann_window(FFT, device=audio.device)
    frames = pad(audio[:, None], (FFT // 2, FFT // 2), mode=padding)[:, 0].unfold(-1, FFT, HOP) * window
    spectra = torch.fft.rfft(frames)
    filters = torch.from_numpy(slaney_filters(SAMPLE_RATE, FFT, bands, SAMPLE_RATE / 2)).to(audio)
    power: torch.Tensor = (spectra.real.square() + spectra.imag.square()) @ filters.T
    return power


def _amplified(audio: torch.Tensor) -> torch.Tensor:
    """(utterances, samples) at a level of at least :data:`LEVEL`."""
    level = audio.square().mean(-1, keepdim=True).clamp(min=TINY).sqrt()
    return audio * (10 ** (LEVEL / 20) / level).clamp(min=1.0)
