"""The plan: what is to be made, as a pure function of the configuration and of the code.

Snakemake does not appear here: rules look a wildcard up in the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from sanguinaria.configuration import Configuration, Experiment
from sanguinaria.corpora import Corpus
from sanguinaria.defences import Defence
from sanguinaria.metrics import Metric
from sanguinaria.plugins import Plugin
from sanguinaria.poisoning_order import PoisonBlock, blocks_for
from sanguinaria.stages import (
    AudioStage,
    CorpusStage,
    DefendedStage,
    FeatureStage,
    PoisonedStage,
    QualityStage,
    ScoreStage,
    SeedScores,
    Stage,
    TableRow,
    TableStage,
    TriggeredStage,
    VictimStage,
    WatermarkStage,
)
from sanguinaria.triggers import Trigger
from sanguinaria.victims import LogMel, Victim
from sanguinaria.watermarks import Watermark


class Plan:
    """Everything that a configuration asks for.

    ``stages[stage][key]`` is the specification of a folder ``results/{stage}/{key}``; ``tables`` are by experiment.
    """

    def __init__(self, tables: Iterable[TableStage]) -> None:
        self.tables = {table.experiment: table for table in tables}
        self.stages: dict[str, dict[str, Stage]] = {}
        for table in self.tables.values():
            for row in table.rows:
                for seed in row.seeds:
                    for stage in (seed.clean, seed.triggered, seed.poisoned):
                        self._add(stage)
                for quality in row.quality.values():
                    self._add(quality)

    def _add(self, stage: Stage) -> None:
        known = self.stages.setdefault(stage.stage, {})
        if stage.key not in known:
            known[stage.key] = stage
            for upstream in stage.upstream:
                self._add(upstream)
        elif known[stage.key].specification != stage.specification:
            raise RuntimeError(f"two specifications share the name {stage.key}: lengthen the identity")


# What the code of a stage's rule is: the name of its workflow script and the plug-ins that it calls.
CodeHash = Callable[[str, Sequence[Plugin]], str]


def plan(configuration: Configuration, code: CodeHash = lambda script, plugins: "") -> Plan:
    """Expand the experiments of a configuration.

    Args:
        configuration: validated.
        code: hash of the code that a workflow script and the plug-ins it calls reach.
    """
    expander = _Expander(configuration, code)
    return Plan(expander.table(name, experiment) for name, experiment in configuration.experiments.items())


@dataclass(frozen=True)
class _Poisoning:
    """A column's worth of how training data are poisoned."""

    labels: str
    rate: float

    @property
    def name(self) -> str:
        return "none" if self.labels == "none" else f"{self.labels}-{self.rate:g}"


