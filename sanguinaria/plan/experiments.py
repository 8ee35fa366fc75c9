"""From an experiment of the configuration to its table: every cell of the grid, with every seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from sanguinaria.core.runs import GENERATOR, POISON, TRAINING, Run, distinct
from sanguinaria.metrics import Metric
from sanguinaria.plan.evaluation import Cell, Evaluation, Seeds
from sanguinaria.plan.expander import Expander
from sanguinaria.plan.sections.experiment import Experiment
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.scores import ScoreStage
from sanguinaria.plan.stages.stage import AudioStage
from sanguinaria.plan.stages.triggered import ConvertedStage, DetectionStage, TriggeredStage
from sanguinaria.plan.stages.victims import DatasetStage, PoisonedStage
from sanguinaria.steps.poisoning.blocks import PoisonBlock, blocks_for

# The factors whose entries have settings that a figure may draw, and their rooms.
ROOM_OF = {"trigger": "triggers", "victim": "victims", "defence": "defences"}


def experiment_table(expander: Expander, name: str, experiment: Experiment) -> Evaluation:
    """Expand an experiment into its evaluation.

    Args:
        expander: of the configuration's entries.
        name: of the experiment.
        experiment: its section of the configuration.

    Returns:
        A grid of corpora, target labels, triggers, test triggers, poisonings, victims and defences, by seeds.
    """
    cells = tuple(_Expansion(expander, experiment).cells(name))
    columns = expander.columns(experiment.metrics)
    settings = {"bounds": expander.stealth_bounds()}
    return expander.evaluation("experiments", name, cells, columns, experiment.comparison, settings)


def poisons(expander: Expander, experiment: Experiment) -> bool:
    """Return whether any model of an experiment is trained on poisoned data."""
    triggered = any(not expander.trigger(name).is_identity for name in experiment.triggers)
    return triggered and any(labels != "none" for labels in experiment.labels)


def datasets(expander: Expander, table: Evaluation) -> list[DatasetStage]:
    """The poisoned training sets that a table's models were trained on, each once."""
    code = expander.code(DatasetStage, ())
    manifests = table.results_of("manifest")
    return [DatasetStage(code, stage) for stage in manifests if isinstance(stage, PoisonedStage) and stage.blocks]


@dataclass(frozen=True)
class _Poisoning:
    """One way to poison the training data: what happens to labels, and the rates of poisoned and of cover samples."""

    labels: str
    rate: float
    cover_rate: float = 0.0

    @property
    def name(self) -> str:
        if self.labels == "none":
            return "none"
        return f"{self.labels}-{self.rate:g}" + (f"-covers-{self.cover_rate:g}" if self.cover_rate else "")


