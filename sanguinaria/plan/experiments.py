"""From an experiment of the configuration to its table: every row of the grid, with every seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from sanguinaria.metrics import Metric
from sanguinaria.plan.sections.experiment import Experiment
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.scores import QualityStage, ScoreStage
from sanguinaria.plan.stages.stage import AudioStage
from sanguinaria.plan.stages.tables import Bound, Detections, SeedScores, TableLine, TableStage
from sanguinaria.plan.stages.triggered import ConvertedStage, TriggeredStage
from sanguinaria.plan.stages.victims import DatasetStage, PoisonedStage
from sanguinaria.steps.poisoning.blocks import PoisonBlock, blocks_for

if TYPE_CHECKING:
    from sanguinaria.plan.expander import Expander


# The rooms whose entries make a row of a table.
ROOM_OF = {"trigger": "triggers", "victim": "victims", "defence": "defences"}


def experiment_table(expander: Expander, name: str, experiment: Experiment) -> TableStage:
    """The table of an experiment."""
    expansion = _Expansion(expander)
    lines = tuple(expansion.lines(name, experiment))
    return TableStage(expander.code("tables", ()), name, lines, experiment.comparison, expansion.bounds())


def datasets(expander: Expander, table: TableStage) -> list[DatasetStage]:
    """The poisoned training sets that a table's models were trained on, each once."""
    poisoned = dict.fromkeys(seed.poisoned for line in table.lines for seed in line.seeds if seed.poisoned.blocks)
    return [DatasetStage(expander.code("datasets", ()), stage) for stage in poisoned]


@dataclass(frozen=True)
class _Poisoning:
    """A column's worth of how training data are poisoned."""

    labels: str
    rate: float
    cover_rate: float = 0.0

    @property
    def name(self) -> str:
        if self.labels == "none":
            return "none"
        return f"{self.labels}-{self.rate:g}" + (f"-covers-{self.cover_rate:g}" if self.cover_rate else "")


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


def _grid(experiment: Experiment) -> Iterator[tuple[str, str, str, str, str]]:
    """Names of corpus, target, trigger, victim and defence."""
    for corpus in experiment.corpora:
        targets, victims = experiment.targets_of(corpus), experiment.victims_of(corpus)
        yield from product((corpus,), targets, experiment.triggers, victims, experiment.defences)


class _Expansion:
    def __init__(self, expander: Expander) -> None:
        self.expander = expander

    def lines(self, name: str, experiment: Experiment) -> Iterator[TableLine]:
        for corpus, target, trigger, victim, defence in _grid(experiment):
            heard = dict.fromkeys((trigger, *experiment.heard))
            for poisoning, other in product(self._poisonings(experiment, trigger), heard):
                case = _Case(
                    experiment, self.expander.corpus(corpus), target, trigger, other, poisoning, victim, defence
                )
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
                yield TableLine(
                    names,
                    self._settings(case),
                    tuple(self._seed(case, seed) for seed in experiment.seeds),
                    self._qualities(case),
                    self._detections(case),
                )

    def _poisonings(self, experiment: Experiment, trigger: str) -> list[_Poisoning]:
        if self.expander.trigger(trigger).is_identity:
            return [_Poisoning("none", 0.0)]
        return [
            poisoning
            for labels in experiment.labels
            for poisoning in (
                [_Poisoning("none", 0.0)]
                if labels == "none"
                else [_Poisoning(labels, rate, experiment.cover_rate_if_any) for rate in experiment.rates]
            )
        ]

    def _settings(self, case: _Case) -> dict[str, float]:
        """The numbers among the settings of a case's trigger, victim and defence, as "room.setting", and its rate.

        A distortion's or a conversion's count as settings of what refers to it.
        """
        found = {"rate": case.poisoning.rate}
        for role, room in ROOM_OF.items():
            entry = self.expander.entries[room][getattr(case, role)]
            for setting, value in [pair for plugin in (*self.expander.parts(entry), entry) for pair in plugin]:
                if isinstance(value, int | float) and not isinstance(value, bool):
                    found[f"{role}.{setting}"] = value
        return found

    def _seed(self, case: _Case, seed: int) -> SeedScores:
        victim = self.expander.victim(self._poisoned(case, seed), case.victim, seed)
        model = self.expander.repaired(victim, case.defence)
        clean, triggered = (
            self.expander.features(self.expander.defended(audio, case.defence), victim.victim.front_end)
            for audio in (case.corpus, self._tested(case))
        )
        code = self.expander.code("scores", (victim.victim,))
        triggered_if_any = None if self.expander.trigger(case.heard).is_identity else triggered
        scores = ScoreStage(code, model, clean, triggered_if_any, case.target)
        return SeedScores(scores, victim.poisoned)

    def _tested(self, case: _Case) -> AudioStage:
        """What the trigger that is heard makes of the test audio."""
        if self.expander.trigger(case.heard).is_identity:
            return case.corpus
        return self.expander.triggered(case.corpus, case.heard, None)

    def _poisoned(self, case: _Case, seed: int) -> PoisonedStage:
        code = self.expander.code("poisoned", ())
        corpus, trigger, poisoning, experiment = case.corpus, case.trigger, case.poisoning, case.experiment
        if poisoning.labels == "none":
            return self.expander.unpoisoned(corpus)
        blocks = tuple(
            self.expander.triggered(
                corpus,
                trigger,
                PoisonBlock(target=case.target, candidates=experiment.candidates, seed=seed, block=block),
            )
            for block in blocks_for(poisoning.rate)
        )
        return PoisonedStage(
            code,
            corpus,
            blocks,
            tuple(self.expander.detection(trigger, block) for block in blocks)
            if self.expander.trigger(trigger).has_detector
            else (),
            case.target,
            experiment.candidates,
            poisoning.labels,
            poisoning.rate,
            seed,
            self._covers(case, seed),
            len(experiment.covers),
            poisoning.cover_rate,
        )

    def _covers(self, case: _Case, seed: int) -> tuple[TriggeredStage, ...]:
        """The blocks of the other triggers; without any there are none."""
        covers = case.experiment.covers
        return tuple(
            self.expander.triggered(
                case.corpus,
                cover,
                PoisonBlock(
                    target=case.target, candidates="non_target", seed=seed, block=block, cover=place, covers=len(covers)
                ),
            )
            for place, cover in enumerate(covers)
            for block in blocks_for(case.experiment.cover_rate)
        )

    def _detections(self, case: _Case) -> Detections | None:
        if not self.expander.trigger(case.heard).has_detector:
            return None
        clean, triggered = (
            self.expander.detection(case.heard, self.expander.defended(audio, case.defence))
            for audio in (case.corpus, self._tested(case))
        )
        return Detections(clean, triggered)

    def _qualities(self, case: _Case) -> dict[str, QualityStage]:
        triggered = self._tested(case)
        assert isinstance(triggered, TriggeredStage | CorpusStage)
        limit = case.experiment.quality_utterances
        metrics = {name: self.expander.metric(name) for name in case.experiment.metrics}
        return {
            name: self.expander.quality(metric, triggered, limit)
            for name, metric in metrics.items()
            if _is_measurable(metric, triggered)
        }

    def bounds(self) -> dict[str, Bound]:
        """By metric, the values that it calls stealthy. Of all metrics of the configuration, as what an experiment does
        not measure cannot agree."""
        metrics = {name: self.expander.metric(name) for name in self.expander.entries["metrics"]}
        return {
            name: Bound(metric.better, metric.stealthy)
            for name, metric in metrics.items()
            if metric.stealthy is not None
        }
