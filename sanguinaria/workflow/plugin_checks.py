"""Checks of the plug-ins of a run on a tiny batch, before its first job.

A process of its own calls them, as the main process imports no torch. Plug-ins that passed are kept by a hash of their
code and settings, so that a later run checks what changed and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.errors import InputError
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.plugin_uses import PluginUse

ROOT = Path(__file__).parents[2]
PROCESS = (sys.executable, "-m", "sanguinaria.workflow.plugin_check_process")
# As in a job of one core.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Seconds after which the checks are ended: they take a few, and an endless loop would take all.
TIME_LIMIT = 600.0
GUIDE = "docs/guides/own_plugins.md"


def check_plugins(plan: Plan, folder: Path) -> None:
    """Check the plug-ins of the expanded tables of a plan, those that did not pass before.

    Args:
        plan: of the run.
        folder: where the names of those that passed, and the messages of the checks, are kept.

    Raises:
        InputError: a plug-in breaks a promise of its protocol, or fails; the message lists all of them.
    """
    store = folder / "plugin_checks.json"
    passed = _read(store)
    pending = [use for use in plan.plugin_uses() if use.key not in passed]
    if not pending:
        return
    names = ", ".join(dict.fromkeys(map(name_of, pending)))
    print(f"Checking plug-ins on a tiny batch, once for each state of their code: {names}", file=sys.stderr, flush=True)
    verdicts = run_checks(pending, folder / "plugin_checks.log")
    passed |= {use.key for use in pending if not verdicts[use]["problem"]}
    with suppress(OSError):
        write_text(store, json.dumps(sorted(passed)))
    if lines := problem_lines(verdicts):
        heading = f"Nothing was run: plug-ins break promises of their protocols ({GUIDE})."
        raise InputError("\n  ".join([heading, *lines]))


def problem_lines(verdicts: Mapping[PluginUse, Mapping[str, str]]) -> list[str]:
    """Return the problems of plug-ins, each once, with the name of the plug-in.

    Args:
        verdicts: of :func:`run_checks`.
    """
    problems = [(name_of(use), verdict["problem"]) for use, verdict in verdicts.items() if verdict["problem"]]
    return list(
        dict.fromkeys(problem if problem.startswith(name) else f"{name}: {problem}" for name, problem in problems)
    )


def name_of(use: PluginUse) -> str:
    """Return the room and the kind of a plug-in."""
    return f"{use.room}/{json.loads(use.settings)['kind']}"


def run_checks(uses: Sequence[PluginUse], log: Path) -> Mapping[PluginUse, Mapping[str, str]]:
    """Check plug-ins in a process of its own.

    Args:
        uses: of the plug-ins.
        log: file of what they print.

    Returns:
        By use, the ``problem``, empty where there is none, and the reason why it is ``left`` to its job, likewise.
    """
    folders = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as errors:
        try:
            output = subprocess.run(
                PROCESS,
                input=json.dumps([vars(use) for use in uses]).encode(),
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **ENVIRONMENT, "PYTHONPATH": folders},
                timeout=TIME_LIMIT,
            ).stdout
            end = "it ended the process of the checks"
        except subprocess.TimeoutExpired as error:
            output, end = error.stdout or b"", f"it did not return within {TIME_LIMIT:g} s"
    verdicts = [json.loads(line) for line in output.splitlines() if line.endswith(b"}")]
    return dict(zip(uses, _completed(verdicts, len(uses), f"{end}: {log} has its messages"), strict=True))


def _completed(verdicts: list[dict[str, str]], count: int, message: str) -> list[dict[str, str]]:
    """All verdicts: the first that is missing is that of the plug-in that ended the process; others are unknown."""
    missing = count - len(verdicts)
    ended = [{"problem": message, "left": ""}][:missing]
    unknown = [{"problem": "it was not checked, as another one ended the checks", "left": ""}] * max(0, missing - 1)
    return [*verdicts, *ended, *unknown]


def _read(store: Path) -> set[str]:
    try:
        return set(map(str, json.loads(store.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError):
        return set()
