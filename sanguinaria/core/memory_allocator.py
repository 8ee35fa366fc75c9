"""Settings of glibc's memory allocator, so that a process retains the memory that it frees.

By default, glibc maps each block of more than 32 MiB from the kernel, and unmaps it when it is freed. Each large tensor
of a network's pass then consists of new pages, each of which costs a page fault: half of the time of some passes
(``benchmarks/allocation.py``). Results are the same to the last bit. The peak of memory is the same, too, apart from
fragmentation; a job ends soon and returns all of it.
"""

from __future__ import annotations

import ctypes

# Parameters of glibc's malloc.h: the free memory at the heap's end above which it is returned, the block size from
# which on blocks are mapped from the kernel, and the largest number of such mappings: 0, where an older glibc refuses a
# block size as large as ours.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
NEVER, LARGE, NONE = -1, 2**30, 0


def retain_freed_memory() -> bool:
    """Make the C library retain freed memory.

    Returns:
        Whether the C library supports it, which only glibc does.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    unmapped = mallopt(M_MMAP_THRESHOLD, LARGE) or mallopt(M_MMAP_MAX, NONE)
    return bool(unmapped and mallopt(M_TRIM_THRESHOLD, NEVER))
