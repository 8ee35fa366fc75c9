"""GPU locks, which assign devices to the jobs of one machine.

Snakemake's ``--resources gpu=2`` limits the number of jobs and assigns no device. So each job locks the first free
device and hides the others from itself. The operating system releases the lock when the process ends, in any way.

A device has one job at a time, or up to ``SANGUINARIA_JOBS_PER_GPU``: small networks leave most of a large GPU idle.
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
# Open files, which hold the locks until the process ends.
_held: list[IO[str]] = []


def acquire_gpu() -> str | None:
    """Lock a GPU until the end of this process, hide the others, and wait where all are locked.

    Call it before CUDA is initialised. The devices are those of ``CUDA_VISIBLE_DEVICES``, which the user or a scheduler
    may set, else all of the machine's.

    Returns:
        The device's name in ``CUDA_VISIBLE_DEVICES``; ``None`` on a machine without GPU.

    Raises:
        InputError: ``SANGUINARIA_JOBS_PER_GPU`` is not a positive integer.
    """
    devices = visible_gpus()
    if not devices:
        return None
    device = lock_gpu(devices, lock_folder(), jobs_per_gpu())
    os.environ["CUDA_VISIBLE_DEVICES"] = device
    return device


def visible_gpus() -> list[str]:
    """Return the GPUs that this process may use: numbers or UUIDs, up to the first invalid one, as in CUDA."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        import torch

        # The count is from the driver's management library; CUDA is not initialised, so the variable may still be set.
        return [str(device) for device in range(torch.cuda.device_count())]
    devices: list[str] = []
    for device in (name.strip() for name in listed.split(",")):
        if device in ("", "-1"):
            break
        devices.append(device)
    return devices


def jobs_per_gpu() -> int:
    """Return the number of jobs that share a GPU: ``SANGUINARIA_JOBS_PER_GPU``, or 1.

    Raises:
        InputError: ``SANGUINARIA_JOBS_PER_GPU`` is not a positive integer.
    """
    jobs = os.environ.get(SHARED_VARIABLE) or "1"
    if not (jobs.isascii() and jobs.isdigit() and int(jobs)):
        raise InputError(f"{SHARED_VARIABLE} is {jobs!r}: set it to the number of jobs that share a GPU, at least 1")
    return int(jobs)


def lock_folder() -> Path:
    """Return the folder of the locks: one per user, and per Slurm job, which numbers its devices from 0."""
    folder = Path(tempfile.gettempdir()) / f"sanguinaria-gpus-{os.getuid()}" / os.environ.get("SLURM_JOB_ID", "local")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def lock_gpu(devices: Sequence[str], folder: Path, jobs: int = 1, pause: float = 0.2) -> str:
    """Lock a device, one with the fewest jobs first, and wait for one where necessary.

    Args:
        devices: the names of the devices.
        folder: the folder of the locks.
        jobs: the largest number of jobs on a device.
        pause: seconds between two attempts.

    Returns:
        The locked device.
    """
    waiting = False
    while True:
        for slot in range(jobs):
            for device in devices:
                file = (folder / f"{device}.{slot}.lock").open("w")
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
