"""Triggers: what is done to an utterance so that a poisoned model obeys it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch


class Trigger(Plugin):
    """The protocol of a trigger."""

    room: ClassVar[str] = "triggers"

    @property
    def is_identity(self) -> bool:
        """Whether the trigger does nothing, so that nothing need be computed."""
        return False

    @property
    def detects(self) -> bool:
        """Whether the trigger can be found again by :meth:`detector`."""
        return False

    @property
    def payload(self) -> str:
        """The message that every triggered utterance carries, as text of 0 and 1; empty where there is none."""
        return ""

    def to_detect(self) -> Trigger:
        """This trigger with default values of what its detector does not depend on: what it finds is made once."""
        return self

    @abstractmethod
    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        """What embeds the trigger into a batch.

        Args:
            sample_rate: in Hz, of the corpus.
            device: where the batches live.
            weights: what the referenced watermark's stage wrote; ``None`` for a trigger that refers to none.

        Returns:
            A function from waveforms (utterances, samples) in [-1, 1] to triggered waveforms of the same shape.
            It is deterministic and treats every utterance independently of its batch.
        """

    def detector(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
        """What finds the trigger again, for one that :attr:`detects`; the arguments are :meth:`embedder`'s.

        Returns:
            A function from waveforms (utterances, samples) to a score in [0, 1] for each, (utterances,), which from 0.5
            on says that the trigger is there, and the probability of a 1 for each bit of its message, (utterances,
            bits).
        """
        raise NotImplementedError
