"""Where tensors live, and how torch behaves: in one place, so that every stage runs alike."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def prepare(threads: int = 1, gpu: int = 0) -> torch.device:
    """Set torch up for one job and say which device it computes on.

    Args:
        threads: of the CPU. Results may not depend on how many cores a run was given, so a job's threads are
            its rule's.
        gpu: how many the job's rule asks for. A job that asks for one takes it where there is one, and the CPU
            elsewhere; a job that asks for none leaves them to others.
    """
    # cuBLAS is deterministic with this alone, and reads it when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda" if gpu and torch.cuda.is_available() else "cpu")
