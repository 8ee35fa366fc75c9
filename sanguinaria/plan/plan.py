"""The plan: every result, table and figure of a configuration, as a pure function of the configuration and of the code.

A table or figure is expanded when it is first looked up, so that only those of the requested targets are. Snakemake
does not appear here: rules look a wildcard up in the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TypeVar

from sanguinaria.plan.benchmarks import benchmark_table
from sanguinaria.plan.configuration import Configuration
from sanguinaria.plan.entry_names import EntryNames
from sanguinaria.plan.evaluation import Evaluation, FigureStage, figure_files, table_files
from sanguinaria.plan.expander import CodeHash, Expander, Made
from sanguinaria.plan.experiments import datasets, experiment_table, poisons
from sanguinaria.plan.figure_columns import check_columns
from sanguinaria.plan.plugin_uses import PluginUse, plugin_uses
from sanguinaria.plan.spectrograms import SpectrogramStage, spectrogram_stage
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.plan.stages.victims import DatasetStage
from sanguinaria.plan.verifications import verification_table
from sanguinaria.reports.drawing.colours import trigger_colours

Value = TypeVar("Value")


class Lazy(Mapping[str, Value]):
    """A mapping whose values are made when they are first looked up.

    Args:
        names: in the order of iteration.
        make: makes the value of a name.
    """

    def __init__(self, names: Iterable[str], make: Callable[[str], Value]) -> None:
        self._names = tuple(names)
        self._make = make
        self.made: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        if name not in self.made:
            if name not in self._names:
                raise KeyError(name)
            self.made[name] = self._make(name)
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _no_hash(made: type[Made], plugins: object, modules: object = ()) -> str:
    return ""


class Plan:
    """Everything that a configuration requests.

    ``tables`` are the evaluations of all kinds, ``figures`` and ``spectrograms`` the drawings, each by its name.
    ``datasets`` are, by experiment, its poisoned training sets in one piece, which no table needs; experiments that
    poison nothing have none. All four are expanded one by one, when they are looked up. ``tables_of_stages`` has, by
    ``stage/key``, the first expanded table, or data set's experiment, that needs a result. ``configuration`` is what it
    is a plan of.

    Args:
        configuration: validated.
        code: hash of the code that makes a result; without it, identities do not depend on the code.
    """

    def __init__(self, configuration: Configuration, code: CodeHash = _no_hash) -> None:
        self.configuration = configuration
        self._expander = Expander(configuration.entries, code)
        self._names = EntryNames(self._expander)
        self._stages: dict[str, dict[str, Stage]] = {}
        self.tables_of_stages: dict[str, str] = {}
        poisoning = [name for name, entry in configuration.experiments.items() if poisons(self._expander, entry)]
        self.tables: Lazy[Evaluation] = Lazy(
            (*configuration.experiments, *configuration.benchmarks, *configuration.verifications), self._table
        )
        self.figures: Lazy[FigureStage] = Lazy(configuration.figures, self._figure)
        self.spectrograms: Lazy[SpectrogramStage] = Lazy(configuration.spectrograms, self._spectrogram)
        self.datasets: Lazy[list[DatasetStage]] = Lazy(poisoning, self._datasets)

    @property
    def targets(self) -> dict[str, list[Path]]:
        """The files of each table and figure by its name, without an expansion."""
        configuration, files = self.configuration, dict[str, list[Path]]()
        for kind in ("experiments", "benchmarks", "verifications"):
            for name, entry in getattr(configuration, kind).items():
                files[name] = table_files(name, kind, entry.comparison is not None)
        files |= {name: figure_files(name, has_points=True) for name in self.figures}
        return files | {name: figure_files(name, has_points=False) for name in self.spectrograms}

    @property
    def stages(self) -> Mapping[str, Mapping[str, Stage]]:
        """The specification of each folder ``results/{stage}/{key}``, by stage and key, of all tables and data sets."""
        for each in chain(self.tables.values(), self.datasets.values()):
            assert each is not None
        return self._stages

    def expand(self, targets: Iterable[str]) -> None:
        """Expand the tables and figures of these names; those of anything else are left out."""
        for name in targets:
            for expansions in (self.tables, self.figures, self.spectrograms, self.datasets):
                if name in expansions:
                    expansions[name]

    def plugin_uses(self) -> list[PluginUse]:
        """Return the uses of plug-ins in the tables and data sets that are expanded."""
        stages = chain.from_iterable(of_kind.values() for of_kind in self._stages.values())
        return plugin_uses(stages, self._expander.code)

    def planned(self, stage: str, key: str) -> Stage | None:
        """Return the specification of the folder ``results/{stage}/{key}`` if what needs it is expanded."""
        return self._stages.get(stage, {}).get(key)

    def stage(self, stage: str, key: str, tables: Iterable[str] = ()) -> Stage:
        """Return the specification of the folder ``results/{stage}/{key}``.

        Args:
            stage: the kind of result.
            key: of the folder.
            tables: the names of tables that may depend on it, which are expanded before any other; a name that does
                not exist is left out.

        Raises:
            KeyError: nothing that the configuration requests depends on such a folder.
            RuntimeError: two results have the same name, but different specifications.
        """
        expansions: Iterator[object] = chain(
            (self.tables[name] for name in tables if name in self.tables),
            (self.datasets[name] for name in tables if name in self.datasets),
            self.tables.values(),
            self.datasets.values(),
        )
        while (found := self.planned(stage, key)) is None:
            if next(expansions, None) is None:
                raise KeyError(key)
        return found

    def entry_names(self, stage: str, key: str) -> str:
        """Return the names of the entries behind the folder ``results/{stage}/{key}``, in words.

        They are empty for what is no planned result, such as a table.
        """
        planned = self.planned(stage, key)
        return "" if planned is None else self._names.describe(planned)

    def named_stages(self) -> Iterator[tuple[str, str, str]]:
        """Yield stage, key and :meth:`entry_names` of every planned result."""
        for stage, keys in self._stages.items():
            yield from ((stage, key, self.entry_names(stage, key)) for key in keys)

    def _table(self, name: str) -> Evaluation:
        configuration, expander = self.configuration, self._expander
        if name in configuration.experiments:
            table = experiment_table(expander, name, configuration.experiments[name])
        elif name in configuration.benchmarks:
            table = benchmark_table(expander, name, configuration.benchmarks[name])
        else:
            table = verification_table(expander, name, configuration.verifications[name])
        self._add(name, table.reduced)
        return table

    def _datasets(self, experiment: str) -> list[DatasetStage]:
        stages = datasets(self._expander, self.tables[experiment])
        self._add(experiment, stages)
        return stages

    def _figure(self, name: str) -> FigureStage:
        entry = self.configuration.figures[name]
        tables = tuple(self.tables[experiment] for experiment in entry.experiments)
        check_columns(name, entry, tables)
        colours = trigger_colours(cell.factors["trigger"] for table in tables for cell in table.cells)
        return FigureStage(self._expander.code(FigureStage, ()), name, entry, tables, colours)

    def _spectrogram(self, name: str) -> SpectrogramStage:
        entry = self.configuration.spectrograms[name]
        return spectrogram_stage(self._expander, name, entry, self.tables[entry.verification])

    def _add(self, table: str, stages: Iterable[Stage]) -> None:
        pending = list(stages)
        while pending:
            stage = pending.pop()
            planned = self._stages.setdefault(stage.stage, {})
            if stage.key not in planned:
                planned[stage.key] = stage
                self.tables_of_stages[f"{stage.stage}/{stage.key}"] = table
                pending.extend(stage.upstream)
            elif planned[stage.key].identifying != stage.identifying:
                raise RuntimeError(f"two specifications share the name {stage.key}: lengthen the identity")
