"""A limit of the mark to a band, so that it lies neither below what is audible nor above a filter of the front end."""

from __future__ import annotations

from typing import Any

import torch
from scipy.signal import firwin
from torch import nn
from torch.nn.functional import pad

from sanguinaria.audio.filters import convolve
from sanguinaria.core.errors import InputError
from sanguinaria.watermarks._audioseal.forward import SAMPLE_RATE, generate_watermark

# Of the linear-phase filter: transitions of 100 Hz at 16 kHz and 50 dB outside, as Hamming windows have.
TAPS = 513
# Utterances whose marks are checked, and the share of their energy that transitions may leave outside the band.
CHECKED = 32
MAXIMUM_OUTSIDE = 0.02


class BandPass(nn.Module):
    """A linear-phase band-pass without delay; it has no weights.

    Args:
        band: Hz, the lower and the upper cut-off frequency.
        sample_rate: in Hz.

    Shape:
        - Input, output: (utterances, samples)
    """

    def __init__(self, band: tuple[float, float], sample_rate: int) -> None:
        super().__init__()
        response = torch.from_numpy(firwin(TAPS, band, pass_zero=False, fs=sample_rate)).float()
        self.register_buffer("response", response[None], persistent=False)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Filter waveforms in float32."""
        delay = TAPS // 2
        return convolve(pad(waveforms.float(), (0, delay)), self.get_buffer("response").float())[:, delay:]


def require_band(
    generator: Any, waveforms: torch.Tensor, bits: int, window: int, band: tuple[float, float] | None
) -> None:
    """Check that the marks of a trained generator lie within its band.

    Args:
        generator: as of :func:`~sanguinaria.watermarks._audioseal.forward.generate_watermark`.
        waveforms: speech, (utterances, samples), of which the first are marked.
        bits: length of the message.
        window: of the level normalisation, in samples.
        band: Hz, its ends; ``None`` for no limit.

    Raises:
        InputError: more than 2 % of the energy lies outside.
    """
    if band is None:
        return
    messages = torch.arange(CHECKED * bits).reshape(CHECKED, bits) % 2
    device = next(generator.parameters()).device
    speech = waveforms[:CHECKED].to(device)
    with torch.no_grad():
        marks = generate_watermark(generator, speech, messages[: len(speech)].to(device), window)
    if (outside := energy_outside(marks, band, SAMPLE_RATE)) > MAXIMUM_OUTSIDE:
        raise InputError(f"{100 * outside:.1f} % of the mark's energy lies outside {band[0]:g} to {band[1]:g} Hz")


def energy_outside(waveforms: torch.Tensor, band: tuple[float, float], sample_rate: int) -> float:
    """Compute the share of energy outside a band.

    Args:
        waveforms: (utterances, samples).
        band: Hz, its ends.
        sample_rate: in Hz.
    """
    power = torch.fft.rfft(waveforms.float()).abs().square().sum(0)
    frequencies = torch.fft.rfftfreq(waveforms.shape[-1], 1 / sample_rate, device=waveforms.device)
    inside = (frequencies >= band[0]) & (frequencies <= band[1])
    return float(power[~inside].sum() / power.sum())
