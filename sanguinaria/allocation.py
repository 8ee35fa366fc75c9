"""Memory that a job frees stays its own, for the tensors that come next.

glibc takes blocks of more than 32 MiB from the kernel one by one and gives them back as soon as they are freed. Every
large tensor of a network's pass is then made of new pages, and each page costs a fault: half of the time of some passes
(``benchmarks/allocation.py``). Results are the same to the last bit, and so is the peak of memory, but for what lies
between blocks; a job ends soon enough and gives all of it back.
"""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h: from which size on blocks are the kernel's, and how much at the heap's end is given back.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
NEVER, LARGE = -1, 2**30


def keep_freed() -> bool:
    """Ask the C library for it; whether it can, as others than glibc cannot."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_MMAP_THRESHOLD, LARGE) and mallopt(M_TRIM_THRESHOLD, NEVER))
