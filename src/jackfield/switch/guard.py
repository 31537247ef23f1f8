"""The guard's eyes and hands in the switch: reports who fails and who gets in, and drops what the blocked send.

Who is blocked, the network process decides (`network/guard`), for it sees all programs. Where it does not run, nobody
new is blocked, and calls go on. A block can spare accounts: what they send is let through to have its password looked
at, all else from there is dropped without an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield.control import ControlError, ask
from jackfield.network.groups import Addresses, read_entry
from jackfield.network.groups import Range as Stretch
from jackfield.network.guard.story import Block, Failure, Success, source_of
from jackfield.sip.agent import DROP
from jackfield.sip.errors import MalformedHeader

if TYPE_CHECKING:
    from jackfield.sip.flow import Flow
    from jackfield.sip.message import Request, Response
    from jackfield.switch.contact import Contact

__all__ = ["Guard"]

log = logging.getLogger("jackfield.guard")

EVERY = 0.25
"""Seconds between reports, while there is something to be told."""
MOST = 2000
"""Failures and successes that wait for a report; of a flood the rest says nothing new."""
UNANSWERED = 40
"""Challenges that an address may leave unanswered, one after the other."""
A_DAY = 86400.0
_REMEMBERED = 8192
_USERNAME = re.compile(r'\busername\s*=\s*"([^"\\]*)"', re.IGNORECASE)  # RFC 7616: always in quotes
_ALL_AT_ONCE = 1000.0


class Guard:
    """One for a switch. `socket`: of the network process; None: nobody is told, and nobody blocked."""

    def __init__(self, socket: Path | None, wall_clock: Callable[[], float]) -> None:
        self._socket = socket
        self._now = wall_clock
        self.failures: list[Failure] = []
        """What is to be reported."""
        self._successes: list[Success] = []
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._told: dict[str, str] = {}
        """From where phones have come today, by SIP name."""
        self._exact: dict[str, frozenset[str]] = {}
        self._networks: list[tuple[Addresses, frozenset[str]]] = []
        self._asked: dict[str, int] = {}
        self._changed: Callable[[], None] = lambda: None
        self._exempt: Callable[[str], bool] = lambda address: False
        self.dropped = 0

    def begin(self, exempt: Callable[[str], bool], changed: Callable[[], None], phones: Iterable[Contact]) -> None:
        """Begin. exempt: tells who is never reported, trunks; changed: called when others are blocked than before."""
        self._exempt, self._changed = exempt, changed
        for contact in phones:
            self.registered(contact)
        if self._socket is not None:
            self._asking = asyncio.get_running_loop().create_task(self._ask(phones))

    async def _ask(self, phones: Iterable[Contact]) -> None:
        """Have who is blocked be told to us, and tell of all phones once a day: who stays is not to be forgotten."""
        assert self._socket is not None
        with contextlib.suppress(ControlError):  # when it comes up, it tells by itself
            await ask(self._socket, "blocks_again")
        while True:
            await asyncio.sleep(A_DAY)
            self._told.clear()
            for contact in phones:
                self.registered(contact)

    # --- what is seen

    def refused(self, seen: dict[str, Any]) -> None:
        """Somebody has sent a wrong password, or a name that there is not. As the authenticator tells it."""
        what = f'{seen["method"]} for "{seen["username"][:40]}": {seen["reason"]}'
        self._fail(seen["address"], seen["username"][:64], known=bool(seen["extension"]), what=what)

    def challenged(self, request: Request, flow: Flow) -> None:
        """Somebody was asked for a password. Who asks again and again and never answers, looks for something."""
        address = flow.remote[0]
        count = self._asked.get(address, 0) + 1
        if len(self._asked) >= _REMEMBERED and address not in self._asked:
            self._asked.clear()
        self._asked[address] = count % UNANSWERED
        if count == UNANSWERED:
            what = f"asked for a password {UNANSWERED} times and never answered"
            agent, proven = request.get("User-Agent") or "", flow.transport != "UDP"
            self._fail(address, "", known=False, what=what, user_agent=agent, proven=proven, weight=_ALL_AT_ONCE)

    def accepted(self, address: str) -> None:
        """Somebody has sent a right password."""
        self._asked.pop(address, None)

    def registered(self, contact: Contact) -> None:
        """A phone has come, or something about it has changed."""
        address = contact.source[0]
        if self._told.get(contact.username) == address:
            return  # today already: registering again costs nothing here
        if contact.reachable and len(self._successes) < MOST:
            self._told[contact.username] = address
            self._successes.append(Success(self._now(), "sip", address, contact.username))
            self._soon()

    def _fail(self, address: str, account: str, **more: Any) -> None:
        if len(self.failures) < MOST and not self._exempt(address):
            self.failures.append(Failure(self._now(), "sip", address, account, **more))
            self._soon()

    def _soon(self) -> None:
        if self._socket is not None and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._report())

    async def _report(self) -> None:
        try:
            while self.failures or self._successes:
                await asyncio.sleep(EVERY)
                failures, self.failures = self.failures, []
                successes, self._successes = self._successes, []
                assert self._socket is not None
                try:
                    plain = msgspec.to_builtins({"failures": failures, "successes": successes})
                    await ask(self._socket, "guard_report", **plain)
                except ControlError as problem:
                    log.debug("the guard does not hear: %s", problem)
        finally:
            self._task = None

    def close(self) -> None:
        """Report nothing any more."""
        for task in (self._task, self._asking):
            if task is not None:
                task.cancel()

    # --- who is blocked

    async def blocks(self, request: dict[str, Any]) -> None:
        """Take note of all who are blocked now. For the network process."""
        self.use(msgspec.convert(request["blocks"], list[Block]))

    def use(self, blocks: Sequence[Block]) -> None:
        """Keep out these and no others."""
        exact: dict[str, frozenset[str]] = {}
        networks: list[tuple[Addresses, frozenset[str]]] = []
        for block in blocks:
            spared = frozenset(block.spared)
            if "/" not in block.source:
                exact[block.source] = spared
            elif ":" in block.source and block.source.endswith("/64"):
                exact[block.source] = spared  # as `source_of` names it
            elif isinstance(stretch := read_entry(block.source), Stretch):
                networks.append((Addresses((stretch,)), spared))
        self._exact, self._networks = exact, networks
        self._changed()

    @property
    def blocking(self) -> bool:
        """Whether anybody is blocked."""
        return bool(self._exact or self._networks)

    def spared(self, address: str) -> frozenset[str] | None:
        """Return the accounts that are heard from a blocked address; None for one that is not blocked."""
        found = self._exact.get(address if ":" not in address else source_of(address))
        for network, accounts in self._networks:
            if address in network:
                found = accounts if found is None else found & accounts
        return found

    def shut(self, address: str) -> bool:
        """Tell whether nothing at all is taken from an address."""
        found = self.spared(address)
        return found is not None and not found

    def turned_away(self, request: Request, flow: Flow) -> Response | None:
        """Return `DROP` for what a blocked address sends for others than the accounts that are spared."""
        spared = self.spared(flow.remote[0])
        if spared is None or _claims(request) in spared:
            return None
        self.dropped += 1
        return DROP


def _claims(request: Request) -> str:
    """Return the account that a request is said to be of."""
    try:
        if "Authorization" in request:
            found = _USERNAME.search(request.get("Authorization") or "")
            return found[1] if found else ""
        return str(request.from_.uri.username)
    except MalformedHeader:
        return ""
