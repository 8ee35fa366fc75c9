"""The command ``plugins``: whether the plug-ins of targets keep the promises of their protocols, on a tiny batch.

A run checks the same before its first job, but for what passed before; this command checks all, and runs nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sanguinaria.workflow.commands.cost import SCRIPTS, chosen_targets
from sanguinaria.workflow.configuration_files import BASE, merged
from sanguinaria.workflow.parse import build_plan
from sanguinaria.workflow.plugin_checks import name_of, problem_lines, run_checks

LOG = Path(".snakemake") / "sanguinaria" / "plugin_checks.log"


def main(arguments: Sequence[str]) -> None:
    """Check the plug-ins of targets, and print a line for each.

    Args:
        arguments: of the command line.

    Raises:
        InputError: the configuration is invalid, or a target is unknown.
        SystemExit: a plug-in breaks a promise.
    """
    options = _parser().parse_args(arguments)
    plan = build_plan(merged([BASE, *options.configfile]), [*options.configfile, BASE], SCRIPTS)
    plan.expand(chosen_targets(plan, options.targets))
    verdicts = run_checks(plan.plugin_uses(), LOG)
    lines = {
        f"{name_of(use)}: {'left to its job: ' + verdict['left'] if verdict['left'] else 'keeps its promises'}"
        for use, verdict in verdicts.items()
        if not verdict["problem"]
    }
    problems = problem_lines(verdicts)
    print("\n".join([*sorted(lines), *problems]))
    if problems:
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sanguinaria plugins", description=__doc__)
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="tables and figures, or all")
    parser.add_argument(
        "--configfile", nargs="+", action="extend", type=Path, default=[], help="overlays, as of Snakemake"
    )
    return parser
