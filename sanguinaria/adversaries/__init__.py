"""Adversaries: who changes what a speaker encoder hears, so that it takes speakers for others.

Budgets and steps are in units of a 16-bit sample, as in TDAP: 1 is 1/32,768 of full scale.
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

    from sanguinaria.victims._encoders import Embed

# From waveforms (some, samples) of the trials at some places (some,) to what becomes of them.
Purifier = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
# Of a 16-bit sample to full scale.
UNIT = 1 / 32768


@dataclass(frozen=True)
class Aim:
    """What an attack of some trials knows.

    ``others`` are the embeddings of the trials' other utterances (utterances, dimensions); ``targets`` whether the two
    are of one speaker (utterances,), so that the attack is towards rejection, else towards acceptance; ``purifiers``
    what may happen to the audio of some of the trials (their places among all) before it is heard: their gradients are
    averaged.
    """

    embed: Embed
    others: torch.Tensor
    targets: torch.Tensor
    purifiers: tuple[Purifier, ...] = ()


class Adversary(Plugin):
    """The protocol of an adversary."""

    room: ClassVar[str] = "adversaries"
    # Whether it attacks each trial with knowledge of the encoder; else it changes utterances, whatever the trial.
    aims: ClassVar[bool] = False

    side: Literal["test", "enrolment"] = Field(default="test", description="which utterance of a trial is changed")

    @property
    def is_identity(self) -> bool:
        """Whether nothing is changed."""
        return False

    @property
    def knows_defence(self) -> bool:
        """Whether it attacks through the defence that its audio will meet."""
        return False

    @property
    def unaware(self) -> Adversary:
        """What it is where there is no defence to know of."""
        return self

    @property
    def purifier_draws(self) -> int:
        """With how many draws of a defence's random numbers each step is taken, where it knows the defence."""
        return 1

    @property
    def at_once(self) -> int:
        """How many utterances are changed at once; it changes no result."""
        return 256

    @abstractmethod
    def changed(self, waveforms: torch.Tensor, aim: Aim | None, seed: int) -> tuple[torch.Tensor, list[str]]:
        """Changed waveforms, and for each what kept it from being changed, empty where nothing did.

        Args:
            waveforms: (utterances, samples) in [-1, 1]. One that is no audio is left as it is, and told.
            aim: where the adversary aims.
            seed: of all that is random.

        Returns:
            (utterances, samples) in [-1, 1], and as many texts.
        """
