"""Conversions: one speaker's speech in the voice of another, what is said and when staying the same."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import numpy as np
    import torch


class Conversion(Plugin):
    """The protocol of a voice conversion that needs one utterance of the target speaker, and nothing of the source's
    but what is converted."""

    room: ClassVar[str] = "conversions"
    has_network: ClassVar[bool] = False

    def fingerprint(self) -> str:
        """What tells one state of the source from another, where the settings alone do not: the user's own files."""
        return ""

    @abstractmethod
    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        """What converts a batch; what there is to know of the target is found out once.

        Args:
            target: speech of the target speaker (samples,), float32 in [-1, 1].
            sample_rate: in Hz, of the target and of the batches.
            device: where the batches live.

        Returns:
            A function from waveforms (utterances, samples) in [-1, 1], none of them silent, to converted ones of the
            same shape, at any level. It is deterministic and treats every utterance independently of its batch.

        Raises:
            InputError: the target speech is too little, or no speech.
        """


def one_by_one(
    function: Callable[[np.ndarray], np.ndarray],
) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function of one waveform (samples,) in NumPy, as one of batches (utterances, samples) in PyTorch."""

    def batched(waveforms: torch.Tensor) -> torch.Tensor:
        import torch

        rows = [torch.from_numpy(function(row)) for row in waveforms.cpu().float().numpy()]
        return torch.stack(rows).to(waveforms)

    return batched


def from_text(text: str) -> Conversion:
    """The conversion whose settings stand as JSON in a stage's specification."""
    conversion = plugins.build("conversions", json.loads(text))
    assert isinstance(conversion, Conversion)
    return conversion
