"""PKDMark's teacher: an invertible network on the complex spectrum, with a complex feature map for a message.

"Efficient Speech Watermarking for Speech Synthesis via Progressive Knowledge Distillation", section III-B. The defaults
are the paper's sizes (section IV-A), on one-second chunks. It does not give the losses' weights, optimiser, batch size
or number of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.core.plugins import Plugin
from sanguinaria.watermarks import NO_SOURCES, Sources
from sanguinaria.watermarks._invertible.trained_watermark import CHUNK_SECONDS, check_spectrum, corpus_problems
from sanguinaria.watermarks._pkdmark.settings import PkdSettings, load_prefixed, prefixed_state

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._invertible.discriminator import Discriminator
    from sanguinaria.watermarks._pkdmark.marker import SyncMarker
    from sanguinaria.watermarks._pkdmark.network import PkdNetwork
    from sanguinaria.watermarks.pkdmark_teacher.training import TeacherSchedule

NETWORK, DISCRIMINATOR = "network.", "discriminator."
# The name of the ratio that a training under a bound of bit errors arrived at.
RATIO = "ratio"


class PkdmarkTeacher(PkdSettings):
    """PKDMark's teacher: a watermark by itself, and the base of students, which are distilled from it."""

    renamed: ClassVar[Mapping[str, str]] = {
        **PkdSettings.renamed,
        "message": "message_encoding",
        "levelled": "level_normalised",
        "quality": "curriculum",
    }

    sample_rate: Literal[16_000, 24_000] = Field(default=24_000, description="of the corpus and of the network, in Hz")
    fft: int = Field(default=1024, ge=16, multiple_of=2, description="samples of an STFT window")
    hop: int = Field(default=600, ge=1, description="samples between windows")
    first_bin: int = Field(default=0, ge=0, description="lowest bin of the marked band")
    bins: int = Field(default=513, ge=1, description="number of bins of the marked band")
    blocks: int = Field(default=8, ge=1, description="number of invertible blocks")
    layout: Literal["plain", "dense", "conv1d"] = Field(
        default="plain",
        description="architecture of each transformation in a block: five plain or five densely connected 3 × 3 "
        "convolutions; or conv1d, three convolutions over frames with the bins as channels, which train on one core",
    )
    channels: int = Field(default=32, ge=1, description="of each transformation; of a dense one its growth")
    message_encoding: Literal["map", "waveform"] = Field(
        default="map",
        description="features of the message: the map of Eq. 1; or a waveform's spectrum, as in WavMark (woCMFM)",
    )
    perceptual: Literal["multi_scale", "l2", "audibility"] = Field(
        default="multi_scale",
        description="Eq. 2; or the waveform's mean squared error (woMSSL); or the disturbance by the mark in a model "
        "of loudness and masking",
    )
    compressed: bool = Field(
        default=False, description="use the square roots of magnitudes, so that the mark follows them"
    )
    level_normalised: bool = Field(
        default=False, description="normalise the level of each second, so that the mark follows it"
    )
    ratio: float | None = Field(
        default=None,
        description="signal-to-watermark ratio of each second, in dB; where not given, the network determines it",
    )
    first_ratio: float = Field(default=8.0, description="the same at the start of the training, in dB")
    curriculum: bool = Field(
        default=False,
        description="raise the perceptual and adversarial weights from a hundredth to their full values while messages "
        "are decoded, and distort from when they are first decoded, which is learnt sooner; false: constant weights",
    )
    perceptual_weight: float = Field(
        default=100.0, ge=0, description="of Eq. 6; a mark 40 dB below speech then weighs as much as some wrong bits"
    )
    decoding_weight: float = Field(default=10.0, ge=0, description="of Eq. 6")
    adversarial_weight: float = Field(default=0.01, ge=0, description="of Eq. 6; 0: no discriminator")
    map_weight: float = Field(default=0.1, ge=0, description="of the second term of Eq. 3")
    steps: int = Field(default=100_000, ge=1, description="training steps")

    @model_validator(mode="after")
    def _spectrum_fits(self) -> PkdmarkTeacher:
        check_spectrum(
            fft=self.fft,
            hop=self.hop,
            first_bin=self.first_bin,
            bins=self.bins,
            sample_rate=self.sample_rate,
            # The paper's windows overlap by 41 %: enough, as each sample is well inside of one.
            maximum_hop=0.6,
        )
        if self.ratio is not None and self.ratio < self.first_ratio:
            raise ValueError(f"ratio ({self.ratio:g} dB) is below first_ratio ({self.first_ratio:g} dB)")
        if self.error_bound is not None and not self.curriculum:
            raise ValueError("error_bound guides the curriculum: set curriculum: true")
        return self

    @property
    def samples(self) -> int:
        """Samples of a chunk."""
        return CHUNK_SECONDS * self.sample_rate

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        yield from corpus_problems(referenced["corpus"], self.sample_rate)

    def network(self) -> PkdNetwork:
        """Build the untrained network, by torch's random numbers."""
        from sanguinaria.watermarks._invertible.spectra import Band
        from sanguinaria.watermarks._pkdmark.network import PkdNetwork

        return PkdNetwork(
            band=Band(self.fft, self.hop, self.first_bin, self.bins, self.compressed),
            samples=self.samples,
            bits=self.bits,
            blocks=self.blocks,
            layout=self.layout,
            width=self.channels,
            encoding=self.message_encoding,
            level_normalised=self.level_normalised,
        )

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Train network and discriminator, which a student needs, and write ``history.csv`` to the sources' folder.

        Raises:
            InputError: the corpus has another sample rate, or utterances shorter than a second.
        """
        import torch

        from sanguinaria.nn.speech_crops import load_utterances
        from sanguinaria.nn.step_training import finish_training
        from sanguinaria.watermarks._invertible.curriculum import ratio_at
        from sanguinaria.watermarks._invertible.discriminator import Discriminator
        from sanguinaria.watermarks._invertible.validation import VALIDATION_UTTERANCES
        from sanguinaria.watermarks._pkdmark.losses import LossWeights
        from sanguinaria.watermarks.pkdmark_teacher.training import TeacherTraining

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self.network()
            discriminator = Discriminator() if self.adversarial_weight else None
        training = TeacherTraining(
            network=network,
            discriminator=discriminator,
            waveforms=load_utterances(sources.audio, self.sample_rate, self.utterances),
            held_out=load_utterances(sources.audio, self.sample_rate, VALIDATION_UTTERANCES, "validation"),
            perceptual=self.perceptual,
            weights=LossWeights(
                perceptual=self.perceptual_weight,
                decoding=self.decoding_weight,
                adversarial=self.adversarial_weight,
                features=self.map_weight,
                unmarked=self.unmarked_weight,
            ),
            attacks=self._attacks(self.sample_rate),
            schedule=self._schedule(),
            device=torch.device(sources.device),
        )
        checkpoint = sources.folder / "checkpoint.pt"
        history = training.run(checkpoint)
        finish_training(history, checkpoint)
        state = prefixed_state(NETWORK, network)
        if self.ratio is not None and self.error_bound is not None:
            state[RATIO] = torch.tensor(ratio_at((self.first_ratio, self.ratio), history[-1]["curriculum"]))
        discriminator_state = {} if discriminator is None else prefixed_state(DISCRIMINATOR, discriminator)
        return state | discriminator_state

    def _schedule(self) -> TeacherSchedule:
        """The schedule of the training."""
        from sanguinaria.watermarks.pkdmark_teacher.training import TeacherSchedule

        return TeacherSchedule(
            steps=self.steps,
            batch_size=self.batch_size,
            crop=self.samples,
            learning_rate=self.learning_rate,
            window=0,
            seed=self.seed,
            ratios=None if self.ratio is None else (self.first_ratio, self.ratio),
            curriculum=self.curriculum,
            error_bound=self.error_bound,
            precision=self.precision,
        )

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> SyncMarker:
        """Build a marker; audio of another rate is resampled to the network's, which is printed, and the mark back.

        Raises:
            sanguinaria.watermarks.WeightsError: the weights are of another size.
        """
        network = self.trained_network(weights)
        return self._marker(
            network,
            network,
            ratio=self.trained_ratio(weights),
            network_rate=self.sample_rate,
            sample_rate=sample_rate,
            device=device,
        )

    def trained_ratio(self, weights: Mapping[str, torch.Tensor]) -> float | None:
        """Return the signal-to-watermark ratio of marks in dB, that of the training's end under a bound."""
        return float(weights[RATIO]) if RATIO in weights else self.ratio

    def trained_network(self, weights: Mapping[str, torch.Tensor]) -> PkdNetwork:
        """Build the network with its weights, on the CPU.

        Raises:
            sanguinaria.watermarks.WeightsError: the weights are of another size.
        """
        import torch

        with torch.device("meta"):
            network = self.network()
        return load_prefixed(network, weights, NETWORK)

    def trained_discriminator(self, weights: Mapping[str, torch.Tensor]) -> Discriminator | None:
        """Build the discriminator with its weights, on the CPU; ``None`` where the teacher has none.

        Raises:
            sanguinaria.watermarks.WeightsError: the weights are of another discriminator.
        """
        import torch

        from sanguinaria.watermarks._invertible.discriminator import Discriminator

        if not self.adversarial_weight:
            return None
        with torch.device("meta"):
            discriminator = Discriminator()
        return load_prefixed(discriminator, weights, DISCRIMINATOR)
