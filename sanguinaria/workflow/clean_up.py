"""Clean-up of results that no configuration reaches any more: old settings, old code, removed entries.

``python -m sanguinaria.workflow.clean_up`` lists them, and with ``--delete`` removes them. A result is reached if
``config.yaml``, alone or with an overlay of ``config/`` or an overlay on the command line, leads to it with the current
code.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sanguinaria.core.errors import InputError
from sanguinaria.core.paths import RESULTS
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.configuration_files import BASE, merged
from sanguinaria.workflow.parse import build_plan

OVERLAYS = Path("config")
SCRIPTS = Path("workflow_scripts")
# The name of a result's folder ends in its identity. Folders with other names are never removed.
KEY = re.compile(r"[\w-]+-[0-9a-f]{12}")
# The end of the name of a result's log.
LOG = re.compile(r"\.log$|\.training\.csv$")
# Temporary files of killed jobs (sanguinaria/core/atomic_files.py), and renamed damaged files
# (sanguinaria/workflow/job.py).
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}(\.\w+)?|.+\.damaged")


def plans(overlays: Iterable[Path]) -> Iterator[Plan]:
    """Yield the plan of ``config.yaml`` alone, and with each of the overlays.

    Args:
        overlays: configuration files.

    Raises:
        InputError: a configuration is invalid, so that its results are not known.
    """
    for overlay in (None, *overlays):
        files = [BASE] if overlay is None else [overlay, BASE]
        try:
            settings = merged(reversed(files))
        except InputError as error:
            raise InputError(f"{error}, so that its results are not known") from error
        yield build_plan(settings, files, SCRIPTS)


def unreachable(plans: Iterable[Plan], results: Path = RESULTS) -> list[Path]:
    """Return the paths in the results folder that none of the plans reaches, sorted.

    They are folders of results, their logs, tables and figures, temporary files of killed jobs, and damaged files.

    Args:
        plans: of all configurations in use.
        results: the results folder.
    """
    keys: set[tuple[str, str]] = set()
    for plan in plans:
        keys |= {(stage, key) for stage, specifications in plan.stages.items() for key in specifications}
        keys |= {("tables", name) for name in plan.tables} | {("figures", name) for name in plan.figures}
    stored = [*results.glob("*/*"), *(results / "logs").glob("*/*")]
    stale = [
        path
        for path in stored
        if KEY.fullmatch(name := LOG.sub("", path.name)) and (path.parent.name, name) not in keys
    ]
    for specification in results.glob("*/specifications/*.json"):
        folder, name = specification.parents[1], specification.stem.removesuffix(".comparison")
        if (folder.name, name) not in keys:
            stale += [specification, *folder.glob(f"{name}.*"), *(results / "logs" / folder.name).glob(f"{name}.*")]
    folders = {path for path in stale if path.is_dir()}
    stale += [
        path for path in results.rglob("*") if TEMPORARY.fullmatch(path.name) and folders.isdisjoint(path.parents)
    ]
    return sorted(stale)


def size(path: Path) -> int:
    """Return the size of a file, or of all files in a folder, in bytes; the targets of links are not counted."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_symlink() or file.is_file())


def delete(path: Path) -> None:
    """Remove a file or a folder; the targets of links are kept."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def main(arguments: Sequence[str] | None = None) -> None:
    """List unreachable results, and delete them on request.

    Args:
        arguments: of the command line; those of the process where ``None``.
    """
    parser = argparse.ArgumentParser(
        prog="python -m sanguinaria.workflow.clean_up",
        description="List results that config.yaml does not reach, alone or with an overlay.",
    )
    parser.add_argument("overlays", nargs="*", type=Path, metavar="OVERLAY", help="overlays in other folders")
    parser.add_argument("--delete", action="store_true", help="delete the listed results")
    options = parser.parse_args(arguments)
    overlays = sorted({*OVERLAYS.glob("*.yaml"), *options.overlays})
    try:
        listed = unreachable(plans(overlays))
    except InputError as error:
        raise SystemExit(f"Error: {error}; nothing was removed") from None
    print(f"Reached by {', '.join(map(str, [BASE, *overlays]))}: everything else of {RESULTS}/ is listed.")
    total = 0
    for path in listed:
        num_bytes = size(path)
        total += num_bytes
        print(f"{num_bytes / 2**20:10.1f} MiB  {path}")
        if options.delete:
            delete(path)
    print(f"{total / 2**20:10.1f} MiB  {'removed' if options.delete else 'would be removed by --delete'}")


if __name__ == "__main__":
    main()
