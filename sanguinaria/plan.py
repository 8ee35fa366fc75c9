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
from sanguinaria.configuration import Configuration, Experiment, Figure
from sanguinaria.corpora import Corpus
from sanguinaria.defences import Defence
from sanguinaria.distortions import to_text
from sanguinaria.encoders import Encoding
from sanguinaria.front_ends import FrontEnd
from sanguinaria.metrics import Metric
from sanguinaria.plugins import Plugin
from sanguinaria.poisoning_order import PoisonBlock, blocks_for
from sanguinaria.stages import (
    AudioStage,
    CorpusStage,
    DatasetStage,
    DefendedStage,
    DetectionStage,
    FeatureStage,
    PoisonedStage,
    QualityStage,
    RepairedStage,
    ScoreStage,
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
from sanguinaria.verification_plan import verification_table
from sanguinaria.verification_stages import VerificationTable
from sanguinaria.victims import Victim
from sanguinaria.watermarks import Watermark


class Plan:
    """Everything that a configuration asks for.

    ``stages[stage][key]`` is the specification of a folder ``results/{stage}/{key}``; ``tables`` are by experiment,
    ``figures``, ``benchmarks`` and ``verifications`` by name. ``datasets`` are, by experiment, its poisoned training
    sets in one piece, which no table needs.
    """

    def __init__(
        self,
        tables: Iterable[TableStage],
        figures: Iterable[FigureStage] = (),
        datasets: Mapping[str, Sequence[DatasetStage]] = MappingProxyType({}),
        benchmarks: Iterable[BenchmarkTable] = (),
        verifications: Iterable[VerificationTable] = (),
    ) -> None:
        self.tables = {table.experiment: table for table in tables}
        self.figures = {figure.name: figure for figure in figures}
        self.benchmarks = {table.benchmark: table for table in benchmarks}
        self.verifications = {table.verification: table for table in verifications}
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
    datasets = {table.experiment: expander.datasets(table) for table in tables}
    return Plan(tables, figures, datasets, benchmarks, verifications)


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

        A distortion's count as settings of what refers to it.
        """
        found = {"rate": case.poisoning.rate}
        for role, room in ROOM_OF.items():
            entry = self.entries[room][getattr(case, role)]
            for setting, value in [pair for plugin in (*self._distortions(entry), entry) for pair in plugin]:
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
        plugin, _, _ = self._resolved("victims", victim)
        assert isinstance(plugin, Victim)
        distortions = self._distortions(self.entries["victims"][victim])
        return VictimStage(
            self.code("victims", (plugin, *distortions)),
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
        plugin, _, _ = self._resolved("victims", name)
        assert isinstance(plugin, Victim) and isinstance(plugin, Encoding)
        return plugin, None if plugin.is_pretrained else self._victim(self._unpoisoned(corpus), name, seed)

    def _trigger(self, name: str) -> Trigger:
        plugin = self.entries["triggers"][name]
        assert isinstance(plugin, Trigger)
        return plugin

    @cache
    def _resolved(
        self, room: str, name: str, reseeded: int = 0
    ) -> tuple[Plugin, CorpusStage | None, WatermarkStage | None]:
        """An entry, with what it refers to in place of the names: the name of an entry is in no identity. What is
        trained, and what it is fine-tuned from, has ``reseeded`` added to its seed."""
        plugin = self.entries[room][name]
        if reseeded and isinstance(seed := getattr(plugin, "seed", None), int):
            plugin = plugin.model_copy(update={"seed": seed + reseeded})
        corpus, watermark = None, None
        keys: dict[str, str | tuple[str, ...]] = {}
        for field, (referenced, entry) in plugin.references.items():
            if referenced == "distortions":
                # They have no stage of their own: their settings are part of the stage that they happen in.
                settings = self.entries[referenced]
                if isinstance(entry, str):
                    keys[field] = to_text(settings[entry])
                else:
                    keys[field] = tuple(to_text(settings[name]) for name in entry)
            elif not isinstance(entry, str):
                raise TypeError(f"{field}: a list of {referenced}, but a stage has one upstream of each kind")
            elif referenced == "corpora":
                corpus = self.corpus(entry)
                keys[field] = corpus.key
            else:
                watermark = self.watermark(entry, reseeded)
                keys[field] = watermark.key
        return plugin.model_copy(update=keys), corpus, watermark

    def _distortions(self, plugin: Plugin) -> list[Plugin]:
        """Those that an entry refers to: their code is part of the stage's, too."""
        return [self.entries[room][entry] for _, room, entry in plugin.referred if room == "distortions"]

    @cache
    def _triggered(self, corpus: CorpusStage, name: str, block: PoisonBlock | None) -> TriggeredStage:
        trigger, _, watermark = self._resolved("triggers", name)
        assert isinstance(trigger, Trigger)
        return TriggeredStage(self._marking_code("triggered", trigger, watermark), corpus, trigger, watermark, block)

    @cache
    def _detection(self, name: str, audio: AudioStage) -> DetectionStage:
        trigger, _, watermark = self._resolved("triggers", name)
        assert isinstance(trigger, Trigger)
        code = self._marking_code("detections", trigger, watermark)
        return DetectionStage(code, trigger.to_detect(), watermark, audio)

    def _marking_code(self, script: str, trigger: Trigger, watermark: WatermarkStage | None) -> str:
        return self.code(script, [trigger, *([] if watermark is None else watermark.plugins)])

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
        return DefendedStage(code, audio, self.resolved_defence(name))

    def resolved_defence(self, name: str) -> Defence:
        """A defence that acts on the input, with what it refers to in place of names."""
        resolved, _, _ = self._resolved("defences", name)
        assert isinstance(resolved, Defence)
        return resolved

    def input_plugins(self, name: str | None) -> list[Plugin]:
        """Those whose code a defence that acts on the input is; none for no defence."""
        return [] if name is None else [self._defence(name), *self._distortions(self._defence(name))]

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
        # What nothing was done to is compared with nothing, and has a quality of its own.
        names = case.experiment.metrics
        if isinstance(triggered, CorpusStage):
            names = tuple(name for name in names if not self.metric(name).needs_reference)
        limit = case.experiment.quality_utterances
        return {name: self.quality(self.metric(name), triggered, limit) for name in names}

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
        resolved, corpus, base = self._resolved("watermarks", name, reseeded)
        assert isinstance(configured, Watermark) and isinstance(resolved, Watermark)
        code = self.code(
            "watermarks", [resolved, *([] if base is None else base.plugins), *self._distortions(configured)]
        )
        return WatermarkStage(code, resolved, configured.fingerprint(), corpus, base)
