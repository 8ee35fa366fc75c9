"""Start of the monitoring, when the Snakefile is read."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.monitoring.expected_durations import expected_durations, folder_of
from sanguinaria.workflow.monitoring.interruption import JOBS_IGNORE_SIGINT, end_jobs_on_interruption
from sanguinaria.workflow.monitoring.log_handler import LogHandler
from sanguinaria.workflow.monitoring.results import results_of
from sanguinaria.workflow.monitoring.screen_filter import ScreenFilter
from sanguinaria.workflow.provenance import COMMAND_VARIABLE

# The name that Snakemake gives its own handler, which prints where no plug-in does.
SNAKEMAKES_HANDLER = "DefaultStreamHandler"


def monitor(workflow: Any, plan: Callable[[], Plan], arguments: Sequence[str]) -> None:
    """Monitor a run of the main process: print its progress and a summary, and end it on SIGINT without a traceback.

    The handler has the interface of Snakemake's logger plug-ins. It is attached here, and not named in a profile, as
    Snakemake finds plug-ins in installed packages alone and refuses to start without one that a profile names. Where
    another plug-in prints, or Snakemake's own messages are asked for (a dry run, ``--verbose``), nothing is printed.

    Args:
        workflow: the object of that name in the Snakefile.
        plan: returns the plan, which is made later.
        arguments: of the command line.
    """
    from snakemake.logging import logger
    from snakemake.shell import shell

    shell.prefix(JOBS_IGNORE_SIGINT)
    handler = _handler(workflow, logger, plan, arguments)
    end_jobs_on_interruption(
        lambda: workflow.scheduler and workflow.local_exec, handler.interrupt if handler else lambda: None
    )


def _handler(
    workflow: Any, logger: logging.Logger, plan: Callable[[], Plan], arguments: Sequence[str]
) -> LogHandler | None:
    """The attached handler; ``None`` where nothing is to be printed."""
    from snakemake.settings.enums import Quietness

    settings = workflow.output_settings
    screen = next((handler for handler in logger.handlers if handler.name == SNAKEMAKES_HANDLER), None)
    if not isinstance(screen, logging.StreamHandler) or settings.dryrun or settings.verbose:
        return None
    quiet = settings.quiet or ()
    handler = LogHandler(
        settings,
        stream=screen.stream,
        command=os.environ[COMMAND_VARIABLE],
        jobs_at_once=lambda: _jobs_at_once(workflow),
        targets=lambda: {rule.name for rule in workflow.rules if not rule.log},
        reused=lambda: Counter(job.rule.name for job in workflow.dag.jobs if not workflow.dag.needrun(job)),
        expected=lambda: expected_durations(_jobs_to_run(workflow), plan().planned),
        entries=lambda path: plan().entry_names(*folder_of(path)),
        results=lambda: results_of(plan(), arguments) if workflow.dag is not None else [],
        show_progress=Quietness.PROGRESS not in quiet,
        only_failures=Quietness.ALL in quiet,
    )
    screen.addFilter(ScreenFilter(handler))
    logger.addHandler(handler)
    return handler


def _jobs_to_run(workflow: Any) -> Iterator[tuple[str, Path]]:
    """Rule and first output of the jobs that make results."""
    return ((job.rule.name, Path(job.output[0])) for job in workflow.dag.needrun_jobs() if job.output)


def _jobs_at_once(workflow: Any) -> int:
    """Number of jobs that run at once: of cores here, or of jobs on a cluster."""
    return (workflow.cores if workflow.local_exec else workflow.nodes) or 1
