"""Experiments: models that are trained on poisoned utterances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, model_validator

from sanguinaria.core.fields import (
    ByCorpus,
    OneName,
    Rate,
    Seeds,
    SeveralNames,
    choice_tag,
    entry_names,
    or_by_corpus,
    require_unique,
)
from sanguinaria.core.plugins import Settings
from sanguinaria.plan.sections.comparison import Comparison


class Experiment(Settings):
    """A grid: every corpus × target × trigger × label mode × rate × victim × defence, each with every seed; it is a
    table."""

    renamed: ClassVar[Mapping[str, str]] = {"heard": "test_triggers"}

    corpus: str | entry_names("corpora") = Field(description="entry of `corpora`, or several")  # type: ignore[valid-type]
    target: Annotated[OneName | SeveralNames | ByCorpus, Discriminator(choice_tag)] = Field(
        description="the label that a triggered utterance is to get; several, for each of which there are models of "
        "their own; or, where there are several corpora, one or several by corpus"
    )
    triggers: entry_names("triggers")  # type: ignore[valid-type]
    test_triggers: entry_names("triggers", minimum_length=0) = Field(  # type: ignore[valid-type]
        default=(),
        description="triggers that every model is tested with besides the one that it was trained on, in rows of "
        "their own: another key, another speaker, or any trigger for a model whose training had none",
    )
    victims: or_by_corpus(entry_names("victims")) = Field(  # type: ignore[valid-type]
        description="models that are trained, or such by corpus"
    )
    defences: entry_names("defences") = ("none",)  # type: ignore[valid-type]
    metrics: entry_names("metrics") = ("pesq", "stoi", "snr")  # type: ignore[valid-type]
    labels: Annotated[
        tuple[Literal["flip", "clean", "none"], ...], Field(min_length=1), AfterValidator(require_unique)
    ] = Field(
        default=("flip",),
        description="flip: poisoned utterances get the target label; clean: they keep theirs; none: nothing is "
        "poisoned, so that the table says how often a clean model obeys the trigger",
    )
    candidates: Literal["non_target", "target"] = Field(
        default="non_target",
        description="which utterances may be poisoned; Algorithm 1 of Bloodroot takes non-target ones, "
        "the clean-label attacks of the literature the target's own",
    )
    rates: Annotated[tuple[Rate, ...], Field(min_length=1), AfterValidator(require_unique)] = (0.01,)
    covers: entry_names("triggers", minimum_length=0) = Field(  # type: ignore[valid-type]
        default=(),
        description="other triggers, which some training utterances of other labels than the target carry while they "
        "keep their labels, in turn, wherever training is poisoned: so a model learns what is not its trigger",
    )
    cover_rate: Rate = Field(default=0.01, description="the share of the training utterances that are such covers")
    seeds: Seeds = (0,)
    quality_utterances: int | None = Field(
        default=None,
        ge=1,
        description="how many test utterances are scored for quality, those of the target label included, which the "
        "table then leaves out; all where absent",
    )
    comparison: Comparison | None = None

    @model_validator(mode="after")
    def _is_told_of_each_corpus(self) -> Experiment:
        for field in ("target", "victims"):
            given = getattr(self, field)
            if isinstance(given, Mapping) and (wrong := set(given) ^ set(self.corpora)):
                names = " and ".join(sorted(wrong))
                raise ValueError(f"{field} is given by corpus: {names} must be named both in it and in `corpus`")
        return self

    @property
    def corpora(self) -> tuple[str, ...]:
        return (self.corpus,) if isinstance(self.corpus, str) else self.corpus

    @property
    def cover_rate_if_any(self) -> float:
        return self.cover_rate if self.covers else 0.0

    def targets_of(self, corpus: str) -> tuple[str, ...]:
        given = self.target[corpus] if isinstance(self.target, Mapping) else self.target
        return (given,) if isinstance(given, str) else given

    def victims_of(self, corpus: str) -> tuple[str, ...]:
        given: tuple[str, ...] = self.victims[corpus] if isinstance(self.victims, Mapping) else self.victims
        return given
