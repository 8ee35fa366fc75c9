"""Gradients through a defence for adaptive attacks, so that obfuscated gradients do not make a defence look strong
(Athalye, Carlini and Wagner, 2018, arXiv:1802.00420)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from sanguinaria.defences import Defence

# From waveforms (utterances, samples) and the utterances' transcripts to defended waveforms.
Purify = Callable[[torch.Tensor, Sequence[str]], torch.Tensor]


def differentiable_defences(
    defence: Defence,
    *,
    weights: Path | None,
    draws: int,
    sample_rate: int,
    device: torch.device,
    samples: int,
) -> tuple[Purify, ...]:
    """Return copies of a defence with independent random numbers, as differentiable functions.

    Their mean estimates the expectation over transformation (section 4.2 of that paper). A defence without gradients,
    or with gradients that are all 0, gets the straight-through gradient of the identity: backward pass differentiable
    approximation (section 4.1). Text conditioning has no gradient.

    Args:
        defence: one that acts on the input. Its ``seed``, if it has one, is different for each draw, and none of the
            draws has the defence's own seed, which is secret from the attacker.
        weights: of the defence's purifier; ``None`` for a defence without one.
        draws: number of copies.
        sample_rate: in Hz.
        device: of the defence.
        samples: length of an utterance.
    """
    functions = [_with_seed(defence, draw).transform_with_texts(sample_rate, device, weights) for draw in range(draws)]
    # The gradient is tested with noise, as the defence of a silent utterance may have no gradient.
    noise = 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(0))
    if functions and not passes_gradients(functions[0], noise.to(device), [""]):
        functions = [straight_through(function) for function in functions]
    return tuple(functions)


def _with_seed(defence: Defence, draw: int) -> Defence:
    seed = getattr(defence, "seed", None)
    return defence if not isinstance(seed, int) else defence.model_copy(update={"seed": seed + 1 + draw})


def passes_gradients(purify: Purify, waveforms: torch.Tensor, texts: Sequence[str]) -> bool:
    """Return whether the gradient of a function with respect to its input is not all 0.

    Args:
        purify: the function.
        waveforms: (utterances, samples) at which the gradient is computed.
        texts: transcripts of the utterances.
    """
    inputs = waveforms.detach().clone().requires_grad_()
    with torch.enable_grad():
        try:
            outputs = purify(inputs, texts)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:  # NumPy, for one, refuses tensors that require gradients
            return False
        if not outputs.requires_grad:
            return False
        (gradient,) = torch.autograd.grad(outputs.square().sum(), inputs, allow_unused=True)
    return gradient is not None and bool(gradient.any())


def straight_through(purify: Purify) -> Purify:
    """Return a function with the gradient of the identity (Bengio et al., 2013, arXiv:1308.3432)."""

    def apply(waveforms: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
        inputs = waveforms.detach()
        with torch.no_grad():
            outputs = purify(inputs, texts).clone()
        return outputs + (waveforms - inputs)

    return apply
