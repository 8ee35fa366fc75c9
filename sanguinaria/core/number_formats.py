"""The number format in which networks of ``precision: bfloat16`` compute on this machine, found without torch.

Processors without AVX-512, and without a GPU, compute them in float32 (:func:`sanguinaria.core.devices.compute_dtype`),
so it is part of their results' identities: a cache that several machines share never mixes the two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from sanguinaria.core.errors import InputError

NumberFormat = Literal["bfloat16", "float32"]
FORMATS: tuple[NumberFormat, ...] = ("bfloat16", "float32")
# Set for machines that differ from the one that plans, such as the nodes of a cluster.
VARIABLE = "SANGUINARIA_NUMBER_FORMAT"
# oneDNN computes in bfloat16 from AVX-512 "core" on (its isa ``avx512_core``); on 64-bit ARM from the flag bf16 on.
CPU_FLAGS = (frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq"}), frozenset({"bf16"}))
CPU_INFO = Path("/proc/cpuinfo")
GPUS = Path("/proc/driver/nvidia/gpus")


def number_format(variables: Mapping[str, str] = os.environ) -> NumberFormat:
    """Return the number format of networks in bfloat16: that of the variable, or else what this machine supports.

    Args:
        variables: of the environment.

    Raises:
        InputError: the variable has another value.
    """
    value = variables.get(VARIABLE, "")
    if not value:
        return _supported()
    if value not in FORMATS:
        raise InputError(f"{VARIABLE}={value}: it is {' or '.join(FORMATS)}, or not set")
    return FORMATS[FORMATS.index(value)]  # type: ignore[arg-type]


@cache
def _supported() -> NumberFormat:
    has_gpu = GPUS.is_dir() and any(GPUS.iterdir())
    return "bfloat16" if has_gpu or _has_cpu_flags(CPU_INFO) else "float32"


def _has_cpu_flags(cpu_info: Path) -> bool:
    """Whether the first processor that a file describes has the flags; false where there is no such file."""
    try:
        text = cpu_info.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    lines = (line.partition(":") for line in text.splitlines())
    flags = next((value for name, _, value in lines if name.strip() in ("flags", "Features")), "")
    return any(needed <= set(flags.split()) for needed in CPU_FLAGS)
