"""Gradients through a defence, so that none looks strong for hiding them (Athalye, Carlini and Wagner, 2018,
arXiv:1802.00420)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from sanguinaria.defences import Defence

# From waveforms (utterances, samples) and the utterances' texts to defended waveforms.
Purify = Callable[[torch.Tensor, Sequence[str]], torch.Tensor]


def purifiers(
    defence: Defence,
    weights: Path | None,
    draws: int,
    sample_rate: int,
    device: torch.device,
    samples: int,
) -> tuple[Purify, ...]:
    """A defence so many times, each with random numbers of its own, as functions through which gradients pass.

    The mean over them stands for the expectation (section 4.2 of that paper). Where no gradient passes, or none but 0,
    it passes straight through, as if the defence did nothing (section 4.1). What a purifier is told of what is said
    has no gradient.

    Args:
        defence: one that acts on the input. Its ``seed``, if it has one, is another for each draw, and none of them
            the defence's own: an attacker does not know what will be drawn.
        weights: of the purifier that it refers to, if it does.
        draws: how many.
        sample_rate: Hz.
        device: where the defence computes.
        samples: of an utterance.
    """
    functions = [_drawn(defence, draw).of_utterances(sample_rate, device, weights) for draw in range(draws)]
    # Tried with noise: an utterance might be a silent one, of which nothing depends on anything.
    example = 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(0))
    if functions and not passes_gradients(functions[0], example.to(device), [""]):
        functions = [straight_through(function) for function in functions]
    return tuple(functions)


def _drawn(defence: Defence, draw: int) -> Defence:
    seed = getattr(defence, "seed", None)
    return defence if not isinstance(seed, int) else defence.model_copy(update={"seed": seed + 1 + draw})


def passes_gradients(purify: Purify, example: torch.Tensor, texts: Sequence[str]) -> bool:
    """Whether a gradient that is not 0 reaches what a function is given."""
    given = example.detach().clone().requires_grad_()
    with torch.enable_grad():
        try:
            made = purify(given, texts)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:  # as of numpy, which takes no tensor that has a gradient
            return False
        if not made.requires_grad:
            return False
        (gradient,) = torch.autograd.grad(made.square().sum(), given, allow_unused=True)
    return gradient is not None and bool(gradient.any())


def straight_through(purify: Purify) -> Purify:
    """A function with the gradient of doing nothing (Bengio et al., 2013, arXiv:1308.3432)."""

    def apply(waveforms: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
        still = waveforms.detach()
        with torch.no_grad():
            changed = purify(still, texts).clone()
        return changed + (waveforms - still)

    return apply
