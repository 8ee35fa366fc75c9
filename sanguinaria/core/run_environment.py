"""What a job ran on and with: machine, software, device."""

from __future__ import annotations

import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanguinaria.core.atomic_files import write_text

if TYPE_CHECKING:
    import torch


def write_surroundings(destination: Path, device: torch.device) -> None:
    """Write what a model was trained with: ``machine``, ``software`` and ``device``."""
    write_text(destination, json.dumps(surroundings() | {"device": _device_name(device)}, indent=1) + "\n")


def surroundings() -> dict[str, Any]:
    """``machine`` and ``software``, for JSON."""
    return {
        "machine": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
        "software": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    """Of every distribution of the environment, sorted: a dependency of a dependency may be what differs."""
    found = {(dist.metadata["Name"] or "").lower(): dist.version for dist in metadata.distributions()}
    return {name: found[name] for name in sorted(found) if name}


def _processor() -> str:
    """The processor's name; Linux's `platform` knows only its family."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _device_name(device: torch.device) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
