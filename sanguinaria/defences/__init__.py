"""Defences: what is done to the audio or to the model against a trigger that may be there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.plugins import Plugin

if TYPE_CHECKING:
    import torch


class Defence(Plugin):
    """The protocol of a defence that acts on the input."""

    room: ClassVar[str] = "defences"

    @property
    def is_identity(self) -> bool:
        """Whether the defence does nothing, so that nothing need be computed."""
        return False

    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        """A function from waveforms (utterances, samples) at ``sample_rate`` Hz to defended ones of the same shape."""
        raise NotImplementedError
