"""What keyed watermarks are taught by: WAKE's Eq. 2 and 3, and what was found to be needed beside them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss

from sanguinaria.audio.mel import htk_filters
from sanguinaria.audio.reflect_padding import reflect_padded_stft

# From the speech and the marked speech, (utterances, samples) each, to a loss.
Perceptual = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
# Table 3 of WAKE: L2 alone, with multi-scale mel spectrograms, and with more weight on the edges of those.
Terms = Literal["l2", "mel", "broad"]
# Scales e and mel bands of S (Eq. 2): windows of 2^i samples, a quarter of that between them.
SCALES, MELS = range(5, 12), 64
# BroadWeight W (section 3): 10 in the first and last 3 % of the time, 1 elsewhere.
EDGE_SHARE, EDGE_WEIGHT = 0.03, 10.0
# w_p1 and w_p3 of section 3.
L2_WEIGHT, MEL_WEIGHT = 1.0, 5.0


def wake_perceptual(terms: Terms, sample_rate: int, device: torch.device) -> Perceptual:
    """WAKE's Eq. 2 but for the discriminator's term: ‖·‖₁ and ‖·‖₂ are means of absolute and of squared differences."""
    spectrograms = multi_scale_mel(sample_rate, device)

    def measure(speech: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
        loss = L2_WEIGHT * mse_loss(marked, speech)
        if terms == "l2":
            return loss
        edges = broad_weight(speech.shape[-1]).to(device) if terms == "broad" else 1.0
        pairs = zip(spectrograms(speech * edges), spectrograms(marked * edges), strict=True)
        return loss + MEL_WEIGHT * sum(l1_loss(after, before) + mse_loss(after, before) for before, after in pairs)

    return measure


def broad_weight(samples: int) -> torch.Tensor:
    """W of Eq. 2, (samples,): the edges of a piece weigh more, or the mark's energy gathers there and is heard."""
    weights = torch.ones(samples)
    edge = round(EDGE_SHARE * samples)
    weights[:edge] = weights[samples - edge :] = EDGE_WEIGHT
    return weights


def multi_scale_mel(sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], list[torch.Tensor]]:
    """S of Eq. 2, as in EnCodec (arXiv:2210.13438, section 3.4): a mel spectrogram (utterances, bands, frames) for each
    scale, of magnitudes."""
    with warnings.catch_warnings():
        # The shortest windows have fewer bins than bands, some of which are 0 then.
        warnings.simplefilter("ignore", UserWarning)
        filters = [htk_filters(2**scale, MELS, sample_rate, device=device) for scale in SCALES]
    windows = [torch.hann_window(2**scale, device=device) for scale in SCALES]

    def spectrograms(waveforms: torch.Tensor) -> list[torch.Tensor]:
        found = []
        for window, bank in zip(windows, filters, strict=True):
            spectra = reflect_padded_stft(waveforms, window, len(window) // 4)
            # Magnitudes with a slope at 0.
            magnitudes = (spectra.real.square() + spectra.imag.square() + 1e-12).sqrt()
            found.append((magnitudes.transpose(1, 2) @ bank).transpose(1, 2))
        return found

    return spectrograms


@dataclass(frozen=True)
class Accuracy:
    """How well messages are read, Eq. 3: BCE + w_l1·max(0, w_l2 − BCE of what a wrong key reads) and two terms more.

    Attributes:
        hinge: w_l1.
        threshold: w_l2. At the paper's 0.01 a wrong key may read all but everything: chance is a BCE of ln 2.
        agreement: weight of the squared share, from −1 to 1, to which a wrong key's message agrees: above chance as
            below.
        quiet: weight of the squares of a wrong key's logits: it is to read nothing, so that a detector can tell.
    """

    hinge: float = 0.0
    threshold: float = 0.0
    agreement: float = 0.0
    quiet: float = 0.0

    @property
    def hears_wrong_keys(self) -> bool:
        """Whether anything is made of what a wrong key reads."""
        return bool(self.hinge or self.agreement or self.quiet)

    def __call__(
        self, messages: torch.Tensor, right: torch.Tensor, wrong: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        """Losses by name, ``message`` and ``wrong_key``, from messages of 0 and 1 and logits, (utterances, bits)."""
        message = binary_cross_entropy_with_logits(right, messages.float())
        if wrong is None:
            return {"message": message, "wrong_key": message.new_zeros(())}
        likeness = binary_cross_entropy_with_logits(wrong, messages.float())
        agreed = ((wrong / 2).tanh() * (messages * 2 - 1)).mean(-1)
        wrong_key = (
            self.hinge * (self.threshold - likeness).clamp(min=0)
            + self.agreement * agreed.square().mean()
            + self.quiet * wrong.square().mean()
        )
        return {"message": message, "wrong_key": wrong_key}
