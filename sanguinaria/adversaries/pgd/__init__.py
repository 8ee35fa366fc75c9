"""Projected gradient descent on the score of a trial (TDAP, section 4.1).

A target trial is attacked towards rejection, another one towards acceptance: the gradient of the embeddings' cosine is
descended or ascended. Toolboxes' attacks are of classifiers of pictures: torchattacks takes inputs in [0, 1] and
labels, the Adversarial Robustness Toolbox a wrapped classifier and arrays; neither knows a pair of utterances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.adversaries import UNIT, Adversary, Aim

if TYPE_CHECKING:
    import torch


class ProjectedGradientDescent(Adversary):
    """TDAP's budgets are 30 (linf) and 6,400 (l2), its step is 1 and it takes 50: in L2 those reach 50 of the 6,400.

    By default a step is 2.5 · epsilon / steps long, as in Madry et al.'s code, with which the border can be reached
    from anywhere, and moved along.
    """

    aims: ClassVar[bool] = True

    norm: Literal["linf", "l2"] = Field(description="largest change of a sample, or root of the sum of squares")
    epsilon: float = Field(gt=0, description="the budget, in units of a 16-bit sample")
    steps: int = Field(default=50, ge=1)
    step: float | None = Field(
        default=None, gt=0, description="length of a step, in the same units; 2.5 · epsilon / steps where absent"
    )
    adaptive: bool = Field(
        default=False, description="whether the gradient is taken through the defence that the audio will meet"
    )
    draws: int = Field(
        default=1, ge=1, description="draws of a defence's random numbers that a step's gradient is averaged over"
    )
    batch_size: int = Field(default=64, ge=1, description="trials that are attacked at once")

    @property
    def knows_defence(self) -> bool:
        return self.adaptive

    @property
    def unaware(self) -> ProjectedGradientDescent:
        return self.model_copy(update={"adaptive": False, "draws": 1})

    @property
    def purifier_draws(self) -> int:
        return self.draws

    @property
    def at_once(self) -> int:
        return self.batch_size

    def changed(self, waveforms: torch.Tensor, aim: Aim | None, seed: int) -> tuple[torch.Tensor, list[str]]:
        import torch
        from torch.nn.functional import cosine_similarity

        from sanguinaria.adversaries.pgd.projected_gradients import Budget, ascend

        assert aim is not None
        wanted = torch.where(aim.targets, -1.0, 1.0)

        def slope(audio: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
            given = audio.detach().requires_grad_()
            total = torch.zeros_like(given)
            for purify in aim.purifiers or (lambda waveforms, places: waveforms,):
                with torch.enable_grad():
                    scores = cosine_similarity(aim.embed(purify(given, places)), aim.others[places], dim=-1)
                    (gradient,) = torch.autograd.grad((wanted[places] * scores).sum(), given)
                total += gradient
            return total

        step = 2.5 * self.epsilon / self.steps if self.step is None else self.step
        return ascend(waveforms, slope, Budget(self.norm, self.epsilon * UNIT, step * UNIT), self.steps)
