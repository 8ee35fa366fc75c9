"""Freed memory is kept: a large array's pages are not taken from the kernel again and again."""

import platform
import subprocess
import sys

import pytest

ASKED = """
import resource, sys
import numpy as np
from sanguinaria.core.memory_allocator import retain_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

kept = sys.argv[1] == "kept"
assert not kept or retain_freed_memory()
np.ones(2**23)  # 64 MiB
before = faults()
for _ in range(4):
    np.ones(2**23)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_large_arrays_are_made_of_the_same_pages():
    def faults(kept: str) -> int:
        done = subprocess.run([sys.executable, "-c", ASKED, kept], check=True, capture_output=True, text=True)
        return int(done.stdout)

    assert faults("kept") < 100 < faults("given back")
