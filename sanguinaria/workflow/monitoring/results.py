"""Tables and figures of a run, to which its end points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.parse import asked_targets, computes

# Targets that are listed before it is said how many more there are.
LISTED = 10
SHOW = "python -m sanguinaria.reports.show"


def results_of(plan: Plan, arguments: Sequence[str]) -> list[str]:
    """Return lines with the files of the requested tables and figures, as far as they exist.

    Args:
        plan: of the configuration.
        arguments: of the command line; one that computes nothing has no results.
    """
    if not computes(arguments):
        return []
    targets = plan.targets
    files = {name: [path for path in targets[name] if path.exists()] for name in asked_targets(arguments, targets)}
    made = {name: paths for name, paths in files.items() if paths}
    return [*_lines(made), *_commands(plan, made)] if made else []


def _lines(files: dict[str, list[Path]]) -> Iterator[str]:
    yield "Results:"
    for name, paths in list(files.items())[:LISTED]:
        yield f"  {together(paths[0].with_name(name), paths)}"
    if len(files) > LISTED:
        yield f"  and {len(files) - LISTED} more, in results/tables/ and results/figures/"


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
