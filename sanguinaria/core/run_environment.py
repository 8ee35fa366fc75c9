"""The run environment of a job: machine, software versions, device."""

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


def write_environment(destination: Path, device: torch.device) -> None:
    """Write the environment that a model was trained in, as JSON.

    Args:
        destination: the file to write, with the keys ``machine``, ``software`` and ``device``.
        device: the device that the training ran on.
    """
    write_text(destination, json.dumps(describe_environment() | {"device": _device_name(device)}, indent=1) + "\n")


def describe_environment() -> dict[str, Any]:
    """Describe the machine and the software of this process.

    Returns:
        Plain values for JSON: ``machine`` (system, processor, cores) and ``software`` (the versions of Python and of
        every installed distribution).
    """
    return {
        "machine": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
        "software": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    """Versions of all installed distributions by name, sorted; a transitive dependency may be the one that differs."""
    versions = {(dist.metadata["Name"] or "").lower(): dist.version for dist in metadata.distributions()}
    return {name: versions[name] for name in sorted(versions) if name}


def _processor() -> str:
    """The processor's model name, from /proc/cpuinfo; on Linux, ``platform`` has only its family."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _device_name(device: torch.device) -> str:
    """The GPU's product name, or the device's type."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
