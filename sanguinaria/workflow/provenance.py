"""Provenance of a table or figure: settings, code, software, machine and command, for its reproduction."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.run_environment import describe_environment
from sanguinaria.workflow.arguments import paths
from sanguinaria.workflow.job import job

# Holds the command line of the run for the jobs (sanguinaria/workflow/preparation.py).
COMMAND_VARIABLE = "SANGUINARIA_COMMAND"
ROOT = Path(__file__).parents[2]


@contextmanager
def job_with_provenance(snakemake: Any) -> Iterator[dict[str, Any]]:
    """Run the body of the workflow script of a table or figure, and write the provenance.

    Args:
        snakemake: the object of that name in a workflow script, with an output ``provenance`` and, if models were
            trained, an input ``environments``.

    Yields:
        The specification.
    """
    with job(snakemake) as specification:
        yield specification
        environments = paths(snakemake.input.get("environments", []))
        write_provenance(specification, environments, Path(snakemake.output.provenance))


def write_provenance(specification: Mapping[str, Any], trained: Sequence[Path], destination: Path) -> None:
    """Write the provenance of a table or figure as JSON.

    Keys are ``written`` (time), ``command``, ``code`` (commit), ``machine``, ``software``, ``trained_with`` (the
    distinct run environments of the models, each with their number) and ``specification``.

    Args:
        specification: of the table or figure, with settings, seeds and code hashes of all results that it depends on.
        trained: files of :func:`~sanguinaria.core.run_environment.write_environment`, one for each trained model.
        destination: JSON file.
    """
    content = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": os.environ.get(COMMAND_VARIABLE),
        "code": _commit(ROOT),
        **describe_environment(),
        "trained_with": _distinct(json.loads(path.read_text(encoding="utf-8")) for path in trained),
        "specification": specification,
    }
    write_text(destination, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _distinct(environments: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Distinct environments, each with the number of models."""
    counts: dict[str, int] = {}
    for environment in environments:
        text = json.dumps(environment, sort_keys=True)
        counts[text] = counts.get(text, 0) + 1
    return [{"models": count, **json.loads(text)} for text, count in sorted(counts.items())]


def _commit(root: Path) -> dict[str, Any] | None:
    """Commit of the repository, and whether tracked files differ from it; ``None`` without a repository."""
    try:
        commit, changes = (
            subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit, "changed": bool(changes)}
