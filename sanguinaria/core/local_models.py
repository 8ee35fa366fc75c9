"""Pretrained models of the transformers library, from folders of the user's own; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sanguinaria.core.errors import InputError


def load_local_model(loader: Any, folder: Path, published: str) -> Any:
    """What ``loader.from_pretrained`` makes of a folder, without the network and without code from the folder.

    Args:
        loader: a class of transformers.
        folder: with the model's files.
        published: the name that such a model has on the hub, for the message.

    Raises:
        InputError: the folder or a file is absent, or is of another model; the message says how to get it.
    """
    help_text = f"save {published} there: hf download {published} --local-dir {folder}"
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no model here (config.json is absent); {help_text}")
    try:
        return loader.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as error:
        told = " ".join(str(error).split())[:300]
        raise InputError(f"{folder}: {loader.__name__} cannot be loaded from here ({told}); {help_text}") from error
