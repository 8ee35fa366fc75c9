"""The configuration: read, checked as a whole, and every problem told at once with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic.json_schema import models_json_schema

from sanguinaria import plugins
from sanguinaria.defences import Defence
from sanguinaria.encoders import Encoding
from sanguinaria.errors import InputError
from sanguinaria.explanations import explanations, misread, unknown
from sanguinaria.places import Document, Place, Problem, mapping, report
from sanguinaria.plugins import Plugin, Settings
from sanguinaria.reports.panels import Panel
from sanguinaria.reports.printed import printed_tables
from sanguinaria.texts import Text
from sanguinaria.watermarks import Watermark

ROOMS = (
    *("corpora", "watermarks", "conversions", "triggers", "victims", "distortions"),
    *("texts", "embedders", "purifiers", "defences", "adversaries", "metrics"),
)
SECTIONS = (*ROOMS, "experiments", "benchmarks", "verifications", "figures")

# The workflow's own rules; a test keeps them in step. An experiment becomes a rule too, and names of rules differ.
RULES = frozenset(
    (
        *("all", "corpus_recordings", "corpus_audio", "corpus_index", "watermark", "triggered_test", "triggered_block"),
        "target_speech",
        "purifier",
        *("poisoned", "defended_audio", "defended_model", "detections", "features", "victim", "scores", "quality"),
        *("dataset_audio", "dataset_description", "table", "comparison", "figure"),
        *("marked", "readings", "efficiency", "benchmark"),
        *("trials", "attacked", "embeddings", "trial_scores", "probe_quality", "verification"),
    )
)

Model = TypeVar("Model", bound=Settings)
Rate = Annotated[float, Field(gt=0, le=1, description="share of the training utterances that is poisoned")]


def _unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    repeated = sorted({str(value) for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"named more than once: {', '.join(repeated)}")
    return values


def _shape(value: Any) -> str:
    """Which type of a choice a value is meant as, so that only what is wrong with that one is told."""
    if isinstance(value, Mapping):
        return "by corpus"
    return "several" if isinstance(value, list | tuple) else "one"


One = Annotated[str, Tag("one")]
Several = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_unique), Tag("several")]
OneOrSeveral = Annotated[One | Several, Discriminator(_shape)]
OfEachCorpus = Annotated[Mapping[str, OneOrSeveral], Tag("by corpus")]


def _or_by_corpus(kind: Any) -> Any:
    """A type, or a mapping from corpora to such."""
    by_corpus = Annotated[Mapping[str, kind], Tag("by corpus")]
    which = Discriminator(lambda value: "by corpus" if isinstance(value, Mapping) else "all")
    return Annotated[Annotated[kind, Tag("all")] | by_corpus, which]


def _entries(room: str, least: int = 1) -> Any:
    """A list of names of a room's entries, not empty unless ``least`` is 0."""
    field = Field(min_length=least, json_schema_extra={"room": room})
    return Annotated[tuple[str, ...], field, AfterValidator(_unique)]


class Comparison(Settings):
    """What a paper printed, to be put beside an experiment's numbers."""

    paper: str = Field(description="one of those in sanguinaria/reports/printed_numbers.csv")
    table: str = Field(description="the table's number there")
    stands_for: Mapping[str, str] = Field(
        default={}, description="our entry → the paper's that it is compared with, where the names differ"
    )

    @model_validator(mode="after")
    def _printed(self) -> Comparison:
        if (self.paper, self.table) not in printed_tables():
            known = ", ".join(f"{paper} {table}" for paper, table in sorted(printed_tables()))
            raise ValueError(f"no printed numbers of {self.paper} {self.table}; there are: {known}")
        return self


