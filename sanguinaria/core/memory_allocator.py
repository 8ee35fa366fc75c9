"""Memory that a job frees stays its own, for the tensors that come next.

glibc takes blocks of more than 32 MiB from the kernel one by one and gives them back as soon as they are freed. Every
large tensor of a network's pass is then made of new pages, and each page costs a fault: half of the time of some passes
(``benchmarks/allocation.py``). Results are the same to the last bit, and so is the peak of memory, but for what lies
between blocks; a job ends soon enough and gives all of it back.
"""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h: how much at the heap's end is given back, from which size on blocks are the kernel's, and how
# many may be: none, where an older glibc refuses so large a size.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
NEVER, LARGE, NONE = -1, 2**30, 0


def retain_freed_memory() -> bool:
    """Ask the C library for it; whether it can, as others than glibc cannot."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    own = mallopt(M_MMAP_THRESHOLD, LARGE) or mallopt(M_MMAP_MAX, NONE)
    return bool(own and mallopt(M_TRIM_THRESHOLD, NEVER))
