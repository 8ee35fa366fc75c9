"""What purifiers that are diffusions share: settings, training and loading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.state_dicts import mismatch, shapes
from sanguinaria.corpora import Corpus
from sanguinaria.purifiers import USUAL, Purifier, Sampling, Sources, WeightsError

if TYPE_CHECKING:
    import torch

    from sanguinaria.purifiers._diffusion.cleanser import DiffusionCleanser, PurifyingNetwork
    from sanguinaria.purifiers._diffusion.condition import Condition
    from sanguinaria.purifiers._diffusion.process import Process, Way
    from sanguinaria.purifiers._diffusion.speech import Speech

# Hz.
SAMPLE_RATE = 16_000
# Held-out utterances that the history tells of.
VALIDATED = 64


@dataclass(frozen=True)
class Unlike:
    """How noisy speech comes to differ from clean in training.

    Attributes:
        noises: one of which makes noisy speech of clean, as settings of distortions.
        untouched: share of the steps in which none does.
        untold: share of the utterances whose text is left out.
        attacked: share of the steps that attacked utterances are taken in instead.
    """

    noises: tuple[str, ...] = ()
    untouched: float = 0.0
    untold: float = 0.0
    attacked: float = 0.0


class DiffusionPurifier(Purifier):
    """A diffusion of waveforms, trained on the clean speech of a corpus."""

    # Whether the process leads to the noisy speech, rather than to noise alone.
    conditional: ClassVar[bool] = False
    # How it is usually sampled.
    usual: ClassVar[Sampling] = Sampling(variances=None)

    corpus: str = Field(description="entry of `corpora`: its training utterances, at 16 kHz")
    utterances: int = Field(default=20_000, ge=1, description="at most so many of them, as they are held in memory")
    layers: int = Field(ge=1, description="residual layers")
    channels: int = Field(ge=1, description="of each")
    cycle: int = Field(default=10, ge=1, le=16, description="layers in which dilations double from 1 on")
    diffusion_steps: int = Field(ge=1, le=10_000, description="T")
    first_variance: float = Field(default=1e-4, gt=0, lt=1, description="β_1; they rise in a straight line")
    last_variance: float = Field(gt=0, lt=1, description="β_T")
    level: float | None = Field(
        default=None,
        gt=0,
        description="root mean square that each utterance is brought to before, so that noise is as loud beside any: "
        "the higher, the less loud; absent: as it is",
    )
    crop: float = Field(default=1.0, gt=0, description="seconds of an utterance that a training step sees")
    steps: int = Field(ge=1, description="of the training")
    batch_size: int = Field(default=16, ge=1)
    learning_rate: float = Field(gt=0, description="Adam's, at its highest")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant", description="of the learning rate; cosine rises for a hundred steps and then falls"
    )
    decay: float = Field(default=0.999, ge=0, lt=1, description="of the moving average of the weights, which is used")
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _variances_rise(self) -> DiffusionPurifier:
        if self.last_variance < self.first_variance:
            raise ValueError(
                f"last_variance ({self.last_variance:g}) is below first_variance ({self.first_variance:g})"
            )
        return self

    @property
    def references(self) -> dict[str, tuple[str, str | tuple[str, ...]]]:
        return {"corpus": ("corpora", self.corpus)}

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        corpus = referenced["corpus"]
        assert isinstance(corpus, Corpus)
        if corpus.sample_rate != SAMPLE_RATE:
            yield "corpus", f"it is trained at {SAMPLE_RATE:,} Hz, and the corpus has {corpus.sample_rate:,} Hz"
        elif corpus.duration < self.crop:
            yield "corpus", f"it is trained on {self.crop:g} s at a time, and the utterances have {corpus.duration:g} s"

    def process(self, conditional: bool) -> Process:
        """The process of the training."""
        from sanguinaria.purifiers._diffusion.process import Process, linear

        return Process(linear(self.diffusion_steps, self.first_variance, self.last_variance), conditional)

    def condition(self) -> Condition | None:
        """The untrained network of the condition; ``None`` for a diffusion without one."""
        return None

    @property
    def condition_size(self) -> tuple[int, int]:
        """Channels of the condition, and samples between its frames."""
        return 0, 1

    def embedded(self, speech: Speech, texts: Mapping[str, str], device: torch.device) -> Speech:
        """The utterances with what is said in them, which is known by their names."""
        return speech

    @property
    def hears_text(self) -> bool:
        """Whether it is told what is said."""
        return False

    def embed(self, device: torch.device) -> Callable[[Sequence[str]], torch.Tensor] | None:
        """From texts to what the network is told of them; ``None`` where it is told none."""
        return None

    @property
    def pretrained(self) -> int:
        """Steps of the training before ``steps``, on clean speech alone."""
        return 0

    @property
    def unlike(self) -> Unlike:
        """How noisy speech comes to differ from clean."""
        return Unlike()

    def network(self) -> PurifyingNetwork:
        """The untrained network, by torch's random numbers."""
        from sanguinaria.purifiers._diffusion.cleanser import PurifyingNetwork
        from sanguinaria.purifiers._diffusion.network import DiffWave

        channels, hop = self.condition_size
        return PurifyingNetwork(DiffWave(self.layers, self.channels, self.cycle, channels, hop), self.condition())

    def obtain(self, sources: Sources) -> dict[str, torch.Tensor]:
        """Train, and leave ``history.csv`` in the sources' folder."""
        import torch

        from sanguinaria.distortions._attack_layer import build_attack_layer
        from sanguinaria.nn.step_training import finish_training
        from sanguinaria.purifiers._diffusion.speech import Lessons, read_attacked, read_speech
        from sanguinaria.purifiers._diffusion.training import DiffusionSchedule, train_diffusion
        from sanguinaria.texts._transcription import read_texts

        device = torch.device(sources.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self.network()
        texts = read_texts(sources.texts)
        speech, held_out = (
            self._heard(read_speech(sources.audio, SAMPLE_RATE, most, split), texts, device)
            for most, split in ((self.utterances, "train"), (VALIDATED, "validation"))
        )
        attacked = None
        if sources.trials is not None:
            pairs = read_attacked(sources.trials, sources.attacked, sources.audio, SAMPLE_RATE)
            attacked = self._heard(pairs, texts, device)
        unlike = self.unlike
        schedule = DiffusionSchedule(
            **{name: getattr(self, name) for name in ("batch_size", "learning_rate", "seed", "decay")},
            steps=self.pretrained + self.steps,
            crop=round(self.crop * SAMPLE_RATE),
            window=0,
            pretraining=self.pretrained,
            constant=self.schedule == "constant",
            untold=unlike.untold,
            attacked=unlike.attacked,
        )
        checkpoint = sources.folder / "checkpoint.pt"
        history = train_diffusion(
            network,
            self.process(self.conditional),
            self.process(False),
            Lessons(speech, attacked, held_out),
            build_attack_layer(unlike.noises, SAMPLE_RATE, unlike.untouched),
            schedule,
            checkpoint,
            device,
        )
        finish_training(history, checkpoint)
        return {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}

    def _heard(self, speech: Speech, texts: Mapping[str, str], device: torch.device) -> Speech:
        """As the network hears it: without what is silent, at one level where that is asked for, and with its text."""
        from sanguinaria.audio.validation import is_usable
        from sanguinaria.purifiers._diffusion.cleanser import levelling

        speech = speech.some((is_usable(speech.waveforms) & is_usable(speech.heard)).nonzero()[:, 0])
        if not len(speech):
            return speech
        speech = self.embedded(speech, texts, device)
        return speech if self.level is None else speech.scaled(levelling(speech.heard, self.level))

    def load(
        self,
        weights: Mapping[str, torch.Tensor],
        sample_rate: int,
        device: torch.device,
        sampling: Sampling = USUAL,
    ) -> DiffusionCleanser:
        """A cleanser that goes the usual way, or another one."""
        import torch

        from sanguinaria.purifiers._diffusion.cleanser import DiffusionCleanser

        if sample_rate != SAMPLE_RATE:
            raise InputError(f"this purifier hears audio at {SAMPLE_RATE:,} Hz, not {sample_rate:,} Hz")
        way = self.way(sampling)
        with torch.random.fork_rng(devices=[]):
            network = self.network()
        _check(weights, network.state_dict())
        network.load_state_dict({name: weight.float() for name, weight in weights.items()})
        network.requires_grad_(False).to(device).eval()
        shortest = min(network.diffwave.receptive_field, round(self.crop * SAMPLE_RATE))
        return DiffusionCleanser(network, way, self.embed(device), self.level, shortest, device)

    def way(self, sampling: Sampling) -> Way:
        """The steps that a sampling takes.

        Raises:
            InputError: it does not fit the training.
        """
        from sanguinaria.purifiers._diffusion.process import Process, Way

        trained = self.process(self.conditional)
        usual = sampling.variances == ()
        variances = self.usual.variances if usual else sampling.variances
        try:
            process = trained if variances is None else Process(variances, self.conditional)
            times = process.times_in(trained)
        except ValueError as error:
            raise InputError(f"steps: {error}") from error
        starts = (sampling.start, self.usual.start if usual else None, process.steps)
        start = next(step for step in starts if step is not None)
        if not 1 <= start <= process.steps:
            raise InputError(f"start: {start} is not among the {process.steps} steps that are taken")
        return Way(process, times, start, sampling.back)


def _check(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    if (difference := mismatch(found, shapes(expected))) is not None:
        raise WeightsError(
            f"these weights are of a network of another size: {difference}. Check layers, channels and the condition's "
            "settings"
        )
