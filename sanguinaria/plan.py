"""The plan: what is to be made, as a pure function of the configuration and of the code.

Snakemake does not appear here: rules look a wildcard up in the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from types import MappingProxyType

from sanguinaria.benchmark_plan import benchmark_table
from sanguinaria.benchmark_stages import BenchmarkTable, MarkedStage
from sanguinaria.configuration import Configuration
from sanguinaria.conversions import Conversion
from sanguinaria.corpora import Corpus
from sanguinaria.defences import Defence
from sanguinaria.distortions import to_text
from sanguinaria.encoders import Encoding
from sanguinaria.front_ends import FrontEnd
from sanguinaria.metrics import Metric
from sanguinaria.plugins import Plugin
from sanguinaria.poisoning_order import PoisonBlock, blocks_for
from sanguinaria.products.experiment import Experiment
from sanguinaria.products.figure import Figure
from sanguinaria.purifiers import Purifier
from sanguinaria.speech_settings import SpeechTrigger
from sanguinaria.stages import (
    AudioStage,
    ConvertedStage,
    CorpusStage,
    DatasetStage,
    DefendedStage,
    DetectionStage,
    FeatureStage,
    PoisonedStage,
    PurifierStage,
    QualityStage,
    RepairedStage,
    ScoreStage,
    SpeechStage,
    Stage,
    TriggeredStage,
    VictimStage,
    WatermarkStage,
)
from sanguinaria.table_stages import (
    Bound,
    Detections,
    FigureStage,
    SeedScores,
    TableRow,
    TableStage,
)
from sanguinaria.triggers import Trigger
from sanguinaria.verification_plan import attacked_training, spectrogram_stage, verification_table
from sanguinaria.verification_stages import SpectrogramStage, VerificationTable
from sanguinaria.victims import Victim
from sanguinaria.watermarks import Watermark


class Plan:
    """Everything that a configuration asks for.

    ``stages[stage][key]`` is the specification of a folder ``results/{stage}/{key}``; ``tables`` are by experiment,
    ``figures``, ``benchmarks``, ``verifications`` and ``spectrograms`` by name. ``datasets`` are, by experiment, its
    poisoned training sets in one piece, which no table needs.
    """

    def __init__(
        self,
        tables: Iterable[TableStage],
        figures: Iterable[FigureStage] = (),
        datasets: Mapping[str, Sequence[DatasetStage]] = MappingProxyType({}),
        benchmarks: Iterable[BenchmarkTable] = (),
        verifications: Iterable[VerificationTable] = (),
        spectrograms: Iterable[SpectrogramStage] = (),
    ) -> None:
        self.tables = {table.experiment: table for table in tables}
        self.figures = {figure.name: figure for figure in figures}
        self.benchmarks = {table.benchmark: table for table in benchmarks}
        self.verifications = {table.verification: table for table in verifications}
        self.spectrograms = {stage.name: stage for stage in spectrograms}
        self.stages: dict[str, dict[str, Stage]] = {}
        for table in self.reports.values():
            for stage in table.reduced:
                self._add(stage)
        self.datasets = dict(datasets)
        for stages in self.datasets.values():
            for stage in stages:
                self._add(stage)

    @property
    def reports(self) -> dict[str, TableStage | BenchmarkTable | VerificationTable]:
        """What becomes a file in ``results/tables/``, by name."""
        return {**self.tables, **self.benchmarks, **self.verifications}

    def _add(self, stage: Stage) -> None:
        known = self.stages.setdefault(stage.stage, {})
        if stage.key not in known:
            known[stage.key] = stage
            for upstream in stage.upstream:
                self._add(upstream)
        elif known[stage.key].specification != stage.specification:
            raise RuntimeError(f"two specifications share the name {stage.key}: lengthen the identity")


# The rooms whose entries make a row of a table.
ROOM_OF = {"trigger": "triggers", "victim": "victims", "defence": "defences"}

# The rooms whose entries have no stage of their own: their settings are part of the stage that they are used in.
WITHIN_OTHERS = ("distortions", "conversions", "texts", "embedders")

# Those of what is attacked to train on. That has a stage, so that nothing of them is in what it is used in.
WITHIN_ATTACKS = ("victims", "adversaries")

# What the code of a stage's rule is: the name of its workflow script and the plug-ins that it calls.
CodeHash = Callable[[str, Sequence[Plugin]], str]


def plan(configuration: Configuration, code: CodeHash = lambda script, plugins: "") -> Plan:
    """Expand the experiments, the benchmarks and the verifications of a configuration.

    Args:
        configuration: validated.
        code: hash of the code that a workflow script and the plug-ins it calls reach.
    """
    expander = Expander(configuration, code)
    tables = [expander.table(name) for name in configuration.experiments]
    figures = [expander.figure(name, figure) for name, figure in configuration.figures.items()]
    benchmarks = [benchmark_table(expander, name, found) for name, found in configuration.benchmarks.items()]
    verifications = [verification_table(expander, name, found) for name, found in configuration.verifications.items()]
    by_name = {table.verification: table for table in verifications}
    spectrograms = [
        spectrogram_stage(expander, name, found, by_name[found.verification])
        for name, found in configuration.spectrograms.items()
    ]
    datasets = {table.experiment: expander.datasets(table) for table in tables}
    return Plan(tables, figures, datasets, benchmarks, verifications, spectrograms)


@dataclass(frozen=True)
class _Poisoning:
    """A column's worth of how training data are poisoned."""

    labels: str
    rate: float

    @property
    def name(self) -> str:
        return "none" if self.labels == "none" else f"{self.labels}-{self.rate:g}"


