"""Checks of victims, untrained, and of the defences that repair them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_promises import check_finite, check_rows, source_of
from sanguinaria.front_ends import FrontEnd
from sanguinaria.nn.feature_dataset import FeatureDataset, Features
from sanguinaria.steps.promises.probe import (
    CPU,
    Probe,
    Unchecked,
    check_rows_alone,
    disturb_global_generators,
    expect_equal,
)
from sanguinaria.victims._encoders import SpeakerEncoderVictim

if TYPE_CHECKING:
    from sanguinaria.defences import Defence
    from sanguinaria.steps.promises.probe import Rows
    from sanguinaria.victims import Victim

LABELS = 3
SEED = 0
# A small victim of the commonest kind, which a defence of the model repairs.
SMALL_VICTIM = {"kind": "resnet18", "width": 4}


def check_victim(victim: Victim, probe: Probe) -> None:
    """Check the outputs of an untrained network, its loss and gradients, and embeddings of a speaker encoder."""
    features = _features(victim, probe)
    network = _network(victim)
    _check_gradients(victim, network, features)
    network.eval()

    def check(returned: Rows, given: torch.Tensor) -> None:
        check_rows(victim, returned, (len(given), LABELS), "logits (utterances, labels)")
        _check_finite(victim, returned)

    with torch.inference_mode():
        check_rows_alone(victim, lambda: network, features, check)
        if isinstance(victim, SpeakerEncoderVictim):
            embeddings = victim.embedding_network(network)(features)
            check_rows(victim, embeddings, (len(features), None), "embeddings (utterances, dimensions)")
    first, second = _weights(victim), _weights(victim)
    expect_equal(victim, first, second, "two networks with the same seed", "has to be deterministic")


def _features(victim: Victim, probe: Probe) -> torch.Tensor:
    front_end = victim.front_end
    if not isinstance(front_end, FrontEnd):
        raise InputError(f"{source_of(victim)}: front_end is {type(front_end).__name__}: it has to be a FrontEnd")
    with torch.no_grad():
        return front_end.transform(probe.sample_rate, CPU)(probe.waveforms()).float()


def _network(victim: Victim) -> torch.nn.Module:
    disturb_global_generators()
    torch.manual_seed(SEED)
    network = victim.network(LABELS)
    if not isinstance(network, torch.nn.Module):
        raise InputError(f"{source_of(victim)} returned {type(network).__name__}: it has to return a torch.nn.Module")
    if not any(weights.requires_grad for weights in network.parameters()):
        raise InputError(f"{source_of(victim)}: the network has no weights that are trained")
    return network


def _weights(victim: Victim) -> torch.Tensor:
    return torch.cat([weights.detach().flatten().float() for weights in _network(victim).parameters()])


def _check_gradients(victim: Victim, network: torch.nn.Module, features: torch.Tensor) -> None:
    """Check the loss and the gradients of a step of the training."""
    logits = network.train()(features)
    check_rows(victim, logits, (len(features), LABELS), "logits (utterances, labels)")
    loss = victim.loss(logits, torch.arange(len(features)) % LABELS)
    check_rows(victim, loss, (), "loss, a scalar,")
    _check_finite(victim, loss[None, None])
    if not loss.requires_grad:
        raise InputError(f"{source_of(victim)}: the loss has no gradient: compute it from the logits by torch alone")
    loss.backward()  # type: ignore[no-untyped-call]
    gradients = [weights.grad for weights in network.parameters() if weights.grad is not None]
    if not all(bool(torch.isfinite(gradient).all()) for gradient in gradients):
        raise InputError(f"{source_of(victim)}: gradients of the loss are not finite")
    if not any(bool(gradient.any()) for gradient in gradients):
        raise InputError(f"{source_of(victim)}: all gradients of the loss are 0, so that nothing would be learnt")


def _check_finite(victim: Victim, returned: Rows) -> None:
    assert isinstance(returned, torch.Tensor)
    check_finite(victim, returned, [f"test utterance {row + 1}" for row in range(len(returned))])


def check_repair(defence: Defence, probe: Probe) -> None:
    """Check the repair of a small untrained network, for one epoch where the defence fine-tunes.

    Raises:
        InputError: it breaks a promise; the message names its file.
        Unchecked: it is left to its job.
    """
    victim = plugins.build("victims", SMALL_VICTIM)
    features = _features(victim, probe)  # type: ignore[arg-type]
    network = _network(victim).eval()  # type: ignore[arg-type]
    held_out = FeatureDataset(Features([features.half()]), torch.arange(len(features)) % LABELS)
    original = {name: value.clone() for name, value in network.state_dict().items()}
    shortened = defence.with_epochs(1)
    first, second = (_repaired(shortened, network, held_out, features) for _ in range(2))
    if any(not torch.equal(value, original[name]) for name, value in network.state_dict().items()):
        raise InputError(f"{source_of(defence)} changed the network in place: it has to yield a repaired copy")
    expect_equal(defence, first, second, "two repairs with the same seed", "has to be deterministic")


def _repaired(
    defence: Defence, network: torch.nn.Module, held_out: FeatureDataset, features: torch.Tensor
) -> torch.Tensor:
    """Logits of the last network that a defence yields."""
    disturb_global_generators()
    try:
        returned = defence.repair(network, held_out, SEED, CPU)
        models = list(returned) if hasattr(returned, "__next__") else None
    except InputError as error:  # such as another architecture than the defence supports
        raise Unchecked(str(error)) from error
    if models is None or not models or not all(isinstance(model, torch.nn.Module) for model in models):
        raise InputError(f"{source_of(defence)}: repair has to yield a network, once or after each epoch")
    if len(models) != (expected := 1 + defence.fine_tuning_epochs):
        raise InputError(
            f"{source_of(defence)} yielded {len(models)} networks with {defence.fine_tuning_epochs} epochs: it has to "
            f"yield {expected}, one before the first epoch and one after each"
        )
    with torch.inference_mode():
        logits: torch.Tensor = models[-1](features)
    check_rows(defence, logits, (len(features), LABELS), "logits (utterances, labels) of the repaired network")
    check_finite(defence, logits, [f"test utterance {row + 1}" for row in range(len(features))])
    return logits
