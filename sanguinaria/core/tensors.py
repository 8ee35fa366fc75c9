"""Tensors on disk as safetensors, with a checksum that is looked at: the format alone takes any bits for numbers."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import DamagedError, InputError

# One entry of the metadata: safetensors writes several in no fixed order, and equal results should be equal files.
ENTRY = "sanguinaria"


def save(tensors: Mapping[str, torch.Tensor], description: Mapping[str, Any], path: Path) -> None:
    """Write tensors, and what there is to say of them as JSON, atomically; equal ones are equal files."""
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    entry = json.dumps({"description": description, "checksum": _checksum(kept)}, sort_keys=True)
    with atomic(path) as temporary:
        save_file(kept, temporary, {ENTRY: entry})


def load(path: Path, what: str) -> tuple[dict[str, torch.Tensor], Any]:
    """What :func:`save` wrote: tensors that are mapped, not copied, and their description.

    Raises:
        DamagedError: the file was cut or altered since, or is none of this project's; ``what`` is to be read there.
        InputError: it cannot be read for another reason.
    """
    with _readable(path, what), safe_open(path, "pt") as file:
        entry = _entry(file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dictionary)
        if _checksum(tensors) != entry["checksum"]:
            raise ValueError("its content does not fit its checksum")
        return tensors, entry["description"]


class TensorRows:
    """A tensor on disk (rows, …), of which single rows are read: of a file that is mapped, pages count as memory."""

    def __init__(self, path: Path, name: str) -> None:
        """``path`` is a file that :func:`load` has read without complaint, ``name`` of a tensor of half precision."""
        # https://github.com/huggingface/safetensors#format: the header's length, the header, and the tensors' bytes.
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))[name]
        if header["dtype"] != "F16":
            raise ValueError(f"{path}: {name} is of {header['dtype']}, not of half precision")
        self.shape = tuple(header["shape"])
        self._path = path
        self._start = 8 + length + header["data_offsets"][0]
        self._size = prod(self.shape[1:])

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, row: int) -> torch.Tensor:
        offset = self._start + 2 * row * self._size
        values = np.fromfile(self._path, np.float16, self._size, offset=offset)
        return torch.from_numpy(values).reshape(self.shape[1:])


def load_description(path: Path, what: str) -> Any:
    """The description alone; errors as of :func:`load`."""
    with _readable(path, what), safe_open(path, "pt") as file:
        return _entry(file.metadata())["description"]


def _entry(metadata: Mapping[str, str] | None) -> dict[str, Any]:
    if ENTRY not in (metadata or {}):
        raise ValueError("it was not written by this project")
    entry: dict[str, Any] = json.loads(metadata[ENTRY])  # type: ignore[index]
    return entry


def _checksum(tensors: Mapping[str, torch.Tensor]) -> int:
    """CRC-32 of names and contents, in the names' order."""
    found = 0
    for name in sorted(tensors):
        found = zlib.crc32(name.encode(), found)
        if tensors[name].numel():
            found = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy(), found)  # type: ignore[arg-type]
    return found


@contextmanager
def _readable(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if path.exists():
            raise InputError(f"{path}: this {what} cannot be read ({error})") from error
        raise DamagedError(path, what, error) from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(path, what, error) from error