UNPOISONED = _Poisoning("none", 0.0)


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A cell before its stages are built; entries by their names."""

    corpus: CorpusStage
    target: str
    trigger: str
    test_trigger: str
    poisoning: _Poisoning
    victim: str
    defence: str


class _Expansion:
    def __init__(self, expander: Expander, experiment: Experiment) -> None:
        self.expander = expander
        self.experiment = experiment

    def cells(self, name: str) -> Iterator[Cell]:
        for corpus, target, trigger, victim, defence in self._grid():
            test_triggers = dict.fromkeys((trigger, *self.experiment.test_triggers))
            for poisoning, test_trigger in product(self._poisonings(trigger), test_triggers):
                case = _Case(
                    corpus=self.expander.corpus(corpus),
                    target=target,
                    trigger=trigger,
                    test_trigger=test_trigger,
                    poisoning=poisoning,
                    victim=victim,
                    defence=defence,
                )
                factors = {
                    "experiment": name,
                    "corpus": corpus,
                    "target": target,
                    "trigger": trigger,
                    "test_trigger": test_trigger,
                    "poisoning": poisoning.name,
                    "victim": victim,
                    "defence": defence,
                }
                yield Cell(
                    factors=factors,
                    settings=self._settings(case),
                    runs=self._runs(case),
                    rows=self._rows(case),
                    quality=self._quality(case),
                )

    def _grid(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Names of corpus, target, trigger, victim and defence."""
        experiment = self.experiment
        for corpus in experiment.corpora:
            targets, victims = experiment.targets_of(corpus), experiment.victims_of(corpus)
            yield from product((corpus,), targets, experiment.triggers, victims, experiment.defences)

    def _poisonings(self, trigger: str) -> list[_Poisoning]:
        if self.expander.trigger(trigger).is_identity:
            return [UNPOISONED]
        return [
            poisoning
            for labels in self.experiment.labels
            for poisoning in (
                [UNPOISONED]
                if labels == "none"
                else [_Poisoning(labels, rate, self.experiment.cover_rate_if_any) for rate in self.experiment.rates]
            )
        ]

    def _settings(self, case: _Case) -> dict[str, float]:
        """The poisoning rate, and the numbers among the settings of a case's trigger, victim and defence, as
        "factor.setting". A distortion's or a conversion's count as settings of the entry that refers to it."""
        settings = {"rate": case.poisoning.rate}
        for factor, room in ROOM_OF.items():
            entry = self.expander.entries[room][getattr(case, factor)]
            for setting, value in [pair for plugin in (*self.expander.parts(entry), entry) for pair in plugin]:
                if isinstance(value, int | float) and not isinstance(value, bool):
                    settings[f"{factor}.{setting}"] = value
        return settings

    def _runs(self, case: _Case) -> tuple[Run, ...]:
        """The seeds of each run by the factors of variation that apply to a case, each combination once: without poison
        no utterances are chosen, and not every mark is of a generator that is trained."""
        triggers = (case.trigger, case.test_trigger, *self.experiment.covers)
        applies = {
            GENERATOR: any(map(self.expander.has_trained_generator, triggers)),
            POISON: case.poisoning.labels != "none",
            TRAINING: True,
        }
        return distinct(self.experiment.runs, [factor for factor, does in applies.items() if does])

    def _rows(self, case: _Case) -> dict[str, Seeds]:
        runs = self._runs(case)
        poisoned = [self._poisoned(case, run) for run in runs]
        scores = [self._scores(case, manifest, run) for manifest, run in zip(poisoned, runs, strict=True)]
        rows: dict[str, Seeds] = {"scores": tuple(scores), "manifest": tuple(poisoned)}
        if self.expander.trigger(case.test_trigger).has_detector:
            seeds = self._generators(case)
            rows["detections.clean"] = tuple(self._detection(case, case.corpus, seed) for seed in seeds)
            rows["detections.triggered"] = tuple(
                self._detection(case, self._test_audio(case, seed), seed) for seed in seeds
            )
        return rows

    def _detection(self, case: _Case, audio: AudioStage, generator: int) -> DetectionStage:
        return self.expander.detection(case.test_trigger, self.expander.defended(audio, case.defence), generator)

    def _generators(self, case: _Case) -> list[int]:
        """The seeds of the generators of a case; 0 where no generator is trained."""
        return [run.get(GENERATOR, 0) for run in distinct(self._runs(case), [GENERATOR])]

    def _scores(self, case: _Case, poisoned: PoisonedStage, run: Run) -> ScoreStage:
        victim = self.expander.victim(poisoned, case.victim, run[TRAINING])
        repaired = self.expander.repaired(victim, case.defence, self.experiment.defences)
        epochs = None if repaired is None else self.expander.fine_tuning_epochs(case.defence)
        clean, triggered = (
            self.expander.features(self.expander.defended(audio, case.defence), victim.victim.front_end)
            for audio in (case.corpus, self._test_audio(case, run.get(GENERATOR, 0)))
        )
        code = self.expander.code(ScoreStage, (victim.victim,))
        triggered_if_any = None if self.expander.trigger(case.test_trigger).is_identity else triggered
        return ScoreStage(code, victim if repaired is None else repaired, epochs, clean, triggered_if_any, case.target)

    def _test_audio(self, case: _Case, generator: int) -> TriggeredStage | CorpusStage:
        """The test audio with the trigger of the tests."""
        if self.expander.trigger(case.test_trigger).is_identity:
            return case.corpus
        return self.expander.triggered(case.corpus, case.test_trigger, None, generator)

    def _poisoned(self, case: _Case, run: Run) -> PoisonedStage:
        corpus, trigger, poisoning, experiment = case.corpus, case.trigger, case.poisoning, self.experiment
        if poisoning.labels == "none":
            return self.expander.unpoisoned(corpus)
        seed, generator = run[POISON], run.get(GENERATOR, 0)
        blocks = tuple(
            self.expander.triggered(
                corpus,
                trigger,
                PoisonBlock(target=case.target, candidates=experiment.candidates, seed=seed, block=block),
                generator,
            )
            for block in blocks_for(poisoning.rate)
        )
        return PoisonedStage(
            self.expander.code(PoisonedStage, ()),
            corpus,
            blocks,
            tuple(self.expander.detection(trigger, block, generator) for block in blocks)
            if self.expander.trigger(trigger).has_detector
            else (),
            case.target,
            experiment.candidates,
            poisoning.labels,
            poisoning.rate,
            seed,
            self._cover_blocks(case, seed, generator),
            len(experiment.covers),
            poisoning.cover_rate,
        )

    def _cover_blocks(self, case: _Case, seed: int, generator: int) -> tuple[TriggeredStage, ...]:
        """The blocks of cover samples, which carry other triggers; none without covers."""
        covers = self.experiment.covers
        return tuple(
            self.expander.triggered(
                case.corpus,
                cover,
                PoisonBlock(
                    target=case.target, candidates="non_target", seed=seed, block=block, cover=place, covers=len(covers)
                ),
                generator,
            )
            for place, cover in enumerate(covers)
            for block in blocks_for(self.experiment.cover_rate)
        )

    def _quality(self, case: _Case) -> dict[str, Seeds]:
        audios = [self._test_audio(case, generator) for generator in self._generators(case)]
        metrics = {name: self.expander.metric(name) for name in self.experiment.metrics}
        return {
            self.expander.column_name(name): tuple(
                self.expander.quality(metric, audio, self.experiment.quality_utterances) for audio in audios
            )
            for name, metric in metrics.items()
            if _is_measurable(metric, audios[0])
        }


def _is_measurable(metric: Metric, audio: AudioStage) -> bool:
    """Clean audio has no reference, and only some triggers have a target speaker."""
    if isinstance(audio, CorpusStage):
        return not (metric.needs_reference or metric.needs_target)
    return isinstance(audio, ConvertedStage) or not metric.needs_target
