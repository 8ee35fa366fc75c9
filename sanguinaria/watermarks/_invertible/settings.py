"""Settings, training and loading of keyed watermarks by invertible networks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.core import devices
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.state_dicts import Shapes, mismatch, shapes
from sanguinaria.watermarks import NO_SOURCES, Sources, WeightsError
from sanguinaria.watermarks._invertible.trained_watermark import TrainedWatermark, check_spectrum, corpus_problems

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._invertible.keys import Key, KeySampler
    from sanguinaria.watermarks._invertible.marker import KeyedMarker
    from sanguinaria.watermarks._invertible.network import KeyedNetwork
    from sanguinaria.watermarks._invertible.training import KeyedSchedule, Objective

# Hz, and samples of a chunk: WAKE's networks take one second at 16 kHz (section 3).
SAMPLE_RATE = CHUNK = 16_000
# The name of the detector's calibration among the weights.
CALIBRATION = "calibration"


@dataclass(frozen=True)
class Strength:
    """Signal-to-watermark ratios in dB, where the network does not determine them.

    Attributes:
        training_ratios: at the start and at the end of the training.
        ratios: among which a marker chooses, in descending order.
        minimum_margin: the logit of every bit from which on a mark is strong enough.
    """

    training_ratios: tuple[float, float] | None = None
    ratios: tuple[float, ...] = ()
    minimum_margin: float = 0.0


class InvertibleWatermark(TrainedWatermark):
    """A keyed watermark by an invertible network on the complex spectrum."""

    renamed: ClassVar[Mapping[str, str]] = {
        **TrainedWatermark.renamed,
        "untouched": "undistorted_share",
        "shifts": "maximum_shift",
        "twice": "double_embedding_share",
    }

    bits: int = Field(default=32, ge=1, description="message bits in each second")
    fft: int = Field(ge=16, multiple_of=2, description="samples of an STFT window")
    hop: int = Field(ge=1, description="samples between windows")
    first_bin: int = Field(ge=0, description="lowest bin of the marked band")
    bins: int = Field(ge=1, description="number of bins of the marked band")
    blocks: int = Field(ge=1, description="number of invertible blocks")
    layout: Literal["dense", "plain", "conv1d"] = Field(
        description="architecture of each transformation in a block: five densely connected or five plain 3 × 3 "
        "convolutions; or conv1d, three convolutions over frames with the bins as channels, which train on one core"
    )
    width: int = Field(ge=1, description="growth of dense transformations, channels of the others")
    predict_blocks: int = Field(ge=0, description="residual blocks of the predict module")
    undistorted_share: float = Field(
        default=0.2, ge=0, le=1, description="share of the training steps without a distortion"
    )
    maximum_shift: int = Field(default=0, ge=0, description="largest time shift that the detector searches, in samples")
    shift_step: int = Field(default=8, ge=1, description="samples between the time shifts that the detector searches")
    steps: int = Field(ge=1, description="training steps")
    batch_size: int = Field(default=8, ge=2, description="crops in a training step")
    learning_rate: float = Field(gt=0, description="Adam's maximum learning rate")
    double_embedding_share: float = Field(
        default=0.5, ge=0, le=1, description="share of the training steps that embed a second watermark"
    )

    ratio: float | None = Field(
        default=None,
        description="signal-to-watermark ratio of each second at the end of the training, in dB; where not given, the "
        "network determines it",
    )
    first_ratio: float = Field(default=8.0, description="the same at its start, in dB")
    minimum_level: float | None = Field(
        default=None,
        description="signal-to-watermark ratio of the weakest mark, in dB: each second gets the weakest one, between "
        "minimum_level and maximum_level, of which the encoder itself decodes every bit; where not given, all have the "
        "level of the training",
    )
    maximum_level: float = Field(default=24.0, description="signal-to-watermark ratio of the strongest mark, in dB")
    ratio_step: float = Field(default=3.0, gt=0, description="dB between the ratios that are tried")
    minimum_margin: float = Field(
        default=1.0, ge=0, description="logit that each bit has to reach for a mark to be strong enough"
    )

    @model_validator(mode="after")
    def _ratios_are_ordered(self) -> InvertibleWatermark:
        for high, low in (("ratio", "first_ratio"), ("minimum_level", "maximum_level")):
            ratio = getattr(self, high)
            if ratio is not None and ratio < getattr(self, low):
                raise ValueError(f"{high} ({ratio:g} dB) is below {low} ({getattr(self, low):g} dB)")
        return self

    @model_validator(mode="after")
    def _bound_has_a_curriculum(self) -> InvertibleWatermark:
        if self.error_bound is None:
            return self
        if not self.trains_by_curriculum:
            raise ValueError("error_bound guides the curriculum: set curriculum: true")
        if self.ratio is not None and self.minimum_level is None:
            raise ValueError("error_bound leaves the level of the training open: give minimum_level, or no ratio")
        return self

    @model_validator(mode="after")
    def _spectrum_fits(self) -> InvertibleWatermark:
        check_spectrum(
            fft=self.fft,
            hop=self.hop,
            first_bin=self.first_bin,
            bins=self.bins,
            sample_rate=SAMPLE_RATE,
            maximum_hop=0.5,
        )
        return self

    @property
    def message_bits(self) -> int:
        """Length of the message in bits."""
        return self.bits * self.spread

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        yield from corpus_problems(referenced["corpus"], SAMPLE_RATE)

    @abstractmethod
    def network(self) -> KeyedNetwork:
        """Build the untrained network, by torch's random numbers."""

    @abstractmethod
    def key_of(self, text: str | None) -> Key:
        """Return the key of a text that is valid for :meth:`key_problem`."""

    @abstractmethod
    def key_sampler(self) -> KeySampler:
        """Return a function that draws random keys, for training and calibration."""

    @abstractmethod
    def objective(self, device: torch.device) -> Objective:
        """Build the losses."""

    @property
    def strength(self) -> Strength:
        """Signal-to-watermark ratios in training and in marking; by default, the network determines them."""
        training_ratios = None if self.ratio is None else (self.first_ratio, self.ratio)
        if self.minimum_level is None:
            return Strength(training_ratios, () if self.ratio is None else (self.ratio,))
        count = int((self.minimum_level - self.maximum_level) / self.ratio_step)
        ratios = tuple(self.minimum_level - self.ratio_step * step for step in range(count + 1))
        return Strength(training_ratios, ratios, self.minimum_margin)

    @property
    def trains_by_curriculum(self) -> bool:
        """Whether the perceptual terms gain weight while messages are decoded."""
        return True

    @property
    def near_wrong_key_share(self) -> float:
        """Share of the wrong keys in training that differ from the right one in one block."""
        return 0.0

    @property
    def shifts(self) -> list[int]:
        """Time shifts that the detector searches beside 0, in samples."""
        magnitudes = range(self.shift_step, self.maximum_shift + 1, self.shift_step)
        return [sign * magnitude for magnitude in magnitudes for sign in (1, -1)]

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Train the network, calibrate the detector, and write ``history.csv`` to the sources' folder.

        Raises:
            InputError: the corpus has another sample rate, or utterances shorter than a second.
        """
        import torch

        from sanguinaria.distortions._attack_layer import build_attack_layer
        from sanguinaria.nn.speech_crops import load_utterances
        from sanguinaria.nn.step_training import finish_training
        from sanguinaria.watermarks._invertible.marker import calibrate
        from sanguinaria.watermarks._invertible.training import train_keyed
        from sanguinaria.watermarks._invertible.validation import VALIDATION_UTTERANCES

        device = torch.device(sources.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self.network()
        waveforms = load_utterances(sources.audio, SAMPLE_RATE, self.utterances)
        checkpoint = sources.folder / "checkpoint.pt"
        history = train_keyed(
            network,
            sample_keys=self.key_sampler(),
            waveforms=waveforms,
            held_out=load_utterances(sources.audio, SAMPLE_RATE, VALIDATION_UTTERANCES, "validation"),
            objective=self.objective(device),
            attacks=build_attack_layer(self.distortions, SAMPLE_RATE, self.undistorted_share),
            schedule=self._schedule(),
            checkpoint=checkpoint,
            device=device,
        )
        with devices.network_arithmetic(self.precision, device):
            calibration = calibrate(network, self.key_sampler(), waveforms[:, :CHUNK], self.shifts, device)
        finish_training(history, checkpoint)
        state = {name: weight.detach().cpu().contiguous() for name, weight in network.state_dict().items()}
        return {**state, CALIBRATION: calibration}

    def _schedule(self) -> KeyedSchedule:
        from sanguinaria.watermarks._invertible.training import KeyedSchedule

        return KeyedSchedule(
            steps=self.steps,
            batch_size=self.batch_size,
            crop=CHUNK,
            learning_rate=self.learning_rate,
            window=0,
            seed=self.seed,
            double_embedding_share=self.double_embedding_share,
            ratios=self.strength.training_ratios,
            curriculum=self.trains_by_curriculum,
            error_bound=self.error_bound,
            near_key_share=self.near_wrong_key_share,
            precision=self.precision,
        )

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if (highest := (self.first_bin + self.bins - 1) * SAMPLE_RATE / self.fft) <= sample_rate / 2:
            return None
        return (
            f"this watermark reaches up to {highest:,.0f} Hz, beyond half the sample rate of {sample_rate:,} Hz: "
            "use audio of a higher rate, or train it with fewer bins"
        )

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> KeyedMarker:
        """Build a marker with a key.

        Audio of another rate than 16 kHz is resampled to it, and the mark is resampled back: without loss, as long as
        the marked band lies below half the audio's rate.

        Args:
            weights: returned by :meth:`obtain`.
            sample_rate: of the audio, in Hz.
            device: where the network computes.
            key: valid for :meth:`key_problem`.

        Raises:
            InputError: the marked band does not fit the sample rate, or the key is invalid.
            sanguinaria.watermarks.WeightsError: the weights are of another architecture.
        """
        import torch

        from sanguinaria.audio.chunking import Chunking
        from sanguinaria.watermarks._invertible.marker import KeyedMarker

        if (problem := self.key_problem(key)) is not None:
            raise InputError(f"key: {problem}")
        self.require_sample_rate(sample_rate)
        with torch.device("meta"):
            network = self.network()
        self._check(weights, {**shapes(network.state_dict()), CALIBRATION: (2,)})
        state = {name: weight.float().clone() for name, weight in weights.items() if name != CALIBRATION}
        network.load_state_dict(state, assign=True)
        network.requires_grad_(False)
        return KeyedMarker(
            network=network.to(device).eval(),
            key=self.key_of(key).to(device),
            calibration=weights[CALIBRATION],
            chunking=Chunking(CHUNK, round(self.overlap * SAMPLE_RATE)),
            parts=self.spread,
            ratios=self.strength.ratios,
            minimum_margin=self.strength.minimum_margin,
            shifts=self.shifts,
            network_rate=SAMPLE_RATE,
            sample_rate=sample_rate,
            precision=self.precision,
            device=device,
        )

    def _check(self, weights: Mapping[str, torch.Tensor], expected: Shapes) -> None:
        """Raise an error that names the setting or the weight by which the weights are of another network."""
        blocks = len({name.split(".")[2] for name in weights if name.startswith("invertible.blocks.")})
        if blocks != self.blocks:
            raise WeightsError(f"these weights are of {blocks} blocks, not {self.blocks}: set blocks: {blocks}")
        if (difference := mismatch(weights, expected)) is not None:
            raise WeightsError(
                f"these weights are of another architecture: {difference}. Check bits, fft, hop, bins, layout, width "
                "and predict_blocks"
            )
