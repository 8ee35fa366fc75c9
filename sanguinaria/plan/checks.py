"""The checks of a configuration: of each entry alone, of its references, and of the targets that use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin, Settings
from sanguinaria.core.suggestions import misread_scalar, unknown_name
from sanguinaria.corpora import Corpus
from sanguinaria.defences import Defence
from sanguinaria.plan.rules import rule_names
from sanguinaria.plan.sections import ENTRY_LISTS, ROOMS, TARGETS
from sanguinaria.plan.sections.verification import Verification
from sanguinaria.plan.source_locations import Place, Problem, mapping
from sanguinaria.plan.validation_messages import explanations
from sanguinaria.texts import TextExtractor
from sanguinaria.triggers import Trigger
from sanguinaria.victims._encoders import SpeakerEncoderVictim
from sanguinaria.watermarks import Watermark

# Rooms whose entries refer to entries of other rooms that they apply to the same audio.
APPLIED = {"triggers": ("watermarks", "conversions"), "defences": ("purifiers", "distortions")}

Model = TypeVar("Model", bound=Settings)


class Check:
    """Validates a configuration; keeps the valid entries, and every problem with its place."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.problems: list[Problem] = []
        self._check_sections()
        self.entries = {room: dict(self._build_entries(room)) for room in ROOMS}
        for room in ROOMS:
            for name, plugin in self.entries[room].items():
                self._check_references((room, name), plugin)
        self.targets = {section: dict(self._build_targets(section)) for section in TARGETS}

    def _add_problem(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _add_consequence(self, place: Place, message: str) -> None:
        """Add a problem that may be a consequence of another one at the same place, unless there is such a one."""
        if all(problem.place != place for problem in self.problems):
            self._add_problem(place, message)

    def _check_sections(self) -> None:
        for name in self.config:
            if name not in (*ROOMS, *TARGETS):
                self._add_problem((name,), unknown_name("section", name, (*ROOMS, *TARGETS)))
        for name in (*ROOMS, *TARGETS):
            if not isinstance(self.config.get(name), Mapping | None):
                self._add_problem((name,), "should map names to settings")
        if not self.config.get("experiments"):
            self._add_consequence(("experiments",), "should name at least one experiment")

    def _check_name(self, place: Place) -> None:
        """Check a name, which becomes a part of file names and of Snakemake targets."""
        name = place[-1]
        if isinstance(name, bool):
            self._add_problem(place, misread_scalar(name))
        elif not isinstance(name, str) or not name.isidentifier():
            self._add_problem(place, "a name consists of letters, digits and underscores, and starts with no digit")

    def _build_entries(self, room: str) -> Iterator[tuple[str, Plugin]]:
        """The entries of a room by name, without their invalid settings."""
        kinds = plugins.kinds(room)
        for name, settings in mapping(self.config.get(room)).items():
            place = (room, name)
            self._check_name(place)
            if not isinstance(settings, Mapping) or "kind" not in settings:
                self._add_problem(place, f"needs settings with a `kind`, one of: {', '.join(kinds)}")
            elif settings["kind"] not in kinds:
                self._add_problem((*place, "kind"), unknown_name("kind", settings["kind"], kinds))
            else:
                own_settings = {key: value for key, value in settings.items() if key != "kind"}
                model = self._find(room, settings["kind"], place)
                plugin = None if model is None else self._validate(model, own_settings, place)
                if plugin is not None:
                    for problem in plugins.unsound_values(plugin):
                        self._add_consequence((*place, "kind"), problem)
                    yield name, plugin

    def _find(self, room: str, kind: str, place: Place) -> type[Plugin] | None:
        """The class of an entry's kind; a plug-in that cannot be loaded is a problem of the entry."""
        try:
            return plugins.find(room, kind)
        except InputError as error:
            self._add_problem((*place, "kind"), str(error))
            return None

    def _validate(
        self, model: type[Model], settings: Mapping[Any, Any], place: Place, left_out: frozenset[Any] = frozenset()
    ) -> Model | None:
        """Validate settings by their model, without the invalid ones, which would hide problems of the others."""
        try:
            return model.model_validate(settings)
        except ValidationError as error:
            details = [detail for detail in error.errors(include_url=False) if left_out.isdisjoint(detail["loc"][:1])]
            for where, message in explanations(details, model, settings):
                self._add_problem((*place, *where), message)
            left_out |= {detail["loc"][0] for detail in details if detail["loc"]}
            rest = {key: value for key, value in settings.items() if key not in left_out}
            return self._validate(model, rest, place, left_out) if len(rest) < len(settings) else None

    def _check_references(self, place: Place, plugin: Plugin) -> None:
        referenced = {}
        for where, room, name in plugin.referenced_entries:
            self._check_entry((*place, *where), room, name)
            if place in self._made_from((room, name)):
                self._add_consequence((*place, *where), f"{place[-1]!r} would be made from itself: name another entry")
            entry = self._reliable(room, name)
            if entry is not None:
                referenced[where] = entry
        if len(referenced) == len(plugin.referenced_entries):
            single = {str(where[0]): entry for where, entry in referenced.items() if len(where) == 1}
            for field, message in plugin.problems(single):
                self._add_consequence((*place, field), message)

    def _made_from(self, entry: tuple[str, str]) -> set[Place]:
        """An entry, the entries that it refers to, and so on."""
        entries: set[Place] = set()
        pending = [entry]
        while pending:
            room, name = pending.pop()
            plugin = self.entries[room].get(name)
            if plugin is not None and (room, name) not in entries:
                pending += [(room, name) for _, room, name in plugin.referenced_entries]
            entries.add((room, name))
        return entries

    def _check_entry(self, place: Place, room: str, name: str) -> None:
        """Check that an entry exists; one that has problems of its own does."""
        section = self.config.get(room)
        if isinstance(section, Mapping | None) and name not in mapping(section):
            self._add_consequence(place, unknown_name(f"entry of {room}", name, mapping(section)))

    def _reliable(self, room: str, name: str) -> Plugin | None:
        """The entry, if its only problems are unknown settings."""
        plugin = self.entries[room].get(name)
        if plugin is None:
            return None
        invalid = [problem.place[2:3] for problem in self.problems if problem.place[:2] == (room, name)]
        return plugin if all(setting and setting[0] not in type(plugin).model_fields for setting in invalid) else None

    def _build_targets(self, section: str) -> Iterator[tuple[str, Settings]]:
        """The entries of a section by name. Each becomes a Snakemake target, so that all names differ."""
        earlier = list(TARGETS)[: list(TARGETS).index(section)]
        checks = {
            "experiments": self._check_covers,
            "benchmarks": self._check_keys,
            "verifications": self._check_roles,
            "figures": self._check_experiment_of,
            "spectrograms": self._check_verification_of,
        }
        for name, settings in mapping(self.config.get(section)).items():
            place = (section, name)
            target = self._check_target_settings(section, name, settings)
            for other in earlier:
                self._check_other_name(place, other)
            if isinstance(settings, Mapping):
                self._check_names_in(place, settings)
                self._check_audio_of(place, settings)
                if section in checks:
                    checks[section](place, settings)
            if target is not None:
                yield name, target

    def _check_target_settings(self, section: str, name: str, settings: Any) -> Settings | None:
        place = (section, name)
        self._check_name(place)
        if name == "all" or name in rule_names():
            self._add_problem(place, f"{name!r} is the name of a rule of the workflow: choose another one")
        if isinstance(name, str) and name.removesuffix("_data") in self._other_experiments(name):
            self._add_problem(place, f"{name!r} is the target of an experiment's poisoned data: choose another one")
        if not isinstance(settings, Mapping):
            required = [field for field, info in TARGETS[section].model_fields.items() if info.is_required()]
            self._add_problem(place, f"needs settings, at least: {', '.join(required)}")
            return None
        return self._validate(TARGETS[section], settings, place)

    def _other_experiments(self, name: str) -> set[str]:
        """The names of all experiments but one."""
        return set(mapping(self.config.get("experiments"))) - {name}

    def _check_experiment_of(self, place: Place, settings: Mapping[str, Any]) -> None:
        experiments = mapping(self.config.get("experiments"))
        for where, name in _names_in("experiment", settings):
            if name not in experiments:
                self._add_consequence((*place, *where), unknown_name("entry of experiments", name, experiments))

    def _check_verification_of(self, place: Place, settings: Mapping[str, Any]) -> None:
        """Check that the verification of spectrograms exists, and has the encoder, attacks and defences shown."""
        verifications, name = mapping(self.config.get("verifications")), settings.get("verification")
        if not isinstance(name, str):
            return
        if name not in verifications:
            message = unknown_name("entry of verifications", name, verifications)
            self._add_consequence((*place, "verification"), message)
            return
        verification = mapping(verifications[name])
        for field, available_field in (("encoder", "encoders"), ("attacks", "attacks"), ("defences", "defences")):
            for where, entry in _names_in(field, settings):
                default = Verification.model_fields[available_field].default
                if entry not in (available := verification.get(available_field) or default):
                    listed = ", ".join(map(str, available))
                    message = f"{entry!r} is not among the {available_field} of {name!r}: {listed}"
                    self._add_consequence((*place, *where), message)

    def _check_other_name(self, place: Place, section: str) -> None:
        if place[-1] in mapping(self.config.get(section)):
            article = "an" if section == "experiments" else "a"
            self._add_consequence(place, f"{place[-1]!r} is {article} {section[:-1]}'s name, too: choose another one")

    def _check_names_in(self, place: Place, settings: Mapping[str, Any]) -> None:
        """Check the entries that a target names, even where its other settings are invalid."""
        model = TARGETS[place[0]]
        for where, corpus in _names_in("corpus", settings):
            self._check_entry((*place, *where), "corpora", corpus)
            if "target" in model.model_fields:
                for below, target in _by_corpus("target", settings, corpus):
                    self._check_target((*place, *below), target, corpus)
            if isinstance(settings.get("victims"), Mapping):
                for below, victim in _by_corpus("victims", settings, corpus):
                    self._check_entry((*place, *below), "victims", victim)
        for field, room in ENTRY_LISTS.items():
            if field not in model.model_fields:
                continue
            names = settings.get(field, model.model_fields[field].default)
            for position, name in enumerate(names if isinstance(names, list | tuple) else ()):
                if isinstance(name, str):
                    self._check_entry((*place, field, position), room, name)

    def _check_audio_of(self, place: Place, settings: Mapping[str, Any]) -> None:
        """Check that the entries that a target names can be used with the audio of its corpora."""
        fields = [field for field in ENTRY_LISTS if field in settings]
        for _, corpus_name in _names_in("corpus", settings):
            corpus = self._reliable("corpora", corpus_name)
            if isinstance(corpus, Corpus):
                for field in fields:
                    for where, name in _by_corpus(field, settings, corpus_name):
                        message = self._audio_error(ENTRY_LISTS[field], name, corpus)
                        if message is not None:
                            message = f"{name!r} cannot be used with corpus {corpus_name!r}: {message}"
                            self._add_consequence((*place, *where), message)

    def _audio_error(self, room: str, name: str, corpus: Corpus) -> str | None:
        """Why an entry, or one that it applies to the audio, cannot be used with a corpus; ``None`` where it can."""
        plugin = self._reliable(room, name)
        if plugin is None:
            return None
        applied = [(room, name) for _, room, name in plugin.referenced_entries if room in APPLIED.get(plugin.room, ())]
        plugins = (plugin, *(self._reliable(*entry) for entry in applied))
        num_samples = round(corpus.duration * corpus.sample_rate)
        errors = (
            each.sample_rate_error(corpus.sample_rate) or each.duration_error(num_samples, corpus.sample_rate)
            for each in plugins
            if each is not None
        )
        return next((error for error in errors if error is not None), None)

    def _check_covers(self, place: Place, settings: Mapping[str, Any]) -> None:
        """Check that the triggers of cover samples change something."""
        for where, name in _names_in("covers", settings):
            trigger = self._reliable("triggers", name)
            if isinstance(trigger, Trigger) and trigger.is_identity:
                self._add_consequence(
                    (*place, *where), f"{name!r} changes nothing, so that nothing is covered: leave it out"
                )

    def _check_keys(self, place: Place, settings: Mapping[str, Any]) -> None:
        """Check that each watermark of a benchmark has the key that it needs, and that no other has one."""
        listed, keys = settings.get("watermarks"), mapping(settings.get("keys"))
        names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list | tuple) else []
        for name in dict.fromkeys([*names, *keys]):
            watermark = self._reliable("watermarks", name)
            if name not in names:
                self._add_consequence((*place, "keys", name), unknown_name("watermark of this benchmark", name, names))
            elif not isinstance(watermark, Watermark) or not isinstance(key := keys.get(name), str | None):
                continue
            elif (problem := watermark.key_problem(key)) is not None:
                self._add_consequence((*place, "keys", name), problem)

    def _check_roles(self, place: Place, settings: Mapping[str, Any]) -> None:
        """Check that encoders make embeddings, that defences act on audio, and that the training corpus exists."""
        for where, name in _names_in("training_corpus", settings):
            self._check_entry((*place, *where), "corpora", name)
        for where, name in _names_in("encoders", settings):
            victim = self._reliable("victims", name)
            if victim is not None and not isinstance(victim, SpeakerEncoderVictim):
                self._add_consequence((*place, *where), f"{name!r} makes no embeddings: name a speaker encoder")
        for where, name in _names_in("defences", settings):
            defence = self._reliable("defences", name)
            if isinstance(defence, Defence) and defence.acts_on != "input" and not defence.is_identity:
                self._add_consequence((*place, *where), f"{name!r} acts on models: name a defence that acts on audio")
            elif defence is not None and self._uses_labels_as_text(defence):
                self._add_consequence(
                    (*place, *where),
                    f"{name!r} has labels for its text, which are speakers here: its purifier would be conditioned "
                    "on the speaker. Give it the text of a recogniser",
                )

    def _uses_labels_as_text(self, defence: Plugin) -> bool:
        texts = (self._reliable(room, entry) for _, room, entry in defence.referenced_entries if room == "texts")
        return any(isinstance(text, TextExtractor) and text.is_label for text in texts)

    def _check_target(self, place: Place, target: Any, corpus: str) -> None:
        plugin = self._reliable("corpora", corpus)
        labels = None if plugin is None else plugin.labels()  # type: ignore[attr-defined]
        if labels is not None and target not in labels:
            self._add_consequence(place, f"{unknown_name('label', target, sorted(labels))} (of corpus {corpus!r})")


def _by_corpus(field: str, settings: Mapping[str, Any], corpus: str) -> Iterator[tuple[Place, str]]:
    """The names that a field has for a corpus; it takes one or a list, for all corpora or by corpus."""
    names = settings.get(field)
    if isinstance(names, Mapping):
        yield from (((field, *where), name) for where, name in _names_in(corpus, names))
    else:
        yield from _names_in(field, settings)


def _names_in(field: str, settings: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """The names in a field that takes one or a list, each with its place below the settings."""
    names = settings.get(field)
    if isinstance(names, str):
        yield (field,), names
    for position, name in enumerate(names if isinstance(names, list | tuple) else ()):
        if isinstance(name, str):
            yield (field, position), name
