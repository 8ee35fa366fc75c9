"""Devices and numerics of torch: one set-up for every stage."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from sanguinaria.core import gpu_locks, memory_allocator

if TYPE_CHECKING:
    import torch


def prepare(threads: int = 1, gpu: int = 0) -> torch.device:
    """Set torch up for one job.

    Args:
        threads: the threads of the CPU. They are those of the job's rule, since results must not depend on the number
            of cores of a run.
        gpu: the GPUs that the job's rule requests. With 1, the job locks a GPU, where the machine has one; with 0, it
            computes on the CPU.

    Returns:
        The device of the job.
    """
    acquired = gpu_locks.acquire_gpu() if gpu else None
    # Without it, cuBLAS is not deterministic; it is read when cuBLAS is initialised.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    memory_allocator.retain_freed_memory()
    torch.set_num_threads(threads)
    _set(["ieee"] * len(_backends()), deterministic=True, benchmark=False)
    # In deterministic mode, torch also fills new memory, to expose reads of uninitialised memory. This is an aid to
    # debugging, and took a fifth of an LSTM's training.
    deterministic: Any = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False
    device = torch.device("cuda" if acquired is not None and torch.cuda.is_available() else "cpu")
    name = f", {torch.cuda.get_device_name()}" if device.type == "cuda" else ""
    print(f"device: {device}" + ("" if acquired is None else f" (CUDA_VISIBLE_DEVICES={acquired}{name})"), flush=True)
    return device


@contextmanager
def arithmetic(tfloat32: bool = False, deterministic: bool = True) -> Iterator[None]:
    """Set the numerics of a block on a GPU, forwards and backwards, and restore them afterwards.

    Args:
        tfloat32: whether the factors of matrix products and convolutions are rounded to 10 bits of mantissa.
        deterministic: whether two runs are equal to the last bit. Otherwise, cuDNN chooses the fastest algorithms.

    Yields:
        Nothing.
    """
    import torch

    before = (
        [backend.fp32_precision for backend in _backends()],
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark,
    )
    try:
        _set(["tf32" if tfloat32 else "ieee"] * len(before[0]), deterministic, not deterministic)
        yield
    finally:
        _set(*before)


@cache
def compute_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the number format of a ``precision``: bfloat16 where it is set and the device supports it, else float32.

    Processors without AVX-512 emulate bfloat16: a convolution took seven times as long as in float32, and an LSTM did
    not train at all. So the same configuration serves both; the number format is logged.

    Args:
        precision: ``bfloat16``, ``float32`` or ``tfloat32``.
        device: the device of the computation.
    """
    import torch

    if precision != "bfloat16":
        return torch.float32
    if device.type == "cuda":
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        supported = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if not supported:
        print(f"{device} has no arithmetic in bfloat16: computing in float32", flush=True)
    return torch.bfloat16 if supported else torch.float32


def _backends() -> list[Any]:
    """Backends with a setting for the precision of float32."""
    import torch

    cudnn: Any = torch.backends.cudnn
    return [torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn]


def _set(precisions: Sequence[str], deterministic: bool, benchmark: bool) -> None:
    """Set the precision of each backend, determinism, and cuDNN's choice of algorithms by measurement."""
    import torch

    for backend, precision in zip(_backends(), precisions, strict=True):
        backend.fp32_precision = precision
    # Equivalent to `use_deterministic_algorithms(…, warn_only=True)`, which imports torch's compiler: more than a
    # second of every job, and nothing is compiled here.
    torch.set_deterministic_debug_mode("warn" if deterministic else "default")
    torch.backends.cudnn.benchmark = benchmark
