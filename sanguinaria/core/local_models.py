"""Pretrained models of the transformers library, loaded from local folders without the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sanguinaria.core.errors import InputError
from sanguinaria.core.missing_files import download_advice, missing_model


def load_local_model(loader: Any, folder: Path, hub_name: str) -> Any:
    """Call ``loader.from_pretrained`` on a folder, without the network and without code from the folder.

    Args:
        loader: a class of transformers.
        folder: the folder of the model's files.
        hub_name: the name of such a model on the Hugging Face hub, for the message.

    Returns:
        The model or processor that ``loader.from_pretrained`` returns.

    Raises:
        InputError: the folder or a file is missing, or belongs to another model; the message states how to obtain it.
    """
    if (message := missing_model(folder, hub_name)) is not None:
        raise InputError(message)
    try:
        return loader.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as error:
        cause = " ".join(str(error).split())[:300]
        raise InputError(
            f"{folder}: {loader.__name__} cannot be loaded from here ({cause}); {download_advice(folder, hub_name)}"
        ) from error
