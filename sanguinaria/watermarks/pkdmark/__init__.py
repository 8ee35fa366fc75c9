"""PKDMark: a small encoder that is distilled from a teacher, and the teacher's decoder.

"Efficient Speech Watermarking for Speech Synthesis via Progressive Knowledge Distillation", section III-C. The defaults
are the paper's sizes and its schedule of α (section IV-A). It does not give the losses' weights, optimiser or batch
size, nor how long student and decoder are trained together at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import WatermarkReference
from sanguinaria.watermarks import NO_SOURCES, Sources, Watermark
from sanguinaria.watermarks._invertible.trained_watermark import corpus_problems
from sanguinaria.watermarks._pkdmark.settings import PkdSettings, load_prefixed, prefixed_state
from sanguinaria.watermarks.pkdmark_teacher import RATIO, PkdmarkTeacher

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._pkdmark.marker import SyncMarker
    from sanguinaria.watermarks._pkdmark.network import PkdNetwork
    from sanguinaria.watermarks.pkdmark.distillation import StudentSchedule

STUDENT, DECODER = "student.", "decoder."


class Pkdmark(PkdSettings):
    """A student of an entry of kind pkdmark_teacher, of its sample rate, spectrum and layout."""

    # In the weights' own description, the teacher's settings as text, from which the networks are built again.
    base: WatermarkReference = Field(description="entry of `watermarks`: the teacher")
    blocks: int = Field(default=2, ge=1, description="number of invertible blocks")
    channels: int = Field(default=16, ge=1, description="of each transformation in a block")
    distillation: Literal["progressive", "direct"] = Field(
        default="progressive",
        description="progressive: the marks of teacher and student are mixed, and α, the student's share, rises (Eq. "
        "7); direct: α is 1, and student and decoder are trained together from the start",
    )
    progressive_steps: int = Field(default=40_000, ge=1, description="training steps over which α rises from 0.1 to 1")
    joint_steps: int = Field(
        default=10_000, ge=0, description="training steps after them with α = 1, of student and decoder together"
    )
    perceptual_weight: float = Field(default=1e5, ge=0, description="of Eq. 11: squared samples are small numbers")
    decoding_weight: float = Field(default=10.0, ge=0, description="of Eq. 11")
    adversarial_weight: float = Field(
        default=0.01, ge=0, description="of Eq. 11; without effect where the teacher has no discriminator"
    )

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        base = referenced["base"]
        if not isinstance(base, PkdmarkTeacher):
            yield "base", f"{self.base.name!r} is no teacher: give an entry of kind pkdmark_teacher"
            return
        if base.bits != self.bits:
            yield "bits", f"{self.base.name!r} carries {base.bits} bits, not {self.bits}"
        yield from corpus_problems(referenced["corpus"], base.sample_rate)

    def obtain(self, sources: Sources = NO_SOURCES) -> dict[str, torch.Tensor]:
        """Train student and decoder, and write ``history.csv`` to the sources' folder.

        Raises:
            InputError: the corpus has another sample rate than the teacher, or utterances shorter than a second.
            sanguinaria.watermarks.WeightsError: the teacher's weights are of another size.
        """
        import torch

        from sanguinaria.nn.speech_crops import load_utterances
        from sanguinaria.nn.step_training import finish_training
        from sanguinaria.watermarks._invertible.validation import VALIDATION_UTTERANCES
        from sanguinaria.watermarks._pkdmark.losses import LossWeights
        from sanguinaria.watermarks.pkdmark.distillation import StudentTraining, Teacher

        base, weights = self._base(sources)
        decoder = base.trained_network(weights)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            student = self._student(decoder)
        training = StudentTraining(
            student=student,
            decoder=decoder,
            teacher=Teacher(base.trained_network(weights), base.trained_discriminator(weights)),
            waveforms=load_utterances(sources.audio, base.sample_rate, self.utterances),
            held_out=load_utterances(sources.audio, base.sample_rate, VALIDATION_UTTERANCES, "validation"),
            weights=LossWeights(
                perceptual=self.perceptual_weight,
                decoding=self.decoding_weight,
                adversarial=self.adversarial_weight,
                unmarked=self.unmarked_weight,
            ),
            attacks=self._attacks(base.sample_rate),
            schedule=self._schedule(base, base.trained_ratio(weights)),
            device=torch.device(sources.device),
        )
        checkpoint = sources.folder / "checkpoint.pt"
        finish_training(training.run(checkpoint), checkpoint)
        ratio = {RATIO: weights[RATIO]} if RATIO in weights else {}
        return prefixed_state(STUDENT, student) | prefixed_state(DECODER, decoder) | ratio

    def _schedule(self, base: PkdmarkTeacher, ratio: float | None) -> StudentSchedule:
        """The schedule of the training."""
        from sanguinaria.watermarks.pkdmark.distillation import StudentSchedule

        return StudentSchedule(
            steps=self.progressive_steps + self.joint_steps,
            batch_size=self.batch_size,
            crop=base.samples,
            learning_rate=self.learning_rate,
            window=0,
            seed=self.seed,
            distillation=self.distillation,
            progressive_steps=self.progressive_steps,
            ratio=ratio,
            precision=self.precision,
        )

    def weights_reader(self, sources: Sources) -> Watermark:
        """Return this plug-in with the teacher's settings in place of its name."""
        return self.model_copy(update={"base": plugins.as_settings(self._base(sources)[0])})

    def load(
        self, weights: Mapping[str, torch.Tensor], sample_rate: int, device: torch.device, key: str | None = None
    ) -> SyncMarker:
        """Build a marker; audio of another rate is resampled to the networks', which is printed, and the mark back.

        Raises:
            sanguinaria.watermarks.WeightsError: the weights are of another size.
        """
        import torch

        base = plugins.resolve(self.base)
        assert isinstance(base, PkdmarkTeacher)
        with torch.device("meta"):
            decoder = base.network()
            student = self._student(decoder)
        return self._marker(
            load_prefixed(student, weights, STUDENT),
            load_prefixed(decoder, weights, DECODER),
            ratio=base.trained_ratio(weights),
            network_rate=base.sample_rate,
            sample_rate=sample_rate,
            device=device,
        )

    def _student(self, teacher: PkdNetwork) -> PkdNetwork:
        """The untrained student, by torch's random numbers."""
        from sanguinaria.watermarks.pkdmark.network import student_of

        return student_of(teacher, self.blocks, self.channels)

    def _base(self, sources: Sources) -> tuple[PkdmarkTeacher, dict[str, torch.Tensor]]:
        """The teacher's plug-in and weights."""
        from sanguinaria.watermarks._weights import load_weights

        assert sources.base is not None
        base, weights = load_weights(sources.base)
        assert isinstance(base, PkdmarkTeacher)
        return base, weights
