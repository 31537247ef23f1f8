"""The trunks of the house: registration, health, hops and limits of each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random as random_module
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from jackfield.sip.digest import DigestClient
from jackfield.sip.errors import MalformedHeader
from jackfield.sip.flow import Flow, Hop, bracketed
from jackfield.sip.uri import escape_user
from jackfield.switch.inbound import rules_of
from jackfield.switch.numbers import clean
from jackfield.switch.snapshot import Outbound, Snapshot, Trunk
from jackfield.switch.trunk import LiveTrunk, uri_of

if TYPE_CHECKING:
    from jackfield.sip.agent import Agent
    from jackfield.sip.message import Request

__all__ = ["Credentials", "TrunkRow", "Trunks", "may_fail_over"]

log = logging.getLogger("jackfield.trunks")

_MAX_SOURCES = 10_000  # addresses of which it is remembered whose trunk they are


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a 401 or 407 from the trunk is answered with."""

    digest: DigestClient
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class TrunkRow:
    """A trunk in the table that the administrator sees."""

    name: str
    kind: str
    state: str
    """"registered", "up", "down", "refused", "registering", "disabled"."""
    text: str
    """What is the matter and the mend, empty when all is well."""
    hosts: tuple[str, ...]
    """Each address with "up" or "down"."""
    calls: int
    since: float
    """Wall clock, seconds."""


def may_fail_over(status: int) -> bool:
    """Say if a call that a trunk answered so may be tried on the next: 5xx and 408, never busy or rejected."""
    return status == 408 or 500 <= status <= 599


