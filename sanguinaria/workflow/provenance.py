"""What made a result, for those who have to make it again: settings, code, software, machine and command."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.run_environment import describe_environment

# Holds the command line of the run for the jobs (sanguinaria/workflow/preparation.py).
COMMAND_VARIABLE = "SANGUINARIA_COMMAND"
ROOT = Path(__file__).parents[2]


def write_provenance(specification: Mapping[str, Any], trained: Sequence[Path], destination: Path) -> None:
    """Write what made a table or a figure.

    ``specification`` has settings, seeds and hashes of code of all that it is reduced from; ``trained_with`` is what
    :func:`~sanguinaria.core.run_environment.write_environment` wrote into the files of ``trained``, each once, with
    the number of those that agree.
    """
    content = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": os.environ.get(COMMAND_VARIABLE),
        "code": _commit(ROOT),
        **describe_environment(),
        "trained_with": _counted(json.loads(path.read_text(encoding="utf-8")) for path in trained),
        "specification": specification,
    }
    write_text(destination, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _counted(found_in: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    counts: dict[str, int] = {}
    for found in found_in:
        text = json.dumps(found, sort_keys=True)
        counts[text] = counts.get(text, 0) + 1
    return [{"models": count, **json.loads(text)} for text, count in sorted(counts.items())]


def _commit(root: Path) -> dict[str, Any] | None:
    """The checkout's commit, and whether files that it tracks differ from it; ``None`` where it is no checkout."""
    try:
        told = [
            subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": told[0], "changed": bool(told[1])}
