"""AudioSeal, trained from scratch on a corpus of the configuration: for where the published weights cannot be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.core.plugins import Plugin
from sanguinaria.watermarks import NO_SOURCES, Sources
from sanguinaria.watermarks._audioseal.networks import PARTS, SAMPLE_RATE, AudioSealNetworks
from sanguinaria.watermarks._audioseal.settings import Cutoffs, corpus_problems

if TYPE_CHECKING:
    import torch

# The detector's learning rate in the steps that it takes alone, over that of the pair.
DETECTOR_RATE = 1 / 3


class AudioSealTrained(AudioSealNetworks):
    """A generator and a detector of the package's classes, trained on the training split of a corpus.

    The published size is for GPUs. `filters: 4`, `dimension: 16`, `lstm: 0` and `bits: 4` is small enough for two
    cores: 312,000 parameters, four to five minutes.
    """

    corpus: str = Field(description="entry of `corpora`: its training utterances")
    utterances: int = Field(default=20_000, ge=1, description="at most so many of them, as they are held in memory")
    steps: int = Field(default=1300, ge=1)
    batch_size: int = Field(default=8, ge=2)
    crop: float = Field(default=0.5, gt=0, description="seconds of an utterance that are seen at a time")
    learning_rate: float = Field(default=3e-3, gt=0, description="Adam's, at its highest")
    loudest: float = Field(default=3.0, description="dB, the signal-to-watermark ratio at the start")
    quietest: float = Field(default=26.0, description="dB, the same at the end")
    masking: float = Field(default=0.15, ge=0, description="weight of the audibility of the mark beside the speech")
    listening: float = Field(
        default=0.0,
        ge=0,
        description="weight of a network on log-mel spectrograms, as a victim's, that has to find the mark, too",
    )
    filtered: float = Field(
        default=0.12,
        ge=0,
        le=1,
        description="share of what the detector hears that has passed a low-pass filter. With none the mark lies where "
        "a filter removes it; with much it lies in the speech alone, where a model finds it less often",
    )
    cutoffs: Cutoffs = Field(default=(3000.0, 4000.0), description="Hz, between which the filters cut off")
    detector_steps: int = Field(
        default=400, ge=0, description="of the detector alone at the end, on quieter marks and more filtered ones"
    )
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> AudioSealTrained:
        if self.quietest < self.loudest:
            raise ValueError(f"quietest ({self.quietest:g} dB) is below loudest ({self.loudest:g} dB)")
        return self

    @property
    def references(self) -> dict[str, tuple[str, str]]:
        return {"corpus": ("corpora", self.corpus)}

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        yield from corpus_problems(referenced["corpus"], self.crop)

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Train, and leave ``history.csv`` in the sources' folder.

        Raises:
            InputError: the corpus is of another sample rate, or shorter than a crop.
        """
        import torch

        from sanguinaria.nn.speech_crops import load_utterances
        from sanguinaria.nn.step_training import Schedule, finish_training
        from sanguinaria.watermarks._audioseal.training import PairSchedule, train_pair
        from sanguinaria.watermarks.audioseal_trained.detector_training import train_detector

        device = torch.device(sources.device)
        generator, detector = self._untrained()
        crop = round(self.crop * SAMPLE_RATE)
        together = PairSchedule(
            **{name: getattr(self, name) for name in ("steps", "batch_size", "learning_rate", "loudest", "quietest")},
            **{name: getattr(self, name) for name in ("masking", "listening", "filtered", "cutoffs", "seed")},
            crop=crop,
            window=self.window,
        )
        alone = Schedule(
            self.detector_steps, self.batch_size, crop, self.learning_rate * DETECTOR_RATE, self.window, self.seed
        )
        waveforms = load_utterances(sources.audio, SAMPLE_RATE, self.utterances)
        first, second = (sources.folder / name for name in ("checkpoint.pt", "detector.pt"))
        history = train_pair(generator, detector, waveforms, self.bits, SAMPLE_RATE, together, first, device)
        later = train_detector(
            generator, detector, waveforms, self.bits, SAMPLE_RATE, self.cutoffs, alone, second, device
        )
        history += [{**row, "step": self.steps + row["step"]} for row in later]
        finish_training(history, first, second)
        return self.state(generator, detector)

    def _untrained(self) -> list[torch.nn.Module]:
        """Both networks as the seed makes them, with plain weights: weight normalisation slows training on a CPU.

        Biases start at 0. As the package draws them, they outweigh everything else in the mark, which is then nearly
        the same for every message; it takes hundreds of steps until one can be read, or for ever.
        """
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            states = {part: self._build(part).state_dict() for part in PARTS}
        weights = {
            f"{part}.{name}": torch.zeros_like(tensor) if name.endswith("bias") else tensor
            for part, state in states.items()
            for name, tensor in state.items()
        }
        return [self.network(part, weights) for part in PARTS]
