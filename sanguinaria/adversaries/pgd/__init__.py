"""Projected gradient descent on the score of a trial (TDAP, section 4.1).

The score is the cosine similarity of the two embeddings. Its gradient is descended for target trials, towards
rejection, and ascended for non-target trials, towards acceptance. The attacks of toolboxes are for image classifiers:
torchattacks takes inputs in [0, 1] and labels, the Adversarial Robustness Toolbox a wrapped classifier and arrays;
neither has an attack on pairs of utterances.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.adversaries import QUANTISATION_STEP, Adversary, AttackObjective
from sanguinaria.core import devices

if TYPE_CHECKING:
    import torch


class ProjectedGradientDescent(Adversary):
    """PGD within an L∞ or L2 ball.

    TDAP's budgets are 30 (linf) and 6,400 (l2). It takes 50 steps of size 1, which in L2 reach 50 of the 6,400. By
    default the step size is 2.5 · epsilon / steps, as in Madry et al.'s code: steps of this size can reach the boundary
    from any start, and move along it.
    """

    renamed: ClassVar[Mapping[str, str]] = {"step": "step_size", "draws": "eot_samples"}
    attacks_encoder: ClassVar[bool] = True

    norm: Literal["linf", "l2"] = Field(description="norm of the perturbation that is bounded")
    epsilon: float = Field(
        gt=0, description="budget: the largest norm, in units of the quantisation step of 16-bit audio"
    )
    steps: int = Field(default=50, ge=1, description="number of gradient steps")
    step_size: float | None = Field(
        default=None, gt=0, description="norm of a step, in the same units; 2.5 · epsilon / steps where absent"
    )
    adaptive: bool = Field(
        default=False, description="whether the gradient is taken through the defence that the audio will meet"
    )
    eot_samples: int = Field(
        default=1,
        ge=1,
        description="random draws of a defence that an adaptive attack averages each gradient over (expectation over "
        "transformation)",
    )
    batch_size: int = Field(default=64, ge=1, description="trials that are attacked at once")
    precision: Literal["float32", "tfloat32"] = Field(
        default="float32",
        description="arithmetic of the gradients, through a defence as well; tfloat32 is for GPUs. The attacked trials "
        "are scored in float32",
    )

    @property
    def is_adaptive(self) -> bool:
        return self.adaptive

    @property
    def non_adaptive(self) -> ProjectedGradientDescent:
        return self.model_copy(update={"adaptive": False, "eot_samples": 1})

    @property
    def defence_draws(self) -> int:
        return self.eot_samples

    @property
    def utterances_per_batch(self) -> int:
        return self.batch_size

    def perturb(
        self, waveforms: torch.Tensor, objective: AttackObjective | None, seed: int
    ) -> tuple[torch.Tensor, list[str]]:
        import torch
        from torch.nn.functional import cosine_similarity

        from sanguinaria.adversaries.pgd.projected_gradients import Budget, ascend

        assert objective is not None
        signs = torch.where(objective.is_target, -1.0, 1.0)

        def gradient(audio: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            inputs = audio.detach().requires_grad_()
            total = torch.zeros_like(inputs)
            for defend in objective.defences or (lambda waveforms, rows: waveforms,):
                with torch.enable_grad():
                    embeddings = objective.embed(defend(inputs, rows))
                    scores = cosine_similarity(embeddings, objective.references[rows], dim=-1)
                    (of_draw,) = torch.autograd.grad((signs[rows] * scores).sum(), inputs)
                total += of_draw
            return total

        step_size = 2.5 * self.epsilon / self.steps if self.step_size is None else self.step_size
        budget = Budget(self.norm, self.epsilon * QUANTISATION_STEP, step_size * QUANTISATION_STEP)
        with devices.tfloat32(self.precision == "tfloat32"):
            return ascend(waveforms, gradient, budget, self.steps)
