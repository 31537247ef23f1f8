"""Checks of the firewall: where its rules hold, and whom they keep from the administration."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from jackfield.check import Finding, Level
from jackfield.control import ControlError, ask_sync
from jackfield.network.firewall import kernel, table
from jackfield.network.firewall.keeper import Standing
from jackfield.network.firewall.policy import Policy
from jackfield.settings import Settings
from jackfield.switch import snapshot as snapshots

__all__ = ["firewall", "opening_for"]


def firewall(settings: Settings) -> Iterator[Finding]:
    """The rules hold, and no group in them is missing."""
    try:
        snapshot = snapshots.read(settings.files.snapshot)
    except (OSError, msgspec.DecodeError):
        snapshot = snapshots.Snapshot()
    holds = table.policy_of(settings, snapshot, table.load(settings.files.firewall))
    problem = _problem(settings)
    if settings.firewall == "programs":
        yield Finding("ok", "firewall", "in the programs alone, as the setting “firewall” says")
    elif problem:
        level: Level = "error" if settings.firewall == "kernel" else "warning"
        yield Finding(level, "firewall", f"it holds in the programs alone: {problem}", _mend(problem))
    else:
        yield Finding("ok", "firewall", "it holds in the kernel and in the programs")
    for name, opening in holds.openings.items():
        for group in opening.missing:
            yield Finding(
                "warning", "firewall", f'{name} is open to the address group "{group}", which there is not',
                "make the group, or take it out: jackfield firewall show",
            )  # fmt: skip
    if holds.panic:
        yield Finding("warning", "firewall", "panic: all is closed but to the local networks and the VPN",
                      "jackfield firewall panic --end")  # fmt: skip
    if text := opening_for(holds, os.environ.get("SSH_CONNECTION", "")):
        yield Finding("ok", "firewall", text)


def opening_for(policy: Policy, ssh_connection: str) -> str:
    """Say how somebody who sits at an SSH connection opens the administration to himself; "" when it is open.

    ssh_connection: as ssh(1) sets it, "203.0.113.5 50000 192.0.2.1 22"; "" for somebody at the machine.
    """
    address = ssh_connection.split(" ", 1)[0]
    opening = policy.openings["administration"]
    if opening.everyone or (address and policy.allows("administration", address)):
        return ""
    return (
        f"the administration is open to {opening.words()}; to open it to yourself: "
        f"jackfield firewall open administration {address or 'YOUR.ADDRESS'}"
    )


def _problem(settings: Settings) -> str:
    try:
        standing = msgspec.convert(ask_sync(settings.files.network_socket, "firewall", timeout=3.0), Standing)
    except ControlError:
        return kernel.why_not()  # as it will be
    return "" if standing.way == "kernel" else standing.problem or kernel.why_not()


def _mend(problem: str) -> str:
    return problem.partition(": ")[2] or "see the log of the network process"
