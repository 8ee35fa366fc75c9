"""Files of pretrained models that the user brings: why one is not there, and how to obtain it."""

from __future__ import annotations

from pathlib import Path


def missing_checkpoint(path: Path, what: str) -> str | None:
    """Return the reason why there is no checkpoint; ``None`` where there is a file.

    >>> missing_checkpoint(Path("absent.pt"), "the published freevc.pth")
    "no file 'absent.pt': the published freevc.pth goes there, or give its path"

    Args:
        path: of the checkpoint.
        what: a description of the expected file.
    """
    return None if path.is_file() else f"no file {str(path)!r}: {what} goes there, or give its path"


def missing_model(folder: Path, hub_name: str) -> str | None:
    """Return the reason why a folder holds no model of transformers; ``None`` where it holds one.

    Args:
        folder: of the model's files.
        hub_name: the name of such a model on the Hugging Face hub, for the remedy.
    """
    if (folder / "config.json").is_file():
        return None
    return f"{folder}: no model here (config.json is absent); {download_advice(folder, hub_name)}"


def download_advice(folder: Path, hub_name: str) -> str:
    """Return how to obtain a model's files.

    Args:
        folder: for the files.
        hub_name: the name of the model on the Hugging Face hub.
    """
    return f"save {hub_name} there: hf download {hub_name} --local-dir {folder}"
