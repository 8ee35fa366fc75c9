"""Augmentation of batches of features in training: shifts in time, masks, and mixtures of two utterances."""

from __future__ import annotations

import numpy as np
import torch

# Share λ of an utterance in its mixture, and the position of every utterance's partner (utterances,).
Mixture = tuple[float, torch.Tensor]


def shift_in_time(features: torch.Tensor, maximum_share: float, generator: torch.Generator) -> torch.Tensor:
    """Shift each utterance by a random number of times; its first or last frame fills the gap.

    Args:
        features: (utterances, channels, times).
        maximum_share: largest shift in either direction, as a share of the times; nothing is drawn where it is 0.
        generator: of the shifts, on the CPU.

    Returns:
        (utterances, channels, times).
    """
    times = features.shape[-1]
    maximum = round(maximum_share * times)
    if maximum == 0:
        return features
    shifts = torch.randint(-maximum, maximum + 1, (len(features), 1), generator=generator)
    source = (torch.arange(times) + shifts).clamp(0, times - 1).to(features.device)
    return features.gather(2, source[:, None].expand_as(features))


def mask(
    features: torch.Tensor, masks: int, channel_share: float, time_share: float, generator: torch.Generator
) -> torch.Tensor:
    """Replace random ranges of channels and of times by the utterance's mean (SpecAugment: Park et al., 2019,
    arXiv:1904.08779, section 2, without time warping).

    Args:
        features: (utterances, channels, times).
        masks: number of masks over channels, and of as many over times, of each utterance; nothing is drawn for 0.
        channel_share: largest width of a mask over channels, as a share of them: the paper's F / ν.
        time_share: largest width of a mask over times, as a share of them: the paper's p.
        generator: of widths and positions, on the CPU.

    Returns:
        (utterances, channels, times). As in the paper a width is uniform from 0 to the largest, and then its position
        uniform; masks may overlap.
    """
    if masks == 0:
        return features
    utterances, channels, times = features.shape
    masked = torch.zeros(utterances, channels, times, dtype=torch.bool)
    for _ in range(masks):
        masked |= _ranges(utterances, channels, channel_share, generator)[:, :, None]
        masked |= _ranges(utterances, times, time_share, generator)[:, None, :]
    return torch.where(masked.to(features.device), features.mean((1, 2), keepdim=True), features)


def _ranges(utterances: int, length: int, share: float, generator: torch.Generator) -> torch.Tensor:
    """A random range for each utterance, of up to a share of a length: (utterances, length), true within."""
    widths = torch.randint(0, round(share * length) + 1, (utterances, 1), generator=generator)
    starts = (torch.rand(utterances, 1, generator=generator) * (length - widths + 1)).long()
    positions = torch.arange(length)
    return (starts <= positions) & (positions < starts + widths)


def mixing(utterances: int, alpha: float, generator: torch.Generator) -> Mixture | None:
    """Draw the mixture of a batch (mixup: Zhang et al., 2018, arXiv:1710.09412, Eq. 1): λx_i + (1 − λ)x_j, and the
    same of the losses of the labels of i and j. One λ for a batch, as in the paper's code.

    Args:
        utterances: number in the batch.
        alpha: of the distribution Beta(α, α) of λ; 0 for no mixture, for which nothing is drawn.
        generator: of the partners, and the seed of λ.

    Returns:
        λ, and the position j of every i's partner (utterances,); ``None`` without mixture.
    """
    if alpha == 0:
        return None
    partners = torch.randperm(utterances, generator=generator)
    seed = int(torch.randint(2**31, (1,), generator=generator))
    return float(np.random.default_rng(seed).beta(alpha, alpha)), partners
