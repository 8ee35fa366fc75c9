"""AudioSeal's networks, trained from scratch on a corpus of the configuration, without the published weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from sanguinaria.core.devices import Precision
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import CorpusReference
from sanguinaria.watermarks import NO_SOURCES, Sources
from sanguinaria.watermarks._audioseal.forward import SAMPLE_RATE
from sanguinaria.watermarks._audioseal.networks import PARTS, AudioSealNetworks
from sanguinaria.watermarks._audioseal.settings import Cutoffs, RenewalPeriod, Surrogates, corpus_problems

if TYPE_CHECKING:
    import torch

    from sanguinaria.nn.step_training import Schedule
    from sanguinaria.watermarks._audioseal.training import JointSchedule

# Learning rate of the steps in which the detector is trained alone, relative to that of the joint training.
DETECTOR_RATE = 1 / 3


class AudioSealTrained(AudioSealNetworks):
    """A generator and a detector of the package's classes, trained on the training split of a corpus.

    The published size is for GPUs. `filters: 4`, `dimension: 16`, `lstm: 0` and `bits: 4` is small enough for two
    cores: 312,000 parameters, four to five minutes.
    """

    renamed: ClassVar[Mapping[str, str]] = {
        **AudioSealNetworks.renamed,
        "loudest": "first_ratio",
        "quietest": "last_ratio",
        "masking": "masking_weight",
        "listening": "surrogate_weight",
        "filtered": "low_pass_share",
    }

    corpus: CorpusReference = Field(description="entry of `corpora`: its training utterances")
    utterances: int = Field(default=20_000, ge=1, description="maximum number of them, as they are held in memory")
    steps: int = Field(default=1300, ge=1, description="of the joint training")
    batch_size: int = Field(default=8, ge=2)
    crop: float = Field(default=0.5, gt=0, description="seconds of speech in each training example")
    learning_rate: float = Field(default=3e-3, gt=0, description="Adam's, at its peak")
    first_ratio: float = Field(default=3.0, description="dB, the signal-to-watermark ratio at the start")
    last_ratio: float = Field(default=26.0, description="dB, the signal-to-watermark ratio at the end")
    masking_weight: float = Field(default=0.15, ge=0, description="weight of the audibility of the mark in the speech")
    surrogate_weight: float = Field(
        default=0.0,
        ge=0,
        description="weight of the cross-entropy of a surrogate, a classifier of marked and clean log-mel spectrograms",
    )
    surrogates: Surrogates = ()
    renewal_period: RenewalPeriod = 0
    low_pass_share: float = Field(
        default=0.12,
        ge=0,
        le=1,
        description="probability of a low-pass filter before the detector. At 0 the mark lies where a filter removes "
        "it; at a high value it lies in the band of the speech alone, where victims learn it less often",
    )
    cutoffs: Cutoffs = Field(default=(3000.0, 4000.0), description="Hz, range of the filters' cut-off frequency")
    detector_steps: int = Field(
        default=400,
        ge=0,
        description="of the detector alone after the joint training, with attenuated marks and more filters",
    )
    training_precision: Precision = Field(
        default="float32", description="arithmetic of the networks in training, whose losses are in float32"
    )
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _ratios_ascend(self) -> AudioSealTrained:
        if self.last_ratio < self.first_ratio:
            raise ValueError(f"last_ratio ({self.last_ratio:g} dB) is below first_ratio ({self.first_ratio:g} dB)")
        return self

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        yield from corpus_problems(referenced["corpus"], self.crop)

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Train both networks jointly, then the detector alone; write ``history.csv`` into the sources' folder.

        Raises:
            InputError: the corpus has another sample rate, or utterances shorter than a crop.
        """
        import torch

        from sanguinaria.nn.speech_crops import load_utterances
        from sanguinaria.nn.step_training import finish_training
        from sanguinaria.watermarks._audioseal.band_pass import require_band
        from sanguinaria.watermarks._audioseal.training import train_jointly
        from sanguinaria.watermarks.audioseal_trained.detector_training import train_detector

        generator, detector = self._untrained()
        waveforms = load_utterances(sources.audio, SAMPLE_RATE, self.utterances)
        joint_checkpoint, detector_checkpoint = (sources.folder / name for name in ("checkpoint.pt", "detector.pt"))
        common: dict[str, Any] = {
            "generator": generator,
            "detector": detector,
            "waveforms": waveforms,
            "bits": self.bits,
            "sample_rate": SAMPLE_RATE,
            "device": torch.device(sources.device),
        }
        joint, alone = self._schedules()
        history = train_jointly(**common, schedule=joint, checkpoint=joint_checkpoint)
        detector_history = train_detector(
            **common, cutoffs=self.cutoffs, schedule=alone, checkpoint=detector_checkpoint
        )
        history += [{**row, "step": self.steps + row["step"]} for row in detector_history]
        require_band(generator, waveforms, self.bits, self.window, self.band)
        finish_training(history, joint_checkpoint, detector_checkpoint)
        return self.state(generator, detector)

    def _schedules(self) -> tuple[JointSchedule, Schedule]:
        """Schedules of the joint training and of that of the detector alone."""
        from sanguinaria.nn.step_training import Schedule
        from sanguinaria.watermarks._audioseal.training import JointSchedule

        common: dict[str, Any] = {
            "batch_size": self.batch_size,
            "crop": round(self.crop * SAMPLE_RATE),
            "window": self.window,
            "seed": self.seed,
            "precision": self.training_precision,
        }
        joint = JointSchedule(
            **common,
            steps=self.steps,
            learning_rate=self.learning_rate,
            first_ratio=self.first_ratio,
            last_ratio=self.last_ratio,
            masking_weight=self.masking_weight,
            surrogate_weight=self.surrogate_weight,
            surrogates=self.surrogates,
            renewal_period=self.renewal_period,
            low_pass_share=self.low_pass_share,
            cutoffs=self.cutoffs,
        )
        return joint, Schedule(**common, steps=self.detector_steps, learning_rate=self.learning_rate * DETECTOR_RATE)

    def _untrained(self) -> list[torch.nn.Module]:
        """Both networks with the seed's initial weights, which are plain: weight normalisation slows training on a CPU.

        Biases start at 0. With the package's own initial biases the mark is nearly the same for every message, as they
        outweigh everything else in it; it takes hundreds of steps until a message can be decoded, or never succeeds.
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
