"""Configuration files, merged as Snakemake merges them."""

from __future__ import annotations

import json
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
        InputError: a file cannot be read, or is no mapping; the message has its line.
    """
    settings: dict[str, Any] = {}
    for path in files:
        _update(settings, read(path))
    return settings


def read(path: Path) -> Mapping[str, Any]:
    """Return the content of one file.

    Args:
        path: YAML or JSON in UTF-8.

    Raises:
        InputError: the file cannot be read, is neither, or is no mapping; the message has the line.
    """
    content = _parsed(_text(path), path)
    if isinstance(content, Mapping):
        return content
    if content is None:
        raise InputError(f"{path}: is empty: write a section, such as `experiments:`, or leave the file out")
    kind = "a list" if isinstance(content, list) else repr(content)
    raise InputError(f"{path}: is {kind}, and a configuration has sections, such as `experiments:`")


def why_unreadable(path: str) -> str | None:
    """Return the reason why a configuration file cannot be read; ``None`` where it can."""
    try:
        read(Path(path))
    except InputError as error:
        return str(error)
    return None


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        advice = "targets come before --configfile, which takes every word that follows for a file"
        raise InputError(f"{path}: no such file; {advice}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, and a configuration is a file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        byte = f"0x{content[error.start]:02x}"
        raise InputError(f"{path}:{line}: is not in UTF-8 (byte {byte}): save the file in that encoding") from error


def _parsed(text: str, path: Path) -> Any:
    """The content of a file, which Snakemake takes for JSON where it is that, else for YAML."""
    import yaml

    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        lines = text.splitlines()
        has_tab = mark is not None and mark.line < len(lines) and lines[mark.line].lstrip(" ").startswith("\t")
        problem = "indented by a tab: use spaces" if has_tab else _problem(error)
        raise InputError(f"{path}{line}: no YAML: {problem}") from error


def _problem(error: Exception) -> str:
    """What the parser says in one line, with the line on which it began to read what it could not finish."""
    context, start = getattr(error, "context", None), getattr(error, "context_mark", None)
    where = f" ({context} of line {start.line + 1})" if context and start is not None else ""
    return f"{getattr(error, 'problem', None) or error}{where}"


def _update(settings: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if isinstance(value, Mapping):
            inner = settings.get(name)
            settings[name] = inner = dict(inner) if isinstance(inner, Mapping) else {}
            _update(inner, value)
        else:
            settings[name] = value
