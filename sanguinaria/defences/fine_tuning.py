"""Fine-tuning on clean utterances (Fake the Real, section 4.6), in which a model may forget its backdoor.

The paper states twenty epochs on completely clean data, and neither which data nor the optimiser. Here the data are the
corpus's validation split, which the model was not trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.defences import Defence

if TYPE_CHECKING:
    import torch

    from sanguinaria.nn.feature_dataset import FeatureDataset


class FineTuning(Defence):
    """Further epochs of training on clean validation utterances; the first n of n + 1 epochs are those of n epochs.

    So the entries of one table that differ in their epochs alone are one training, which keeps a model after each of
    their numbers of epochs. A table with another number of epochs trains it anew.
    """

    acts_on: ClassVar[Literal["input", "model"]] = "model"
    epochs_setting: ClassVar[str | None] = "epochs"

    epochs: int = Field(ge=0, description="epochs on the clean validation utterances")
    learning_rate: float = Field(default=1e-4, gt=0, description="Adam's, constant")
    batch_size: int = Field(default=32, ge=2)

    @property
    def is_identity(self) -> bool:
        return self.epochs == 0

    @property
    def needs_held_out(self) -> bool:
        return True

    def repair(
        self, network: torch.nn.Module, held_out: FeatureDataset, seed: int, device: torch.device
    ) -> Iterator[torch.nn.Module]:
        from sanguinaria.nn.supervised_training import fine_tune

        return fine_tune(network, held_out, self.epochs, self.learning_rate, self.batch_size, seed, device)
