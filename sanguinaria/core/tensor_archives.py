"""Several sets of tensors in one file, written one after the other: a ZIP archive of safetensors, not compressed.

So a training can keep its weights after many epochs without holding more than one of them in memory, and one of them
is read without the others. The archive's own checksums are verified.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import torch
from safetensors import torch as safetensors

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.tensors import converted_errors

DESCRIPTION = "description.json"


def save(members: Iterable[tuple[str, Mapping[str, torch.Tensor]]], description: Mapping[str, Any], path: Path) -> None:
    """Write sets of tensors and a description, atomically; equal contents give equal files.

    Args:
        members: a name and tensors by name, each; written as they come.
        description: plain values for JSON.
        path: the file to write.
    """
    with atomic(path) as temporary, ZipFile(temporary, "w") as archive:
        # The time in an entry's information is constant, unlike that of a file added by its name.
        archive.writestr(ZipInfo(DESCRIPTION), json.dumps(description, sort_keys=True))
        for name, tensors in members:
            contiguous = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
            archive.writestr(ZipInfo(_file_name(name)), safetensors.save(contiguous))


def load(path: Path, name: str, what: str) -> tuple[dict[str, torch.Tensor], Any]:
    """Load one member of a file of :func:`save`.

    Args:
        path: the file.
        name: of the member.
        what: the kind of the result, such as "model", for the message.

    Returns:
        The tensors and the description.

    Raises:
        DamagedError: the file was truncated or altered, has no such member, or was not written by this project.
        InputError: the file cannot be read for another reason.
    """
    with converted_errors(path, what), ZipFile(path) as archive:
        return safetensors.load(archive.read(_file_name(name))), json.loads(archive.read(DESCRIPTION))


def _file_name(member: str) -> str:
    return f"{member}.safetensors"
