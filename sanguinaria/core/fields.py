"""Field types that several sections of the configuration share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag

from sanguinaria.core.runs import FACTORS_OF_VARIATION, JOINED

Rate = Annotated[float, Field(gt=0, le=1, description="poisoning rate: share of the training utterances")]


def _expand_home(path: Path) -> Path:
    """A path whose ``~`` or ``~name`` is a home."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"the home of {path.parts[0]!r} is not known: write the whole path") from error


# Path of a file or folder of the user, who may write ~ for the home.
UserPath = Annotated[Path, AfterValidator(_expand_home)]


def require_unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values.

    >>> require_unique(("a", "b"))
    ('a', 'b')

    Raises:
        ValueError: a value occurs more than once.
    """
    repeated = sorted({str(value) for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"named more than once: {', '.join(repeated)}")
    return values


def choice_tag(value: Any) -> str:
    """Return the tag of the union member that a value is validated as, so that only its errors are reported."""
    if isinstance(value, Mapping):
        return "by corpus"
    return "several" if isinstance(value, list | tuple) else "one"


OneName = Annotated[str, Tag("one")]
SeveralNames = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(require_unique), Tag("several")]
OneOrSeveralNames = Annotated[OneName | SeveralNames, Discriminator(choice_tag)]
ByCorpus = Annotated[Mapping[str, OneOrSeveralNames], Tag("by corpus")]


def or_by_corpus(value_type: Any) -> Any:
    """Return the union of a type and of a mapping from corpora to values of that type."""
    by_corpus = Annotated[Mapping[str, value_type], Tag("by corpus")]
    discriminator = Discriminator(lambda value: "by corpus" if isinstance(value, Mapping) else "all")
    return Annotated[Annotated[value_type, Tag("all")] | by_corpus, discriminator]


def entry_names(room: str, minimum_length: int = 1) -> Any:
    """Return the type of a list of unique names of a room's entries."""
    field = Field(min_length=minimum_length, json_schema_extra={"room": room})
    return Annotated[tuple[str, ...], field, AfterValidator(require_unique)]


Seeds = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(require_unique)]


def require_factors(seeds: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return seeds by factor of variation, or by several that are joined by "+" and move together.

    >>> require_factors({"generator": (0, 1), "poison+training": (0, 1, 2)})
    {'generator': (0, 1), 'poison+training': (0, 1, 2)}

    Raises:
        ValueError: there is no such factor, or one is named twice.
    """
    named = [name for key in seeds for name in key.split(JOINED)]
    if wrong := [name for name in named if name not in FACTORS_OF_VARIATION]:
        known = ", ".join(FACTORS_OF_VARIATION)
        raise ValueError(f"no factor of variation is called {', '.join(wrong)}: there are {known}, and any joined by +")
    require_unique(tuple(named))
    return seeds


def seeds_tag(value: Any) -> str:
    """Return the tag of the member of :data:`VariedSeeds` that a value is validated as."""
    return "by factor" if isinstance(value, Mapping) else "together"


VariedSeeds = Annotated[
    Annotated[Seeds, Tag("together")]
    | Annotated[Mapping[str, Seeds], Field(min_length=1), AfterValidator(require_factors), Tag("by factor")],
    Discriminator(seeds_tag),
]