@dataclass(frozen=True)
class _Case:
    """A row of a table, before its stages are known; entries by their names."""

    experiment: Experiment
    corpus: CorpusStage
    target: str
    trigger: str
    heard: str
    poisoning: _Poisoning
    victim: str
    defence: str


def _is_measurable(metric: Metric, audio: TriggeredStage | CorpusStage) -> bool:
    """Clean audio is compared with nothing, and a target's speech is there where the trigger has one."""
    if isinstance(audio, CorpusStage):
        return not (metric.needs_reference or metric.needs_target)
    return isinstance(audio, ConvertedStage) or not metric.needs_target


@dataclass
class _Resolved:
    """An entry that refers to stages and settings rather than to names, and those stages."""

    plugin: Plugin
    corpus: CorpusStage | None = None
    watermark: WatermarkStage | None = None
    purifier: PurifierStage | None = None


def _grid(experiment: Experiment) -> Iterator[tuple[str, str, str, str, str]]:
    """Names of corpus, target, trigger, victim and defence."""
    for corpus in experiment.corpora:
        targets, victims = experiment.targets_of(corpus), experiment.victims_of(corpus)
        yield from product((corpus,), targets, experiment.triggers, victims, experiment.defences)


class Expander:
    """Makes stages from entries; equal stages are equal dataclasses, so work is shared by itself."""

    def __init__(self, configuration: Configuration, code: CodeHash) -> None:
        self.entries = configuration.entries
        self.experiments = configuration.experiments
        self.code = code

    @cache
    def table(self, name: str) -> TableStage:
        experiment = self.experiments[name]
        rows = tuple(self._rows(name, experiment))
        return TableStage(self.code("tables", ()), name, rows, experiment.comparison, self._bounds())

    def datasets(self, table: TableStage) -> list[DatasetStage]:
        """The poisoned training sets that a table's models were trained on, each once."""
        poisoned = dict.fromkeys(seed.poisoned for row in table.rows for seed in row.seeds if seed.poisoned.blocks)
        return [DatasetStage(self.code("datasets", ()), stage) for stage in poisoned]

    def figure(self, name: str, figure: Figure) -> FigureStage:
        tables = tuple(self.table(experiment) for experiment in figure.experiments)
        return FigureStage(self.code("figures", ()), name, figure, tables)

    def _rows(self, name: str, experiment: Experiment) -> Iterator[TableRow]:
        for corpus, target, trigger, victim, defence in _grid(experiment):
            heard = dict.fromkeys((trigger, *experiment.heard))
            for poisoning, other in product(self._poisonings(experiment, trigger), heard):
                case = _Case(experiment, self.corpus(corpus), target, trigger, other, poisoning, victim, defence)
                names = {
                    "experiment": name,
                    "corpus": corpus,
                    "target": target,
                    "trigger": trigger,
                    "heard": other,
                    "poisoning": poisoning.name,
                    "victim": victim,
                    "defence": defence,
                }
                yield TableRow(
                    names,
                    self._settings(case),
                    tuple(self._seed(case, seed) for seed in experiment.seeds),
                    self._qualities(case),
                    self._detections(case),
                )

    def _poisonings(self, experiment: Experiment, trigger: str) -> list[_Poisoning]:
        if self._trigger(trigger).is_identity:
            return [_Poisoning("none", 0.0)]
        return [
            poisoning
            for labels in experiment.labels
            for poisoning in (
                [_Poisoning("none", 0.0)]
                if labels == "none"
                else [_Poisoning(labels, rate) for rate in experiment.rates]
            )
        ]

    def _settings(self, case: _Case) -> dict[str, float]:
        """The numbers among the settings of a case's trigger, victim and defence, as "room.setting", and its rate.

        A distortion's or a conversion's count as settings of what refers to it.
        """
        found = {"rate": case.poisoning.rate}
        for role, room in ROOM_OF.items():
            entry = self.entries[room][getattr(case, role)]
            for setting, value in [pair for plugin in (*self._parts(entry), entry) for pair in plugin]:
                if isinstance(value, int | float) and not isinstance(value, bool):
                    found[f"{role}.{setting}"] = value
        return found

    def _seed(self, case: _Case, seed: int) -> SeedScores:
        victim = self._victim(self._poisoned(case, seed), case.victim, seed)
        model = self._repaired(victim, case.defence)
        clean, triggered = (
            self._features(self.defended(audio, case.defence), victim.victim.front_end)
            for audio in (case.corpus, self._tested(case))
        )
        code = self.code("scores", (victim.victim,))
        triggered_if_any = None if self._trigger(case.heard).is_identity else triggered
        scores = ScoreStage(code, model, clean, triggered_if_any, case.target)
        return SeedScores(scores, victim.poisoned)

    def _tested(self, case: _Case) -> AudioStage:
        """What the trigger that is heard makes of the test audio."""
        if self._trigger(case.heard).is_identity:
            return case.corpus
        return self._triggered(case.corpus, case.heard, None)

    @cache
    def _victim(self, poisoned: PoisonedStage, victim: str, seed: int) -> VictimStage:
        plugin = self._resolved("victims", victim).plugin
        assert isinstance(plugin, Victim)
        return VictimStage(
            self.code("victims", (plugin, *self._parts(self.entries["victims"][victim]))),
            plugin,
            poisoned,
            self._features(poisoned.corpus, plugin.front_end),
            tuple(self._features(block, plugin.front_end) for block in poisoned.blocks),
            seed,
        )

    def _poisoned(self, case: _Case, seed: int) -> PoisonedStage:
        code = self.code("poisoned", ())
        corpus, trigger, poisoning, experiment = case.corpus, case.trigger, case.poisoning, case.experiment
        if poisoning.labels == "none":
            return self._unpoisoned(corpus)
        blocks = tuple(
            self._triggered(corpus, trigger, PoisonBlock(case.target, experiment.candidates, seed, block))
            for block in blocks_for(poisoning.rate)
        )
        return PoisonedStage(
            code,
            corpus,
            blocks,
            tuple(self._detection(trigger, block) for block in blocks) if self._trigger(trigger).detects else (),
            case.target,
            experiment.candidates,
            poisoning.labels,
            poisoning.rate,
            seed,
        )

    def _unpoisoned(self, corpus: CorpusStage) -> PoisonedStage:
        return PoisonedStage(self.code("poisoned", ()), corpus, (), (), None, "", "none", 0.0, 0)

    def encoder(self, name: str, corpus: CorpusStage, seed: int) -> tuple[Victim, VictimStage | None]:
        """A speaker encoder, and its training on a corpus as it is, if it is not pretrained."""
        plugin = self._resolved("victims", name).plugin
        assert isinstance(plugin, Victim) and isinstance(plugin, Encoding)
        return plugin, None if plugin.is_pretrained else self._victim(self._unpoisoned(corpus), name, seed)

    def _trigger(self, name: str) -> Trigger:
        plugin = self.entries["triggers"][name]
        assert isinstance(plugin, Trigger)
        return plugin

    @cache
    def _resolved(self, room: str, name: str, reseeded: int = 0) -> _Resolved:
        """An entry, with what it refers to in place of the names: the name of an entry is in no identity. What is
        trained, and what it is fine-tuned from, has ``reseeded`` added to its seed."""
        plugin = self.entries[room][name]
        if reseeded and isinstance(seed := getattr(plugin, "seed", None), int):
            plugin = plugin.model_copy(update={"seed": seed + reseeded})
        found = _Resolved(plugin)
        keys: dict[str, str | tuple[str, ...]] = {}
        for field, (referenced, entry) in plugin.references.items():
            if referenced in WITHIN_OTHERS:
                settings = self.entries[referenced]
                if isinstance(entry, str):
                    keys[field] = to_text(settings[entry])
                else:
                    keys[field] = tuple(to_text(settings[name]) for name in entry)
            elif not isinstance(entry, str):
                raise TypeError(f"{field}: a list of {referenced}, but a stage has one upstream of each kind")
            elif referenced == "corpora":
                found.corpus = self.corpus(entry)
                keys[field] = found.corpus.key
            elif referenced == "purifiers":
                found.purifier = self.purifier(entry)
                keys[field] = found.purifier.key
            elif referenced in WITHIN_ATTACKS:
                keys[field] = ""
            else:
                found.watermark = self.watermark(entry, reseeded)
                keys[field] = found.watermark.key
        found.plugin = plugin.model_copy(update=keys)
        return found

    def _parts(self, plugin: Plugin) -> list[Plugin]:
        """What an entry refers to that has no stage of its own."""
        return [self.entries[room][entry] for _, room, entry in plugin.referred if room in WITHIN_OTHERS]

    def _called(self, plugin: Plugin) -> list[Plugin]:
        """What an entry refers to that works within its stage, or is loaded there: code of it is the stage's, too."""
        called: list[Plugin] = []
        for _, room, name in plugin.referred:
            entry = self.entries[room][name]
            if room in WITHIN_OTHERS:
                called.append(entry)
            elif room == "purifiers":
                called += [entry, *self._called(entry)]
        return called

    @cache
    def _triggered(self, corpus: CorpusStage, name: str, block: PoisonBlock | None) -> TriggeredStage:
        resolved = self._resolved("triggers", name)
        trigger, watermark = resolved.plugin, resolved.watermark
        assert isinstance(trigger, Trigger)
        code = self._marking_code("triggered", name)
        if not isinstance(trigger, SpeechTrigger):
            return TriggeredStage(code, corpus, trigger, watermark, block)
        source = "-".join(
            part.fingerprint() for part in self._called(self._trigger(name)) if isinstance(part, Conversion)
        )
        return ConvertedStage(code, corpus, trigger, watermark, block, self._speech(trigger, resolved.corpus), source)

    def _speech(self, trigger: SpeechTrigger, corpus: CorpusStage | None) -> SpeechStage:
        return SpeechStage(
            self.code("speech", ()),
            corpus,
            None if trigger.file is None else str(trigger.file),
            trigger.file_fingerprint(),
            trigger.utterance,
            trigger.speaker,
            trigger.seconds,
            trigger.skip,
        )

    @cache
    def _detection(self, name: str, audio: AudioStage) -> DetectionStage:
        resolved = self._resolved("triggers", name)
        trigger, watermark = resolved.plugin, resolved.watermark
        assert isinstance(trigger, Trigger)
        code = self._marking_code("detections", name)
        return DetectionStage(code, trigger.to_detect(), watermark, audio)

    def _marking_code(self, script: str, name: str) -> str:
        resolved = self._resolved("triggers", name)
        plugins = [] if resolved.watermark is None else resolved.watermark.plugins
        return self.code(script, [resolved.plugin, *plugins, *self._called(self._trigger(name))])

    def _defence(self, name: str) -> Defence:
        plugin = self.entries["defences"][name]
        assert isinstance(plugin, Defence)
        return plugin

    @cache
    def defended(self, audio: AudioStage, name: str) -> AudioStage:
        defence = self._defence(name)
        if defence.is_identity or defence.acts_on != "input":
            return audio
        code = self.code("defended_audio", self.input_plugins(name))
        return DefendedStage(code, audio, self.resolved_defence(name), self.purifier_of(name))

    def purifier_of(self, defence: str) -> PurifierStage | None:
        """The purifier that a defence refers to, if any."""
        return self._resolved("defences", defence).purifier

    def resolved_defence(self, name: str) -> Defence:
        """A defence that acts on the input, with what it refers to in place of names."""
        resolved = self._resolved("defences", name).plugin
        assert isinstance(resolved, Defence)
        return resolved

    def input_plugins(self, name: str | None) -> list[Plugin]:
        """Those whose code a defence that acts on the input is; none for no defence."""
        return [] if name is None else [self._defence(name), *self._called(self._defence(name))]

    @cache
    def _repaired(self, victim: VictimStage, name: str) -> VictimStage | RepairedStage:
        defence = self._defence(name)
        if defence.is_identity or defence.acts_on != "model":
            return victim
        code = self.code("defended_model", (defence, victim.victim))
        return RepairedStage(code, defence, victim, victim.clean_features if defence.needs_held_out else None)

    @cache
    def _features(self, audio: AudioStage, front_end: FrontEnd) -> FeatureStage:
        return FeatureStage(self.code("features", (front_end,)), audio, front_end)

    def _detections(self, case: _Case) -> Detections | None:
        if not self._trigger(case.heard).detects:
            return None
        clean, triggered = (
            self._detection(case.heard, self.defended(audio, case.defence))
            for audio in (case.corpus, self._tested(case))
        )
        return Detections(clean, triggered)

    def metric(self, name: str) -> Metric:
        plugin = self.entries["metrics"][name]
        assert isinstance(plugin, Metric)
        return plugin

    def _qualities(self, case: _Case) -> dict[str, QualityStage]:
        triggered = self._tested(case)
        assert isinstance(triggered, TriggeredStage | CorpusStage)
        limit = case.experiment.quality_utterances
        metrics = {name: self.metric(name) for name in case.experiment.metrics}
        return {
            name: self.quality(metric, triggered, limit)
            for name, metric in metrics.items()
            if _is_measurable(metric, triggered)
        }

    def quality(
        self, metric: Metric, triggered: TriggeredStage | MarkedStage | CorpusStage, limit: int | None
    ) -> QualityStage:
        # What a value is called does not change it.
        measured = metric.model_copy(update={"stealthy": None, "utterances": None})
        limits = [count for count in (limit, metric.utterances) if count is not None]
        return QualityStage(self.code("quality", (metric,)), measured, triggered, min(limits, default=None))

    def _bounds(self) -> dict[str, Bound]:
        """By metric, the values that it calls stealthy. Of all metrics of the configuration, as what an experiment does
        not measure cannot agree."""
        metrics = {name: self.metric(name) for name in self.entries["metrics"]}
        return {
            name: Bound(metric.better, metric.stealthy)
            for name, metric in metrics.items()
            if metric.stealthy is not None
        }

    @cache
    def corpus(self, name: str) -> CorpusStage:
        corpus = self.entries["corpora"][name]
        assert isinstance(corpus, Corpus)
        return CorpusStage(self.code("corpora", (corpus,)), corpus, corpus.fingerprint())

    @cache
    def watermark(self, name: str, reseeded: int = 0) -> WatermarkStage:
        """A watermark's weights, of the configured training or of another one."""
        configured = self.entries["watermarks"][name]
        resolved = self._resolved("watermarks", name, reseeded)
        watermark, corpus, base = resolved.plugin, resolved.corpus, resolved.watermark
        assert isinstance(configured, Watermark) and isinstance(watermark, Watermark)
        code = self.code("watermarks", [watermark, *([] if base is None else base.plugins), *self._called(configured)])
        return WatermarkStage(code, watermark, configured.fingerprint(), corpus, base)

    @cache
    def purifier(self, name: str) -> PurifierStage:
        configured = self.entries["purifiers"][name]
        resolved = self._resolved("purifiers", name)
        assert isinstance(configured, Purifier) and isinstance(resolved.plugin, Purifier)
        code = self.code("purifiers", [configured, *self._called(configured)])
        attacked = None
        if configured.attack is not None:
            assert resolved.corpus is not None
            attacked = attacked_training(self, configured.attack, resolved.corpus)
        return PurifierStage(code, resolved.plugin, resolved.corpus, attacked)
