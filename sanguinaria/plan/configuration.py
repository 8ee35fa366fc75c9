"""The configuration: read, checked as a whole, and every problem told at once with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic.json_schema import models_json_schema

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin, Settings
from sanguinaria.core.suggestions import misread_scalar, unknown_name
from sanguinaria.defences import Defence
from sanguinaria.plan.rules import scripts
from sanguinaria.plan.sections import LISTS, PRODUCTS
from sanguinaria.plan.sections.benchmark import Benchmark
from sanguinaria.plan.sections.experiment import Experiment
from sanguinaria.plan.sections.spectrograms import Spectrograms
from sanguinaria.plan.sections.verification import Verification
from sanguinaria.plan.source_locations import Document, Place, Problem, mapping, report
from sanguinaria.plan.validation_messages import explanations
from sanguinaria.reports.figure_settings import Figure
from sanguinaria.texts import TextExtractor
from sanguinaria.triggers import Trigger
from sanguinaria.victims._encoders import SpeakerEncoderVictim
from sanguinaria.watermarks import Watermark

ROOMS = (
    *("corpora", "watermarks", "conversions", "triggers", "victims", "distortions"),
    *("texts", "embedders", "purifiers", "defences", "adversaries", "metrics"),
)
SECTIONS = (*ROOMS, *PRODUCTS)

Model = TypeVar("Model", bound=Settings)


@dataclass(frozen=True)
class Configuration:
    """What was configured, each entry as its plug-in, by room and name; experiments and the other products by name."""

    entries: Mapping[str, Mapping[str, Plugin]]
    experiments: Mapping[str, Experiment]
    figures: Mapping[str, Figure]
    benchmarks: Mapping[str, Benchmark]
    verifications: Mapping[str, Verification]
    spectrograms: Mapping[str, Spectrograms]


def load(config: Mapping[str, Any], files: Sequence[Path] = ()) -> Configuration:
    """Check a configuration.

    Args:
        config: as Snakemake merged it.
        files: what it was merged from, the last one winning; they serve to name lines.

    Raises:
        InputError: anything is wrong; the message lists every problem with its file and line.
    """
    documents = [Document(path) for path in files]
    check = _Check(config)
    problems = [*(problem for document in documents for problem in document.repeated_keys()), *check.problems]
    if problems:
        raise InputError(report(problems, config, documents))
    return Configuration(check.entries, **check.products)  # type: ignore[arg-type]


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file, generated from the plug-ins' settings."""
    classes = [(room, plugins.find(room, kind)) for room in ROOMS for kind in plugins.kinds(room)]
    inputs: list[Any] = [(model, "validation") for _, model in classes]
    references, definitions = models_json_schema(
        [*inputs, *((model, "validation") for model in PRODUCTS.values())], ref_template="#/$defs/{model}"
    )
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
    for section, product in PRODUCTS.items():
        sections[section] = {"type": "object", "additionalProperties": references[(product, "validation")]}
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


