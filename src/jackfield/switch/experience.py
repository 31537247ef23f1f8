"""What was learnt of networks and of phones in them, which outlives registrations and restarts.

It is kept in the file of the registrations; an entry there takes the place of the one before of the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from jackfield.switch.contact import Contact
from jackfield.switch.pinhole import Pinhole
from jackfield.switch.registration_log import Judged, Learnt
from jackfield.switch.verdict import SECOND, Verdict

__all__ = ["KEPT", "Experience", "device"]

KEPT = 180 * 86400.0
"""Seconds after which what was learnt and never confirmed is forgotten."""
CAUGHT = 86400.0
"""Seconds for which a router is believed to change SIP messages."""
MOST = 50_000
"""Networks and verdicts that are remembered at most."""


def device(contact: Contact) -> str:
    """Return what a phone is known by from one registration to the next."""
    return contact.instance or contact.user_agent


class Experience:
    """Pinholes of NATs, routers that change SIP, and verdicts. `keep(entry)` writes one into the file."""

    def __init__(self, wall_clock: Callable[[], float], keep: Callable[[Learnt | Judged], None]) -> None:
        self._wall_clock = wall_clock
        self._keep = keep
        self._pinholes: dict[tuple[str, bool], Pinhole] = {}
        self._gateways: dict[str, float] = {}
        self._verdicts: dict[tuple[str, str, str], Verdict] = {}

    # --- NATs

    def pinhole(self, contact: Contact) -> Pinhole:
        """Return what is known of the NAT that a phone is behind, for datagrams or for connections."""
        key = contact.source[0], contact.transport == "UDP"
        found = self._pinholes.get(key)
        if found is None:
            if len(self._pinholes) >= MOST:
                self._pinholes.pop(next(iter(self._pinholes)))
            found = self._pinholes[key] = Pinhole()
        return found

    def learnt(self, contact: Contact) -> None:
        """Write down what has changed of its NAT."""
        self._keep(self._entry((contact.source[0], contact.transport == "UDP")))

    def changes_sip(self, address: str) -> bool:
        """Say if the router at a public address is known to change SIP messages."""
        return address in self._gateways

    def gateway(self, address: str, changes: bool) -> bool:
        """Note that a router changes SIP messages of a phone, or does not. True when that is news.

        One that changes those of a phone may leave another one's alone (another port, TCP), so it is believed to have
        been mended only when it was not caught for a day.
        """
        now, caught = self._wall_clock(), self._gateways.get(address, 0.0)
        if now - caught < CAUGHT or (not changes and not caught):
            return False
        if changes:
            self._gateways[address] = now
        else:
            del self._gateways[address]
        self._keep(self._entry((address, True)))
        return not (changes and caught)

    @property
    def gateways(self) -> list[str]:
        """Public addresses of routers that change SIP messages."""
        return sorted(self._gateways)

    # --- phones

    def verdict(self, contact: Contact) -> Verdict | None:
        """Return what is known of a phone in the network that it is in now."""
        return self._verdicts.get((contact.username, device(contact), contact.source[0]))

    def transports(self) -> dict[str, str]:
        """Return the transport that each line had better use, by its SIP name, where it matters."""
        latest: dict[str, Verdict] = {}
        for (username, _device, _network), verdict in self._verdicts.items():
            known = latest.get(username)
            if known is None or known.at < verdict.at:
                latest[username] = verdict
        return {
            username: SECOND if verdict.needs_second else verdict.transport
            for username, verdict in latest.items()
            if verdict.transport
        }

    def changed(self, contact: Contact, changes: bool) -> None:
        """Note of a phone that a router changes what it says, or does not: it is to be given TLS before any call."""
        known = self.verdict(contact)
        if known is not None and known.gateway != changes:
            self.judge(contact, msgspec.structs.replace(known, gateway=changes))
        elif known is None and changes:
            found = Verdict(
                at=self._wall_clock(), how="keep-alive", network=contact.source[0], gateway=True,
                signalling=contact.transport,
            )  # fmt: skip
            self.judge(contact, found)

    def judge(self, contact: Contact, verdict: Verdict) -> None:
        """Keep a verdict."""
        key = contact.username, device(contact), contact.source[0]
        if key not in self._verdicts and len(self._verdicts) >= MOST:
            self._verdicts.pop(next(iter(self._verdicts)))
        self._verdicts[key] = verdict
        self._keep(Judged(*key, verdict))

    # --- the file

    def take(self, entry: Learnt | Judged) -> None:
        """Take an entry of the file."""
        old = self._wall_clock() - KEPT
        if isinstance(entry, Judged):
            if entry.verdict.at > old:
                self._verdicts[entry.username, entry.device, entry.network] = entry.verdict
            return
        if entry.at > old:
            self._pinholes[entry.address, entry.datagrams] = Pinhole(entry.good, entry.bad, entry.at)
        self._gateways.pop(entry.address, None)
        if entry.gateway > old:
            self._gateways[entry.address] = entry.gateway

    def entries(self) -> Iterator[Learnt | Judged]:
        """Return all that is worth keeping."""
        for key, pinhole in list(self._pinholes.items()):
            if pinhole.at:
                yield self._entry(key)
        for address in list(self._gateways):
            yield self._entry((address, True))
        for (username, name, network), verdict in list(self._verdicts.items()):
            yield Judged(username, name, network, verdict)

    def _entry(self, key: tuple[str, bool]) -> Learnt:
        address, datagrams = key
        known = self._pinholes.get(key) or Pinhole()
        return Learnt(address, datagrams, known.good, known.bad, known.at, self._gateways.get(address, 0.0))
