"""Training a victim on a poisoned manifest: deterministic, and resumed from its last epoch after a kill."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import cos, pi
from pathlib import Path
from typing import Literal, Protocol

import pandas as pd
import torch
from torch import nn

from sanguinaria.core import devices
from sanguinaria.core.checkpoints import load_checkpoint, save_checkpoint
from sanguinaria.core.errors import InputError
from sanguinaria.nn.feature_dataset import FeatureDataset, Features


class Recipe(Protocol):
    """Settings of an epoch; a victim's settings are such."""

    @property
    def epochs(self) -> int: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...

    @property
    def schedule(self) -> Literal["cosine", "constant"]: ...

    @property
    def precision(self) -> Literal["float32", "tfloat32", "bfloat16"]: ...

    @property
    def deterministic(self) -> bool: ...

    @property
    def time_shift(self) -> float: ...

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch: logits (utterances, labels) and positions of labels (utterances,) → ()."""


class Trainable(Recipe, Protocol):
    """Settings of a training from scratch: a recipe, a network, an optimiser, and the epoch that is kept."""

    @property
    def keep(self) -> Literal["last", "best"]: ...

    @property
    def optimiser(self) -> Literal["adam", "sgd", "rmsprop"]: ...

    @property
    def weight_decay(self) -> float: ...

    def network(self, labels: int) -> nn.Module:
        """The untrained network for so many labels."""


@dataclass(frozen=True)
class FineTuning:
    """The recipe of a fine-tuning: a constant rate and cross entropy."""

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["cosine", "constant"] = "constant"
    precision: Literal["float32", "tfloat32", "bfloat16"] = "float32"
    deterministic: bool = True
    time_shift: float = 0.0

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Cross entropy, which asks nothing of how a network was trained before."""
        return nn.functional.cross_entropy(logits, labels)


@dataclass
class Progress:
    """How far a training has come; what a checkpoint holds."""

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_accuracy: float = -1.0


def train(
    victim: Trainable,
    labels: Sequence[str],
    training_set: FeatureDataset,
    validation_set: FeatureDataset,
    seed: int,
    checkpoint: Path,
    device: torch.device,
) -> tuple[nn.Module, pd.DataFrame]:
    """Train a network; a checkpoint of the same training is taken up again.

    Returns:
        The network of the last epoch, or of the best by validation accuracy, as the victim's settings say; and the
        history, one row per epoch.

    Raises:
        InputError: the settings ask for the best on validation, and there is no validation set.
    """
    if victim.keep == "best" and len(validation_set.labels) == 0:
        raise InputError("keep: best needs validation utterances; give the corpus a validation share, or keep the last")
    torch.manual_seed(seed)
    network = _placed(victim.network(len(labels)), device)
    optimiser = _optimiser(victim, network)
    progress = _resumed(checkpoint, network, optimiser)
    while progress.epoch < victim.epochs:
        loss = _epoch(network, optimiser, victim, training_set, seed, progress.epoch, device)
        accuracy = _accuracy(network, validation_set, device)
        progress.epoch += 1
        progress.history.append({"epoch": progress.epoch, "loss": loss, "validation_accuracy": accuracy})
        if accuracy > progress.best_accuracy:
            progress.best_accuracy = accuracy
            progress.best = {name: tensor.cpu().clone() for name, tensor in network.state_dict().items()}
        save_checkpoint(checkpoint, network, optimiser, vars(progress))
        print(f"epoch {progress.epoch}/{victim.epochs}: loss {loss:.4f}, validation {accuracy:.4f}", flush=True)
    if victim.keep == "best":
        network.load_state_dict(progress.best)
    return network.eval(), pd.DataFrame(progress.history)


