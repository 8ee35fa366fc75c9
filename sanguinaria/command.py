"""The ``snakemake`` command of this project: Snakemake's own, which also finds targets after ``--configfile``.

Snakemake's option takes every word that follows, so ``--configfile config/real.yaml bloodroot_table1`` would look for a
file of the target's name. Words that cannot be configuration files are moved to the end, where targets are found.

Where ``SNAKEMAKE_OUTPUT_CACHE`` names a folder, it is used without ``--cache`` having to say so again. And what was
typed is kept for those jobs that write down how a table was made.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sanguinaria.core import gpu_locks as gpus
from sanguinaria.core.errors import InputError
from sanguinaria.workflow.provenance import COMMAND_VARIABLE

OPTIONS = ("--configfile", "--configfiles")
SUFFIXES = (".yaml", ".yml", ".json")
CACHE_VARIABLE = "SNAKEMAKE_OUTPUT_CACHE"


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


def cached(arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Arguments with ``--cache`` where the environment names a cache, whose folder is made."""
    location = environment.get(CACHE_VARIABLE)
    if not location:
        return list(arguments)
    try:
        Path(location).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"{CACHE_VARIABLE}: no folder can be made at {location} ({error}); name another") from None
    if "--cache" in arguments:
        return list(arguments)
    # The option takes every word up to the next one that starts with a dash.
    place = next((place for place, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    return [*arguments[:place], "--cache", *arguments[place:]]


def main() -> None:
    """Run Snakemake."""
    try:
        gpus.jobs_per_device()  # which a job would ask when others have worked for hours
    except InputError as error:
        raise SystemExit(str(error)) from None
    from snakemake.cli import main as snakemake

    from sanguinaria import scheduling

    scheduling.prepare()
    os.environ.setdefault(COMMAND_VARIABLE, shlex.join(["snakemake", *sys.argv[1:]]))
    snakemake(cached(arranged(sys.argv[1:]), os.environ))
