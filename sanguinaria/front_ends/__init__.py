"""Front ends: what of an utterance reaches a victim's network.

They are no section of the configuration: a victim says which one it has, and its settings are among the victim's. What
a front end makes of a corpus is kept once, for every victim that wants the same.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch


class FrontEnd(Plugin):
    """The protocol of a front end."""

    room: ClassVar[str] = "front_ends"

    @property
    @abstractmethod
    def typical_shape(self) -> tuple[int, int]:
        """Channels, which all inputs have, and the times of a second at 16 kHz: the shape of an input that a network is
        tried with where only its shapes matter."""

    @abstractmethod
    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        """A function from waveforms (utterances, samples) at ``sample_rate`` Hz to inputs (utterances, channels, times)
        on the device. They are kept in half precision."""
