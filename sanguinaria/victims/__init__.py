"""Victims: the models that are trained on poisoned data."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.core.plugins import Plugin
from sanguinaria.front_ends import FrontEnd
from sanguinaria.front_ends.log_mel import LogMel
from sanguinaria.front_ends.waveform import Waveform

if TYPE_CHECKING:
    import torch


class Victim(Plugin):
    """The protocol of a victim, and how all of them are trained.

    Most derive from one of the two below, which have a front end.
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
    precision: Literal["float32", "tfloat32", "bfloat16"] = Field(
        default="float32",
        description="arithmetic of training; tfloat32 is for GPUs, bfloat16 halves its time where the "
        "processor has it, and is float32 elsewhere",
    )
    deterministic: bool = Field(
        default=True, description="whether two trainings on one device are equal to the last bit; false may be faster"
    )
    time_shift: float = Field(
        default=0.0, ge=0, le=1, description="share of a clip by which training shifts it at most"
    )
    keep: Literal["last", "best"] = Field(
        default="last",
        description="the last epoch, or the best by validation accuracy; the test set is never looked at",
    )

    @property
    @abstractmethod
    def front_end(self) -> FrontEnd:
        """What makes the network's inputs of audio."""

    @abstractmethod
    def network(self, labels: int) -> torch.nn.Module:
        """A network from the front end's inputs (utterances, channels, times), of any number of times or of any that is
        long enough, to logits (utterances, labels).

        One that needs more times raises an InputError in its forward pass.
        """

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """What training makes small, a scalar, of logits (utterances, labels) and labels' positions (utterances,)."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, labels)


class SpectrogramVictim(Victim):
    """A victim of log-mel spectrograms (utterances, bands, frames)."""

    log_mel: LogMel = LogMel()

    @property
    def front_end(self) -> LogMel:
        return self.log_mel


class WaveformVictim(Victim):
    """A victim of waveforms (utterances, 1, samples)."""

    @property
    def front_end(self) -> Waveform:
        return Waveform()