class Experiment(Settings):
    """A grid: every corpus × target × trigger × label mode × rate × victim × defence, each with every seed; it is a
    table."""

    corpus: str | _entries("corpora") = Field(description="entry of `corpora`, or several")  # type: ignore[valid-type]
    target: Annotated[One | Several | OfEachCorpus, Discriminator(_shape)] = Field(
        description="the label that a triggered utterance is to get; several, for each of which there are models of "
        "their own; or, where there are several corpora, one or several by corpus"
    )
    triggers: _entries("triggers")  # type: ignore[valid-type]
    heard: _entries("triggers", least=0) = Field(  # type: ignore[valid-type]
        default=(),
        description="triggers that every model hears in the tests besides the one that it was trained on, in rows of "
        "their own: another key, another speaker, or none at all in its training",
    )
    victims: _or_by_corpus(_entries("victims")) = Field(  # type: ignore[valid-type]
        description="models that are trained, or such by corpus"
    )
    defences: _entries("defences") = ("none",)  # type: ignore[valid-type]
    metrics: _entries("metrics") = ("pesq", "stoi", "snr")  # type: ignore[valid-type]
    labels: Annotated[tuple[Literal["flip", "clean", "none"], ...], Field(min_length=1), AfterValidator(_unique)] = (
        Field(
            default=("flip",),
            description="flip: poisoned utterances get the target label; clean: they keep theirs; none: nothing is "
            "poisoned, so that the table says how often a clean model obeys the trigger",
        )
    )
    candidates: Literal["non_target", "target"] = Field(
        default="non_target",
        description="which utterances may be poisoned; Algorithm 1 of Bloodroot takes non-target ones, "
        "the clean-label attacks of the literature the target's own",
    )
    rates: Annotated[tuple[Rate, ...], Field(min_length=1), AfterValidator(_unique)] = (0.01,)
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_unique)] = (0,)
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

    def targets_of(self, corpus: str) -> tuple[str, ...]:
        given = self.target[corpus] if isinstance(self.target, Mapping) else self.target
        return (given,) if isinstance(given, str) else given

    def victims_of(self, corpus: str) -> tuple[str, ...]:
        given: tuple[str, ...] = self.victims[corpus] if isinstance(self.victims, Mapping) else self.victims
        return given


class Benchmark(Settings):
    """Every watermark after every distortion: is it there, what does it say, and with which key; it is a table.

    Every test utterance gets a random message of its own, and its key where the watermark has keys.
    """

    corpus: str = Field(description="entry of `corpora`")
    watermarks: _entries("watermarks")  # type: ignore[valid-type]
    distortions: _entries("distortions")  # type: ignore[valid-type]
    metrics: _entries("metrics") = ("pesq", "stoi", "snr")  # type: ignore[valid-type]
    keys: Mapping[str, str] = Field(
        default={},
        description="watermark → the key that seed 0 marks with, of each watermark that has keys; all other keys, "
        "those of other seeds too, are drawn like it",
    )
    wrong_keys: int = Field(
        default=3,
        ge=0,
        le=100,
        description="how many wrong keys read undistorted utterances, and with them each key that is a character off "
        "the right one",
    )
    marks: Annotated[tuple[Literal[1, 2], ...], Field(min_length=1), AfterValidator(_unique)] = Field(
        default=(1,), description="1: one mark in an utterance; 2: another on top of it, with a key of its own"
    )
    strength: float = Field(default=1.0, gt=0, description="the gain on the mark")
    utterances: int | None = Field(
        default=None, ge=1, description="how many test utterances are marked; all where absent"
    )
    validation_utterances: int | None = Field(
        default=1000,
        ge=1,
        description="from how many clean validation utterances the threshold is taken; all where it is null",
    )
    false_positive_rate: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="share of clean validation utterances that this threshold takes for marked",
    )
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_unique)] = Field(
        default=(0,), description="of messages and keys"
    )
    retrained: bool = Field(
        default=False,
        description="train each generator anew for each seed, which is added to its own, so that intervals are of "
        "trainings, too",
    )
    efficiency: bool = Field(default=True, description="measure what marking and detecting cost on this machine")
    comparison: Comparison | None = None


class Trials(Settings):
    """Which pairs of utterances are compared."""

    count: int = Field(default=4000, ge=2, description="at most so many, half of them of one speaker")
    seed: int = Field(default=0, ge=0, description="of the choice")
    list: Path | None = Field(
        default=None,
        description="a list in the format of VoxCeleb1-O, of which so many are taken; made of the corpus where absent",
    )

    def fingerprint(self) -> str:
        """What tells one state of the list from another; the first job tells where there is none."""
        import hashlib

        if self.list is None or not self.list.is_file():
            return ""
        return hashlib.sha256(self.list.read_bytes()).hexdigest()[:16]


