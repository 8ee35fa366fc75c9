"""Triggers: changes of an utterance at which a poisoned model is meant to predict the target label."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core.plugin_members import overrides
from sanguinaria.core.plugins import Plugin
from sanguinaria.watermarks import Detection

if TYPE_CHECKING:
    import torch


class Trigger(Plugin):
    """The protocol of a trigger."""

    room: ClassVar[str] = "triggers"

    @classmethod
    def unmet_demands(cls) -> Iterator[str]:
        defines, states = (overrides(cls, name, Trigger) for name in ("detector", "has_detector"))
        if defines and not states:
            yield "it defines detector, which nothing calls without has_detector: define this property, too"
        if states and not defines:
            yield "it defines has_detector, and does not define detector"

    @property
    def is_identity(self) -> bool:
        """Whether the trigger leaves audio unchanged, so that nothing need be computed."""
        return False

    @property
    def has_detector(self) -> bool:
        """Whether :meth:`detector` can detect the trigger."""
        return False

    @property
    def payload(self) -> str:
        """The message that every triggered utterance carries, as text of 0 and 1; empty for a trigger without one."""
        return ""

    @property
    def key_choice(self) -> str:
        """What the key chooses, as text, of a trigger with a setting ``key``: keys of one choice are equivalent."""
        return str(getattr(self, "key", ""))

    def for_detection(self) -> Trigger:
        """Return this trigger with default values of the settings on which its detector does not depend.

        Triggers that differ in such settings alone then share the stage that runs the detector.
        """
        return self

    @abstractmethod
    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function that embeds the trigger into a batch.

        Args:
            sample_rate: of the corpus, in Hz.
            device: of the batches.
            weights: output of the stage of the referenced watermark or target speech; ``None`` for a trigger without
                one.

        Returns:
            A function from waveforms (utterances, samples) in [-1, 1] to triggered waveforms of the same shape.
            It is deterministic, and an utterance's result does not depend on its batch.
        """

    def detector(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], Detection]:
        """Return the function that detects the trigger, of one that :attr:`has_detector`.

        Args:
            sample_rate, device, weights: as of :meth:`embedder`.

        Returns:
            A function from waveforms (utterances, samples) to scores, of which those from 0.5 on are detections, and
            the bits of the message.
        """
        raise NotImplementedError
