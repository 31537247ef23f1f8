"""Memory that a process has freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["give_back"]


def give_back() -> None:
    """Return what malloc holds of freed memory: whole pages of it, wherever they lie. Takes a quarter of a millisecond.

    By itself glibc returns only what is free at the end of its heap. A server that runs for months has something that
    lives longer at the end, and keeps what its busiest minute strewed over the heap below (malloc_trim(3)).
    """
    if _trim is not None:
        _trim(0)


_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None  # musl has none
