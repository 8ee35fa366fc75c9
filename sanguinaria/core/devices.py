"""Devices and numerics of torch: one set-up for every stage."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from sanguinaria.core import gpu_locks, memory_allocator

if TYPE_CHECKING:
    import torch

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# Arithmetic of a network. Its weights, and the state of its training, are in float32 in each.
Precision = Literal["float32", "tfloat32", "bfloat16"]


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


@contextmanager
def network_arithmetic(precision: Precision, device: torch.device) -> Iterator[None]:
    """Compute the networks of a block in a precision, and restore the numerics afterwards.

    With ``bfloat16``, matrix products and convolutions compute in bfloat16 where the device supports it
    (:func:`compute_dtype`), by autocast; with ``tfloat32``, those of a GPU round their factors to 10 bits of mantissa.
    Losses, and functions decorated by :func:`in_float32`, belong in float32.

    Args:
        precision: of the networks.
        device: where they compute.

    Yields:
        Nothing.
    """
    import torch

    low = compute_dtype(precision, device) == torch.bfloat16
    with tfloat32(precision == "tfloat32"), torch.autocast(device.type, torch.bfloat16, enabled=low):
        yield


@contextmanager
def tfloat32(enabled: bool) -> Iterator[None]:
    """Compute the float32 of a block in TF32 on a GPU, forwards and backwards, and restore the numerics afterwards.

    Args:
        enabled: otherwise nothing changes.

    Yields:
        Nothing.
    """
    before = [backend.fp32_precision for backend in _backends()] if enabled else []
    try:
        _set_float32_precision(["tf32"] * len(before))
        yield
    finally:
        _set_float32_precision(before)


def in_float32(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate a function of tensors so that it computes in float32 where its caller computes in bfloat16.

    It is for spectra, mel bands and linear codes of messages, of which 8 bits of mantissa are not enough.

    Args:
        function: has a tensor among its arguments.

    Returns:
        A function of the same arguments; tensors in bfloat16 among them are converted.

    Example:
        >>> import torch
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     in_float32(torch.matmul)(torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bfloat16)).dtype
        torch.float32
    """

    @wraps(function)
    def compute(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        import torch

        device = next(value.device for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor))
        with torch.autocast(device.type, enabled=False):
            return function(*map(_as_float32, args), **{name: _as_float32(value) for name, value in kwargs.items()})

    return compute


def _as_float32(value: Any) -> Any:
    """A tensor in bfloat16 as float32; anything else unchanged."""
    import torch

    return value.float() if isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16 else value


@cache
def compute_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the number format of a ``precision``: bfloat16 where it is set and the device supports it, else float32.

    Processors without AVX-512 emulate bfloat16: a convolution took seven times as long as in float32, and an LSTM did
    not train at all. So the same configuration serves both; the number format is logged.

    Args:
        precision: of a network.
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

    _set_float32_precision(precisions)
    # Equivalent to `use_deterministic_algorithms(…, warn_only=True)`, which imports torch's compiler: more than a
    # second of every job, and nothing is compiled here.
    torch.set_deterministic_debug_mode("warn" if deterministic else "default")
    torch.backends.cudnn.benchmark = benchmark


def _set_float32_precision(precisions: Sequence[str]) -> None:
    """Set the precision of each backend."""
    for backend, precision in zip(_backends() if precisions else (), precisions, strict=True):
        backend.fp32_precision = precision
