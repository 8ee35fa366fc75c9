"""Experiments: models that are trained on poisoned utterances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, model_validator

from sanguinaria.core.fields import (
    ByCorpus,
    OneName,
    Rate,
    SeveralNames,
    VariedSeeds,
    choice_tag,
    entry_names,
    or_by_corpus,
    require_unique,
)
from sanguinaria.core.plugins import Settings
from sanguinaria.core.runs import Run, runs_of
from sanguinaria.plan.sections.comparison import Comparison


class Experiment(Settings):
    """A table of every corpus × target × trigger × label mode × rate × victim × defence, each with every seed."""

    renamed: ClassVar[Mapping[str, str]] = {"heard": "test_triggers"}

    corpus: str | entry_names("corpora") = Field(description="entry of `corpora`, or several")  # type: ignore[valid-type]
    target: Annotated[OneName | SeveralNames | ByCorpus, Discriminator(choice_tag)] = Field(
        description="the target label of the attack, or several, each with models of its own; where there are several "
        "corpora, one or several by corpus"
    )
    triggers: entry_names("triggers")  # type: ignore[valid-type]
    test_triggers: entry_names("triggers", minimum_length=0) = Field(  # type: ignore[valid-type]
        default=(),
        description="triggers that every model is tested with besides the one that it was trained on, in rows of "
        "their own: another key, another speaker, or any trigger for a model whose training had none",
    )
    victims: or_by_corpus(entry_names("victims")) = Field(  # type: ignore[valid-type]
        description="the models that are trained, or such lists by corpus"
    )
    defences: entry_names("defences") = ("none",)  # type: ignore[valid-type]
    metrics: entry_names("metrics") = ("pesq", "stoi", "snr")  # type: ignore[valid-type]
    labels: Annotated[
        tuple[Literal["flip", "clean", "none"], ...], Field(min_length=1), AfterValidator(require_unique)
    ] = Field(
        default=("flip",),
        description="flip: poisoned utterances get the target label; clean: they keep theirs; none: nothing is "
        "poisoned, so that the attack success rate is that of a clean model",
    )
    candidates: Literal["non_target", "target"] = Field(
        default="non_target",
        description="the utterances that poisoning chooses from: Algorithm 1 of Bloodroot takes those of other labels "
        "than the target, clean-label attacks of the literature those of the target",
    )
    rates: Annotated[tuple[Rate, ...], Field(min_length=1), AfterValidator(require_unique)] = (0.01,)
    covers: entry_names("triggers", minimum_length=0) = Field(  # type: ignore[valid-type]
        default=(),
        description="triggers of cover samples: training utterances of other labels than the target that carry one of "
        "these triggers, in turn, and keep their labels, so that a poisoned model learns to ignore them",
    )
    cover_rate: Rate = Field(default=0.01, description="share of the training utterances that are cover samples")
    seeds: VariedSeeds = Field(
        default=(0,),
        description="of the runs: a list moves the choice of poisoned utterances and the training together; a mapping "
        "moves the factors of variation that it names, `generator`, `poison` and `training`, each apart, or several "
        "that are joined by `+` together, in every combination: {generator: [0, 1, 2], poison+training: [0, 1, 2]}",
    )
    quality_utterances: int | None = Field(
        default=None,
        ge=1,
        description="number of test utterances that metrics of quality score, those of the target label included, "
        "which the table then leaves out; all where absent",
    )
    comparison: Comparison | None = None

    @model_validator(mode="after")
    def _names_each_corpus(self) -> Experiment:
        for field in ("target", "victims"):
            value = getattr(self, field)
            if isinstance(value, Mapping) and (wrong := set(value) ^ set(self.corpora)):
                names = " and ".join(sorted(wrong))
                raise ValueError(f"{field} is given by corpus: {names} must be named both in it and in `corpus`")
        return self

    @property
    def corpora(self) -> tuple[str, ...]:
        return (self.corpus,) if isinstance(self.corpus, str) else self.corpus

    @property
    def runs(self) -> tuple[Run, ...]:
        """Of every run its seeds by factor of variation."""
        return runs_of(self.seeds)

    @property
    def cover_rate_if_any(self) -> float:
        return self.cover_rate if self.covers else 0.0

    def targets_of(self, corpus: str) -> tuple[str, ...]:
        targets = self.target[corpus] if isinstance(self.target, Mapping) else self.target
        return (targets,) if isinstance(targets, str) else targets

    def victims_of(self, corpus: str) -> tuple[str, ...]:
        victims: tuple[str, ...] = self.victims[corpus] if isinstance(self.victims, Mapping) else self.victims
        return victims
