"""Errors that are the input's fault, told to the user in one message."""

from __future__ import annotations

from pathlib import Path


class InputError(Exception):
    """Bad input: a configuration, an audio file, a checkpoint, a download.

    The message names the place, the cause and the fix; it is shown without a traceback.
    """


class DamagedError(InputError):
    """A result of an earlier job that was cut or altered since; ``path`` is its file."""

    def __init__(self, path: Path, what: str, cause: object) -> None:
        # Libraries tell every detail in a line of its own: the first of them are enough.
        told = " ".join(line.strip() for line in str(cause).splitlines()[:2])
        super().__init__(f"{path}: damaged {what} ({told}); delete it and run again")
        self.path = path
