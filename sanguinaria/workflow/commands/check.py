"""The command ``check``: a configuration, and what its targets need, without a run.

Snakemake reads configuration files before the workflow, and where one cannot be read it names neither file nor line.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sanguinaria.plan.requirements import check_requirements
from sanguinaria.workflow.commands.cost import SCRIPTS, chosen_targets
from sanguinaria.workflow.configuration_files import BASE, merged
from sanguinaria.workflow.parse import build_plan


def main(arguments: Sequence[str]) -> None:
    """Check a configuration, and print that it is sound.

    Args:
        arguments: of the command line.

    Raises:
        InputError: a file cannot be read, the configuration is invalid, a target is unknown, or a file that a target
            needs is missing.
    """
    options = _parser().parse_args(arguments)
    files = [BASE, *options.configfile]
    plan = build_plan(merged(files), [*options.configfile, BASE], SCRIPTS)
    targets = chosen_targets(plan, options.targets)
    plan.expand(targets)
    check_requirements(plan, targets)
    what = f"and what {', '.join(targets)} needs is there" if targets else f"with {len(plan.targets)} targets"
    print(f"Sound: {', '.join(map(str, files))}, {what}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sanguinaria check", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help="tables and figures, or all; without, the configuration alone"
    )
    parser.add_argument(
        "--configfile", nargs="+", action="extend", type=Path, default=[], help="overlays, as of Snakemake"
    )
    return parser
