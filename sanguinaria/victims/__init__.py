"""Victims: the models that are trained on poisoned data."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.plugins import Plugin, Settings

if TYPE_CHECKING:
    import torch


class LogMel(Settings):
    """A log-mel front end; lengths in samples.

    The defaults are 64 ms windows every 12.5 ms at 16 kHz. They matter: with half the window a narrow-band mark is
    smeared over twice as many hertz (docs/bloodroot_table1.md).
    """

    bands: int = Field(default=80, ge=8, le=256)
    fft: int = Field(default=1024, ge=64)
    window: int = Field(default=1024, ge=32)
    hop: int = Field(default=200, ge=16)

    @model_validator(mode="after")
    def _window_fits(self) -> LogMel:
        if self.window > self.fft:
            raise ValueError(f"a window of {self.window} samples is longer than the transform of {self.fft}")
        return self


class Victim(Plugin):
    """The protocol of a victim, and how all of them are trained: Adam, cross entropy, a cosine schedule."""

    room: ClassVar[str] = "victims"

    log_mel: LogMel = LogMel()
    epochs: int = Field(default=35, ge=1)
    batch_size: int = Field(default=32, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0, description="Adam's, at the first step")
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

    @abstractmethod
    def network(self, labels: int) -> torch.nn.Module:
        """A network from log-mel spectrograms (utterances, bands, frames) of any number of frames to logits
        (utterances, labels)."""
