"""Voice conversions: speech of one speaker in the voice of another, with the same words and the same timing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import Reference

if TYPE_CHECKING:
    import numpy as np
    import torch


class Conversion(Plugin):
    """The protocol of a one-shot voice conversion: it needs one utterance of the target speaker, and no other speech of
    the source speaker than the utterance to be converted."""

    room: ClassVar[str] = "conversions"
    has_network: ClassVar[bool] = False

    def fingerprint(self) -> str:
        """Return a hash of the user's own files, on which results depend beside the settings; empty for none."""
        return ""

    @abstractmethod
    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function that converts a batch; the target speech is analysed once, before.

        Args:
            target: speech of the target speaker (samples,), float32 in [-1, 1].
            sample_rate: of the target and of the batches, in Hz.
            device: of the batches.

        Returns:
            A function from waveforms (utterances, samples) in [-1, 1], none of them silent, to converted ones of the
            same shape, at any level. It is deterministic, and an utterance's result does not depend on its batch.

        Raises:
            InputError: the target speech is too short, or contains no voice.
        """


def one_by_one(
    function: Callable[[np.ndarray], np.ndarray],
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Convert a function of one waveform (samples,) in NumPy to one of batches (utterances, samples) in PyTorch."""

    def batched(waveforms: torch.Tensor) -> torch.Tensor:
        import torch

        rows = [torch.from_numpy(function(row)) for row in waveforms.cpu().float().numpy()]
        return torch.stack(rows).to(waveforms)

    return batched


def resolve(reference: Reference) -> Conversion:
    """Return the conversion whose settings a reference of a specification has."""
    conversion = plugins.resolve(reference)
    assert isinstance(conversion, Conversion)
    return conversion
