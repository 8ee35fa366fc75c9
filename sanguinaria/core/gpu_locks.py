"""Which job has which GPU: locks among the jobs of one machine.

Snakemake's ``--resources gpu=2`` counts jobs and assigns no device. So a job takes the lock of the first free device
and sees no other. The system drops the lock when the process ends, however it ends.

A device has one job, or as many as ``SANGUINARIA_JOBS_PER_GPU`` says: small networks leave most of a large one idle.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from sanguinaria.core.errors import InputError

SHARED_VARIABLE = "SANGUINARIA_JOBS_PER_GPU"
# Locks are held through these until the process ends.
_held: list[IO[str]] = []


def take_one() -> str | None:
    """Take a GPU for the rest of this process, and hide the others; wait where other jobs hold all of them.

    It has to come before anything computes on a GPU. ``CUDA_VISIBLE_DEVICES`` says which there are, as the user or a
    scheduler set it, else all of the machine's.

    Returns:
        The device by its name in ``CUDA_VISIBLE_DEVICES``; None where there is none.

    Raises:
        InputError: ``SANGUINARIA_JOBS_PER_GPU`` is no whole number above 0.
    """
    devices = visible()
    if not devices:
        return None
    device = claim(devices, lock_folder(), jobs_per_device())
    os.environ["CUDA_VISIBLE_DEVICES"] = device
    return device


def visible() -> list[str]:
    """The GPUs that this process may use: numbers or UUIDs. Like CUDA, it stops at the first that is no device."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        import torch

        # It asks the driver's management library, so CUDA does not start and the variable may still be set.
        return [str(device) for device in range(torch.cuda.device_count())]
    devices: list[str] = []
    for device in (name.strip() for name in listed.split(",")):
        if device in ("", "-1"):
            break
        devices.append(device)
    return devices


def jobs_per_device() -> int:
    """How many jobs share a GPU: one, unless the environment says otherwise.

    Raises:
        InputError: ``SANGUINARIA_JOBS_PER_GPU`` is no whole number above 0.
    """
    told = os.environ.get(SHARED_VARIABLE) or "1"
    if not (told.isascii() and told.isdigit() and int(told)):
        raise InputError(f"{SHARED_VARIABLE} is {told!r}: it says how many jobs share a GPU, a whole number from 1 on")
    return int(told)


def lock_folder() -> Path:
    """Where the locks lie: a user's own, and of one Slurm job, in which devices are counted anew from 0."""
    folder = Path(tempfile.gettempdir()) / f"sanguinaria-gpus-{os.getuid()}" / os.environ.get("SLURM_JOB_ID", "local")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def claim(devices: Sequence[str], folder: Path, jobs: int = 1, pause: float = 0.2) -> str:
    """Lock one of the ``jobs`` places of a device, the emptiest first; look again every ``pause`` seconds for one."""
    waiting = False
    while True:
        for place in range(jobs):
            for device in devices:
                file = (folder / f"{device}.{place}.lock").open("w")
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    file.close()
                    continue
                _held.append(file)
                return device
        if not waiting:
            print(f"waiting for a GPU: other jobs hold {', '.join(devices)}", flush=True)
            waiting = True
        time.sleep(pause)
