"""What watermarks of invertible networks share: settings, training and loading."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.state_dicts import Shapes, mismatch, shapes
from sanguinaria.corpora import Corpus
from sanguinaria.watermarks import NO_SOURCES, Sources, Watermark, WeightsError

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._invertible.keys import Key, RandomKeys
    from sanguinaria.watermarks._invertible.marker import KeyedMarker
    from sanguinaria.watermarks._invertible.network import KeyedNetwork
    from sanguinaria.watermarks._invertible.training import Objective

# Hz, and samples of a piece: WAKE's networks see one second at 16 kHz (section 3).
SAMPLE_RATE = PIECE = 16_000
# Held-out utterances that the history tells of.
VALIDATED = 64
CALIBRATION = "calibration"


class InvertibleWatermark(Watermark):
    """A watermark of invertible blocks on the complex spectrum, trained on a corpus of the configuration."""

    corpus: str = Field(description="entry of `corpora`: its training utterances, of at least a second at 16 kHz")
    utterances: int = Field(default=20_000, ge=1, description="at most so many of them, as they are held in memory")
    bits: int = Field(default=32, ge=1, description="of message in each second")
    spread: int = Field(default=1, ge=1, description="seconds that a message takes; it has `bits` in each of them")
    overlap: float = Field(
        default=0.05, ge=0, le=0.5, description="seconds by which the one-second pieces of longer audio cross-fade"
    )
    fft: int = Field(ge=16, multiple_of=2, description="samples of a window of the spectrum")
    hop: int = Field(ge=1, description="samples between windows")
    first_bin: int = Field(ge=0, description="lowest bin of the spectrum that is changed")
    bins: int = Field(ge=1, description="how many are changed")
    blocks: int = Field(ge=1, description="of the invertible network")
    layout: Literal["dense", "plain", "lines"] = Field(
        description="of each transformation in a block: five densely connected or five plain 3 × 3 convolutions, or, "
        "so that it trains on one core, three over the frames with the bins as channels"
    )
    width: int = Field(ge=1, description="growth of dense transformations, channels of the others")
    predict_blocks: int = Field(ge=0, description="residual blocks of the predict module")
    edits: tuple[str, ...] = Field(
        default=(), description="entries of `distortions`, one of which happens to marked audio in each training step"
    )
    untouched: float = Field(default=0.2, ge=0, le=1, description="share of the steps in which none does")
    shifts: int = Field(default=0, ge=0, description="samples of delay up to which the detector searches")
    shift_step: int = Field(default=8, ge=1, description="samples between the delays that it tries")
    steps: int = Field(ge=1)
    batch_size: int = Field(default=8, ge=2)
    learning_rate: float = Field(gt=0, description="Adam's, at its highest")
    twice: float = Field(default=0.5, ge=0, le=1, description="share of the steps that embed a second message")
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _spectrum_fits(self) -> InvertibleWatermark:
        if self.first_bin + self.bins > self.fft // 2 + 1:
            raise ValueError(f"first_bin and bins reach beyond the {self.fft // 2 + 1} bins of a window of {self.fft}")
        if self.hop > self.fft // 2:
            raise ValueError(f"hop ({self.hop}) is above half of fft ({self.fft}): windows would leave gaps")
        if self.fft > PIECE:
            raise ValueError(f"fft ({self.fft}) is longer than a second at {SAMPLE_RATE:,} Hz")
        return self

    @property
    def message_bits(self) -> int:
        """Length of the message in bits."""
        return self.bits * self.spread

    @property
    def references(self) -> Mapping[str, tuple[str, str | tuple[str, ...]]]:
        return {"corpus": ("corpora", self.corpus), "edits": ("distortions", self.edits)}

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        corpus = referenced["corpus"]
        assert isinstance(corpus, Corpus)
        if corpus.sample_rate != SAMPLE_RATE:
            yield "corpus", f"it is trained at {SAMPLE_RATE:,} Hz, and the corpus has {corpus.sample_rate:,} Hz"
        if corpus.duration * SAMPLE_RATE < PIECE:
            yield "corpus", f"it is trained on whole seconds, and the corpus's utterances have {corpus.duration:g} s"

    @abstractmethod
    def network(self) -> KeyedNetwork:
        """The untrained network, by torch's random numbers."""

    @abstractmethod
    def key_of(self, text: str | None) -> Key:
        """What a key does; the text is one that :meth:`key_problem` has nothing to say of."""

    @abstractmethod
    def random_keys(self) -> RandomKeys:
        """Draws keys as training and calibration need them."""

    @abstractmethod
    def objective(self, device: torch.device) -> Objective:
        """The losses."""

    @property
    def training_ratios(self) -> tuple[float, float] | None:
        """dB of a piece to its mark at the start and at the end of the training; ``None`` where the network decides."""
        return None

    @property
    def ratios(self) -> list[float]:
        """dB of a piece to its mark, from quiet to loud, that a marker chooses from; none where the network decides."""
        return []

    @property
    def least_sureness(self) -> float:
        """The logit of every bit from which on a marker's mark is loud enough."""
        return 0.0

    @property
    def gradual(self) -> bool:
        """Whether quality is asked for only while messages are read."""
        return True

    @property
    def near_keys(self) -> float:
        """Share of the wrong keys in training that differ from the right one in one block."""
        return 0.0

    @property
    def delays(self) -> list[int]:
        """Samples of delay that the detector tries beside none."""
        steps = range(self.shift_step, self.shifts + 1, self.shift_step)
        return [sign * delay for delay in steps for sign in (1, -1)]

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Train, calibrate the detector, and leave ``history.csv`` in the sources' folder.

        Raises:
            InputError: the corpus is of another sample rate, or shorter than a second.
        """
        import torch

        from sanguinaria.distortions._attack_layer import build_attack_layer
        from sanguinaria.nn.speech_crops import load_utterances
        from sanguinaria.nn.step_training import finish_training
        from sanguinaria.watermarks._invertible.marker import calibrate
        from sanguinaria.watermarks._invertible.training import KeyedSchedule, train_keyed

        device = torch.device(sources.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self.network()
        waveforms = load_utterances(sources.audio, SAMPLE_RATE, self.utterances)
        held_out = load_utterances(sources.audio, SAMPLE_RATE, VALIDATED, "validation")
        schedule = KeyedSchedule(
            **{name: getattr(self, name) for name in ("steps", "batch_size", "learning_rate", "seed", "twice")},
            crop=PIECE,
            window=0,
            ratios=self.training_ratios,
            gradual=self.gradual,
            near_keys=self.near_keys,
        )
        checkpoint = sources.folder / "checkpoint.pt"
        history = train_keyed(
            network,
            self.random_keys(),
            waveforms,
            held_out,
            self.objective(device),
            build_attack_layer(self.edits, SAMPLE_RATE, self.untouched),
            schedule,
            checkpoint,
            device,
        )
        calibration = calibrate(network, self.random_keys(), waveforms[:, :PIECE], self.delays, device)
        finish_training(history, checkpoint)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
        return {**state, CALIBRATION: calibration}

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> KeyedMarker:
        """A marker with a key. Audio of another rate than 16 kHz is resampled to that, and the mark back, which is
        sound as long as the mark's band lies below half of the audio's rate.

        Raises:
            InputError: it does not, or the key is none of this watermark's.
            sanguinaria.watermarks.WeightsError: the weights are of another architecture.
        """
        import torch

        from sanguinaria.audio.chunking import Chunking
        from sanguinaria.watermarks._invertible.marker import KeyedMarker

        if (problem := self.key_problem(key)) is not None:
            raise InputError(f"key: {problem}")
        if (highest := (self.first_bin + self.bins - 1) * SAMPLE_RATE / self.fft) > sample_rate / 2:
            raise InputError(
                f"this watermark reaches up to {highest:,.0f} Hz, beyond half the sample rate of {sample_rate:,} Hz: "
                "use audio of a higher rate, or train it with fewer bins"
            )
        with torch.device("meta"):
            network = self.network()
        state = {name: weight.float().clone() for name, weight in weights.items() if name != CALIBRATION}
        self._check(weights, {**shapes(network.state_dict()), CALIBRATION: (2,)})
        network.load_state_dict(state, assign=True)
        network.requires_grad_(False)
        return KeyedMarker(
            network.to(device).eval(),
            self.key_of(key).to(device),
            weights[CALIBRATION],
            Chunking(PIECE, round(self.overlap * SAMPLE_RATE)),
            self.spread,
            self.ratios,
            self.least_sureness,
            self.delays,
            SAMPLE_RATE,
            sample_rate,
            device,
        )

    def _check(self, weights: Mapping[str, torch.Tensor], expected: Shapes) -> None:
        trained = {name.split(".")[2] for name in weights if name.startswith("invertible.blocks.")}
        if len(trained) != self.blocks:
            raise WeightsError(
                f"these weights are of {len(trained)} blocks, not {self.blocks}: set blocks: {len(trained)}"
            )
        if (difference := mismatch(weights, expected)) is not None:
            raise WeightsError(
                f"these weights are of another architecture: {difference}. Check bits, fft, hop, bins, layout, width "
                "and predict_blocks"
            )
