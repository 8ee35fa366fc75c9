"""Defences: transforms of the input, or repairs of the model, against backdoors and adversarial examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch

    from sanguinaria.nn.feature_dataset import FeatureDataset


class Defence(Plugin):
    """Protocol of a defence.

    A defence that acts on the input implements ``transform`` or ``transform_with_texts``, one that acts on the model
    ``repair``.
    """

    room: ClassVar[str] = "defences"
    acts_on: ClassVar[Literal["input", "model"]] = "input"

    @property
    def is_identity(self) -> bool:
        """Whether the defence changes nothing, so that nothing is computed."""
        return False

    @property
    def needs_held_out(self) -> bool:
        """Whether ``repair`` uses clean utterances that the model was not trained on."""
        return False

    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the transform of an input, a function from (utterances, samples) to the same shape.

        Args:
            sample_rate: of the waveforms in Hz.
            device: of the computation.
        """
        raise NotImplementedError

    def transform_with_texts(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor, Sequence[str]], torch.Tensor]:
        """Return the transform of an input and its texts: (utterances, samples) and a text for each → the same shape.

        A defence overrides it instead of :meth:`transform` if it is conditioned on text, by an entry of `texts` as its
        ``text``, or if it has weights.

        Args:
            sample_rate: of the waveforms in Hz.
            device: of the computation.
            weights: of the entry of `purifiers` that the defence refers to, if it refers to one.

        Returns:
            The transform. A text is empty where there is none.
        """
        transform = self.transform(sample_rate, device)
        return lambda waveforms, texts: transform(waveforms)

    def repair(
        self, network: torch.nn.Module, held_out: FeatureDataset, seed: int, device: torch.device
    ) -> torch.nn.Module:
        """Return a repaired copy of a network on the device, in evaluation mode.

        Args:
            network: from inputs (utterances, channels, times) to logits (utterances, labels).
            held_out: the corpus's clean validation utterances; none, of the shape of the network's
                inputs, where ``needs_held_out`` is false.
            seed: of all random numbers.
            device: of the computation.
        """
        raise NotImplementedError
