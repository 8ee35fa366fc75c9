"""Where tensors live, and how torch behaves: in one place, so that every stage runs alike."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from sanguinaria.core import gpu_locks as gpus
from sanguinaria.core import memory_allocator as allocation

if TYPE_CHECKING:
    import torch


def prepare(threads: int = 1, gpu: int = 0) -> torch.device:
    """Set torch up for one job and say which device it computes on.

    Args:
        threads: of the CPU. Results may not depend on how many cores a run was given, so a job's threads are
            its rule's.
        gpu: how many the job's rule asks for. A job that asks for one has one for itself where there is any, and the
            CPU elsewhere; a job that asks for none leaves them to others.
    """
    held = gpus.take_one() if gpu else None
    # cuBLAS is deterministic with this alone, and reads it when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    allocation.retain_freed_memory()
    torch.set_num_threads(threads)
    _set(["ieee"] * len(_backends()), deterministic=True, benchmark=False)
    # In deterministic mode torch also fills all new memory, to expose code that reads it unwritten. It is an aid to
    # debugging, and took a fifth of an LSTM's training.
    deterministic: Any = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False
    device = torch.device("cuda" if held is not None and torch.cuda.is_available() else "cpu")
    print(f"device: {device}" + ("" if held is None else f" (CUDA_VISIBLE_DEVICES={held})"), flush=True)
    return device


@contextmanager
def arithmetic(tfloat32: bool = False, deterministic: bool = True) -> Iterator[None]:
    """How a block computes on a GPU, forwards and backwards; as it was before afterwards.

    Args:
        tfloat32: whether the factors of matrix products and convolutions are rounded to 10 bits of mantissa.
        deterministic: whether two runs are equal to the last bit. Without, cuDNN takes the fastest algorithms it finds.
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
    """What a ``precision`` computes in: bfloat16 where that is asked for and the device has it, else float32.

    Processors without AVX-512 imitate bfloat16: a convolution took seven times as long as in float32, and an LSTM did
    not train at all. So the same configuration serves both; the log says which it was.
    """
    import torch

    if precision != "bfloat16":
        return torch.float32
    if device.type == "cuda":
        present = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        present = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if not present:
        print(f"{device} has no arithmetic in bfloat16: computing in float32", flush=True)
    return torch.bfloat16 if present else torch.float32


def _backends() -> list[Any]:
    import torch

    cudnn: Any = torch.backends.cudnn
    return [torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn]


def _set(precisions: Sequence[str], deterministic: bool, benchmark: bool) -> None:
    import torch

    for backend, precision in zip(_backends(), precisions, strict=True):
        backend.fp32_precision = precision
    # The same as `use_deterministic_algorithms(…, warn_only=True)`, which imports the compiler to tell it: a second and
    # more of every job, and nothing is compiled here.
    torch.set_deterministic_debug_mode("warn" if deterministic else "default")
    torch.backends.cudnn.benchmark = benchmark
