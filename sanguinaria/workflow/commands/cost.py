"""The command ``cost``: jobs, hours, disk and downloads of targets, before they are computed.

Hours are of one core, and of one GPU of the given kind. They follow from stated rates, which the logs of finished jobs
correct.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from sanguinaria.core.errors import InputError
from sanguinaria.core.suggestions import unknown_name
from sanguinaria.plan.cost.disk import Download, downloads
from sanguinaria.plan.cost.finished import is_finished
from sanguinaria.plan.cost.rates import CPU, devices
from sanguinaria.plan.cost.sheet import Cost, Line, Sheet
from sanguinaria.plan.cost.specifications import of_stage
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.configuration_files import BASE, merged
from sanguinaria.workflow.durations import expected_seconds
from sanguinaria.workflow.parse import build_plan

SCRIPTS = Path("workflow_scripts")
ALL = "all"
HEADINGS = ("jobs", "CPU hours", "GPU hours", "GB")


def main(arguments: Sequence[str]) -> None:
    """Print the sheet of targets.

    Args:
        arguments: of the command line.

    Raises:
        InputError: the configuration is invalid, or a target is unknown.
    """
    options = _parser().parse_args(arguments)
    files = [BASE, *options.configfile]
    plan = build_plan(merged(files), [*options.configfile, BASE], SCRIPTS)
    sheet = Sheet(
        plan,
        chosen_targets(plan, options.targets),
        partial(expected_seconds, device=options.device),
        options.device != CPU,
        is_finished,
    )
    lines = [*(sheet.by_target() if options.by == "table" else sheet.by_rule()), sheet.total()]
    needed = downloads(map(of_stage, sheet.stages.values()))
    FORMATS[options.format](options.by, lines, needed, options.device)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sanguinaria cost", description=__doc__)
    parser.add_argument("targets", nargs="+", metavar="TARGET", help=f"tables and figures, or {ALL}")
    parser.add_argument(
        "--configfile", nargs="+", action="extend", type=Path, default=[], help="overlays, as of Snakemake"
    )
    parser.add_argument("--device", choices=devices(), default="h200", help="of jobs that request a GPU")
    parser.add_argument("--by", choices=("table", "rule"), default="table", help="what a line is of")
    parser.add_argument("--format", choices=tuple(FORMATS), default="markdown")
    return parser


def chosen_targets(plan: Plan, names: Sequence[str]) -> list[str]:
    """Return the targets of some names, each once; ``all`` stands for every one.

    Args:
        plan: of the configuration.
        names: of the command line.

    Raises:
        InputError: a name is no target.
    """
    known = list(plan.targets)
    for name in names:
        if name not in (*known, ALL):
            raise InputError(unknown_name("target", name, known))
    return known if ALL in names else list(dict.fromkeys(names))


def _print_markdown(by: str, lines: Sequence[Line], needed: Sequence[Download], device: str) -> None:
    print(f"| {by} | {' | '.join(HEADINGS)} | {' | '.join(f'{heading} to come' for heading in HEADINGS)} |")
    print("|---" + 2 * len(HEADINGS) * "|---:" + "|")
    for line in lines:
        print(f"| {line.name} | {' | '.join(_numbers(line))} |")
    units = "of one core" if device == CPU else f"of one core, and of one GPU ({device})"
    print(f"\nHours {units}. Results that targets share count once in the total.")
    if needed:
        print("\n| download | GB | |\n|---|---:|---|")
    for download in needed:
        print(f"| {download.name} | {download.num_bytes / 1e9:.2f} | {download.obtained} |")


def _numbers(line: Line) -> Iterator[str]:
    for cost in (line.total, line.remaining):
        yield f"{cost.jobs:,}"
        yield from (_rounded(value) for value in _amounts(cost)[1:])


def _rounded(value: float) -> str:
    """A number with three significant digits, or none after the point.

    >>> _rounded(0.01234), _rounded(1234.5)
    ('0.0123', '1,234')
    """
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _amounts(cost: Cost) -> tuple[float, ...]:
    return cost.jobs, cost.cpu_hours, cost.gpu_hours, cost.gigabytes


def _print_csv(by: str, lines: Sequence[Line], needed: Sequence[Download], device: str) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    columns = ("jobs", "cpu_hours", "gpu_hours", "gigabytes")
    writer.writerow([by, "device", *columns, *(f"remaining_{column}" for column in columns)])
    for line in lines:
        amounts = (*_amounts(line.total), *_amounts(line.remaining))
        writer.writerow([line.name, device, *(round(amount, 4) for amount in amounts)])
    for download in needed:
        writer.writerow([f"download: {download.name}", "", "", "", "", download.num_bytes / 1e9])


FORMATS: dict[str, Callable[[str, Sequence[Line], Sequence[Download], str], None]] = {
    "markdown": _print_markdown,
    "csv": _print_csv,
}
