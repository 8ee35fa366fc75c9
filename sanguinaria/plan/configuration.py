"""The configuration: read, checked as a whole, and every problem reported at once with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.plan.checks import Check
from sanguinaria.plan.sections.benchmark import Benchmark
from sanguinaria.plan.sections.experiment import Experiment
from sanguinaria.plan.sections.spectrograms import Spectrograms
from sanguinaria.plan.sections.verification import Verification
from sanguinaria.plan.source_locations import Document, Problem, report
from sanguinaria.reports.figure_settings import Figure


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A checked configuration: each entry as its plug-in, by room and name, and the targets by section and name.

    ``config`` is what it was read from, and ``documents`` are the files, which have the lines of later problems.
    """

    config: Mapping[str, Any]
    documents: Sequence[Document]
    entries: Mapping[str, Mapping[str, Plugin]]
    experiments: Mapping[str, Experiment]
    figures: Mapping[str, Figure]
    benchmarks: Mapping[str, Benchmark]
    verifications: Mapping[str, Verification]
    spectrograms: Mapping[str, Spectrograms]

    def error(self, problems: Iterable[Problem]) -> InputError:
        """Return the error that lists problems with their files and lines."""
        return InputError(report(problems, self.config, self.documents))


def load(config: Mapping[str, Any], files: Sequence[Path] = ()) -> Configuration:
    """Check a configuration.

    Args:
        config: as Snakemake merged it.
        files: that it was merged from, of which the last one wins; they serve to name lines.

    Returns:
        The entries and targets.

    Raises:
        InputError: anything is invalid; the message lists every problem with its file and line.
    """
    documents = [Document(path) for path in files]
    check = Check(config)
    of_files = [problem for document in documents for problem in (*document.templates(), *document.repeated_keys())]
    problems = [*of_files, *check.problems]
    if problems:
        raise InputError(report(problems, config, documents))
    return Configuration(config=config, documents=documents, entries=check.entries, **check.targets)  # type: ignore[arg-type]
