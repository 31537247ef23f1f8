"""Qualify: OPTIONS to registered phones, which keeps pinholes in NATs open and notices a phone that is lost."""

from __future__ import annotations

import asyncio
import heapq
import logging
import random as random_module
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jackfield.sip.flow import bracketed
from jackfield.sip.message import Request, Response
from jackfield.switch.contact import Contact
from jackfield.switch.registrar import Registrar
from jackfield.switch.snapshot import Snapshot

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent

__all__ = ["LOST_AFTER", "Qualifier"]

log = logging.getLogger("jackfield.registrar")

LOST_AFTER = 3
"""OPTIONS in a row without an answer until a phone is taken to be lost."""
TIMEOUT = 4.0
"""Seconds to wait for an answer. On UDP the request is repeated after 0.5, 1.5 and 3.5 s (RFC 3261 section 17.1.2)."""
_BURST = 50  # requests in one turn of the loop
_PAUSE = 0.02  # seconds to let calls in when more than that are due


class Qualifier:
    """Asks each phone behind NAT every `general.qualify_interval` seconds; three misses make it unreachable."""

    def __init__(
        self,
        agent: Agent,
        registrar: Registrar,
        snapshot: Callable[[], Snapshot],
        *,
        clock: Callable[[], float],
        emit: Callable[[str, dict[str, Any]], None],
        random: random_module.Random | None = None,
    ) -> None:
        """`emit` is not used: the registrar tells of phones that are lost and found."""
        self._agent = agent
        self._registrar = registrar
        self._snapshot = snapshot
        self._clock = clock
        self._random = random or random_module.Random()
        self._due: list[tuple[float, int, Contact]] = []
        self._scheduled: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to ask."""
        self._registrar.watchers.append(self.watch)
        for contact in self._registrar:
            self.watch(contact)
        self._task = asyncio.create_task(self._run(), name="qualify")

    async def close(self) -> None:
        """Stop asking."""
        if self.watch in self._registrar.watchers:
            self._registrar.watchers.remove(self.watch)
        tasks = [*self._asking, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._task = None

    def watch(self, contact: Contact) -> None:
        """Begin to ask a phone if it is one to be asked and is not yet."""
        if contact.id not in self._scheduled and self._is_asked(contact):
            self._scheduled.add(contact.id)
            # Phones that came together (after a power cut, after our restart) are spread over the interval.
            self._push(contact, self._snapshot().general.qualify_interval * self._random.uniform(0.05, 1.0))

    def _is_asked(self, contact: Contact) -> bool:
        """Say if OPTIONS go to this phone: while it is registered, behind a NAT, or all on UDP are to be asked."""
        general = self._snapshot().general
        if general.qualify_interval <= 0 or not self._registrar.holds(contact):
            return False
        return contact.behind_nat or (general.qualify_all and contact.transport == "UDP")

    def _push(self, contact: Contact, seconds: float) -> None:
        heapq.heappush(self._due, (self._clock() + seconds, contact.id, contact))

    async def _run(self) -> None:
        while True:
            try:
                pause = self._ask_due()
            except Exception:
                log.exception("asking phones by OPTIONS failed")
                pause = 1.0
            await self._agent.sleep(pause)

    def _ask_due(self) -> float:
        """Ask every phone whose time has come; return the seconds until the next look."""
        now = self._clock()
        for _ in range(_BURST):
            if not self._due or self._due[0][0] > now:
                return max(0.05, min(1.0, self._due[0][0] - now)) if self._due else 1.0
            _, number, contact = heapq.heappop(self._due)
            if not self._is_asked(contact):
                self._scheduled.discard(number)
                continue
            interval = self._snapshot().general.qualify_interval
            if contact.missed:
                interval = max(interval / 3, TIMEOUT)  # to know soon whether it is lost or one packet was
            self._push(contact, interval * self._random.uniform(0.9, 1.1))
            self._ask(contact)
        return _PAUSE

    def _ask(self, contact: Contact) -> None:
        request = self._options(contact)
        began = self._clock()
        flow = contact.flow
        if flow is not None:
            self._agent.send(request, flow, lambda response: self._answered(contact, response, began), timeout=TIMEOUT)
            return
        if contact.link is None and contact.transport != "UDP":
            return  # its connection has gone, and only it can connect anew
        task = asyncio.ensure_future(self._ask_by_uri(contact, request, began))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_by_uri(self, contact: Contact, request: Request, began: float) -> None:
        self._answered(contact, await self._agent.request(request, timeout=TIMEOUT), began)

    def _options(self, contact: Contact) -> Request:
        here = bracketed(contact.local[0]) if contact.link is None else bracketed(contact.link.local[0])
        return Request.new(
            "OPTIONS",
            contact.request_uri,
            [
                *(("Route", value) for value in contact.route),
                ("From", f"<sip:jackfield@{here}>;tag={self._random.getrandbits(64):016x}"),
                ("To", f"<sip:{contact.username}@{here}>"),
                ("Call-ID", f"{self._random.getrandbits(128):032x}"),
                ("Accept", "application/sdp"),
            ],
        )

    def _answered(self, contact: Contact, response: Response, began: float) -> None:
        """Take note of an answer, whatever it says: the phone is there. Silence and a dead connection are misses."""
        if not response.local:
            contact.latency = self._clock() - began
            contact.missed = 0
            self._registrar.reached(contact, True, f"it answers OPTIONS in {contact.latency * 1000:.0f} ms")
            return
        contact.missed += 1
        if contact.missed >= LOST_AFTER:
            self._registrar.reached(contact, False, f"{contact.missed} OPTIONS without an answer")
