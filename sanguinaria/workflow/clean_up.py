"""Results that no configuration reaches any more: old settings, old code, removed entries.

``python -m sanguinaria.workflow.clean_up`` lists them, and with ``--delete`` removes them. What counts is what
``config.yaml``
would have made, alone and with each overlay of ``config/`` and each that is named, with the code as it is now.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sanguinaria.core.errors import InputError
from sanguinaria.core.paths import RESULTS
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.parse import build_plan

BASE = Path("config.yaml")
OVERLAYS = Path("config")
SCRIPTS = Path("workflow_scripts")
# The name of a result's folder ends in its identity. What is named otherwise is not this project's, and left alone.
KEY = re.compile(r"[\w-]+-[0-9a-f]{12}")
# What a killed job was writing (sanguinaria/core/atomic_files.py), and what was put aside
# (sanguinaria/workflow/job.py).
REMAINS = re.compile(r"\..+\.[0-9a-f]{32}(\.\w+)?|.+\.damaged")


def plans(overlays: Iterable[Path]) -> Iterator[Plan]:
    """The plan of ``config.yaml`` alone, and with each of the overlays.

    Raises:
        InputError: one cannot be planned, so what it reaches is not known.
    """
    for overlay in (None, *overlays):
        files = [BASE] if overlay is None else [overlay, BASE]
        yield build_plan(_merged(reversed(files)), files, SCRIPTS)


def _merged(files: Iterable[Path]) -> Mapping[str, Any]:
    import yaml
    from snakemake.utils import update_config

    settings: dict[str, Any] = {}
    for path in files:
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"{path}: cannot be read ({error}), so what it reaches is not known") from error
        update_config(settings, found or {})
    return settings


def leftovers(reached: Iterable[Plan], results: Path = RESULTS) -> list[Path]:
    """Folders of results, their logs, and tables and figures that none of the plans reaches; and what killed jobs were
    writing, and damaged files that were put aside; sorted."""
    keys: set[tuple[str, str]] = set()
    for plan in reached:
        keys |= {(stage, key) for stage, known in plan.stages.items() for key in known}
        keys |= {("tables", name) for name in plan.reports} | {("figures", name) for name in plan.figures}
    stored = [*results.glob("*/*"), *(results / "logs").glob("*/*")]
    stale = [
        path
        for path in stored
        if KEY.fullmatch(name := path.name.removesuffix(".log")) and (path.parent.name, name) not in keys
    ]
    for specification in results.glob("*/specifications/*.json"):
        folder, name = specification.parents[1], specification.stem
        if (folder.name, name) not in keys:
            stale += [specification, *folder.glob(f"{name}.*"), *(results / "logs" / folder.name).glob(f"{name}.*")]
    whole = {path for path in stale if path.is_dir()}
    stale += [path for path in results.rglob("*") if REMAINS.fullmatch(path.name) and whole.isdisjoint(path.parents)]
    return sorted(stale)


def size(path: Path) -> int:
    """Bytes on disk, of a folder's files together; what links point at does not count."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_symlink() or file.is_file())


def delete(path: Path) -> None:
    """Remove a file or a folder; what links point at stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m sanguinaria.workflow.clean_up",
        description="List results that config.yaml reaches neither alone nor with an overlay, of config/ or named.",
    )
    parser.add_argument("overlays", nargs="*", type=Path, metavar="OVERLAY", help="overlays that lie elsewhere")
    parser.add_argument("--delete", action="store_true", help="remove them")
    given = parser.parse_args(arguments)
    overlays = sorted({*OVERLAYS.glob("*.yaml"), *given.overlays})
    try:
        found = leftovers(plans(overlays))
    except InputError as error:
        raise SystemExit(f"Error: {error}; nothing was removed") from None
    print(f"Reached by {', '.join(map(str, [BASE, *overlays]))}: everything else of {RESULTS}/ is listed.")
    total = 0
    for path in found:
        bytes_ = size(path)
        total += bytes_
        print(f"{bytes_ / 2**20:10.1f} MiB  {path}")
        if given.delete:
            delete(path)
    said = "removed" if given.delete else "would be removed by --delete"
    print(f"{total / 2**20:10.1f} MiB  {said}")


if __name__ == "__main__":
    main()
