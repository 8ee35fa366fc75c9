"""The waveform itself, for networks with filters of their own.

Half precision represents 16-bit samples below a sixteenth of full scale exactly, and rounds larger ones by less than
one part in 2,000: at least 70 dB below them, where 16-bit speech has noise of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sanguinaria.front_ends import FrontEnd

if TYPE_CHECKING:
    import torch


class Waveform(FrontEnd):
    """One channel, with a time for each sample."""

    @property
    def dummy_input_shape(self) -> tuple[int, int]:
        return 1, 16000

    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda waveforms: waveforms[:, None].to(device)
