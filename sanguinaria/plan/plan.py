"""The plan: every result, table and figure of a configuration, as a pure function of the configuration and of the code.

Snakemake does not appear here: rules look a wildcard up in the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from sanguinaria.plan.benchmarks import benchmark_table
from sanguinaria.plan.configuration import Configuration
from sanguinaria.plan.evaluation import Evaluation, FigureStage
from sanguinaria.plan.expander import CodeHash, Expander, Made
from sanguinaria.plan.experiments import datasets, experiment_table
from sanguinaria.plan.spectrograms import SpectrogramStage, spectrogram_stage
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.plan.stages.victims import DatasetStage
from sanguinaria.plan.verifications import verification_table


class Plan:
    """Everything that a configuration requests.

    ``stages[stage][key]`` is the specification of a folder ``results/{stage}/{key}``; ``tables`` are the evaluations of
    all kinds, ``figures`` and ``spectrograms`` the drawings, each by its name. ``datasets`` are, by experiment, its
    poisoned training sets in one piece, which no table needs.

    Args:
        tables: evaluations of all kinds.
        figures: drawn from them.
        spectrograms: of verifications.
        datasets: poisoned training sets by experiment.

    Raises:
        RuntimeError: two results have the same name, but different specifications.
    """

    def __init__(
        self,
        tables: Iterable[Evaluation],
        figures: Iterable[FigureStage] = (),
        spectrograms: Iterable[SpectrogramStage] = (),
        datasets: Mapping[str, Sequence[DatasetStage]] = MappingProxyType({}),
    ) -> None:
        self.tables = {table.name: table for table in tables}
        self.figures = {figure.name: figure for figure in figures}
        self.spectrograms = {stage.name: stage for stage in spectrograms}
        self.datasets = dict(datasets)
        self.stages: dict[str, dict[str, Stage]] = {}
        for table in self.tables.values():
            for stage in table.reduced:
                self._add(stage)
        for stages in self.datasets.values():
            for stage in stages:
                self._add(stage)

    def _add(self, stage: Stage) -> None:
        planned = self.stages.setdefault(stage.stage, {})
        if stage.key not in planned:
            planned[stage.key] = stage
            for upstream in stage.upstream:
                self._add(upstream)
        elif planned[stage.key].specification != stage.specification:
            raise RuntimeError(f"two specifications share the name {stage.key}: lengthen the identity")


def _no_hash(made: type[Made], plugins: object, modules: object = ()) -> str:
    return ""


def plan(configuration: Configuration, code: CodeHash = _no_hash) -> Plan:
    """Expand the evaluations, figures and spectrograms of a configuration.

    Args:
        configuration: validated.
        code: hash of the code that makes a result.

    Returns:
        The plan; without ``code``, its identities do not depend on the code.
    """
    expander = Expander(configuration.entries, code)
    experiments = {name: experiment_table(expander, name, entry) for name, entry in configuration.experiments.items()}
    benchmarks = [benchmark_table(expander, name, entry) for name, entry in configuration.benchmarks.items()]
    verifications = {
        name: verification_table(expander, name, entry) for name, entry in configuration.verifications.items()
    }
    figures = [
        FigureStage(expander.code(FigureStage, ()), name, entry, tuple(experiments[e] for e in entry.experiments))
        for name, entry in configuration.figures.items()
    ]
    spectrograms = [
        spectrogram_stage(expander, name, entry, verifications[entry.verification])
        for name, entry in configuration.spectrograms.items()
    ]
    training_sets = {name: datasets(expander, table) for name, table in experiments.items()}
    tables = [*experiments.values(), *benchmarks, *verifications.values()]
    return Plan(tables, figures, spectrograms, training_sets)
