"""Victims: the classifiers that are trained on poisoned data."""

from __future__ import annotations

from abc import abstractmethod
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.core.devices import Precision
from sanguinaria.core.plugins import Plugin
from sanguinaria.front_ends import FrontEnd
from sanguinaria.front_ends.log_mel import LogMel
from sanguinaria.front_ends.waveform import Waveform

if TYPE_CHECKING:
    import torch


class Victim(Plugin):
    """The protocol of a victim, and the settings of its training.

    Most victims derive from one of the two classes below, which have a front end.
    """

    room: ClassVar[str] = "victims"

    epochs: int = Field(default=35, ge=1)
    batch_size: int = Field(default=32, ge=2)
    optimiser: Literal["adam", "sgd", "rmsprop"] = Field(
        default="adam", description="sgd: with a momentum of 0.9; rmsprop: with SincNet's constants"
    )
    learning_rate: float = Field(default=1e-3, gt=0, description="at the first step")
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    precision: Precision = Field(
        default="float32",
        description="arithmetic of training; tfloat32 is for GPUs, bfloat16 halves its time where the "
        "processor has it, and is float32 elsewhere",
    )
    deterministic: bool = Field(
        default=True, description="whether two trainings on one device are equal to the last bit; false may be faster"
    )
    time_shift: float = Field(
        default=0.0, ge=0, le=1, description="augmentation: largest random shift in time, as a share of the utterance"
    )
    masks: int = Field(
        default=0,
        ge=0,
        le=10,
        description="augmentation: masks over bands and as many over time, of each utterance (SpecAugment); 0 for none",
    )
    mask_channels: float = Field(
        default=0.1875,
        ge=0,
        le=1,
        description="largest mask over bands, as a share of them; SpecAugment's SM",
    )
    mask_times: float = Field(
        default=0.2, ge=0, le=1, description="largest mask over time, as a share of the utterance; SpecAugment's SM"
    )
    mixup: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="augmentation: α of the distribution Beta(α, α) of the shares of mixed utterances; 0 for none",
    )
    keep: Literal["last", "best"] = Field(
        default="last",
        description="the last epoch, or the best by validation accuracy; the test set is never used for it",
    )

    @property
    @abstractmethod
    def front_end(self) -> FrontEnd:
        """The front end that computes the network's inputs from audio."""

    @abstractmethod
    def network(self, labels: int) -> torch.nn.Module:
        """Build the untrained network.

        Its forward pass takes the front end's features (utterances, channels, times), with any number of times or
        any that is large enough, and returns logits (utterances, labels). With too few times it raises an InputError.

        Args:
            labels: number of labels.
        """

    def minimum_samples(self, sample_rate: int) -> int:
        """Return the number of samples that an utterance at ``sample_rate`` Hz needs at least."""
        return 1

    def duration_error(self, num_samples: int, sample_rate: int) -> str | None:
        if num_samples >= (minimum := self.minimum_samples(sample_rate)):
            return None
        return (
            f"utterances have {num_samples:,} samples, and it needs {minimum:,}: raise the corpus's `duration` to "
            f"{ceil(1000 * minimum / sample_rate) / 1000:g} s, or use another victim"
        )

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Compute the training loss of a batch: cross entropy, unless a victim has its own.

        Args:
            logits: (utterances, labels).
            labels: class indices (utterances,).

        Returns:
            The loss, a scalar.
        """
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, labels)


class SpectrogramVictim(Victim):
    """A victim with log-mel spectrograms (utterances, bands, frames) as inputs."""

    log_mel: LogMel = LogMel()

    @property
    def front_end(self) -> LogMel:
        return self.log_mel


class WaveformVictim(Victim):
    """A victim with waveforms (utterances, 1, samples) as inputs."""

    @property
    def front_end(self) -> Waveform:
        return Waveform()
