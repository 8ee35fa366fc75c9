"""The user's own downloads, which are searched for an archive or a file of weights before anything is downloaded."""

from __future__ import annotations

import os
from pathlib import Path

from sanguinaria.core.errors import InputError

DOWNLOADS_VARIABLE = "SANGUINARIA_DOWNLOADS"
WEIGHTS = "weights"  # a folder of the user's downloads that is also searched for single files


def supplied_downloads() -> Path | None:
    """Return the folder that SANGUINARIA_DOWNLOADS names; ``None`` where it is unset or empty.

    Raises:
        InputError: it is no folder.
    """
    value = os.environ.get(DOWNLOADS_VARIABLE)
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"{DOWNLOADS_VARIABLE} is set to {value!r}, which is not a folder. Fix: set it to the folder that holds "
            "your downloaded archives, or unset it."
        )
    return folder
