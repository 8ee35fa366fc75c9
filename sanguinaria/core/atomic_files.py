"""Atomic writing of files: a result is complete, or absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` at the end of the block, and is deleted after an exception.

    Args:
        path: the file to write. Its folder is created where it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays at the end: writers such as matplotlib and pandas derive the format from it.
    temporary = path.with_name(f".{path.stem}.{uuid4().hex}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small text file atomically, as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