class Trunks:
    """All trunks. The order of `hops()` is the order of trial: healthy ones first."""

    def __init__(
        self,
        agent: Agent,
        snapshot: Callable[[], Snapshot],
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        emit: Callable[[str, dict[str, Any]], None],
        random: random_module.Random | None = None,
    ) -> None:
        """`emit("event", data)` hears of each trunk that goes up or down."""
        self._agent = agent
        self._snapshot = snapshot
        self._clock = clock
        self._wall_clock = wall_clock
        self._emit = emit
        self._random = random or random_module.SystemRandom()
        self._live: dict[str, LiveTrunk] = {}
        self._by_contact: dict[str, LiveTrunk] = {}
        self._by_source: dict[str, list[LiveTrunk]] = {}
        self._route_calls: Counter[str] = Counter()
        self._ending: set[asyncio.Task[None]] = set()

    # --- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to register and to watch."""
        await self.reload()

    async def reload(self) -> None:
        """The snapshot has changed: begin new trunks, end those that are gone, restart those that differ."""
        wanted = {trunk.name: trunk for trunk in self._snapshot().trunks if trunk.enabled}
        before = self._live
        new = {name: self._make(trunk) for name, trunk in wanted.items() if not _is_same(before.get(name), trunk)}
        gone = [live for name, live in before.items() if name in new or name not in wanted]
        self._live = {name: new.get(name) or before[name] for name in wanted}
        for live in gone:
            successor = self._live.get(live.trunk.name)
            if successor is not None:
                successor.calls = live.calls
            # A successor that registers the same contact must not be undone by its predecessor's farewell.
            self._end(live, unregister=successor is None or successor.contact_user != live.contact_user)
        self._by_contact = {live.contact_user: live for live in self._live.values()}
        self._by_source.clear()
        for live in new.values():
            live.start()

    def _end(self, live: LiveTrunk, *, unregister: bool) -> None:
        """End a trunk in the background: its provider may be slow to answer."""
        task = asyncio.create_task(live.close(unregister=unregister))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _make(self, trunk: Trunk) -> LiveTrunk:
        return LiveTrunk(
            self._agent,
            trunk,
            clock=self._clock,
            wall_clock=self._wall_clock,
            tell=self._told,
            moved=self._by_source.clear,
            random=self._random,
        )

    async def close(self) -> None:
        """Unregister and stop everything."""
        for live in self._live.values():
            self._end(live, unregister=True)
        await asyncio.gather(*self._ending, return_exceptions=True)
        self._live.clear()
        self._by_contact.clear()
        self._by_source.clear()

    def _told(self, trunk: Trunk, state: str, text: str) -> None:
        self._emit(
            "event", {"kind": "trunk", "trunk": trunk.name, "state": state, "text": text, "at": self._wall_clock()}
        )

    def register_again(self) -> None:
        """Our address is another: tell the providers."""
        for live in self._live.values():
            live.register_again()

    def seen_as(self) -> list[dict[str, Any]]:
        """Return as what providers see us, where they have said: {"trunk", "address", "ours"}."""
        seen = ((name, *live.seen_as) for name, live in self._live.items())
        return [{"trunk": name, "address": address, "ours": ours} for name, address, ours in seen if address]

    # --- limits ------------------------------------------------------------------------------------------------------

    def usable(self, trunk: Trunk) -> bool:
        """Say if a call may be tried: enabled, an address is known, and it is not known to be down."""
        live = self._live.get(trunk.name)
        return live is not None and live.usable

    def has_room(self, trunk: Trunk) -> bool:
        """Say if the trunk's `max_calls` allows one more."""
        live = self._live.get(trunk.name)
        return live is not None and (trunk.max_calls <= 0 or live.calls < trunk.max_calls)

    def acquire(self, trunk: Trunk, *, force: bool = False) -> bool:
        """Count a call (either direction) that begins; False when there is no room. `force`: emergency."""
        live = self._live.get(trunk.name)
        if live is None or not (force or self.has_room(trunk)):
            return False
        live.calls += 1
        return True

    def release(self, trunk: Trunk) -> None:
        """Count a call that has ended."""
        live = self._live.get(trunk.name)
        if live is not None:
            live.calls = max(0, live.calls - 1)

    @contextmanager
    def route_slot(self, route: Outbound) -> Iterator[bool]:
        """Hold one of the route's `max_calls` while the block runs; gives False when all are taken."""
        free = route.max_calls <= 0 or self._route_calls[route.name] < route.max_calls
        self._route_calls[route.name] += free
        try:
            yield free
        finally:
            self._route_calls[route.name] -= free

    # --- calls to a trunk --------------------------------------------------------------------------------------------

    async def hops(self, trunk: Trunk) -> list[Hop]:
        """Return where a call is tried, in order: healthy addresses first. Empty when no name could be resolved."""
        live = self._live.get(trunk.name)
        if live is None:
            return []
        if not live.health.hops:
            await live.resolve()
        return live.hops()

    def request_uri(self, trunk: Trunk, number: str) -> str:
        """Return the Request-URI for a number."""
        if trunk.domain:
            place = bracketed(trunk.domain)
        else:
            uri = uri_of(trunk.hosts[0]) if trunk.hosts else None
            place = uri.host_port if uri is not None else "invalid"
        return f"sip:{escape_user(number)}@{place}"

    def credentials(self, trunk: Trunk) -> Credentials:
        """Return what challenges of the trunk are answered with."""
        live = self._live.get(trunk.name) or self._make(trunk)
        return Credentials(live.digest, trunk.auth_username or trunk.username, trunk.password)

    def contact_user(self, trunk: Trunk) -> str:
        """Return the user part of our Contact towards the trunk: the one registered there, hard to guess."""
        live = self._live.get(trunk.name)
        return live.contact_user if live is not None else "trunk"

    def attempted(self, trunk: Trunk, hop: Hop | None, status: int, *, local: bool) -> None:
        """Hear how a call attempt ended: a time-out or transport failure (`local`) counts against the hop's health."""
        live = self._live.get(trunk.name)
        if live is not None and hop is not None:
            live.attempted(hop, status, local=local)

    # --- calls from a trunk ------------------------------------------------------------------------------------------

    def identify(self, request: Request, flow: Flow) -> Trunk | None:
        """Return the trunk from which a request comes: by our registered contact, else by its source address."""
        if not self._live:
            return None
        candidates = self._from(flow.remote[0])
        try:
            called = request.request_uri.user
        except MalformedHeader:
            called = ""
        if (live := self._by_contact.get(called)) is not None:
            return live.trunk
        if not candidates:
            return None
        if len(candidates) > 1:
            candidates = self._narrowed(candidates, request, flow, called)
        return candidates[0].trunk

    def addresses(self) -> set[str]:
        """Return the addresses of all trunks, as far as they are known."""
        return {one.hop.host for live in self._live.values() for one in live.health.hops}

    def may_come_from(self, host: str) -> bool:
        """Say if calls of a trunk may come from an address."""
        return bool(self._from(host))

    def sent_from(self, trunk: Trunk, flow: Flow) -> bool:
        """Say if a flow comes from exactly an address and port of the trunk, rather than from its machine."""
        live = self._live.get(trunk.name)
        return live is not None and any((one.hop.host, one.hop.port) == flow.remote for one in live.health.hops)

    def _from(self, host: str) -> list[LiveTrunk]:
        """Return the trunks whose calls may come from an address."""
        found = self._by_source.get(host)
        if found is None:
            found = []
            with contextlib.suppress(ValueError):
                address = ip_address(host)
                for live in self._live.values():
                    hosts = {one.hop.host for one in live.health.hops}
                    if host in hosts or any(address in network for network in live.networks):
                        found.append(live)
            if all(live.resolved for live in self._live.values()) and len(self._by_source) < _MAX_SOURCES:
                self._by_source[host] = found
        return found

    def _narrowed(self, candidates: list[LiveTrunk], request: Request, flow: Flow, called: str) -> list[LiveTrunk]:
        """Choose among several trunks at one address: by port, by account, by the numbers that each one has."""
        by_port = [live for live in candidates if self.sent_from(live.trunk, flow)]
        candidates = by_port or candidates
        names = {called, request.to.uri.user}
        by_account = [live for live in candidates if live.trunk.username and live.trunk.username in names]
        if by_account:
            return by_account
        snapshot, number = self._snapshot(), clean(called)
        for live in candidates:
            rules = rules_of(snapshot, live.trunk.name)
            position = rules.find(number)
            if position is not None and rules.rules[position].trunk and rules.rules[position].number:
                return [live]
        return candidates

    # --- for status pages --------------------------------------------------------------------------------------------

    def table(self) -> list[TrunkRow]:
        """Return one row for each trunk."""
        rows = []
        for trunk in self._snapshot().trunks:
            live = self._live.get(trunk.name)
            if live is None:
                rows.append(TrunkRow(trunk.name, trunk.kind, "disabled", "", trunk.hosts, 0, 0.0))
                continue
            hosts = tuple(f"{one.hop} {'up' if one.up else 'down'}" for one in live.health.hops)
            rows.append(TrunkRow(trunk.name, trunk.kind, live.state, live.text, hosts, live.calls, live.since))
        return rows


def _is_same(live: LiveTrunk | None, trunk: Trunk) -> bool:
    return live is not None and live.trunk == trunk
