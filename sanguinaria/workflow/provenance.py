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
# Where code lies; results, configurations and notes lie beside it, and are no change of the code.
CODE = ("sanguinaria", "workflow_scripts", "rules", "Snakefile")


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

    Keys are ``written`` (time), ``command``, ``code`` (commit, and the files that differ from
    it), ``machine``, ``software``, ``trained_with`` (the
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
    """Commit of the repository, and the code that differs from it; ``None`` without a repository.

    ``changed`` is whether there is any difference, ``changed_files`` are the tracked files that differ, and
    ``untracked_files`` are files of code that the commit does not have, such as an own plug-in.
    """
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        changed = _paths_of(_git(root, "diff", "--name-only", "-z", "HEAD"))
        # Ignored files too: a plug-in acts whether or not git is told to overlook it.
        untracked = _paths_of(_git(root, "ls-files", "--others", "-z", "--exclude=__pycache__/", "--", *CODE))
    except (OSError, subprocess.CalledProcessError):
        return None
    differences = {"changed_files": changed, "untracked_files": untracked}
    return {"commit": commit, "changed": any(differences.values()), **differences}


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    # Names of files are bytes; one that is not UTF-8 is written with its bytes as escapes.
    return subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="backslashreplace")


def _paths_of(output: str) -> list[str]:
    return sorted(filter(None, output.split("\0")))