class _Expander:
    """Makes stages from entries; equal stages are equal dataclasses, so work is shared by itself."""

    def __init__(self, configuration: Configuration, code: CodeHash) -> None:
        self.entries = configuration.entries
        self.code = code

    def table(self, name: str, experiment: Experiment) -> TableStage:
        rows = tuple(self._rows(name, experiment))
        return TableStage(self.code("tables", ()), name, rows)

    def _rows(self, name: str, experiment: Experiment) -> Iterator[TableRow]:
        grid = product(experiment.triggers, experiment.victims, experiment.defences)
        for trigger, victim, defence in grid:
            for poisoning in self._poisonings(experiment, trigger):
                names = {
                    "experiment": name,
                    "corpus": experiment.corpus,
                    "trigger": trigger,
                    "poisoning": poisoning.name,
                    "victim": victim,
                    "defence": defence,
                }
                seeds = tuple(
                    self._seed(experiment, trigger, poisoning, victim, defence, seed) for seed in experiment.seeds
                )
                yield TableRow(names, experiment.target, seeds, self._qualities(experiment, trigger))

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

    def _seed(
        self, experiment: Experiment, trigger: str, poisoning: _Poisoning, victim: str, defence: str, seed: int
    ) -> SeedScores:
        corpus = self.corpus(experiment.corpus)
        model = self._victim(experiment, corpus, trigger, poisoning, victim, seed)
        clean: AudioStage = corpus
        triggered = corpus if self._trigger(trigger).is_identity else self._test(corpus, trigger)
        log_mel = model.victim.log_mel
        clean_scores, triggered_scores = (
            self._scores(model, self._features(self._defended(audio, defence), log_mel), experiment.target)
            for audio in (clean, triggered)
        )
        return SeedScores(clean_scores, triggered_scores, model.poisoned)

    @cache
    def _victim(
        self, experiment: Experiment, corpus: CorpusStage, trigger: str, poisoning: _Poisoning, victim: str, seed: int
    ) -> VictimStage:
        plugin = self.entries["victims"][victim]
        assert isinstance(plugin, Victim)
        poisoned = self._poisoned(experiment, corpus, trigger, poisoning, seed)
        return VictimStage(
            self.code("victims", (plugin,)),
            plugin,
            poisoned,
            self._features(corpus, plugin.log_mel),
            tuple(self._features(block, plugin.log_mel) for block in poisoned.blocks),
            seed,
        )

    def _poisoned(
        self, experiment: Experiment, corpus: CorpusStage, trigger: str, poisoning: _Poisoning, seed: int
    ) -> PoisonedStage:
        code = self.code("poisoned", ())
        if poisoning.labels == "none":
            return PoisonedStage(code, corpus, (), None, "", "none", 0.0, 0)
        blocks = tuple(
            self._triggered(corpus, trigger, PoisonBlock(experiment.target, experiment.candidates, seed, block))
            for block in blocks_for(poisoning.rate)
        )
        return PoisonedStage(
            code, corpus, blocks, experiment.target, experiment.candidates, poisoning.labels, poisoning.rate, seed
        )

    def _trigger(self, name: str) -> Trigger:
        plugin = self.entries["triggers"][name]
        assert isinstance(plugin, Trigger)
        return plugin

    def _test(self, corpus: CorpusStage, trigger: str) -> TriggeredStage:
        return self._triggered(corpus, trigger, None)

    @cache
    def _triggered(self, corpus: CorpusStage, name: str, block: PoisonBlock | None) -> TriggeredStage:
        trigger = self._trigger(name)
        watermarks = {
            field: self.watermark(entry) for field, (room, entry) in trigger.references.items() if room == "watermarks"
        }
        # The name of an entry is in no identity: what it names takes its place.
        trigger = trigger.model_copy(update={field: watermark.key for field, watermark in watermarks.items()})
        watermark = next(iter(watermarks.values()), None)
        used: list[Plugin] = [trigger] if watermark is None else [trigger, watermark.watermark]
        return TriggeredStage(self.code("triggered", used), corpus, trigger, watermark, block)

    @cache
    def _defended(self, audio: AudioStage, name: str) -> AudioStage:
        defence = self.entries["defences"][name]
        assert isinstance(defence, Defence)
        if defence.is_identity:
            return audio
        return DefendedStage(self.code("defended", (defence,)), audio, defence)

    @cache
    def _features(self, audio: AudioStage, log_mel: LogMel) -> FeatureStage:
        return FeatureStage(self.code("features", ()), audio, log_mel)

    def _scores(self, model: VictimStage, features: FeatureStage, target: str) -> ScoreStage:
        return ScoreStage(self.code("scores", (model.victim,)), model, features, target)

    def _qualities(self, experiment: Experiment, trigger: str) -> dict[str, QualityStage]:
        if self._trigger(trigger).is_identity:
            return {}
        triggered = self._test(self.corpus(experiment.corpus), trigger)
        found = {}
        for name in experiment.metrics:
            metric = self.entries["metrics"][name]
            assert isinstance(metric, Metric)
            code = self.code("quality", (metric,))
            found[name] = QualityStage(code, metric, triggered, experiment.quality_utterances)
        return found

    @cache
    def corpus(self, name: str) -> CorpusStage:
        corpus = self.entries["corpora"][name]
        assert isinstance(corpus, Corpus)
        return CorpusStage(self.code("corpora", (corpus,)), corpus, corpus.fingerprint())

    @cache
    def watermark(self, name: str) -> WatermarkStage:
        watermark = self.entries["watermarks"][name]
        assert isinstance(watermark, Watermark)
        return WatermarkStage(self.code("watermarks", (watermark,)), watermark, watermark.fingerprint())
