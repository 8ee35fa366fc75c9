"""Settings that the supervised training reads: protocols, which victims fulfil, and those of a fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import nn

from sanguinaria.core.devices import Precision


class EpochSettings(Protocol):
    """Settings of an epoch. A victim's settings are such."""

    @property
    def epochs(self) -> int: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...

    @property
    def schedule(self) -> Literal["cosine", "constant"]: ...

    @property
    def precision(self) -> Precision: ...

    @property
    def deterministic(self) -> bool: ...

    @property
    def time_shift(self) -> float: ...

    @property
    def masks(self) -> int: ...

    @property
    def mask_channels(self) -> float: ...

    @property
    def mask_times(self) -> float: ...

    @property
    def mixup(self) -> float: ...

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Compute the loss of a batch, a scalar, from logits (utterances, labels) and class indices (utterances,)."""


class TrainingSettings(EpochSettings, Protocol):
    """Settings of a training from scratch: those of an epoch, a network, an optimiser, and a model selection."""

    @property
    def keep(self) -> Literal["last", "best"]: ...

    @property
    def optimiser(self) -> Literal["adam", "sgd", "rmsprop"]: ...

    @property
    def weight_decay(self) -> float: ...

    def network(self, labels: int) -> nn.Module:
        """Build the untrained network for a number of labels."""


@dataclass(frozen=True, kw_only=True)
class FineTuningSettings:
    """Settings of an epoch of fine-tuning: a constant learning rate and cross entropy."""

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["cosine", "constant"] = "constant"
    precision: Precision = "float32"
    deterministic: bool = True
    time_shift: float = 0.0
    masks: int = 0
    mask_channels: float = 0.0
    mask_times: float = 0.0
    mixup: float = 0.0

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Compute the cross entropy, whatever loss the network was trained with before."""
        return nn.functional.cross_entropy(logits, labels)
