"""Atomic writing of files: a result is complete, or absent."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` at the end of the block, and is deleted after an exception.

    The file gets the permissions of any new file in its folder, by the umask, whichever library writes it.

    Args:
        path: the file to write. Its folder is created where it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays at the end: writers such as matplotlib and pandas derive the format from it.
    temporary = path.with_name(f".{path.stem}.{uuid4().hex}{path.suffix}")
    try:
        permissions = _permissions_of_a_new_file(temporary)
        yield temporary
        # safetensors makes files that their owner alone can read, and others could not share the results.
        temporary.chmod(permissions)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _permissions_of_a_new_file(path: Path) -> int:
    # Asking for the umask itself would set it for a moment, for every thread.
    path.touch()
    permissions = stat.S_IMODE(path.stat().st_mode)
    path.unlink()
    return permissions


def write_text(path: Path, text: str) -> None:
    """Write a small text file atomically, as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
