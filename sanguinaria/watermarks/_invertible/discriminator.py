"""A discriminator of marked and unmarked speech for adversarial training (WAKE, Eq. 2; PKDMark, section III-B)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from sanguinaria.audio.reflect_padding import reflect_padded_stft

FFT, HOP = 512, 128
CHANNELS = (8, 16, 32)
# The floor of log magnitudes, −100 dB: low enough to show a mark in cells of little energy.
FLOOR = 1e-5


class Discriminator(nn.Module):
    """Three strided convolutions over log magnitudes: a logit that each waveform is unmarked.

    WAKE does not describe its discriminator; PKDMark only states that its loss is a cross-entropy.

    Shape:
        - Input: (utterances, samples)
        - Output: (utterances,)
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
        log_magnitudes = (spectra.real.square() + spectra.imag.square() + FLOOR**2).log10() / 2
        logits: torch.Tensor = self.layers(log_magnitudes[:, None])
        return logits[:, 0].float()

    def frozen_logits(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the logits with a gradient for the waveforms and none for the discriminator's weights."""
        trainable = [weight.requires_grad for weight in self.parameters()]
        self.requires_grad_(False)
        logits: torch.Tensor = self(waveforms)
        for weight, requires_grad in zip(self.parameters(), trainable, strict=True):
            weight.requires_grad_(requires_grad)
        return logits

    def saturating_loss(self, marked: torch.Tensor) -> torch.Tensor:
        """Compute the generator's loss of WAKE's Eq. 2, log(1 − D(x_wm)), D being the probability of an original."""
        return logsigmoid(-self.frozen_logits(marked)).mean()

    def non_saturating_loss(self, marked: torch.Tensor) -> torch.Tensor:
        """Compute the generator's loss of PKDMark's Eq. 5 and 10, −log(1 − D(x_w)), D being the probability of a mark.

        The logits are those of 1 − D.
        """
        return -logsigmoid(self.frozen_logits(marked)).mean()

    def discriminator_loss(self, speech: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
        """Compute the discriminator's own loss, binary cross-entropy; marked speech gets no gradient."""
        logits = self(torch.cat([speech, marked.detach()]))
        originals = torch.cat([torch.ones(len(speech)), torch.zeros(len(marked))]).to(logits)
        loss: torch.Tensor = binary_cross_entropy_with_logits(logits, originals)
        return loss
