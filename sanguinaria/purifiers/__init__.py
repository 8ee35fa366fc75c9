"""Purifiers: networks that take out of speech what an attack may have put in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch


class Cleanser(Protocol):
    """A trained purifier, loaded on a device. It splits what it is given into passes of its own size."""

    def purify(self, waveforms: torch.Tensor, texts: Sequence[str] | None = None, seed: int = 0) -> torch.Tensor:
        """Purified waveforms: (utterances, samples) → the same, on the device that they came from.

        Gradients pass, so that an attack may reach through. What is random follows from the seed and the utterance's
        own samples, and depends on no other utterance. One that is silent, or that has anything that is no number,
        comes back as it is.

        Args:
            waveforms: nominally in [-1, 1], at the sample rate that the purifier was loaded for.
            texts: what is said in each, empty where nothing is known; a purifier without text looks at none.
            seed: of what is random.

        Raises:
            InputError: the utterances are too short for the network.
        """


@dataclass(frozen=True)
class Sampling:
    """How a diffusion is gone through, where it is not the purifier's usual way.

    Attributes:
        variances: β of each step; empty for the usual ones, and ``None`` for all of the training's.
        start: t*, the step that noise is added up to; ``None`` for the usual one.
        back: false for the noise alone, as a baseline.
    """

    variances: tuple[float, ...] | None = ()
    start: int | None = None
    back: bool = True


USUAL = Sampling()


@dataclass(frozen=True)
class Sources:
    """What a purifier is made from, beside its settings.

    Attributes:
        audio: shards of the corpus that it refers to.
        folder: where it may leave checkpoints and what else it makes.
        device: where it is trained.
        attacked: shards of what an adversary made of the corpus, where :attr:`Purifier.attack` asks for it.
        trials: the table that says which utterance each of those was (:mod:`sanguinaria.adversaries._probes`).
        texts: rows of what is said in the training and validation utterances and in the attacked ones, if it is told.
    """

    audio: tuple[Path, ...] = ()
    folder: Path = Path()
    device: torch.device | str = "cpu"
    attacked: tuple[Path, ...] = ()
    trials: Path | None = None
    texts: tuple[Path, ...] = ()


@dataclass(frozen=True)
class TrainingAttack:
    """What a purifier is to be shown: entries of `victims` and `adversaries`, and how many trials of the corpus's
    training utterances are attacked."""

    encoder: str
    adversary: str
    trials: int


class Purifier(Plugin):
    """The protocol of a purifier."""

    room: ClassVar[str] = "purifiers"

    @property
    def attack(self) -> TrainingAttack | None:
        """What of its corpus is attacked, for it to be trained on; nothing where ``None``."""
        return None

    @abstractmethod
    def obtain(self, sources: Sources) -> dict[str, torch.Tensor]:
        """The weights, trained on the sources' corpus, as one flat state dict.

        Raises:
            InputError: the corpus does not serve; the message says why.
        """

    @abstractmethod
    def load(
        self,
        weights: Mapping[str, torch.Tensor],
        sample_rate: int,
        device: torch.device,
        sampling: Sampling = USUAL,
    ) -> Cleanser:
        """A cleanser for audio at ``sample_rate`` Hz from what :meth:`obtain` returned.

        Raises:
            InputError: the network does not serve this sample rate, or this sampling.
            sanguinaria.purifiers.WeightsError: the weights are not this network's.
        """


class WeightsError(InputError):
    """Weights of another network; the message names the difference and the fix."""
