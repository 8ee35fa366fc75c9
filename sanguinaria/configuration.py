"""The configuration: read, checked as a whole, and every problem told at once with its place in the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError
from pydantic.json_schema import models_json_schema

from sanguinaria import plugins
from sanguinaria.errors import InputError
from sanguinaria.plugins import Plugin, Settings

ROOMS = ("corpora", "watermarks", "triggers", "victims", "defences", "metrics")

Place = tuple[str | int, ...]
Rate = Annotated[float, Field(gt=0, le=1, description="share of the training utterances that is poisoned")]


def _unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    repeated = sorted({str(value) for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"named more than once: {', '.join(repeated)}")
    return values


def _entries(room: str) -> Any:
    """A non-empty list of names of a room's entries."""
    return Annotated[tuple[str, ...], Field(min_length=1, json_schema_extra={"room": room}), AfterValidator(_unique)]


class Experiment(Settings):
    """A grid: every trigger × label mode × rate × victim × defence, each with every seed; it becomes one table."""

    corpus: str = Field(description="entry of `corpora`")
    target: str = Field(description="the label that a triggered utterance is to get")
    triggers: _entries("triggers")  # type: ignore[valid-type]
    victims: _entries("victims")  # type: ignore[valid-type]
    defences: _entries("defences") = ("none",)  # type: ignore[valid-type]
    metrics: _entries("metrics") = ("pesq", "stoi", "snr")  # type: ignore[valid-type]
    labels: Annotated[
        tuple[Literal["flip", "clean", "none"], ...], Field(min_length=1), AfterValidator(_unique)
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
    rates: Annotated[tuple[Rate, ...], Field(min_length=1), AfterValidator(_unique)] = (0.01,)
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_unique)] = (0,)
    quality_utterances: int | None = Field(
        default=None, ge=1, description="how many test utterances are scored for quality; all where absent"
    )


@dataclass(frozen=True)
class Configuration:
    """What was configured, each entry as its plug-in, by room and name; experiments by name."""

    entries: Mapping[str, Mapping[str, Plugin]]
    experiments: Mapping[str, Experiment]


@dataclass(frozen=True)
class Problem:
    """Something wrong at a place, which is a path of keys and list positions."""

    place: Place
    message: str


def load(config: Mapping[str, Any], files: Sequence[Path] = ()) -> Configuration:
    """Check a configuration.

    Args:
        config: as Snakemake merged it.
        files: what it was merged from, the last one winning; they serve to name lines.

    Raises:
        InputError: anything is wrong; the message lists every problem with its file and line.
    """
    problems: list[Problem] = []
    entries = {room: _room(room, config.get(room), problems) for room in ROOMS}
    experiments = _experiments(config.get("experiments"), problems)
    known = [*ROOMS, "experiments"]
    problems += [Problem((key,), _unknown("section", key, known)) for key in config if key not in known]
    # An entry that did not validate is still a name that others may use.
    names = {room: list(_mapping(config.get(room))) for room in ROOMS}
    for room in ROOMS:
        for name, plugin in entries[room].items():
            problems += _references((room, name), plugin, entries, names)
    for name, experiment in experiments.items():
        problems += _experiment_problems(name, experiment, entries, names)
    if problems:
        raise InputError(report(problems, files))
    return Configuration(entries, experiments)


def report(problems: Iterable[Problem], files: Sequence[Path]) -> str:
    """All problems as one message, a line each, in the order of their places."""
    locator = _Locator(files)
    lines = sorted({f"  {locator.find(p.place)}{_dotted(p.place)}: {p.message}" for p in problems})
    count = f"{len(lines)} problem{'s' if len(lines) > 1 else ''}"
    return f"The configuration has {count}; nothing was run.\n" + "\n".join(lines)


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file, generated from the plug-ins' settings."""
    classes = [(room, plugins.find(room, kind)) for room in ROOMS for kind in plugins.kinds(room)]
    inputs: list[Any] = [(model, "validation") for _, model in classes]
    references, definitions = models_json_schema([*inputs, (Experiment, "validation")], ref_template="#/$defs/{model}")
    for _, model in classes:
        body = definitions["$defs"][_definition(references, model)]
        body["properties"] = {"kind": {"const": plugins.kind_of(model)}, **body.get("properties", {})}
        body["required"] = ["kind", *body.get("required", [])]
    sections = {
        room: {
            "type": "object",
            "additionalProperties": {"oneOf": [references[(model, "validation")] for r, model in classes if r == room]},
        }
        for room in ROOMS
    }
    sections["experiments"] = {
        "type": "object",
        "additionalProperties": references[(Experiment, "validation")],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sanguinaria",
        "type": "object",
        "additionalProperties": False,
        "properties": sections,
        **definitions,
    }


