"""Our table in the kernel, by the program `nft` (Debian's nftables), which needs CAP_NET_ADMIN."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from pathlib import Path

from jackfield.network.firewall import ruleset
from jackfield.network.programs import Run, may_administer, run, where

__all__ = ["Kernel", "KernelError", "table_for", "why_not"]

_STANDARD = Path("/var/lib/jackfield")


class KernelError(Exception):
    """The kernel did not take the rules; those from before hold on. The text says why, and the mend."""


def table_for(folder: Path) -> str:
    """Return the table's name for an installation: two on one machine never take each other's."""
    if folder == _STANDARD:
        return "jackfield"
    return f"jackfield_{hashlib.sha256(str(folder).encode()).hexdigest()[:6]}"


def why_not(status: Path = Path("/proc/self/status")) -> str:
    """Return why the rules can't hold in the kernel, with the mend; "" when nothing is missing."""
    if not where("nft"):
        return "the program nft is not installed: apt install nftables"
    if not may_administer(status):
        return (
            "Jackfield may not write firewall rules (CAP_NET_ADMIN): start it by packaging/jackfield.service, "
            "which gives it this right, or as root"
        )
    return ""


class Kernel:
    """The table of one installation. `run` is for tests. The methods block."""

    def __init__(self, folder: Path, run: Run = run) -> None:
        self.table = table_for(folder)
        self._run = run

    def apply(self, script: str) -> None:
        """Have the kernel take a script of `ruleset.script`, wholly or not at all. Raises `KernelError`."""
        try:
            done = self._run(["nft", "-f", "-"], script)
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise KernelError(f"nft could not be run: {problem}") from None
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())
            hint = ": Jackfield needs the right CAP_NET_ADMIN" if "not permitted" in said else ""
            raise KernelError(f"the kernel did not take the firewall's rules{hint} ({said[:300]})")

    def remove(self) -> None:
        """Take the table away. Never raises: a machine that stops has nothing to say any more."""
        with contextlib.suppress(KernelError):
            self.apply(ruleset.removal(self.table))

    def shown(self) -> str:
        """Return the table as the kernel has it, in nft's words; "" when it is not there."""
        done = self._run(["nft", "list", "table", "inet", self.table], "")
        return "" if done.returncode else done.stdout
