"""Front ends: the features that are computed from audio before a victim's network.

They are no section of the configuration: a victim's class names its front end, whose settings are among the victim's.
The features of a corpus are stored once for all victims with the same front end.
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
    def dummy_input_shape(self) -> tuple[int, int]:
        """Channels, and times of one second at 16 kHz: the shape of an input for forward passes of which only the
        shapes matter."""

    @abstractmethod
    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function that computes the features.

        Args:
            sample_rate: of the waveforms, in Hz.
            device: on which features are computed.

        Returns:
            A function from waveforms (utterances, samples) to features (utterances, channels, times) on the device.
            The features of a corpus are stored in half precision.
        """
