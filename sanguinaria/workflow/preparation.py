"""Preparation of a run: checks and settings of the main process, before Snakemake plans the first job."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from sanguinaria.core import gpu_locks
from sanguinaria.core.errors import InputError
from sanguinaria.core.supplied_downloads import supplied_downloads
from sanguinaria.workflow import warm_process
from sanguinaria.workflow.provenance import COMMAND_VARIABLE

CACHE_VARIABLE = "SNAKEMAKE_OUTPUT_CACHE"


def prepare_run(arguments: Sequence[str], *, cache: bool) -> None:
    """Check the environment variables of a run, and record its command line and its name for the jobs.

    Jobs inherit the environment of the main process: :mod:`sanguinaria.workflow.provenance` reads the command line
    there, and :mod:`sanguinaria.workflow.warm_process` the name of the run. A wrong number of jobs per GPU would
    otherwise stop the first job on a GPU, hours after the start.

    Args:
        arguments: the command line without the program's name.
        cache: whether Snakemake was started with ``--cache``.

    Raises:
        InputError: ``SANGUINARIA_JOBS_PER_GPU`` is not a positive integer, ``SANGUINARIA_DOWNLOADS`` is no folder, or
            the cache's folder is not named or cannot be created.
    """
    os.environ[COMMAND_VARIABLE] = shlex.join(["snakemake", *arguments])
    warm_process.name_run()
    gpu_locks.jobs_per_gpu()
    supplied_downloads()
    if cache:
        create_cache_folder(os.environ.get(CACHE_VARIABLE, ""))


def create_cache_folder(location: str) -> None:
    """Create the folder of Snakemake's cache between workflows, which Snakemake itself expects to exist.

    The folder is open to the user and, as far as the umask allows, to the group, and to nobody else.

    Args:
        location: the value of ``SNAKEMAKE_OUTPUT_CACHE``; empty where no cache is named. A URL is left to Snakemake.

    Raises:
        InputError: no cache is named, or the folder cannot be created.
    """
    if not location:
        raise InputError(
            f"{CACHE_VARIABLE} names no folder, and --cache shares results in it: set the variable, "
            "or leave the option out"
        )
    if "://" in location:
        return
    try:
        # Snakemake lets everyone write the files in it, whatever the umask says: the folder has to keep others out.
        Path(location).mkdir(mode=0o770, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{CACHE_VARIABLE}: cannot create the folder {location} ({error}); name another") from None
