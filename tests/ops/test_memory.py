"""Freed memory goes back to the system, though something that lives on lies above it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jackfield import memory

PROGRAM = """
import re
from pathlib import Path
from jackfield import memory

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

strewn = [bytearray(2000) for _ in range(20_000)]
last = bytearray(2000)  # keeps the heap from shrinking by itself
strewn.clear()
before = resident()
memory.give_back()
print(before - resident())
"""


@pytest.mark.skipif(memory._trim is None, reason="malloc of this system has no malloc_trim")
def test_what_lies_free_below_something_that_lives_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert int(done.stdout) > 30_000  # kB, of 40,000