class Verification(Settings):
    """Every speaker encoder, under every attack, behind every defence: are two utterances of one speaker? It is a
    table.

    The defence acts on the utterance that is attacked, and on that of genuine trials; the other one is as it is.
    """

    corpus: str = Field(description="entry of `corpora`, whose test utterances are compared")
    trained_on: str | None = Field(
        default=None,
        description="entry of `corpora` with speakers for labels, to train encoders on; `corpus` where absent",
    )
    encoders: _entries("victims")  # type: ignore[valid-type]
    attacks: _entries("adversaries")  # type: ignore[valid-type]
    defences: _entries("defences") = ("none",)  # type: ignore[valid-type]
    metrics: _entries("metrics", least=0) = ("stoi", "pesq", "si_sdr")  # type: ignore[valid-type]
    trials: Trials = Trials()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_unique)] = Field(
        default=(0,), description="of trainings and attacks"
    )
    quality_probes: int | None = Field(
        default=None, ge=1, description="how many of the attacked utterances are scored for quality; all where absent"
    )
    comparison: Comparison | None = None


# Lines of a table: the values that columns, or numbers among the entries' settings, are to have.
Selection = Mapping[str, str | float | tuple[str | float, ...]]


class FigurePanel(Panel):
    """One set of axes, with the lines of the table that it shows."""

    where: Selection = Field(default={}, description="only these lines of the table, such as {victim: resnet18}")
    along: str | tuple[str, ...] | None = Field(
        default=None,
        description="what orders a line's points and is written beside them, of several columns the first that has a "
        "value; x itself where absent",
    )


class Figure(Settings):
    """Curves drawn from the tables of one experiment or of several; lines that two of them share count once.

    A column is one of the table's, or a number among its entries' settings: `trigger.strength`, `defence.share`, ….
    """

    experiment: str | _entries("experiments") = Field(  # type: ignore[valid-type]
        description="entry of `experiments`, or several"
    )
    panels: Annotated[tuple[FigurePanel, ...], Field(min_length=1, max_length=6)]
    series: Mapping[str, Selection] = Field(
        default={},
        description="name in the legend → the lines of the table that it joins; one per trigger where absent",
    )

    @property
    def experiments(self) -> tuple[str, ...]:
        return (self.experiment,) if isinstance(self.experiment, str) else self.experiment


# Fields of experiments, benchmarks and verifications that list entries, and of which room.
LISTS = {room: room for room in ("watermarks", "triggers", "victims", "distortions", "defences", "metrics")} | {
    "heard": "triggers",
    "encoders": "victims",
    "attacks": "adversaries",
}

# What becomes a target by its own name.
PRODUCTS: dict[str, type[Settings]] = {
    "experiments": Experiment,
    "benchmarks": Benchmark,
    "verifications": Verification,
    "figures": Figure,
}


