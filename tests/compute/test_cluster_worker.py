"""What a worker sets for itself; the rest is in test_cluster.py, with real ones."""

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
from resource import RUSAGE_SELF, getrusage
from pipeline.compute.cluster_worker import keep_freed_memory

def faults():
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(50):
        bytearray(b"1") * 2**21
    return getrusage(RUSAGE_SELF).ru_minflt - before

print(faults())
keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries cannot be told")
def test_freed_memory_serves_again_in_a_worker_that_dask_started() -> None:
    """Two megabytes are 512 pages of 4 KiB."""
    environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}  # Dask's
    done = subprocess.run([sys.executable, "-c", FAULTS], env=environment, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 50 * 500
    assert after < 500
