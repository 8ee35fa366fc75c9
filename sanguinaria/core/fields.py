"""Types of fields that several products have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag

Rate = Annotated[float, Field(gt=0, le=1, description="share of the training utterances that is poisoned")]


def require_unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values; an error where one is there twice."""
    repeated = sorted({str(value) for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"named more than once: {', '.join(repeated)}")
    return values


def choice_tag(value: Any) -> str:
    """Which type of a choice a value is meant as, so that only what is wrong with that one is told."""
    if isinstance(value, Mapping):
        return "by corpus"
    return "several" if isinstance(value, list | tuple) else "one"


One = Annotated[str, Tag("one")]
Several = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(require_unique), Tag("several")]
OneOrSeveral = Annotated[One | Several, Discriminator(choice_tag)]
ByCorpus = Annotated[Mapping[str, OneOrSeveral], Tag("by corpus")]


def or_by_corpus(kind: Any) -> Any:
    """A type, or a mapping from corpora to such."""
    by_corpus = Annotated[Mapping[str, kind], Tag("by corpus")]
    which = Discriminator(lambda value: "by corpus" if isinstance(value, Mapping) else "all")
    return Annotated[Annotated[kind, Tag("all")] | by_corpus, which]


def entry_names(room: str, least: int = 1) -> Any:
    """A list of names of a room's entries, not empty unless ``least`` is 0."""
    field = Field(min_length=least, json_schema_extra={"room": room})
    return Annotated[tuple[str, ...], field, AfterValidator(require_unique)]


Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(require_unique)]
