"""Conversion of a Snakemake job's files and of a specification's settings to arguments of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin


def paths(files: Iterable[str]) -> list[Path]:
    """Return the paths of a named list of inputs.

    >>> paths(["a.parquet", "b.parquet"])
    [PosixPath('a.parquet'), PosixPath('b.parquet')]
    """
    return [Path(file) for file in files]


def optional_path(files: Iterable[str]) -> Path | None:
    """Return the path of an input that a rule may have, or ``None`` for an empty list.

    >>> optional_path([]) is None
    True
    """
    return next(map(Path, files), None)


def optional_plugin(room: str, settings: Mapping[str, Any] | None) -> Plugin | None:
    """Return the plug-in with these settings, or ``None`` where a specification has none."""
    return None if settings is None else plugins.build(room, settings)
