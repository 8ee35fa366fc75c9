"""Configuration files that have a target, for the message about one that the present configuration lacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sanguinaria.core.errors import InputError
from sanguinaria.plan.sections import TARGETS
from sanguinaria.plan.source_locations import mapping
from sanguinaria.workflow.configuration_files import BASE, read

# Of the project, which a run from another folder has, too.
CONFIGURATIONS = Path(__file__).parents[2] / "config"


def overlays_with(target: str, folder: Path) -> list[str]:
    """Return the overlays of the project, and those of a folder, that have a target of this name.

    Args:
        target: name of a table or figure.
        folder: that is searched beside the project's ``config/``; files that are no configuration are left out.

    Returns:
        Paths from the folder on.
    """
    candidates = [*sorted(CONFIGURATIONS.glob("*.yaml")), *sorted(folder.glob("*.yaml"))]
    return [os.path.relpath(path, folder) for path in candidates if path.name != str(BASE) and target in _targets(path)]


def _targets(path: Path) -> Iterator[str]:
    """The names of the targets of a file."""
    try:
        content = read(path)
    except InputError:
        return
    for section in TARGETS:
        yield from mapping(content.get(section))
