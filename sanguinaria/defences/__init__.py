"""Defences: transforms of the input, or repairs of the model, against backdoors and adversarial examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from sanguinaria.core.plugin_members import overrides
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch

    from sanguinaria.nn.feature_dataset import FeatureDataset


class Defence(Plugin):
    """Protocol of a defence.

    A defence that acts on the input implements ``transform`` or ``transform_with_texts``, one that acts on the model
    ``repair``. ``epochs_setting`` is the setting with the number of epochs that ``repair`` fine-tunes for, if it does:
    entries of one table that differ in it alone are one training.
    """

    room: ClassVar[str] = "defences"
    acts_on: ClassVar[Literal["input", "model"]] = "input"
    epochs_setting: ClassVar[str | None] = None

    @classmethod
    def unmet_demands(cls) -> Iterator[str]:
        methods = {"input": ["transform", "transform_with_texts"], "model": ["repair"]}
        demanded = methods.pop(cls.acts_on)
        (others,) = methods.values()
        defined = [name for name in (*demanded, *others) if overrides(cls, name, Defence)]
        if unused := [name for name in others if name in defined]:
            yield f"it defines {unused[0]}, which nothing calls with acts_on = {cls.acts_on!r}: write the other choice"
        elif not defined and not overrides(cls, "is_identity", Defence):
            yield f"it acts on the {cls.acts_on}, and does not define {' or '.join(demanded)}"
        if cls.epochs_setting is not None and cls.epochs_setting not in cls.model_fields:
            yield f"epochs_setting = {cls.epochs_setting!r} is the name of no setting"

    @property
    def is_identity(self) -> bool:
        """Whether the defence changes nothing, so that nothing is computed."""
        return False

    @property
    def needs_held_out(self) -> bool:
        """Whether ``repair`` uses clean utterances that the model was not trained on."""
        return False

    @property
    def fine_tuning_epochs(self) -> int:
        """The epochs that ``repair`` fine-tunes for; 0 for a defence that does not."""
        return 0 if self.epochs_setting is None else int(getattr(self, self.epochs_setting))

    def with_epochs(self, epochs: int) -> Self:
        """Return the same defence with so many epochs of fine-tuning; itself where it does not fine-tune."""
        return self if self.epochs_setting is None else self.model_copy(update={self.epochs_setting: epochs})

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
    ) -> Iterator[torch.nn.Module]:
        """Yield a repaired copy of a network on the device, in evaluation mode.

        A defence that fine-tunes yields it before the first epoch and after each, so that the last is the defence's
        and the others are those of fewer epochs. They may be one object, whose weights change.

        Args:
            network: from inputs (utterances, channels, times) to logits (utterances, labels).
            held_out: the corpus's clean validation utterances; none, of the shape of the network's
                inputs, where ``needs_held_out`` is false.
            seed: of all random numbers.
            device: of the computation.
        """
        raise NotImplementedError
