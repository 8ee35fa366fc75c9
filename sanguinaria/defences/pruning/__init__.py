"""Model pruning (Bloodroot, section 3.1): the channels of the smallest L2 norm are removed; fine-tuning may follow.

The paper mentions no fine-tuning. Without it, a network that has lost too many channels predicts one label for every
input; where that is the target, it looks like a surviving trigger, so read the attack success rate beside the
false-trigger rate. sanguinaria.defences.pruning.channels ranks and removes channels and an LSTM's units.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.defences import Defence

if TYPE_CHECKING:
    import torch

    from sanguinaria.nn.feature_dataset import FeatureDataset


class Pruning(Defence):
    """Structured pruning of every layer by the same share, with or without fine-tuning on clean utterances."""

    acts_on: ClassVar[Literal["input", "model"]] = "model"
    epochs_setting: ClassVar[str | None] = "fine_tune_epochs"

    share: float = Field(
        ge=0, lt=1, description="share of each layer's channels that is removed; at least one is kept in each"
    )
    fine_tune_epochs: int = Field(
        default=0, ge=0, description="epochs of fine-tuning on the clean validation utterances"
    )
    learning_rate: float = Field(default=1e-4, gt=0, description="of fine-tuning: Adam's, constant")
    batch_size: int = Field(default=32, ge=2, description="of fine-tuning")

    @property
    def is_identity(self) -> bool:
        return self.share == 0 and self.fine_tune_epochs == 0

    @property
    def needs_held_out(self) -> bool:
        return self.fine_tune_epochs > 0

    def repair(
        self, network: torch.nn.Module, held_out: FeatureDataset, seed: int, device: torch.device
    ) -> Iterator[torch.nn.Module]:
        from sanguinaria.defences.pruning.channels import prune
        from sanguinaria.nn.supervised_training import fine_tune

        pruned = prune(network, self.share, held_out.features.shape)
        return fine_tune(pruned, held_out, self.fine_tune_epochs, self.learning_rate, self.batch_size, seed, device)
