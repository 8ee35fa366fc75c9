"""Filter of Snakemake's own messages on the screen, which its log under ``.snakemake/log/`` has in full."""

from __future__ import annotations

import logging

from snakemake_interface_logger_plugins.common import LogEvent

from sanguinaria.workflow.monitoring.log_handler import LogHandler
from sanguinaria.workflow.monitoring.wording import REPETITIVE

# Events that the handler reports in its own words, or that say nothing about the run's progress.
REPORTED = {
    LogEvent.RUN_INFO,
    LogEvent.JOB_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.JOB_FINISHED,
    LogEvent.JOB_ERROR,
    LogEvent.GROUP_INFO,
    LogEvent.GROUP_ERROR,
    LogEvent.PROGRESS,
    LogEvent.RESOURCES_INFO,
    LogEvent.SHELLCMD,
    LogEvent.WORKFLOW_STARTED,
}


class ScreenFilter(logging.Filter):
    """Withholds from Snakemake's handler what another one reports, and repetitions of the message before.

    Before other messages it clears the line of progress.

    Args:
        handler: reports the run.
    """

    def __init__(self, handler: LogHandler) -> None:
        super().__init__()
        self.handler = handler
        self._last = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether Snakemake's handler prints a message."""
        message = record.getMessage()
        if getattr(record, "event", None) in REPORTED or message.startswith(REPETITIVE) or message == self._last:
            return False
        self._last = message
        self.handler.clear_line()
        return True