def _optimiser(victim: Trainable, network: nn.Module) -> torch.optim.Optimizer:
    parameters, rate, decay = network.parameters(), victim.learning_rate, victim.weight_decay
    match victim.optimiser:
        case "adam":
            return torch.optim.Adam(parameters, rate, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(parameters, rate, momentum=0.9, weight_decay=decay, fused=True)
        case "rmsprop":  # Ravanelli and Bengio (2018, arXiv:1808.00158, section 4.2)
            return torch.optim.RMSprop(parameters, rate, alpha=0.95, eps=1e-7, weight_decay=decay)


def fine_tune(
    network: nn.Module,
    examples: FeatureDataset,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
    device: torch.device,
) -> nn.Module:
    """A copy of a network after some more epochs of Adam at a constant rate; the network itself stays as it is.

    It needs at least one example. The seed decides the order of the examples.
    """
    tuned = _placed(copy.deepcopy(network), device)
    optimiser = torch.optim.Adam(tuned.parameters(), learning_rate, fused=True)
    for epoch in range(epochs):
        loss = _epoch(tuned, optimiser, FineTuning(epochs, batch_size, learning_rate), examples, seed, epoch, device)
        print(f"fine-tuning, epoch {epoch + 1}/{epochs}: loss {loss:.4f}", flush=True)
    return tuned.eval()


def _placed(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, its convolutions in their faster layout where that is safe."""
    placed: nn.Module = network.to(device)
    if device.type == "cpu" and not _fills_registers(network):
        return placed
    return placed.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _fills_registers(network: nn.Module) -> bool:
    """Whether every convolution makes a multiple of eight channels.

    With others, as pruning leaves them, training channels last corrupted memory on a processor that has AVX2 and no
    AVX-512 (torch 2.13, oneDNN 3.12); without oneDNN, or in the plain layout, it did not. The kernel is not known.
    """
    return all(layer.out_channels % 8 == 0 for layer in network.modules() if isinstance(layer, nn.Conv2d))


def _epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    examples: FeatureDataset,
    seed: int,
    epoch: int,
    device: torch.device,
) -> float:
    """One pass; its random numbers depend on the seed and the epoch alone, so a resumed training is the same."""
    generator = torch.Generator().manual_seed(seed * 100003 + epoch)
    torch.manual_seed(seed * 100003 + epoch)
    network.train()
    batches = list(_batches(len(examples.labels), recipe.batch_size, generator))
    numbers = devices.compute_dtype(recipe.precision, device)
    total = torch.zeros((), device=device)
    with devices.arithmetic(recipe.precision == "tfloat32", recipe.deterministic):
        for step, chosen in enumerate(batches):
            _set_rate(optimiser, recipe, (epoch + step / len(batches)) / recipe.epochs)
            inputs = _shifted(examples.features[chosen].to(device).float(), recipe.time_shift, generator)
            with torch.autocast(device.type, torch.bfloat16, enabled=numbers == torch.bfloat16):
                logits = network(inputs)
            loss = recipe.loss(logits.float(), examples.labels[chosen].to(device))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.detach()
    return float(total) / len(batches)


def _batches(count: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """A random order in batches; a last batch of one would have no variance to normalise by, so it is joined."""
    order = torch.randperm(count, generator=generator)
    starts = list(range(0, count, size))
    if count > 1 and count % size == 1:
        starts.pop()
    yield from (order[a:b] for a, b in zip(starts, [*starts[1:], count], strict=True))


def _set_rate(optimiser: torch.optim.Optimizer, recipe: Recipe, share: float) -> None:
    """The learning rate after a share of the training (Loshchilov and Hutter, 2017, arXiv:1608.03983, Eq. 5)."""
    factor = (1 + cos(pi * share)) / 2 if recipe.schedule == "cosine" else 1.0
    for group in optimiser.param_groups:
        group["lr"] = recipe.learning_rate * factor


def _shifted(inputs: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """Each input moved in time by up to a share of it; its first or last frame or sample fills the gap."""
    times = inputs.shape[-1]
    most = round(share * times)
    if most == 0:
        return inputs
    shifts = torch.randint(-most, most + 1, (len(inputs), 1), generator=generator)
    source = (torch.arange(times) + shifts).clamp(0, times - 1).to(inputs.device)
    return inputs.gather(2, source[:, None].expand_as(inputs))


@torch.inference_mode()
def predict(network: nn.Module, inputs: Features, device: torch.device, batch_size: int = 256) -> torch.Tensor:
    """Probabilities (utterances, labels) of at least one input, on the CPU."""
    network.eval()
    batches = torch.split(torch.arange(len(inputs)), batch_size)
    found = [torch.softmax(network(inputs[batch].to(device).float()), -1).cpu() for batch in batches]
    return torch.cat(found)


def _accuracy(network: nn.Module, examples: FeatureDataset, device: torch.device) -> float:
    if len(examples.labels) == 0:
        return float("nan")
    right = predict(network, examples.features, device).argmax(-1) == examples.labels
    return float(right.double().mean())


def _resumed(checkpoint: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    found = load_checkpoint(checkpoint, network, optimiser)
    if found is None:
        return Progress()
    progress = Progress(**found)
    print(f"resumed after epoch {progress.epoch}", flush=True)
    return progress
