"""Settings, training and loading that all diffusion purifiers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.core.devices import Precision
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import CorpusReference, Reference
from sanguinaria.core.state_dicts import mismatch, shapes
from sanguinaria.corpora import Corpus
from sanguinaria.purifiers import DEFAULT_SAMPLING, Purifier, SamplingSettings, TrainingInputs, WeightsError

if TYPE_CHECKING:
    import torch

    from sanguinaria.purifiers._diffusion.condition_encoder import ConditionEncoder
    from sanguinaria.purifiers._diffusion.process import DiffusionProcess, SamplingSchedule
    from sanguinaria.purifiers._diffusion.sampler import DenoisingNetwork, DiffusionSampler
    from sanguinaria.purifiers._diffusion.training import DiffusionSchedule
    from sanguinaria.purifiers._diffusion.training_data import TrainingData, TrainingUtterances

# Hz.
SAMPLE_RATE = 16_000
# Largest number of validation utterances, whose loss is in the history.
VALIDATION_UTTERANCES = 64


@dataclass(frozen=True, kw_only=True)
class TrainingAugmentation:
    """How noisy speech and text conditioning are varied in training.

    Attributes:
        distortions: one of which makes noisy speech of clean in each step, as settings of distortions.
        undistorted_share: share of the steps without a distortion.
        attacked_share: share of the steps on attacked utterances instead.
        text_dropout: probability of training on an utterance without its text.
    """

    distortions: tuple[Reference, ...] = ()
    undistorted_share: float = 0.0
    attacked_share: float = 0.0
    text_dropout: float = 0.0


class DiffusionPurifier(Purifier):
    """A diffusion of waveforms, trained on the clean speech of a corpus."""

    renamed: ClassVar[Mapping[str, str]] = {"cycle": "dilation_cycle", "decay": "ema_decay"}
    # Whether the process leads to the noisy speech, rather than to noise alone.
    conditional_process: ClassVar[bool] = False
    default_sampling: ClassVar[SamplingSettings] = SamplingSettings(steps="all")

    corpus: CorpusReference = Field(description="entry of `corpora`: its training utterances, at 16 kHz")
    utterances: int = Field(
        default=20_000, ge=1, description="largest number of training utterances, which are held in memory"
    )
    layers: int = Field(ge=1, description="residual layers")
    channels: int = Field(ge=1, description="channels of each residual layer")
    dilation_cycle: int = Field(default=10, ge=1, le=16, description="layers in which dilations double from 1 on")
    diffusion_steps: int = Field(ge=1, le=10_000, description="T")
    first_variance: float = Field(default=1e-4, gt=0, lt=1, description="β_1; the variances rise linearly to β_T")
    last_variance: float = Field(gt=0, lt=1, description="β_T")
    level: float | None = Field(
        default=None,
        gt=0,
        description="root mean square that each utterance is normalised to, so that the noise of a step has the same "
        "signal-to-noise ratio for all: the higher the level, the higher the ratio; absent: no normalisation",
    )
    crop: float = Field(default=1.0, gt=0, description="length of the training crops in seconds")
    steps: int = Field(ge=1, description="training steps")
    batch_size: int = Field(default=16, ge=1)
    learning_rate: float = Field(gt=0, description="Adam's, at its highest")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant",
        description="of the learning rate; cosine is a cosine decay after a warm-up of a hundred steps",
    )
    ema_decay: float = Field(
        default=0.999, ge=0, lt=1, description="decay of the exponential moving average of the weights, which is used"
    )
    precision: Precision = Field(
        default="float32",
        description="arithmetic of the network, in training and in use; spectra, losses and sampling are in float32",
    )
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _variances_rise(self) -> DiffusionPurifier:
        if self.last_variance < self.first_variance:
            raise ValueError(
                f"last_variance ({self.last_variance:g}) is below first_variance ({self.first_variance:g})"
            )
        return self

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        corpus = referenced["corpus"]
        assert isinstance(corpus, Corpus)
        if corpus.sample_rate != SAMPLE_RATE:
            yield "corpus", f"it is trained at {SAMPLE_RATE:,} Hz, and the corpus has {corpus.sample_rate:,} Hz"
        elif corpus.duration < self.crop:
            yield (
                "corpus",
                f"it is trained on crops of {self.crop:g} s, and the utterances have {corpus.duration:g} s",
            )

    @property
    def training_utterances(self) -> Mapping[str, int]:
        return {"train": self.utterances, "validation": VALIDATION_UTTERANCES}

    def process(self, conditional: bool) -> DiffusionProcess:
        """Return the diffusion process of the training."""
        from sanguinaria.purifiers._diffusion.process import DiffusionProcess, linear_schedule

        betas = linear_schedule(self.diffusion_steps, self.first_variance, self.last_variance)
        return DiffusionProcess(betas, conditional)

    def condition_encoder(self) -> ConditionEncoder | None:
        """Return the untrained condition encoder; ``None`` for a diffusion without conditioning."""
        return None

    @property
    def condition_shape(self) -> tuple[int, int]:
        """Channels of the condition, and samples between its frames."""
        return 0, 1

    def with_text(
        self, utterances: TrainingUtterances, texts: Mapping[str, str], device: torch.device
    ) -> TrainingUtterances:
        """Return the utterances with the embeddings of their texts, for a network conditioned on text.

        Args:
            utterances: without text.
            texts: by the utterances' names.
            device: of the embedder.

        Raises:
            InputError: an utterance has no text.
        """
        return utterances

    @property
    def uses_text(self) -> bool:
        """Whether the network is conditioned on text."""
        return False

    def text_embedding(self, device: torch.device) -> Callable[[Sequence[str]], torch.Tensor] | None:
        """Return the text embedding, a function from texts to (texts, features); ``None`` without one."""
        return None

    @property
    def pretraining_steps(self) -> int:
        """Training steps before ``steps``, on clean speech alone."""
        return 0

    @property
    def augmentation(self) -> TrainingAugmentation:
        """How noisy speech and text are varied in training."""
        return TrainingAugmentation()

    def network(self) -> DenoisingNetwork:
        """Return the untrained network, initialised by torch's global random numbers."""
        from sanguinaria.purifiers._diffusion.network import DiffWave
        from sanguinaria.purifiers._diffusion.sampler import DenoisingNetwork

        channels, hop = self.condition_shape
        diffwave = DiffWave(
            layers=self.layers, channels=self.channels, cycle=self.dilation_cycle, condition=channels, hop=hop
        )
        return DenoisingNetwork(diffwave, self.condition_encoder())

    def train(self, inputs: TrainingInputs) -> dict[str, torch.Tensor]:
        """Train, write ``history.csv`` into the inputs' folder, and return the weights."""
        import torch

        from sanguinaria.distortions._attack_layer import build_attack_layer
        from sanguinaria.nn.step_training import finish_training
        from sanguinaria.purifiers._diffusion.training import train_diffusion

        device = torch.device(inputs.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self.network()
        data = self._training_data(inputs, device)
        augmentation = self.augmentation
        checkpoint = inputs.folder / "checkpoint.pt"
        history = train_diffusion(
            network=network,
            process=self.process(self.conditional_process),
            ordinary=self.process(False),
            data=data,
            distort=build_attack_layer(augmentation.distortions, SAMPLE_RATE, augmentation.undistorted_share),
            schedule=self._training_schedule(),
            checkpoint=checkpoint,
            device=device,
        )
        finish_training(history, checkpoint)
        return {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}

    def _training_schedule(self) -> DiffusionSchedule:
        from sanguinaria.purifiers._diffusion.training import DiffusionSchedule

        return DiffusionSchedule(
            steps=self.pretraining_steps + self.steps,
            batch_size=self.batch_size,
            crop=round(self.crop * SAMPLE_RATE),
            learning_rate=self.learning_rate,
            window=0,
            seed=self.seed,
            pretraining=self.pretraining_steps,
            ema_decay=self.ema_decay,
            constant=self.schedule == "constant",
            text_dropout=self.augmentation.text_dropout,
            attacked_share=self.augmentation.attacked_share,
            precision=self.precision,
        )

    def _training_data(self, inputs: TrainingInputs, device: torch.device) -> TrainingData:
        """Read and prepare training, attacked and validation utterances."""
        from sanguinaria.purifiers._diffusion.training_data import TrainingData, read_attacked, read_utterances
        from sanguinaria.texts._transcription import read_texts

        texts = read_texts(inputs.texts)
        training, validation = (
            self._prepare(read_utterances(inputs.audio, SAMPLE_RATE, maximum, split), texts, device)
            for split, maximum in self.training_utterances.items()
        )
        attacked = None
        if inputs.trials is not None:
            pairs = read_attacked(inputs.trials, inputs.attacked, inputs.audio, SAMPLE_RATE)
            attacked = self._prepare(pairs, texts, device)
        return TrainingData(training, attacked, validation)

    def _prepare(
        self, utterances: TrainingUtterances, texts: Mapping[str, str], device: torch.device
    ) -> TrainingUtterances:
        """Leave out silent and non-finite utterances, add text embeddings, and normalise levels."""
        from sanguinaria.audio.validation import is_usable
        from sanguinaria.purifiers._diffusion.sampler import normalisation_gains

        valid = is_usable(utterances.waveforms) & is_usable(utterances.inputs)
        utterances = utterances.select(valid.nonzero()[:, 0])
        if not len(utterances):
            return utterances
        utterances = self.with_text(utterances, texts, device)
        if self.level is None:
            return utterances
        return utterances.scaled(normalisation_gains(utterances.inputs, self.level))

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if sample_rate == SAMPLE_RATE:
            return None
        return f"this purifier takes audio at {SAMPLE_RATE:,} Hz, not {sample_rate:,} Hz"

    def load(
        self,
        weights: Mapping[str, torch.Tensor],
        sample_rate: int,
        device: torch.device,
        sampling: SamplingSettings = DEFAULT_SAMPLING,
    ) -> DiffusionSampler:
        """Load weights into a sampler; see :meth:`sanguinaria.purifiers.Purifier.load`."""
        import torch

        from sanguinaria.purifiers._diffusion.sampler import DiffusionSampler

        self.require_sample_rate(sample_rate)
        schedule = self.sampling_schedule(sampling)
        with torch.random.fork_rng(devices=[]):
            network = self.network()
        _check_weights(weights, network.state_dict())
        network.load_state_dict({name: weight.float() for name, weight in weights.items()})
        network.requires_grad_(False).to(device).eval()
        return DiffusionSampler(
            network=network,
            schedule=schedule,
            embed=self.text_embedding(device),
            level=self.level,
            minimum_length=min(network.diffwave.receptive_field, round(self.crop * SAMPLE_RATE)),
            precision=self.precision,
            device=device,
        )

    def sampling_schedule(self, sampling: SamplingSettings) -> SamplingSchedule:
        """Return the steps of a sampling.

        Raises:
            InputError: the settings do not fit the training; the message begins with the setting and a colon.
        """
        from sanguinaria.purifiers._diffusion.process import DiffusionProcess, SamplingSchedule

        training = self.process(self.conditional_process)
        is_default = sampling.steps == "default"
        betas = self.default_sampling.steps if is_default else sampling.steps
        try:
            process = training if isinstance(betas, str) else DiffusionProcess(betas, self.conditional_process)
            training_steps = process.equivalent_steps(training)
        except ValueError as error:
            raise InputError(f"steps: {error}") from error
        starts = (sampling.start, self.default_sampling.start if is_default else None, process.steps)
        start = next(step for step in starts if step is not None)
        if not 1 <= start <= process.steps:
            raise InputError(f"start: {start} is not among the {process.steps} steps of the sampling")
        return SamplingSchedule(process, training_steps, start, sampling.reverse)


def _check_weights(weights: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """Raise an error where the names or shapes of weights are not the network's."""
    if (difference := mismatch(weights, shapes(expected))) is not None:
        raise WeightsError(
            f"these weights are of a network of another size: {difference}. Check layers, channels and the condition's "
            "settings"
        )
