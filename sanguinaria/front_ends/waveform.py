"""The waveform itself, for networks that learn their own filters.

Half precision keeps 16-bit samples below a sixteenth of full scale as they are, and rounds louder ones by less than one
part in 2,000: 70 dB and more below them, where 16 bits have their own noise for speech.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sanguinaria.front_ends import FrontEnd

if TYPE_CHECKING:
    import torch


class Waveform(FrontEnd):
    """One channel, a time for each sample."""

    @property
    def typical_shape(self) -> tuple[int, int]:
        return 1, 16000

    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda waveforms: waveforms[:, None].to(device)
