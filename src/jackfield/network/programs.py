"""Programs of the system that do what needs the kernel's rights: ip, wg, nft."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["Run", "may_administer", "run", "where"]

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin"
_PATIENCE = 30.0
_CAP_NET_ADMIN = 12

Run = Callable[[Sequence[str], str], subprocess.CompletedProcess[str]]
"""Runs a command with text on its standard input."""


def run(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with text on its standard input, found in the system's folders also where our PATH lacks them."""
    program = where(command[0]) or command[0]
    return subprocess.run(
        [program, *command[1:]], input=text, capture_output=True, text=True, timeout=_PATIENCE, check=False
    )


def where(program: str) -> str:
    """Return where a program is; "" when it is not installed."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{_PATH}") or ""


def may_administer(status: Path = Path("/proc/self/status")) -> bool:
    """Tell whether this process may set up the network (CAP_NET_ADMIN, capabilities(7)); True where nobody says."""
    with contextlib.suppress(OSError, StopIteration):
        line = next(one for one in status.read_text().splitlines() if one.startswith("CapEff:"))
        return bool(int(line.split()[1], 16) >> _CAP_NET_ADMIN & 1)
    return True
