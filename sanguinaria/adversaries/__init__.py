"""Adversaries: attacks on speaker verification, which perturb an utterance of each trial.

Budgets and steps are in units of the quantisation step of 16-bit audio, as in TDAP: 1 is 1/32,768 of full scale.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch

    from sanguinaria.victims._encoders import EmbeddingFunction

# A defence as a differentiable function of waveforms (rows, samples) and of the indices (rows,) of their trials.
DefenceFunction = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
# The quantisation step of 16-bit audio, as a share of full scale.
QUANTISATION_STEP = 1 / 32768


@dataclass(frozen=True, kw_only=True)
class AttackObjective:
    """Objective of an attack on a batch of trials, and the attacker's knowledge.

    Attributes:
        embed: speaker encoder under attack.
        references: embeddings of the trials' other utterances, which stay as they are: (utterances, dimensions).
        is_target: whether both utterances of a trial are of one speaker: (utterances,). Such a trial is attacked
            towards rejection, any other towards acceptance.
        defences: draws of the defence between the attack and the encoder; the gradients through them are averaged.
            Without any, the attack ignores the defence.
    """

    embed: EmbeddingFunction
    references: torch.Tensor
    is_target: torch.Tensor
    defences: tuple[DefenceFunction, ...] = ()


class Adversary(Plugin):
    """Protocol of an adversary."""

    room: ClassVar[str] = "adversaries"
    # Whether an attack follows the encoder's score of each trial; else the utterance alone determines the perturbation.
    attacks_encoder: ClassVar[bool] = False

    side: Literal["test", "enrolment"] = Field(default="test", description="utterance of a trial that is perturbed")

    @property
    def is_identity(self) -> bool:
        """Whether no utterance is changed."""
        return False

    @property
    def is_adaptive(self) -> bool:
        """Whether the attack takes its gradients through the defence that the audio will meet."""
        return False

    @property
    def non_adaptive(self) -> Adversary:
        """The same attack without knowledge of a defence."""
        return self

    @property
    def defence_draws(self) -> int:
        """Number of random draws of the defence that each step's gradient is averaged over."""
        return 1

    @property
    def utterances_per_batch(self) -> int:
        """Number of utterances that are perturbed at once; it changes no result."""
        return 256

    @abstractmethod
    def perturb(
        self, waveforms: torch.Tensor, objective: AttackObjective | None, seed: int
    ) -> tuple[torch.Tensor, list[str]]:
        """Return perturbed waveforms, and for each the problem that prevented an attack, empty where there was none.

        Args:
            waveforms: (utterances, samples) in [-1, 1]. Silent or non-finite ones are returned unchanged.
            objective: of the attack; ``None`` for an adversary that does not attack an encoder.
            seed: of all that is random.

        Returns:
            Waveforms (utterances, samples) in [-1, 1], and one message for each.
        """
