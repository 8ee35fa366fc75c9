"""The speaker encoder of the package ``Resemblyzer`` 0.1.4 (Apache-2.0), through which gradients pass to the waveform.

Wan et al., "Generalized End-to-End Loss for Speaker Verification", arXiv:1710.10467; the constants are the package's
(hparams.py, voice_encoder.py). It is the package's but for one step: silence is not cut out of the audio, which no
gradient could pass, and which would need ``webrtcvad``.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import torch
from torch import nn
from torch.nn.functional import normalize, pad

SAMPLE_RATE = 16_000
BANDS, FFT, HOP = 40, 400, 160
# Frames that the network hears at once, and how many lie between the beginnings of two such (`rate` of 1.3 a second).
PARTIAL = 160
STEP = round(SAMPLE_RATE / 1.3 / HOP)
# Less than this share of a last part is left out.
COVERAGE = 0.75
SIZE, LAYERS = 256, 3
# dB of full scale, up to which quiet audio is amplified.
LEVEL = -30.0
# Below any level of audio: keeps silence from a division by 0.
TINY = 1e-12


def parts(samples: int) -> list[int]:
    """The frames at which the parts of an utterance begin; the last may reach beyond its end."""
    frames = ceil((samples + 1) / HOP)
    starts = list(range(0, max(1, frames - PARTIAL + STEP + 1), STEP))
    covered = (samples - starts[-1] * HOP) / (PARTIAL * HOP)
    return starts[:-1] if covered < COVERAGE and len(starts) > 1 else starts


class Ge2e(nn.Module):
    """Waveforms at 16 kHz (utterances, 1, samples) → embeddings of length 1 (utterances, 256).

    They are the means of those of overlapping parts of 1.6 s; what is shorter is filled with zeros.
    """

    taper: torch.Tensor
    filters: torch.Tensor

    def __init__(self) -> None:
        from sanguinaria import compatibility

        compatibility.prepare()
        from torchaudio.functional import melscale_fbanks

        super().__init__()
        self.lstm = nn.LSTM(BANDS, SIZE, LAYERS, batch_first=True)
        self.linear = nn.Linear(SIZE, SIZE)
        # As librosa's defaults have it: Slaney's scale, and bands of equal area.
        filters = melscale_fbanks(
            FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, BANDS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("taper", torch.hann_window(FFT), persistent=False)

    def train(self, mode: bool = True) -> Ge2e:
        """cuDNN has no gradients of a recurrent layer that is not in training, where this one does nothing else."""
        super().train(mode)
        self.lstm.train()
        return self

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        with torch.autocast(waveforms.device.type, enabled=False):
            audio = _amplified(waveforms[:, 0].float())
            starts = parts(audio.shape[-1])
            end = (starts[-1] + PARTIAL) * HOP
            energies = self.energies(pad(audio, (0, max(0, end - audio.shape[-1]))))
            heard = [self._embedded(energies[:, start : start + PARTIAL]) for start in starts]
            return normalize(torch.stack(heard).mean(0), dim=-1)

    def energies(self, audio: torch.Tensor) -> torch.Tensor:
        """Mel energies, (utterances, samples) → (utterances, frames, bands): not their logarithms."""
        frames = pad(audio, (FFT // 2, FFT // 2)).unfold(-1, FFT, HOP) * self.taper
        spectra = torch.fft.rfft(frames)
        power: torch.Tensor = (spectra.real.square() + spectra.imag.square()) @ self.filters
        return power

    def _embedded(self, energies: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.lstm(energies)
        return normalize(torch.relu(self.linear(hidden[-1])), dim=-1)


def _amplified(audio: torch.Tensor) -> torch.Tensor:
    """(utterances, samples) at a level of at least :data:`LEVEL`."""
    level = audio.square().mean(-1, keepdim=True).clamp(min=TINY).sqrt()
    return audio * (10 ** (LEVEL / 20) / level).clamp(min=1.0)


def load_ge2e(state: dict[str, Any]) -> Ge2e:
    """The network with the package's weights (``model_state`` of its checkpoint)."""
    network = Ge2e()
    # What belongs to the training's loss is left out, as in the package.
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    return network.eval()
