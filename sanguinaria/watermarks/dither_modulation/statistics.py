"""Statistics of the detector: fit of projections to the lattices, and the probability of that fit without a mark."""

from __future__ import annotations

from math import sqrt

import torch


def lattice_fit(positions: torch.Tensor) -> torch.Tensor:
    """Compute how close projections lie to a point of either lattice.

    Args:
        positions: of projections on the lattice of a 0, in steps, (…, bits).

    Returns:
        The mean of cos 4πu over the bits, in [−1, 1], (…).

    >>> lattice_fit(torch.tensor([[0.0, 0.5], [0.25, 0.25]])).round(decimals=3).tolist()
    [1.0, -1.0]
    """
    fit: torch.Tensor = (4 * torch.pi * positions).cos().mean(-1)
    return fit


def false_positive_probability(fit: torch.Tensor, bits: int, trials: int) -> torch.Tensor:
    """Compute the probability that an unmarked chunk fits as well in one of several trials (Šidák).

    The mean over bits of cos 2πu, with uniform u, has the variance 1/(2·bits); its tails are lighter than those of the
    normal distribution, which is used for it.

    Args:
        fit: of :func:`lattice_fit`, any shape.
        bits: of a message.
        trials: number of step sizes and delays that are tried.

    Returns:
        float64, of the same shape.
    """
    single = torch.special.erfc(fit.double() * sqrt(bits)) / 2
    probability: torch.Tensor = -torch.special.expm1(trials * torch.log1p(-single.clamp(max=1 - 1e-15)))
    return probability


def combine_probabilities(probabilities: torch.Tensor) -> torch.Tensor:
    """Combine independent probabilities by Fisher's method: (utterances, chunks) → (utterances,)."""
    logs = -probabilities.clamp(min=1e-300).log().sum(1)
    combined: torch.Tensor = torch.special.gammaincc(torch.full_like(logs, probabilities.shape[1]), logs)
    return combined


def cross_correlate(signals: torch.Tensor, templates: torch.Tensor) -> torch.Tensor:
    """Compute Σₜ template(t)·signal(t + d) for every d at which the template lies within the signal.

    Args:
        signals: (…, samples).
        templates: (…, fewer samples).

    Returns:
        (…, delays).

    >>> cross_correlate(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0])).round().tolist()
    [3.0, 5.0]
    """
    size = signals.shape[-1]
    product = torch.fft.rfft(signals) * torch.fft.rfft(templates, size).conj()
    correlation: torch.Tensor = torch.fft.irfft(product, size)[..., : size - templates.shape[-1] + 1]
    return correlation
