"""The ``snakemake`` command of this project: Snakemake's own, which also finds targets after ``--configfile``.

Snakemake's option takes every word that follows, so ``--configfile config/real.yaml bloodroot_table1`` would look for a
file of the target's name. Words that cannot be configuration files are moved to the end, where targets are found.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

OPTIONS = ("--configfile", "--configfiles")
SUFFIXES = (".yaml", ".yml", ".json")


def arranged(arguments: Sequence[str]) -> list[str]:
    """Arguments with the targets that follow a list of configuration files put after ``--``."""
    kept: list[str] = []
    targets: list[str] = []
    in_list = False
    for position, argument in enumerate(arguments):
        if argument == "--":
            targets += arguments[position + 1 :]
            break
        if argument.startswith("-"):
            in_list = argument in OPTIONS
        elif in_list and not argument.endswith(SUFFIXES) and kept[-1] not in OPTIONS:
            targets.append(argument)
            continue
        kept.append(argument)
    return [*kept, "--", *targets] if targets else kept


def main() -> None:
    """Run Snakemake."""
    from snakemake.cli import main as snakemake

    snakemake(arranged(sys.argv[1:]))
