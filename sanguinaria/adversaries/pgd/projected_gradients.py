"""Projected gradient ascent (Madry et al., 2018, arXiv:1706.06083, section 2.1) on waveforms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from sanguinaria.adversaries import QUANTISATION_STEP
from sanguinaria.audio.validation import waveform_problems

NON_FINITE_GRADIENT = "the gradient is not finite"
# Smaller than any gradient: it avoids the division of a zero gradient by its norm.
TINY = 1e-30


@dataclass(frozen=True)
class Budget:
    """Bounds of a perturbation, as shares of full scale.

    Attributes:
        norm: that is bounded.
        epsilon: largest norm of the whole perturbation.
        step_size: norm of each step.
    """

    norm: Literal["linf", "l2"]
    epsilon: float
    step_size: float

    def steepest_step(self, gradients: torch.Tensor) -> torch.Tensor:
        """Return the steepest ascent steps of the step size.

        Shape:
            - Input: (utterances, samples)
            - Output: (utterances, samples)

        >>> Budget("l2", epsilon=1.0, step_size=0.5).steepest_step(torch.tensor([[3.0, 4.0]]))
        tensor([[0.3000, 0.4000]])
        """
        if self.norm == "linf":
            return torch.sign(gradients) * self.step_size
        # Scaled first: the squares of small gradients are 0 in single precision.
        scaled = gradients / gradients.abs().amax(-1, keepdim=True).clamp(min=TINY)
        steps: torch.Tensor = self.step_size * scaled / scaled.norm(dim=-1, keepdim=True).clamp(min=TINY)
        return steps

    def project(self, perturbations: torch.Tensor) -> torch.Tensor:
        """Project perturbations onto the ball of radius epsilon.

        Shape:
            - Input: (utterances, samples)
            - Output: (utterances, samples)

        >>> Budget("linf", epsilon=1.0, step_size=0.5).project(torch.tensor([[-2.0, 0.5]]))
        tensor([[-1.0000,  0.5000]])
        """
        if self.norm == "linf":
            return perturbations.clamp(-self.epsilon, self.epsilon)
        norms = perturbations.norm(dim=-1, keepdim=True)
        projected: torch.Tensor = perturbations * (self.epsilon / norms.clamp(min=self.epsilon))
        return projected


def ascend(
    waveforms: torch.Tensor,
    gradient: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    budget: Budget,
    steps: int,
) -> tuple[torch.Tensor, list[str]]:
    """Perturb waveforms by projected gradient ascent, within a budget and within [-1, 1].

    The perturbation is truncated towards 0 to whole quantisation steps of 16-bit audio, so that it stays within the
    budget when the waveforms are stored.

    Args:
        waveforms: (utterances, samples).
        gradient: function of the current waveforms (rows, samples) and of their indices (rows,) among the utterances;
            it returns the gradients (rows, samples) of the quantity to maximise.
        budget: of the perturbation.
        steps: number of ascent steps.

    Returns:
        Perturbed waveforms (utterances, samples), and for each the problem that prevented or stopped its attack, empty
        where there was none. Silent and non-finite waveforms are unchanged; one whose gradient is not finite stays
        where it last had a finite one.
    """
    messages = waveform_problems(waveforms)
    active = torch.tensor([row for row, message in enumerate(messages) if not message], device=waveforms.device)
    perturbed = waveforms.clone()
    for _ in range(steps):
        if len(active) == 0:
            break
        originals = waveforms[active]
        gradients = gradient(perturbed[active], active)
        finite = torch.isfinite(gradients).all(-1)
        for row in active[~finite].tolist():
            messages[row] = NON_FINITE_GRADIENT
        perturbations = budget.project(perturbed[active] - originals + budget.steepest_step(gradients))
        perturbed[active[finite]] = (originals + perturbations).clamp(-1, 1)[finite]
        active = active[finite]
    quantised = torch.nan_to_num(((perturbed - waveforms) / QUANTISATION_STEP).trunc() * QUANTISATION_STEP)
    return waveforms + quantised, messages
