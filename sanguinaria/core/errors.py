"""Errors of the input, which are shown to the user in one message."""

from __future__ import annotations

from pathlib import Path


class InputError(Exception):
    """An error of the input: of a configuration, an audio file, a checkpoint, a download.

    The message names the location, the cause and the remedy; it is shown without a traceback.
    """


class PluginError(InputError):
    """An error of a plug-in's code, which the message names: a broken promise, or an error of Python."""


class DamagedError(InputError):
    """A result of an earlier job that was truncated or altered.

    >>> str(DamagedError(Path("a.parquet"), "table", "checksum differs"))
    'a.parquet: damaged table (checksum differs); delete it and run again'

    Args:
        path: the file of the result.
        what: the kind of the result, such as "table".
        cause: the error of the library that read it.
    """

    def __init__(self, path: Path, what: str, cause: object) -> None:
        # Messages of libraries have many lines of details; the first two are enough.
        summary = " ".join(line.strip() for line in str(cause).splitlines()[:2])
        self._finding = f"{path}: damaged {what} ({summary})"
        super().__init__(f"{self._finding}; delete it and run again")
        self.path = path

    def put_aside(self, renamed: Path) -> str:
        """Return the message where the file has been renamed, so that nothing is left to delete."""
        return f"{self._finding}; it is put aside as {renamed}: run again, and it is made anew"