class _Check:
    """A configuration that is being checked: what could be made of it, and every problem found."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.problems: list[Problem] = []
        self._check_sections()
        self.entries = {room: dict(self._build_entries(room)) for room in ROOMS}
        for room in ROOMS:
            for name, plugin in self.entries[room].items():
                self._check_references((room, name), plugin)
        self.products = {section: dict(self._build_products(section)) for section in PRODUCTS}

    def _tell(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _tell_new(self, place: Place, message: str) -> None:
        """Tell what may be a mere consequence of a problem at the same place, unless there is one."""
        if all(problem.place != place for problem in self.problems):
            self._tell(place, message)

    def _check_sections(self) -> None:
        for name in self.config:
            if name not in SECTIONS:
                self._tell((name,), unknown_name("section", name, SECTIONS))
        for name in SECTIONS:
            if not isinstance(self.config.get(name), Mapping | None):
                self._tell((name,), "should map names to settings")
        if not self.config.get("experiments"):
            self._tell_new(("experiments",), "should name at least one experiment")

    def _check_name(self, place: Place) -> None:
        """Names become parts of file names and of Snakemake targets."""
        name = place[-1]
        if isinstance(name, bool):
            self._tell(place, misread_scalar(name))
        elif not isinstance(name, str) or not name.isidentifier():
            self._tell(place, "a name consists of letters, digits and underscores, and starts with no digit")

    def _build_entries(self, room: str) -> Iterator[tuple[str, Plugin]]:
        """The entries by name, without their wrong settings where there are any."""
        kinds = plugins.kinds(room)
        for name, settings in mapping(self.config.get(room)).items():
            place = (room, name)
            self._check_name(place)
            if not isinstance(settings, Mapping) or "kind" not in settings:
                self._tell(place, f"needs settings with a `kind`, one of: {', '.join(kinds)}")
            elif settings["kind"] not in kinds:
                self._tell((*place, "kind"), unknown_name("kind", settings["kind"], kinds))
            else:
                own = {key: value for key, value in settings.items() if key != "kind"}
                plugin = self._validate(plugins.find(room, settings["kind"]), own, place)
                if plugin is not None:
                    yield name, plugin

    def _validate(
        self, model: type[Model], settings: Mapping[Any, Any], place: Place, left_out: frozenset[Any] = frozenset()
    ) -> Model | None:
        """The settings as their model; wrong ones are told and left out, so that they hide nothing about the others."""
        try:
            return model.model_validate(settings)
        except ValidationError as error:
            details = [detail for detail in error.errors(include_url=False) if left_out.isdisjoint(detail["loc"][:1])]
            for where, message in explanations(details, model, settings):
                self._tell((*place, *where), message)
            left_out |= {detail["loc"][0] for detail in details if detail["loc"]}
            rest = {key: value for key, value in settings.items() if key not in left_out}
            return self._validate(model, rest, place, left_out) if len(rest) < len(settings) else None

    def _check_references(self, place: Place, plugin: Plugin) -> None:
        referenced = {}
        for where, room, name in plugin.referenced_entries:
            self._check_entry((*place, *where), room, name)
            if place in self._made_from((room, name)):
                self._tell_new((*place, *where), f"{place[-1]!r} would be made from itself: name another entry")
            entry = self._reliable(room, name)
            if entry is not None:
                referenced[where] = entry
        if len(referenced) == len(plugin.referenced_entries):
            single = {str(where[0]): entry for where, entry in referenced.items() if len(where) == 1}
            for field, message in plugin.problems(single):
                self._tell_new((*place, field), message)

    def _made_from(self, entry: tuple[str, str]) -> set[Place]:
        """An entry, what it refers to, what that refers to, and so on."""
        found: set[Place] = set()
        waiting = [entry]
        while waiting:
            room, name = waiting.pop()
            plugin = self.entries[room].get(name)
            if plugin is not None and (room, name) not in found:
                waiting += [(room, name) for _, room, name in plugin.referenced_entries]
            found.add((room, name))
        return found

    def _check_entry(self, place: Place, room: str, name: str) -> None:
        """An entry that has problems is still a name that others may use."""
        section = self.config.get(room)
        if isinstance(section, Mapping | None) and name not in mapping(section):
            self._tell_new(place, unknown_name(f"entry of {room}", name, mapping(section)))

    def _reliable(self, room: str, name: str) -> Plugin | None:
        """The entry, if nothing is wrong with it but settings that there are not."""
        plugin = self.entries[room].get(name)
        if plugin is None:
            return None
        wrong = [problem.place[2:3] for problem in self.problems if problem.place[:2] == (room, name)]
        return plugin if all(setting and setting[0] not in type(plugin).model_fields for setting in wrong) else None

    def _build_products(self, section: str) -> Iterator[tuple[str, Settings]]:
        """The products of a section by name. All are targets, and so have different names."""
        others = list(PRODUCTS)[: list(PRODUCTS).index(section)]
        checks = {
            "experiments": self._check_covers,
            "benchmarks": self._check_keys,
            "verifications": self._check_roles,
            "figures": self._check_experiment_of,
            "spectrograms": self._check_verification_of,
        }
        for name, settings in mapping(self.config.get(section)).items():
            place = (section, name)
            product = self._check_product(section, name, settings)
            for other in others:
                self._check_other_name(place, other)
            if isinstance(settings, Mapping):
                self._check_names_in(place, settings)
                if section in checks:
                    checks[section](place, settings)
            if product is not None:
                yield name, product

    def _check_product(self, section: str, name: str, settings: Any) -> Settings | None:
        place = (section, name)
        self._check_name(place)
        if name == "all" or name in scripts():
            self._tell(place, f"{name!r} is the name of a rule of the workflow: choose another one")
        if isinstance(name, str) and name.removesuffix("_data") in self._others(name):
            self._tell(place, f"{name!r} is the target of an experiment's poisoned data: choose another one")
        if not isinstance(settings, Mapping):
            required = [field for field, info in PRODUCTS[section].model_fields.items() if info.is_required()]
            self._tell(place, f"needs settings, at least: {', '.join(required)}")
            return None
        return self._validate(PRODUCTS[section], settings, place)

    def _others(self, name: str) -> set[str]:
        """The names of the experiments but one."""
        return set(mapping(self.config.get("experiments"))) - {name}

    def _check_experiment_of(self, place: Place, settings: Mapping[str, Any]) -> None:
        known = mapping(self.config.get("experiments"))
        for where, name in _one_or_several("experiment", settings):
            if name not in known:
                self._tell_new((*place, *where), unknown_name("entry of experiments", name, known))

    def _check_verification_of(self, place: Place, settings: Mapping[str, Any]) -> None:
        """That the verification of spectrograms is there, and has in it what they show."""
        known, name = mapping(self.config.get("verifications")), settings.get("verification")
        if not isinstance(name, str):
            return
        if name not in known:
            self._tell_new((*place, "verification"), unknown_name("entry of verifications", name, known))
            return
        shown = mapping(known[name])
        for field, of_it in (("encoder", "encoders"), ("attacks", "attacks"), ("defences", "defences")):
            for where, entry in _one_or_several(field, settings):
                if entry not in (there := shown.get(of_it) or Verification.model_fields[of_it].default):
                    told = f"{entry!r} is not among the {of_it} of {name!r}: {', '.join(map(str, there))}"
                    self._tell_new((*place, *where), told)

    def _check_other_name(self, place: Place, section: str) -> None:
        if place[-1] in mapping(self.config.get(section)):
            article = "an" if section == "experiments" else "a"
            self._tell_new(place, f"{place[-1]!r} is {article} {section[:-1]}'s name, too: choose another one")

    def _check_names_in(self, place: Place, settings: Mapping[str, Any]) -> None:
        """What a product names, as it was given: other wrong settings hide none of it."""
        product = PRODUCTS[place[0]]
        for where, corpus in _one_or_several("corpus", settings):
            self._check_entry((*place, *where), "corpora", corpus)
            if "target" in product.model_fields:
                for below, target in _by_corpus("target", settings, corpus):
                    self._check_target((*place, *below), target, corpus)
            if isinstance(settings.get("victims"), Mapping):
                for below, victim in _by_corpus("victims", settings, corpus):
                    self._check_entry((*place, *below), "victims", victim)
        for field, room in LISTS.items():
            if field not in product.model_fields:
                continue
            names = settings.get(field, product.model_fields[field].default)
            for position, name in enumerate(names if isinstance(names, list | tuple) else ()):
                if isinstance(name, str):
                    self._check_entry((*place, field, position), room, name)

    def _check_covers(self, place: Place, settings: Mapping[str, Any]) -> None:
        """That covers carry something."""
        for where, name in _one_or_several("covers", settings):
            trigger = self._reliable("triggers", name)
            if isinstance(trigger, Trigger) and trigger.is_identity:
                self._tell_new((*place, *where), f"{name!r} changes nothing, so that nothing is covered: leave it out")

    def _check_keys(self, place: Place, settings: Mapping[str, Any]) -> None:
        """That each watermark of a benchmark has the key that it needs, and that no other has one."""
        named, given = settings.get("watermarks"), mapping(settings.get("keys"))
        names = [name for name in named if isinstance(name, str)] if isinstance(named, list | tuple) else []
        for name in dict.fromkeys([*names, *given]):
            watermark = self._reliable("watermarks", name)
            if name not in names:
                self._tell_new((*place, "keys", name), unknown_name("watermark of this benchmark", name, names))
            elif not isinstance(watermark, Watermark) or not isinstance(key := given.get(name), str | None):
                continue
            elif (problem := watermark.key_problem(key)) is not None:
                self._tell_new((*place, "keys", name), problem)

    def _check_roles(self, place: Place, settings: Mapping[str, Any]) -> None:
        """That a verification's encoders make embeddings, that its defences act on audio, and what trains encoders."""
        for where, name in _one_or_several("trained_on", settings):
            self._check_entry((*place, *where), "corpora", name)
        for where, name in _one_or_several("encoders", settings):
            victim = self._reliable("victims", name)
            if victim is not None and not isinstance(victim, SpeakerEncoderVictim):
                self._tell_new((*place, *where), f"{name!r} makes no embeddings: name a speaker encoder")
        for where, name in _one_or_several("defences", settings):
            defence = self._reliable("defences", name)
            if isinstance(defence, Defence) and defence.acts_on != "input" and not defence.is_identity:
                self._tell_new((*place, *where), f"{name!r} acts on models: name a defence that acts on audio")
            elif defence is not None and self._tells_labels(defence):
                self._tell_new(
                    (*place, *where),
                    f"{name!r} has labels for its text, which are speakers here: its purifier would be told who "
                    "speaks. Give it a text that is heard",
                )

    def _tells_labels(self, defence: Plugin) -> bool:
        texts = (self._reliable(room, entry) for _, room, entry in defence.referenced_entries if room == "texts")
        return any(isinstance(text, TextExtractor) and text.is_label for text in texts)

    def _check_target(self, place: Place, target: Any, corpus: str) -> None:
        plugin = self._reliable("corpora", corpus)
        labels = None if plugin is None else plugin.labels()  # type: ignore[attr-defined]
        if labels is not None and target not in labels:
            self._tell_new(place, f"{unknown_name('label', target, sorted(labels))} (of corpus {corpus!r})")


def _by_corpus(field: str, settings: Mapping[str, Any], corpus: str) -> Iterator[tuple[Place, str]]:
    """What a field that takes one or a list, for all corpora or for each of them, has for a corpus."""
    given = settings.get(field)
    if isinstance(given, Mapping):
        yield from (((field, *where), name) for where, name in _one_or_several(corpus, given))
    else:
        yield from _one_or_several(field, settings)


def _one_or_several(field: str, settings: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Names in a field that takes one or a list of them, each with its place below the settings."""
    given = settings.get(field)
    if isinstance(given, str):
        yield (field,), given
    for position, name in enumerate(given if isinstance(given, list | tuple) else ()):
        if isinstance(name, str):
            yield (field, position), name
