"""Extraction of tar and zip archives, which rejects members outside of the target folder."""

from __future__ import annotations

import errno
import lzma
import os
import tarfile
import zipfile
import zlib
from pathlib import Path

_MACHINE_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO})


class UnusableArchive(Exception):
    """An archive is empty, or a member of it would be outside of the folder that it is extracted into."""


# Exceptions of the standard library's readers on damaged or malicious input. RuntimeError and ValueError are those of
# zipfile for encrypted members and unknown methods, and those of names with null bytes.
BROKEN_ARCHIVE = (
    UnusableArchive,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


def unpack(source: Path, target: Path) -> None:
    """Extract all members of an archive.

    Args:
        source: a zip file, if its name ends in ".zip", else a tar file, compressed or not.
        target: the folder to extract into.

    Raises:
        UnusableArchive: the archive is empty, or a member would be outside of the target. Damaged archives raise the
            other exceptions of :data:`BROKEN_ARCHIVE`.
    """
    if source.name.lower().endswith(".zip"):
        with zipfile.ZipFile(source) as archive:
            _reject_escapes(archive.namelist(), target)
            archive.extractall(target)
    else:
        with tarfile.open(source) as archive:
            archive.extractall(target, filter=_strict_filter)
    if not any(target.iterdir()):
        raise UnusableArchive("it holds no files")


def _reject_escapes(names: list[str], target: Path) -> None:
    """Reject members outside of the target, which zipfile would silently rename into it."""
    base = target.resolve()
    for name in names:
        if not (base / name).resolve().is_relative_to(base):
            raise UnusableArchive(f"member {name!r} would be written outside the folder")


def _strict_filter(member: tarfile.TarInfo, target: str) -> tarfile.TarInfo | None:
    """Apply tarfile's data filter, and reject absolute names, which it would silently make relative."""
    if member.name.startswith(("/", os.sep)):
        raise tarfile.AbsolutePathError(member)
    return tarfile.data_filter(member, target)


def content_folder(partial: Path, folder: str) -> Path:
    """Return the folder with the content, so that a top folder of the expected name is not nested twice."""
    inner = partial / folder
    only = [entry.name for entry in partial.iterdir()] == [folder]
    return inner if only and inner.is_dir() and not inner.is_symlink() else partial


def reject_outward_links(root: Path) -> None:
    """Reject links that leave the extracted folder; the tar filter allowed all within its parent.

    Raises:
        UnusableArchive: a link points outside of the folder.
    """
    base = os.path.realpath(root)
    for parent, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(parent, name)
            if os.path.islink(path) and not Path(os.path.realpath(path)).is_relative_to(base):
                raise UnusableArchive(f"link {os.path.relpath(path, root)!r} points outside the folder")


def extraction_remedy(error: BaseException) -> str:
    """Return the remedy of a failed extraction, for the message."""
    if isinstance(error, OSError) and error.errno in _MACHINE_ERRNOS:
        return "make sure that the cache is writable and its disk has room, then try again"
    return "do not use this archive: it is damaged or unsafe; delete it and obtain a sound one"
