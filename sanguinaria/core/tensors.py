"""Tensors on disk as safetensors with a verified checksum; the format alone does not detect altered values."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import DamagedError, InputError

# The only entry of the metadata: safetensors writes several entries in no fixed order, and equal results should be
# equal files.
ENTRY = "sanguinaria"


def save(tensors: Mapping[str, torch.Tensor], description: Mapping[str, Any], path: Path) -> None:
    """Write tensors and a description, atomically; equal contents give equal files.

    Args:
        tensors: the tensors by name.
        description: plain values for JSON.
        path: the file to write.
    """
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    entry = json.dumps({"description": description, "checksum": _checksum(contiguous)}, sort_keys=True)
    with atomic(path) as temporary:
        save_file(contiguous, temporary, {ENTRY: entry})


def load(path: Path, what: str) -> tuple[dict[str, torch.Tensor], Any]:
    """Load a file of :func:`save`.

    Args:
        path: the file.
        what: the kind of the result, such as "model", for the message.

    Returns:
        The tensors, which are memory-mapped and not copied, and the description.

    Raises:
        DamagedError: the file was truncated or altered, or was not written by this project.
        InputError: the file cannot be read for another reason.
    """
    with converted_errors(path, what), safe_open(path, "pt") as file:
        entry = _parse_entry(file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dictionary)
        if _checksum(tensors) != entry["checksum"]:
            raise ValueError("its content does not fit its checksum")
        return tensors, entry["description"]


def load_description(path: Path, what: str) -> Any:
    """Load the description alone; arguments and errors are those of :func:`load`."""
    with converted_errors(path, what), safe_open(path, "pt") as file:
        return _parse_entry(file.metadata())["description"]


def _parse_entry(metadata: Mapping[str, str] | None) -> dict[str, Any]:
    """Description and checksum."""
    if ENTRY not in (metadata or {}):
        raise ValueError("it was not written by this project")
    entry: dict[str, Any] = json.loads(metadata[ENTRY])  # type: ignore[index]
    return entry


def _checksum(tensors: Mapping[str, torch.Tensor]) -> int:
    """CRC-32 of names and contents, in the order of the names."""
    checksum = 0
    for name in sorted(tensors):
        checksum = zlib.crc32(name.encode(), checksum)
        if tensors[name].numel():
            content = tensors[name].reshape(-1).view(torch.uint8).numpy()
            checksum = zlib.crc32(content, checksum)  # type: ignore[arg-type]
    return checksum


@contextmanager
def converted_errors(path: Path, what: str) -> Iterator[None]:
    """Convert the block's errors to those of :func:`load`.

    Args:
        path: the file that the block reads.
        what: the kind of the result.

    Yields:
        Nothing.

    Raises:
        DamagedError: the file was truncated or altered, or was not written by this project.
        InputError: the file cannot be read for another reason.
    """
    try:
        yield
    except OSError as error:
        if path.exists():
            raise InputError(f"{path}: this {what} cannot be read ({error})") from error
        raise DamagedError(path, what, error) from error
    except (SafetensorError, BadZipFile, ValueError, KeyError, TypeError) as error:
        raise DamagedError(path, what, error) from error
