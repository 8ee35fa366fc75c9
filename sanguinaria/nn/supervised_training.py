"""Supervised training of classifiers by epochs: deterministic, with a checkpoint after every epoch."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import cos, pi
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from sanguinaria.core import devices
from sanguinaria.core.checkpoints import load_checkpoint, save_checkpoint
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_promises import check_rows
from sanguinaria.core.training_log import log_training
from sanguinaria.nn import augmentation
from sanguinaria.nn.augmentation import Mixture
from sanguinaria.nn.feature_dataset import FeatureDataset, Features
from sanguinaria.nn.prefetching import on_device
from sanguinaria.nn.training_settings import EpochSettings, FineTuningSettings, TrainingSettings


@dataclass
class TrainingState:
    """State of a training beside network and optimiser, as a checkpoint holds it.

    Attributes:
        epoch: number of epochs completed.
        history: a row per epoch.
        best_weights: the state dict of the epoch with the best validation accuracy, on the CPU.
        best_accuracy: that accuracy.
    """

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    best_accuracy: float = -1.0

    def add_epoch(self, loss: float, accuracy: float, network: nn.Module) -> None:
        """Record an epoch, and copy the network's weights if it is the best so far; a NaN accuracy never is."""
        self.epoch += 1
        self.history.append({"epoch": self.epoch, "loss": loss, "validation_accuracy": accuracy})
        if accuracy > self.best_accuracy:
            self.best_accuracy = accuracy
            self.best_weights = {name: tensor.cpu().clone() for name, tensor in network.state_dict().items()}


def train(
    victim: TrainingSettings,
    labels: Sequence[str],
    training_set: FeatureDataset,
    validation_set: FeatureDataset,
    seed: int,
    checkpoint: Path,
    device: torch.device,
) -> tuple[nn.Module, pd.DataFrame]:
    """Train a victim's network from scratch, or resume from a checkpoint of the same training.

    Args:
        victim: settings of the training.
        labels: sorted; as many as the network has outputs.
        training_set: at least one utterance.
        validation_set: may be empty, unless the victim selects the best epoch.
        seed: of initial weights, order and augmentation.
        checkpoint: written after every epoch.
        device: that the network is trained on, and stays on.

    Returns:
        The network of the last epoch or of the best by validation accuracy, as ``victim.keep`` is set, in evaluation
        mode; and the history, a row per epoch with the columns epoch, loss and validation_accuracy.

    Raises:
        InputError: the best epoch is to be selected without a validation set, or the network's outputs are not logits
            (utterances, labels).
    """
    if victim.keep == "best" and len(validation_set.labels) == 0:
        raise InputError("keep: best needs validation utterances; give the corpus a validation share, or keep the last")
    torch.manual_seed(seed)
    training_set, validation_set = training_set.in_memory(), validation_set.in_memory()
    network = _to_device(victim.network(len(labels)), device)
    _check_outputs(victim, network, len(labels), training_set.features, device)
    optimiser = _optimiser(victim, network)
    state = _initial_or_resumed_state(checkpoint, network, optimiser)
    while state.epoch < victim.epochs:
        loss = _train_epoch(network, optimiser, victim, training_set, seed, state.epoch, device)
        accuracy = _accuracy(network, validation_set, device)
        state.add_epoch(loss, accuracy, network)
        log_training("training", state.history[-1])
        save_checkpoint(checkpoint, network, optimiser, vars(state))
        print(f"epoch {state.epoch}/{victim.epochs}: loss {loss:.4f}, validation {accuracy:.4f}", flush=True)
    if victim.keep == "best":
        network.load_state_dict(state.best_weights)
    return network.eval(), pd.DataFrame(state.history)


def fine_tune(
    network: nn.Module,
    dataset: FeatureDataset,
    epochs: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
    device: torch.device,
) -> Iterator[nn.Module]:
    """Fine-tune a copy of a network with Adam at a constant learning rate; the network itself stays as it is.

    The weights after n epochs do not depend on how many follow.

    Args:
        network: trained before.
        dataset: at least one utterance.
        epochs: number of epochs.
        learning_rate: of Adam.
        batch_size: utterances in a batch.
        seed: of the order of the utterances.
        device: that the copy is trained on, and stays on.

    Yields:
        The copy in evaluation mode, before the first epoch and after each: one object, whose weights change.
    """
    settings = FineTuningSettings(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate)
    tuned = _to_device(copy.deepcopy(network), device)
    optimiser = torch.optim.Adam(tuned.parameters(), learning_rate, fused=True)
    dataset = dataset.in_memory()
    yield tuned.eval()
    for epoch in range(epochs):
        loss = _train_epoch(tuned, optimiser, settings, dataset, seed, epoch, device)
        print(f"fine-tuning, epoch {epoch + 1}/{epochs}: loss {loss:.4f}", flush=True)
        log_training("fine_tuning", {"epoch": epoch + 1, "loss": loss})
        yield tuned.eval()


@torch.inference_mode()
def predict(network: nn.Module, features: Features, device: torch.device, batch_size: int = 256) -> torch.Tensor:
    """Compute class probabilities.

    Args:
        network: set to evaluation mode.
        features: of at least one utterance.
        device: of the network.
        batch_size: utterances in a forward pass.

    Returns:
        Probabilities (utterances, labels) on the CPU.
    """
    network.eval()
    batches = on_device(
        torch.split(torch.arange(len(features)), batch_size), lambda positions: (features[positions],), device
    )
    return torch.cat([torch.softmax(network(inputs.float()), -1).cpu() for (inputs,) in batches])