@dataclass(frozen=True)
class Configuration:
    """What was configured, each entry as its plug-in, by room and name; experiments and the other products by name."""

    entries: Mapping[str, Mapping[str, Plugin]]
    experiments: Mapping[str, Experiment]
    figures: Mapping[str, Figure]
    benchmarks: Mapping[str, Benchmark]
    verifications: Mapping[str, Verification]


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
    return Configuration(check.entries, check.experiments, check.figures, check.benchmarks, check.verifications)


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
        self.experiments: dict[str, Experiment] = {}
        self.figures: dict[str, Figure] = {}
        self.benchmarks: dict[str, Benchmark] = {}
        self.verifications: dict[str, Verification] = {}
        for name, settings in mapping(config.get("experiments")).items():
            experiment = self._check_product("experiments", name, settings)
            if isinstance(experiment, Experiment):
                self.experiments[name] = experiment
            if isinstance(settings, Mapping):
                self._check_names_in(("experiments", name), settings)
        for name, settings in mapping(config.get("benchmarks")).items():
            benchmark = self._check_product("benchmarks", name, settings)
            if isinstance(benchmark, Benchmark):
                self.benchmarks[name] = benchmark
            self._check_other_name(("benchmarks", name), "experiments")
            if isinstance(settings, Mapping):
                self._check_names_in(("benchmarks", name), settings)
                self._check_keys(("benchmarks", name), settings)
        for name, settings in mapping(config.get("verifications")).items():
            verification = self._check_product("verifications", name, settings)
            if isinstance(verification, Verification):
                self.verifications[name] = verification
            for section in ("experiments", "benchmarks"):
                self._check_other_name(("verifications", name), section)
            if isinstance(settings, Mapping):
                self._check_names_in(("verifications", name), settings)
                self._check_roles(("verifications", name), settings)
        for name, settings in mapping(config.get("figures")).items():
            figure = self._check_product("figures", name, settings)
            if isinstance(figure, Figure):
                self.figures[name] = figure
            self._check_experiment_of(("figures", name), mapping(settings))

    def _tell(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _tell_new(self, place: Place, message: str) -> None:
        """Tell what may be a mere consequence of a problem at the same place, unless there is one."""
        if all(problem.place != place for problem in self.problems):
            self._tell(place, message)

    def _check_sections(self) -> None:
        for name in self.config:
            if name not in SECTIONS:
                self._tell((name,), unknown("section", name, SECTIONS))
        for name in SECTIONS:
            if not isinstance(self.config.get(name), Mapping | None):
                self._tell((name,), "should map names to settings")
        if not self.config.get("experiments"):
            self._tell_new(("experiments",), "should name at least one experiment")

    def _check_name(self, place: Place) -> None:
        """Names become parts of file names and of Snakemake targets."""
        name = place[-1]
        if isinstance(name, bool):
            self._tell(place, misread(name))
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
                self._tell((*place, "kind"), unknown("kind", settings["kind"], kinds))
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
        for where, room, name in plugin.referred:
            self._check_entry((*place, *where), room, name)
            if place in self._made_from((room, name)):
                self._tell_new((*place, *where), f"{place[-1]!r} would be made from itself: name another entry")
            entry = self._reliable(room, name)
            if entry is not None:
                referenced[where] = entry
        if len(referenced) == len(plugin.referred):
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
                waiting += [(room, name) for _, room, name in plugin.referred]
            found.add((room, name))
        return found

    def _check_entry(self, place: Place, room: str, name: str) -> None:
        """An entry that has problems is still a name that others may use."""
        section = self.config.get(room)
        if isinstance(section, Mapping | None) and name not in mapping(section):
            self._tell_new(place, unknown(f"entry of {room}", name, mapping(section)))

    def _reliable(self, room: str, name: str) -> Plugin | None:
        """The entry, if nothing is wrong with it but settings that there are not."""
        plugin = self.entries[room].get(name)
        if plugin is None:
            return None
        wrong = [problem.place[2:3] for problem in self.problems if problem.place[:2] == (room, name)]
        return plugin if all(setting and setting[0] not in type(plugin).model_fields for setting in wrong) else None

    def _check_product(self, section: str, name: str, settings: Any) -> Settings | None:
        place = (section, name)
        self._check_name(place)
        if name in RULES:
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
        """What a figure is drawn from; a figure and an experiment are targets, and so have different names."""
        known = mapping(self.config.get("experiments"))
        for section in ("experiments", "benchmarks", "verifications"):
            self._check_other_name(place, section)
        for where, name in _one_or_several("experiment", settings):
            if name not in known:
                self._tell_new((*place, *where), unknown("entry of experiments", name, known))

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

    def _check_keys(self, place: Place, settings: Mapping[str, Any]) -> None:
        """That each watermark of a benchmark has the key that it needs, and that no other has one."""
        named, given = settings.get("watermarks"), mapping(settings.get("keys"))
        names = [name for name in named if isinstance(name, str)] if isinstance(named, list | tuple) else []
        for name in dict.fromkeys([*names, *given]):
            watermark = self._reliable("watermarks", name)
            if name not in names:
                self._tell_new((*place, "keys", name), unknown("watermark of this benchmark", name, names))
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
            if victim is not None and not isinstance(victim, Encoding):
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
        texts = (self._reliable(room, entry) for _, room, entry in defence.referred if room == "texts")
        return any(isinstance(text, Text) and text.is_label for text in texts)

    def _check_target(self, place: Place, target: Any, corpus: str) -> None:
        plugin = self._reliable("corpora", corpus)
        labels = None if plugin is None else plugin.labels()  # type: ignore[attr-defined]
        if labels is not None and target not in labels:
            self._tell_new(place, f"{unknown('label', target, sorted(labels))} (of corpus {corpus!r})")


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
