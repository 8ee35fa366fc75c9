"""Purifiers: denoising networks that remove adversarial perturbations, watermarks and triggers from speech."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch


class LoadedPurifier(Protocol):
    """A trained purifier on a device. It splits its input into batches of its own size."""

    def purify(self, waveforms: torch.Tensor, texts: Sequence[str] | None = None, seed: int = 0) -> torch.Tensor:
        """Return purified waveforms on the device of the input.

        Gradients pass, so that an adaptive attack is possible. The random numbers of an utterance follow from the seed
        and its own samples, and depend on no other utterance. Silent and non-finite waveforms are returned unchanged.

        Args:
            waveforms: (utterances, samples), nominally in [-1, 1], at the sample rate that the purifier was loaded for.
            texts: transcript of each utterance, empty where there is none; a purifier without text conditioning ignores
                them.
            seed: of all random numbers.

        Returns:
            (utterances, samples).

        Raises:
            InputError: the utterances are too short for the network.
        """


@dataclass(frozen=True)
class SamplingSettings:
    """Settings of diffusion purification: which steps are taken, and from which one the reverse process starts.

    Attributes:
        steps: the purifier's default sampling steps, all steps of the training, or the variance β of each step.
        start: t*, the step that the forward process adds noise up to; ``None`` for the default.
        reverse: whether the reverse process follows; without it the output is noisy speech, a baseline.
    """

    steps: Literal["default", "all"] | tuple[float, ...] = "default"
    start: int | None = None
    reverse: bool = True


DEFAULT_SAMPLING = SamplingSettings()


@dataclass(frozen=True, kw_only=True)
class TrainingInputs:
    """Files and device of a purifier's training.

    Attributes:
        audio: shards of the corpus that the purifier refers to.
        folder: of checkpoints and of what else the training writes.
        device: of the training.
        attacked: shards of the corpus's adversarial examples, where :attr:`Purifier.training_attack` requires them.
        trials: table of the trials of these examples (:mod:`sanguinaria.adversaries._probes`).
        texts: rows of the texts of training, validation and attacked utterances, for a purifier conditioned on text.
    """

    audio: tuple[Path, ...] = ()
    folder: Path = Path()
    device: torch.device | str = "cpu"
    attacked: tuple[Path, ...] = ()
    trials: Path | None = None
    texts: tuple[Path, ...] = ()


@dataclass(frozen=True)
class TrainingAttack:
    """Adversarial examples that a purifier is trained on.

    Attributes:
        encoder: entry of `victims` that is attacked.
        adversary: entry of `adversaries` that attacks it.
        trials: largest number of trials of the corpus's training utterances that are attacked.
    """

    encoder: str
    adversary: str
    trials: int


class Purifier(Plugin):
    """Protocol of a purifier."""

    room: ClassVar[str] = "purifiers"

    @property
    def training_utterances(self) -> Mapping[str, int]:
        """By split of the corpus that its training reads, the largest number of utterances.

        They are those of :func:`sanguinaria.core.random_streams.sample`.
        """
        return {}

    @property
    def training_attack(self) -> TrainingAttack | None:
        """The adversarial examples that it is trained on; ``None`` for a training without."""
        return None

    @abstractmethod
    def train(self, inputs: TrainingInputs) -> dict[str, torch.Tensor]:
        """Train on the corpus and return the weights as one flat state dict.

        Raises:
            InputError: the corpus does not fit; the message states why.
        """

    @abstractmethod
    def load(
        self,
        weights: Mapping[str, torch.Tensor],
        sample_rate: int,
        device: torch.device,
        sampling: SamplingSettings = DEFAULT_SAMPLING,
    ) -> LoadedPurifier:
        """Load weights that :meth:`train` returned, for audio at ``sample_rate`` Hz.

        Raises:
            InputError: the network does not fit this sample rate, or these sampling settings.
            sanguinaria.purifiers.WeightsError: the weights are of another network.
        """


class WeightsError(InputError):
    """Weights of another network; the message names the difference and the fix."""