@torch.no_grad()
def _check_outputs(
    victim: TrainingSettings, network: nn.Module, labels: int, features: Features, device: torch.device
) -> None:
    """Check the outputs of one pass before the training: with too many, it would train to its end."""
    network.eval()
    inputs = features[torch.arange(min(2, len(features)))].to(device).float()
    check_rows(victim, network(inputs), (len(inputs), labels), "logits (utterances, labels)")


def _optimiser(victim: TrainingSettings, network: nn.Module) -> torch.optim.Optimizer:
    """The victim's optimiser of the network's parameters."""
    parameters, rate, decay = network.parameters(), victim.learning_rate, victim.weight_decay
    match victim.optimiser:
        case "adam":
            return torch.optim.Adam(parameters, rate, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(parameters, rate, momentum=0.9, weight_decay=decay, fused=True)
        case "rmsprop":  # Ravanelli and Bengio (2018, arXiv:1808.00158, section 4.2)
            return torch.optim.RMSprop(parameters, rate, alpha=0.95, eps=1e-7, weight_decay=decay)


def _initial_or_resumed_state(checkpoint: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> TrainingState:
    """The state in the checkpoint, whose weights are loaded, or that before the first epoch."""
    values = load_checkpoint(checkpoint, network, optimiser)
    if values is None:
        return TrainingState()
    state = TrainingState(**values)
    print(f"resumed after epoch {state.epoch}", flush=True)
    return state


def _to_device(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, its convolutions in the faster channels-last layout where that is safe."""
    moved: nn.Module = network.to(device)
    if device.type == "cpu" and not (_has_safe_kernels() and _has_whole_vectors(network)):
        return moved
    return moved.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _has_safe_kernels() -> bool:
    """Whether this processor's convolutions can be trained channels last: not with AVX2 and without AVX-512.

    There, the gradient of the weights of a strided 1 × 1 convolution whose input channels are no multiple of eight
    writes beyond its buffer (torch 2.13, oneDNN 3.12, jit_avx2_1x1_convolution_bwd_weights_t). Networks without such a
    layer were also seen to corrupt memory there, by a kernel that is not known; so all are trained in the plain layout,
    which takes 0.7 to 1.3 times as long.
    """
    return torch.backends.cpu.get_cpu_capability() != "AVX2"


def _has_whole_vectors(network: nn.Module) -> bool:
    """Whether the output channels of every 2-D convolution are a multiple of eight, as pruning does not leave them."""
    return all(layer.out_channels % 8 == 0 for layer in network.modules() if isinstance(layer, nn.Conv2d))


def _train_epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    settings: EpochSettings,
    dataset: FeatureDataset,
    seed: int,
    epoch: int,
    device: torch.device,
) -> float:
    """Train for an epoch and return the mean loss of its batches.

    The random numbers depend on the seed and the epoch alone, so a resumed training is the same.
    """
    generator = torch.Generator().manual_seed(seed * 100003 + epoch)
    torch.manual_seed(seed * 100003 + epoch)
    network.train()
    orders = list(_shuffled_batches(len(dataset.labels), settings.batch_size, generator))
    batches = on_device(orders, dataset.batch, device)
    total_loss = torch.zeros((), device=device)
    with devices.arithmetic(settings.precision == "tfloat32", settings.deterministic):
        for step, (features, labels) in enumerate(batches):
            _set_learning_rate(optimiser, settings, (epoch + step / len(orders)) / settings.epochs)
            features, mixture = _augment(features.float(), settings, generator)
            with devices.network_arithmetic(settings.precision, device):
                logits = network(features)
            loss = _loss(settings, logits.float(), labels, mixture)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total_loss += loss.detach()
    return float(total_loss) / len(orders)


def _shuffled_batches(count: int, batch_size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Positions in random order, in batches. A last batch of one, which batch normalisation cannot train on, is joined
    to the one before."""
    order = torch.randperm(count, generator=generator)
    starts = list(range(0, count, batch_size))
    if count > 1 and count % batch_size == 1:
        starts.pop()
    yield from (order[a:b] for a, b in zip(starts, [*starts[1:], count], strict=True))


def _set_learning_rate(optimiser: torch.optim.Optimizer, settings: EpochSettings, share: float) -> None:
    """The learning rate after a share of the training (Loshchilov and Hutter, 2017, arXiv:1608.03983, Eq. 5)."""
    factor = (1 + cos(pi * share)) / 2 if settings.schedule == "cosine" else 1.0
    for group in optimiser.param_groups:
        group["lr"] = settings.learning_rate * factor


def _augment(
    features: torch.Tensor, settings: EpochSettings, generator: torch.Generator
) -> tuple[torch.Tensor, Mixture | None]:
    """Augment a batch (utterances, channels, times), and return the mixture of its utterances, if there is one."""
    features = augmentation.shift_in_time(features, settings.time_shift, generator)
    features = augmentation.mask(features, settings.masks, settings.mask_channels, settings.mask_times, generator)
    mixture = augmentation.mixing(len(features), settings.mixup, generator)
    if mixture is not None:
        share, partners = mixture
        features = share * features + (1 - share) * features[partners.to(features.device)]
    return features, mixture


def _loss(settings: EpochSettings, logits: torch.Tensor, labels: torch.Tensor, mixture: Mixture | None) -> torch.Tensor:
    """The loss of a batch; that of mixed utterances is the same mixture of the losses of both labels."""
    if mixture is None:
        return settings.loss(logits, labels)
    share, partners = mixture
    mixed = labels[partners.to(labels.device)]
    return share * settings.loss(logits, labels) + (1 - share) * settings.loss(logits, mixed)


def _accuracy(network: nn.Module, dataset: FeatureDataset, device: torch.device) -> float:
    """The share of correct predictions; NaN for an empty data set."""
    if len(dataset.labels) == 0:
        return float("nan")
    correct = predict(network, dataset.features, device).argmax(-1) == dataset.labels
    return float(correct.double().mean())
