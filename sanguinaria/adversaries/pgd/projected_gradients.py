"""Projected gradient descent (Madry et al., 2018, arXiv:1706.06083, section 2.1) on waveforms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from sanguinaria.adversaries import UNIT
from sanguinaria.audio.validation import waveform_problems

NO_GRADIENT = "the gradient is not made of numbers"
# Below any gradient: keeps one of 0 from a division by 0.
TINY = 1e-30


@dataclass(frozen=True)
class Budget:
    """How far a waveform may be moved, in all and in each step, as shares of full scale."""

    norm: Literal["linf", "l2"]
    epsilon: float
    step: float

    def stepped(self, gradients: torch.Tensor) -> torch.Tensor:
        """The steepest change of the length of a step, (utterances, samples) each."""
        if self.norm == "linf":
            return torch.sign(gradients) * self.step
        # Scaled first: the squares of small gradients are 0 in single precision.
        scaled = gradients / gradients.abs().amax(-1, keepdim=True).clamp(min=TINY)
        found: torch.Tensor = self.step * scaled / scaled.norm(dim=-1, keepdim=True).clamp(min=TINY)
        return found

    def within(self, changes: torch.Tensor) -> torch.Tensor:
        """The nearest changes that the budget allows, (utterances, samples) each."""
        if self.norm == "linf":
            return changes.clamp(-self.epsilon, self.epsilon)
        norms = changes.norm(dim=-1, keepdim=True)
        found: torch.Tensor = changes * (self.epsilon / norms.clamp(min=self.epsilon))
        return found


def ascend(
    waveforms: torch.Tensor, slope: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], budget: Budget, steps: int
) -> tuple[torch.Tensor, list[str]]:
    """Waveforms moved so that something rises, within a budget and within [-1, 1].

    Changes are whole units of a 16-bit sample, rounded towards the given waveforms, so that they are within the budget
    when they are stored, too.

    Args:
        waveforms: (utterances, samples).
        slope: gradients (some, samples) of what is to rise, at waveforms (some, samples) whose places (some,) among the
            given ones are told.
        budget: of the changes.
        steps: of the ascent.

    Returns:
        Changed waveforms, and what kept each from being changed: those that are silent or no numbers are as they were,
        and one whose gradient is no number stays where it last had one.
    """
    told = waveform_problems(waveforms)
    moving = torch.tensor([place for place, problem in enumerate(told) if not problem], device=waveforms.device)
    found = waveforms.clone()
    for _ in range(steps):
        if len(moving) == 0:
            break
        start = waveforms[moving]
        gradients = slope(found[moving], moving)
        good = torch.isfinite(gradients).all(-1)
        for place in moving[~good].tolist():
            told[place] = NO_GRADIENT
        changes = budget.within(found[moving] - start + budget.stepped(gradients))
        found[moving[good]] = (start + changes).clamp(-1, 1)[good]
        moving = moving[good]
    whole = torch.nan_to_num(((found - waveforms) / UNIT).trunc() * UNIT)
    return waveforms + whole, told
