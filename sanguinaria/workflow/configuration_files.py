"""Configuration files, merged as Snakemake merges them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sanguinaria.core.errors import InputError

# The Snakefile's own configuration, which all others override.
BASE = Path("config.yaml")


def merged(files: Iterable[Path]) -> dict[str, Any]:
    """Return the configuration of files, of which each overrides those before it; mappings are merged deeply.

    Args:
        files: YAML.

    Raises:
        InputError: a file cannot be read, or is no mapping.
    """
    settings: dict[str, Any] = {}
    for path in files:
        _update(settings, read(path))
    return settings


def read(path: Path) -> Mapping[str, Any]:
    """Return the content of one file.

    Args:
        path: YAML.

    Raises:
        InputError: the file cannot be read, or is no mapping.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: a configuration has sections, such as `experiments:`, and this is none")
    return content


def _update(settings: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if isinstance(value, Mapping):
            inner = settings.get(name)
            settings[name] = inner = dict(inner) if isinstance(inner, Mapping) else {}
            _update(inner, value)
        else:
            settings[name] = value
