"""Our own DHCP server: dnsmasq, started, watched and stopped by us.

It is never started on a network where another DHCP server answers, and it serves one network card only: requests that
a router brings from other networks find no addresses and are left unanswered.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import ipaddress
import logging
import os
import re
import shutil
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from jackfield.provisioning.dhcp import Lease, Offer, Serving, configuration, leases
from jackfield.provisioning.dhcp_probe import probe

__all__ = ["DhcpServer", "Event", "addresses_by_interface", "read_event"]

log = logging.getLogger(__name__)

State = Literal["off", "looking", "on", "refused", "failed"]
PAUSES = (1.0, 5.0, 30.0, 60.0)
MOST_EVENTS = 200
STOP_SECONDS = 3.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Event:
    """A line of dnsmasq's that is worth showing."""

    at: float  # seconds since 1970
    kind: str  # discover, offer, request, ack, nak, ignored, foreign
    mac: str
    address: str
    interface: str


_LINE = re.compile(
    r"DHCP(?P<kind>DISCOVER|OFFER|REQUEST|ACK|NAK|INFORM|DECLINE|RELEASE)\((?P<interface>[^)]+)\)"
    r"(?: (?P<address>\d+\.\d+\.\d+\.\d+))? (?P<mac>(?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?P<rest>.*)"
)
_FOREIGN = re.compile(r"no address range available for DHCP request via (?P<via>\S+)")


def read_event(line: str, at: float) -> Event | None:
    """Read a line of dnsmasq's log; None for one that tells nothing of a phone."""
    if found := _LINE.search(line):
        kind = "ignored" if found["rest"].strip().startswith("ignored") else found["kind"].lower()
        return Event(at, kind, found["mac"], found["address"] or "", found["interface"])
    if found := _FOREIGN.search(line):
        return Event(at, "foreign", "", "", found["via"])
    return None


def addresses_by_interface() -> dict[str, str]:
    """Return our IPv4 addresses with their prefix ("192.0.2.1/24") by the network card; the first where it has many."""
    found: dict[str, str] = {}
    for name, several in psutil.net_if_addrs().items():
        for one in several:
            if one.family.name == "AF_INET" and one.netmask and not one.address.startswith("127."):
                found.setdefault(name, str(ipaddress.IPv4Interface(f"{one.address}/{one.netmask}")))
    return found


class DhcpServer:
    """dnsmasq, or the reason why it does not run. `state` and `why` are for the page."""

    def __init__(
        self,
        folder: Path,
        *,
        looks: Callable[[str], Awaitable[list[str]]] = probe,
        clock: Callable[[], float] = time.time,
        program: str = "dnsmasq",
    ) -> None:
        self.state: State = "off"
        self.why = ""
        self.others: list[str] = []
        """Other DHCP servers that answered."""
        self.events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._folder = folder
        self._looks = looks
        self._clock = clock
        self._program = program
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def serve(self, serving: Serving, several: Sequence[Offer]) -> None:
        """Begin, or go on in another way. What hinders it stands in `state` and `why` then."""
        await self.stop()
        self._enter("looking")
        self._task = asyncio.create_task(self._run(serving, list(several)))

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._enter("off")

    def leases(self) -> list[Lease]:
        """Return what was given and is not over."""
        try:
            found = leases(self._leases.read_text(errors="replace"))
        except OSError:
            return []
        return [one for one in found if not one.until or one.until > self._clock()]

    @property
    def _leases(self) -> Path:
        return self._folder / "dhcp.leases"

    def _enter(self, state: State, why: str = "") -> None:
        self.state, self.why = state, why

    async def _run(self, serving: Serving, several: list[Offer]) -> None:
        for failures in range(1_000_000):
            if not await self._may(serving):
                return
            status, last = await self._once(serving, several)
            pause = PAUSES[min(failures, len(PAUSES) - 1)]
            self._enter("failed", last or f"dnsmasq ended ({status})")
            log.error("our DHCP server ended: %s; it is started again in %g s", self.why, pause)
            await asyncio.sleep(pause)

    async def _may(self, serving: Serving) -> bool:
        """Tell whether nothing speaks against it; otherwise `state` and `why` say what."""
        if _find(self._program) is None:
            self._enter("failed", "dnsmasq is not installed: apt-get install dnsmasq-base")
            return False
        self._enter("looking")
        try:
            self.others = await self._looks(serving.interface)
        except OSError as problem:
            self._enter(
                "failed",
                f"it can't be found out whether another DHCP server is there ({problem.strerror or problem}): "
                "the right to low ports is needed, as packaging/jackfield.service gives it",
            )
            return False
        if self.others:
            self._enter(
                "refused",
                f"another DHCP server answers on {serving.interface}: {', '.join(self.others)}. Two of them would "
                "disturb each other: switch that one off, or tell it the options below",
            )
            log.warning("our DHCP server is not started: %s", self.why)
            return False
        return True

    async def _once(self, serving: Serving, several: list[Offer]) -> tuple[int, str]:
        """Run dnsmasq until it ends; return its status and the last line that it said."""
        path = self._folder / "dnsmasq.conf"
        text = configuration(serving, several, str(self._leases), privileged=os.geteuid() == 0)
        path.write_text(text)
        command = [_find(self._program) or self._program, "--keep-in-foreground", f"--conf-file={path}", "--pid-file="]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with_us,
        )
        self._process = process
        assert process.stderr is not None
        last = ""
        try:
            while line := await process.stderr.readline():
                last = line.decode(errors="replace").strip()
                if "started" in last or "DHCP, IP range" in last:
                    self._enter("on")
                if event := read_event(last, self._clock()):
                    self.events.append(event)
            return await process.wait(), last.removeprefix("dnsmasq: ")
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()


def _find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")


def _die_with_us() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
