"""The plan: what is to be made, as a pure function of the configuration and of the code.

Snakemake does not appear here: rules look a wildcard up in the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from sanguinaria.plan.benchmarks import benchmark_table
from sanguinaria.plan.configuration import Configuration
from sanguinaria.plan.expander import CodeHash, Expander
from sanguinaria.plan.experiments import datasets, experiment_table
from sanguinaria.plan.stages.benchmarks import BenchmarkTable
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.plan.stages.tables import FigureStage, TableStage
from sanguinaria.plan.stages.verifications import SpectrogramStage, VerificationTable
from sanguinaria.plan.stages.victims import DatasetStage
from sanguinaria.plan.verifications import spectrogram_stage, verification_table


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
        self.tables = {table.name: table for table in tables}
        self.figures = {figure.name: figure for figure in figures}
        self.benchmarks = {table.name: table for table in benchmarks}
        self.verifications = {table.name: table for table in verifications}
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


def plan(configuration: Configuration, code: CodeHash = lambda script, plugins: "") -> Plan:
    """Expand the products of a configuration.

    Args:
        configuration: validated.
        code: hash of the code that a workflow script and the plug-ins it calls reach.
    """
    expander = Expander(configuration.entries, code)
    tables = {name: experiment_table(expander, name, found) for name, found in configuration.experiments.items()}
    figures = [
        FigureStage(expander.code("figures", ()), name, found, tuple(tables[drawn] for drawn in found.experiments))
        for name, found in configuration.figures.items()
    ]
    benchmarks = [benchmark_table(expander, name, found) for name, found in configuration.benchmarks.items()]
    verifications = [verification_table(expander, name, found) for name, found in configuration.verifications.items()]
    by_name = {table.name: table for table in verifications}
    spectrograms = [
        spectrogram_stage(expander, name, found, by_name[found.verification])
        for name, found in configuration.spectrograms.items()
    ]
    poisoned = {name: datasets(expander, table) for name, table in tables.items()}
    return Plan(tables.values(), figures, poisoned, benchmarks, verifications, spectrograms)
