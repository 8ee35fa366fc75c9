"""A network that tells marked from unmarked speech, which a generator is trained to deceive (WAKE, Eq. 2)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from sanguinaria.audio.reflect_padding import reflect_padded_stft

FFT, HOP = 512, 128
CHANNELS = (8, 16, 32)
# Log magnitudes start here, −100 dB: a mark in the quietest cells is to be seen as well.
FLOOR = 1e-5


class Discriminator(nn.Module):
    """Waveforms (utterances, samples) → a logit that each is an original, (utterances,).

    WAKE does not say what its discriminator is made of: this one is three strided convolutions over log magnitudes.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((1, *CHANNELS), CHANNELS, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS[-1], 1))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        window = torch.hann_window(FFT, device=waveforms.device)
        spectra = reflect_padded_stft(waveforms, window, HOP)
        levels = (spectra.real.square() + spectra.imag.square() + FLOOR**2).log10() / 2
        logits: torch.Tensor = self.layers(levels[:, None])
        return logits[:, 0]

    def deceived(self, marked: torch.Tensor) -> torch.Tensor:
        """What the generator lowers, log(1 − D(x_wm)), D being the probability of an original; weights get no slope."""
        self.requires_grad_(False)
        logits = self(marked)
        self.requires_grad_(True)
        loss: torch.Tensor = logsigmoid(-logits).mean()
        return loss

    def judged(self, speech: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
        """What the discriminator lowers; the generator gets no slope."""
        logits = self(torch.cat([speech, marked.detach()]))
        originals = torch.cat([torch.ones(len(speech)), torch.zeros(len(marked))]).to(logits)
        loss: torch.Tensor = binary_cross_entropy_with_logits(logits, originals)
        return loss