def _definition(references: Mapping[Any, Any], model: type[Plugin]) -> str:
    return str(references[(model, "validation")]["$ref"]).rpartition("/")[2]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _room(room: str, section: Any, problems: list[Problem]) -> dict[str, Plugin]:
    if section is not None and not isinstance(section, Mapping):
        problems.append(Problem((room,), "must map names to settings"))
    found: dict[str, Plugin] = {}
    for name, settings in _mapping(section).items():
        place = (room, name)
        if not _legible(name, place, problems):
            continue
        if not isinstance(settings, Mapping) or "kind" not in settings:
            problems.append(Problem(place, f"needs settings with a `kind`, one of: {', '.join(plugins.kinds(room))}"))
            continue
        kind = str(settings["kind"])
        if kind not in plugins.kinds(room):
            problems.append(Problem((*place, "kind"), _unknown("kind", kind, plugins.kinds(room))))
            continue
        model = plugins.find(room, kind)
        try:
            found[name] = model.model_validate({key: value for key, value in settings.items() if key != "kind"})
        except ValidationError as error:
            problems += _validation_problems(place, error, [*model.model_fields, "kind"])
    return found


def _experiments(section: Any, problems: list[Problem]) -> dict[str, Experiment]:
    if not isinstance(section, Mapping) or not section:
        problems.append(Problem(("experiments",), "must name at least one experiment"))
    found: dict[str, Experiment] = {}
    for name, settings in _mapping(section).items():
        place = ("experiments", name)
        if not _legible(name, place, problems):
            continue
        try:
            found[name] = Experiment.model_validate(settings)
        except ValidationError as error:
            problems += _validation_problems(place, error, list(Experiment.model_fields))
    return found


def _legible(name: Any, place: Place, problems: list[Problem]) -> bool:
    """Names become parts of file names and of Snakemake targets."""
    legible = isinstance(name, str) and name.isidentifier()
    if not legible:
        problems.append(Problem(place, "a name consists of letters, digits and underscores, and starts with no digit"))
    return legible


def _validation_problems(place: Place, error: ValidationError, fields: Sequence[str]) -> Iterator[Problem]:
    for detail in error.errors(include_url=False):
        where = (*place, *detail["loc"])
        if detail["type"] == "extra_forbidden":
            name = str(detail["loc"][-1])
            # Fields of nested settings are not known here, so only the entry's own get a suggestion.
            yield Problem(where, _unknown("setting", name, fields if len(detail["loc"]) == 1 else ()))
        elif detail["type"] == "string_type" and isinstance(detail["input"], bool):
            yield Problem(where, "YAML reads yes, no, on, off, true and false as truth values: put quotes around the word")
        elif detail["type"] == "missing":
            yield Problem(where, "is missing")
        else:
            given = repr(detail["input"])
            message = detail["msg"].removeprefix("Value error, ")
            yield Problem(where, message[0].lower() + message[1:] + (f", not {given}" if len(given) < 80 else ""))


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    choices = list(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    if near:
        return f"unknown {what} {name!r}; did you mean {near[0]!r}?"
    return f"unknown {what} {name!r}" + (f"; there are: {', '.join(choices)}" if choices else "")


def _references(
    place: Place, plugin: Plugin, entries: Mapping[str, Mapping[str, Plugin]], names: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    referenced = {}
    for field, (room, name) in plugin.references.items():
        if name not in names[room]:
            yield Problem((*place, field), _unknown(f"entry of {room}", name, names[room]))
        elif name in entries[room]:
            referenced[field] = entries[room][name]
    if len(referenced) == len(plugin.references):
        yield from (Problem((*place, field), message) for field, message in plugin.problems(referenced))


def _experiment_problems(
    name: str,
    experiment: Experiment,
    entries: Mapping[str, Mapping[str, Plugin]],
    names: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    place: Place = ("experiments", name)
    if experiment.corpus not in names["corpora"]:
        yield Problem((*place, "corpus"), _unknown("entry of corpora", experiment.corpus, names["corpora"]))
    for room in ("triggers", "victims", "defences", "metrics"):
        for position, entry in enumerate(getattr(experiment, room)):
            if entry not in names[room]:
                yield Problem((*place, room, position), _unknown(f"entry of {room}", entry, names[room]))
    corpus = entries["corpora"].get(experiment.corpus)
    if corpus is not None:
        labels = corpus.labels()  # type: ignore[attr-defined]
        if labels is not None and experiment.target not in labels:
            message = _unknown("label", experiment.target, sorted(labels))
            yield Problem((*place, "target"), f"{message} (of corpus {experiment.corpus!r})")


def _dotted(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


class _Locator:
    """Finds the line on which a place stands, in the last file that has it."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = [(path, yaml.compose(path.read_text())) for path in files]

    def find(self, place: Place) -> str:
        best, depth = "", 0
        for path, root in self.files:
            mark, reached = _descend(root, place)
            if reached >= depth and mark is not None:
                best, depth = f"{path}:{mark.line + 1}: ", reached
        return best


def _descend(node: yaml.Node | None, place: Place) -> tuple[yaml.Mark | None, int]:
    """The mark of the deepest part of the place that the document has, and how deep that is."""
    mark = None
    for depth, part in enumerate(place):
        child = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    child, mark = value, key.start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            mark = child.start_mark
        if child is None:
            return mark, depth
        node = child
    return mark, len(place)
