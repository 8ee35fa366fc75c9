"""Defences: what is done to the audio or to the model against a trigger that may be there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch

    from sanguinaria.nn.feature_dataset import FeatureDataset


class Defence(Plugin):
    """The protocol of a defence: one that acts on the input has ``transform`` or ``of_utterances``, one on the
    model ``repair``."""

    room: ClassVar[str] = "defences"
    acts_on: ClassVar[Literal["input", "model"]] = "input"

    @property
    def is_identity(self) -> bool:
        """Whether the defence does nothing, so that nothing need be computed."""
        return False

    @property
    def needs_held_out(self) -> bool:
        """Whether ``repair`` looks at clean utterances that the model was not trained on."""
        return False

    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        """A function from waveforms (utterances, samples) at ``sample_rate`` Hz to defended ones of the same shape."""
        raise NotImplementedError

    def of_utterances(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor, Sequence[str]], torch.Tensor]:
        """A function from waveforms, as :meth:`transform` gives, and what is said in each to defended waveforms.

        It is what a defence overrides instead that is told what is said, by an entry of `texts` as its ``text``, or
        that has ``weights``: those of the entry of `purifiers` that it refers to. Texts are empty where there is none.
        """
        transform = self.transform(sample_rate, device)
        return lambda waveforms, texts: transform(waveforms)

    def repair(
        self, network: torch.nn.Module, held_out: FeatureDataset, seed: int, device: torch.device
    ) -> torch.nn.Module:
        """Another network, on the device and ready to predict; the given one stays as it is.

        Args:
            network: from inputs (utterances, channels, times) to logits (utterances, labels).
            held_out: the corpus's clean validation utterances; none, of the shape of the network's
                inputs, where ``needs_held_out`` is false.
            seed: of all that is random.
        """
        raise NotImplementedError
