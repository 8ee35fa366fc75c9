"""PKDMark's teacher: an invertible network on the complex spectrum, with a map of complex features for a message.

"Efficient Speech Watermarking for Speech Synthesis via Progressive Knowledge Distillation", section III-B. The defaults
are the paper's sizes (section IV-A), on one-second pieces. It tells no weights of losses, optimiser, batches and steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.core.plugins import Plugin
from sanguinaria.watermarks import NO_SOURCES, Sources
from sanguinaria.watermarks._pkdmark.settings import (
    PIECE_SECONDS,
    VALIDATED,
    PkdSettings,
    corpus_problems,
    fill,
    named,
)

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._invertible.discriminator import Discriminator
    from sanguinaria.watermarks._pkdmark.marker import SyncMarker
    from sanguinaria.watermarks._pkdmark.network import MarkNetwork

NETWORK, DISCRIMINATOR = "network.", "discriminator."


class PkdmarkTeacher(PkdSettings):
    """Trained on a corpus of the configuration; a watermark by itself, and what a student learns from."""

    sample_rate: Literal[16_000, 24_000] = Field(default=24_000, description="Hz, of the corpus and of the network")
    fft: int = Field(default=1024, ge=16, multiple_of=2, description="samples of a window of the spectrum")
    hop: int = Field(default=600, ge=1, description="samples between windows")
    first_bin: int = Field(default=0, ge=0, description="lowest bin of the spectrum that is changed")
    bins: int = Field(default=513, ge=1, description="how many are changed")
    blocks: int = Field(default=8, ge=1, description="of the invertible network")
    layout: Literal["plain", "dense", "lines"] = Field(
        default="plain",
        description="of each transformation in a block: five plain or five densely connected 3 × 3 convolutions, or, "
        "so that it trains on one core, three over the frames with the bins as channels",
    )
    channels: int = Field(default=32, ge=1, description="of each transformation; of a dense one its growth")
    message: Literal["map", "wave"] = Field(
        default="map", description="the message's features: Eq. 1; or a waveform's spectrum, as in WavMark (woCMFM)"
    )
    perceptual: Literal["multi_scale", "l2"] = Field(
        default="multi_scale", description="Eq. 2; or the waveform's mean squared error (woMSSL)"
    )
    levelled: bool = Field(default=False, description="bring each second to one level before, so that marks follow it")
    ratio: float | None = Field(
        default=None, description="dB, of a second of speech to its mark; where not given, the network decides"
    )
    first_ratio: float = Field(default=8.0, description="dB, the same at the start of the training")
    quality: Literal["constant", "gradual"] = Field(
        default="constant",
        description="constant, the perceptual and adversarial weights; gradual, rising from a hundredth of them while "
        "messages are read, with distortions from when they are first read on, which is learnt sooner",
    )
    perceptual_weight: float = Field(
        default=100.0, ge=0, description="of Eq. 6; a mark 40 dB below speech then weighs as much as some wrong bits"
    )
    decoding_weight: float = Field(default=10.0, ge=0, description="of Eq. 6")
    adversarial_weight: float = Field(default=0.01, ge=0, description="of Eq. 6; 0: no discriminator")
    map_weight: float = Field(default=0.1, ge=0, description="of the second term of Eq. 3")
    steps: int = Field(default=100_000, ge=1)

    @model_validator(mode="after")
    def _spectrum_fits(self) -> PkdmarkTeacher:
        if self.first_bin + self.bins > self.fft // 2 + 1:
            raise ValueError(f"first_bin and bins reach beyond the {self.fft // 2 + 1} bins of a window of {self.fft}")
        # The paper's windows overlap by 41 %: enough, as each sample is well inside of one.
        if self.hop > 0.6 * self.fft:
            raise ValueError(f"hop ({self.hop}) is above 0.6 of fft ({self.fft}): windows would leave gaps")
        if self.fft > self.samples:
            raise ValueError(f"fft ({self.fft}) is longer than a second at {self.sample_rate:,} Hz")
        if self.ratio is not None and self.ratio < self.first_ratio:
            raise ValueError(f"ratio ({self.ratio:g} dB) is below first_ratio ({self.first_ratio:g} dB)")
        return self

    @property
    def samples(self) -> int:
        """Of a piece."""
        return PIECE_SECONDS * self.sample_rate

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        yield from corpus_problems(referenced["corpus"], self.sample_rate)

    def network(self) -> MarkNetwork:
        """The untrained network, by torch's random numbers."""
        from sanguinaria.watermarks._invertible.spectra import Band
        from sanguinaria.watermarks._pkdmark.network import MarkNetwork

        return MarkNetwork(
            Band(self.fft, self.hop, self.first_bin, self.bins),
            self.samples,
            self.bits,
            self.blocks,
            self.layout,
            self.channels,
            self.message,
            self.levelled,
        )

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Train, and leave ``history.csv`` in the sources' folder. The discriminator is among the weights, as a student
        needs it.

        Raises:
            InputError: the corpus is of another sample rate, or shorter than a second.
        """
        import torch

        from sanguinaria.nn.speech_crops import load_utterances
        from sanguinaria.nn.step_training import finish_training
        from sanguinaria.watermarks._invertible.discriminator import Discriminator
        from sanguinaria.watermarks._pkdmark.training import TeacherSchedule, Weights, train_teacher

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self.network()
            discriminator = Discriminator() if self.adversarial_weight else None
        schedule = TeacherSchedule(
            steps=self.steps,
            batch_size=self.batch_size,
            crop=self.samples,
            learning_rate=self.learning_rate,
            window=0,
            seed=self.seed,
            ratios=None if self.ratio is None else (self.first_ratio, self.ratio),
            gradual=self.quality == "gradual",
        )
        checkpoint = sources.folder / "checkpoint.pt"
        history = train_teacher(
            network,
            discriminator,
            load_utterances(sources.audio, self.sample_rate, self.utterances),
            load_utterances(sources.audio, self.sample_rate, VALIDATED, "validation"),
            self.perceptual,
            Weights(self.perceptual_weight, self.decoding_weight, self.adversarial_weight, self.map_weight),
            self._attacks(self.sample_rate),
            schedule,
            checkpoint,
            torch.device(sources.device),
        )
        finish_training(history, checkpoint)
        judge = {} if discriminator is None else named(DISCRIMINATOR, discriminator)
        return named(NETWORK, network) | judge

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> SyncMarker:
        """A marker. Audio of another rate is resampled to the network's, and the mark back, which is said.

        Raises:
            sanguinaria.watermarks.WeightsError: the weights are of another size.
        """
        network = self.trained(weights)
        return self._marker(network, network, self.ratio, self.sample_rate, sample_rate, device)

    def trained(self, weights: Mapping[str, torch.Tensor]) -> MarkNetwork:
        """The network with its weights, on the CPU.

        Raises:
            sanguinaria.watermarks.WeightsError: they are of another size.
        """
        import torch

        with torch.device("meta"):
            network = self.network()
        return fill(network, weights, NETWORK)

    def judge(self, weights: Mapping[str, torch.Tensor]) -> Discriminator | None:
        """The discriminator with its weights, on the CPU; ``None`` where the teacher had none."""
        from sanguinaria.watermarks._invertible.discriminator import Discriminator

        if not self.adversarial_weight:
            return None
        found = Discriminator()
        own = {n.removeprefix(DISCRIMINATOR): w for n, w in weights.items() if n.startswith(DISCRIMINATOR)}
        found.load_state_dict(own)
        return found
