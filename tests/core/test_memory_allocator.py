"""Freed memory is retained: large arrays reuse their pages instead of faulting new ones in."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from sanguinaria.core.memory_allocator import retain_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

retain = sys.argv[1] == "retain"
assert not retain or retain_freed_memory()
np.ones(2**23)  # 64 MiB
before = faults()
for _ in range(4):
    np.ones(2**23)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_large_arrays_reuse_pages():
    def faults(mode: str) -> int:
        process = subprocess.run([sys.executable, "-c", SCRIPT, mode], check=True, capture_output=True, text=True)
        return int(process.stdout)

    assert faults("retain") < 100 < faults("release")
