"""Tables and figures of a run, to which its end points."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sanguinaria.core.columns import FEW
from sanguinaria.plan.needed_stages import is_made
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.parse import asked_targets, computes

# Targets that are listed before it is said how many more there are.
LISTED = 10
# The column of the number of utterances that an attack success rate is a share of.
COUNT = "triggered_utterances"
SHOW = "python -m sanguinaria.reports.show"


def results_of(plan: Plan, arguments: Sequence[str]) -> list[str]:
    """Return lines with the files of the requested tables and figures, as far as they are made.

    Args:
        plan: of the configuration.
        arguments: of the command line; one that computes nothing has no results.
    """
    if not computes(arguments):
        return []
    targets = plan.targets
    made = {name: targets[name] for name in asked_targets(arguments, targets) if is_made(plan, name)}
    return [*_lines(made), *_few(made), *_commands(plan, made)] if made else []


def _lines(files: dict[str, list[Path]]) -> Iterator[str]:
    yield "Results:"
    for name, paths in list(files.items())[:LISTED]:
        yield f"  {together(paths[0].with_name(name), paths)}"
    if len(files) > LISTED:
        yield f"  and {len(files) - LISTED} more, in results/tables/ and results/figures/"


def _few(files: Mapping[str, Sequence[Path]]) -> Iterator[str]:
    """Lines about rates of few utterances."""
    for name, paths in files.items():
        if paths[0].name != f"{name}.csv":
            continue
        with paths[0].open(encoding="utf-8", newline="") as file:
            counts = [int(row[COUNT]) for row in csv.DictReader(file) if row.get(COUNT, "").isdigit()]
        if min(counts, default=FEW) < FEW:
            yield (
                f"Few utterances: {name} has attack success rates of {min(counts)} test utterances; with fewer than "
                f"{FEW}, an interval says next to nothing"
            )


def _commands(plan: Plan, files: dict[str, list[Path]]) -> Iterator[str]:
    """The command that prints a table of an experiment."""
    for name, paths in files.items():
        if name in plan.configuration.experiments and paths[0].name == f"{name}.csv":
            yield f"In the terminal: {SHOW} {paths[0]}"
            return


def together(stem: Path, paths: Sequence[Path]) -> str:
    """Return files of one name in the braces of a shell.

    >>> together(Path("results/tables/demo"), [Path("results/tables/demo.csv"), Path("results/tables/demo.md")])
    'results/tables/demo.{csv,md}'
    """
    suffixes = [path.name.removeprefix(f"{stem.name}.") for path in paths]
    return f"{stem}.{suffixes[0]}" if len(suffixes) == 1 else f"{stem}.{{{','.join(suffixes)}}}"
