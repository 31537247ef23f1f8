"""Locations: the table of all registered phones, what is asked of it, and the file that keeps it over a restart."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jackfield.sip.flow import Flow, TransportFailed
from jackfield.switch.contact import Contact
from jackfield.switch.experience import Experience
from jackfield.switch.gruu import Gruus
from jackfield.switch.nat import inside
from jackfield.switch.registration_log import Bound, Judged, Learnt, Refreshed, RegistrationLog, Removed
from jackfield.switch.sites import site_of_phone
from jackfield.switch.snapshot import Extension, Line, Site, Snapshot
from jackfield.switch.user_agents import model_of

if TYPE_CHECKING:
    from jackfield.sip.flow import Address
    from jackfield.sip.transport.transports import Transports
    from jackfield.sip.uri import Uri

__all__ = ["Locations", "PhoneRow"]

log = logging.getLogger("jackfield.registrar")

_COMPACT_FROM = 1024 * 1024  # bytes: below this the file is never written anew
_COMPACT_AT = 4  # times what a fresh file would have
_TYPICAL_ENTRY = 400  # bytes
_MANY = 2000  # phones from which on they are looked through every five seconds only
SLEEP = 30 * 86400.0
"""Seconds for which a phone is kept that sleeps: a push wakes it."""
_STEP = 200  # entries written anew in one go, so that calls do not wait


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """A phone in the table that the administrator sees."""

    extension: str
    name: str
    """Of the extension."""
    line: str
    """Name of the line, "desk phone"."""
    sip_username: str
    model: str
    user_agent: str
    address: str
    """ "192.0.2.7:5060" """
    transport: str
    behind_nat: bool
    nat_reason: str
    latency_ms: float | None
    reachable: bool
    since: float
    """Wall clock, seconds."""
    expires_in: float
    """Seconds."""
    says: str = ""
    """The most useful sentence about its way to us, with the mend."""
    sip_alg: bool = False
    """A router on the way changes SIP messages."""
    keep_alive: int | None = None
    """Seconds of silence after which it is asked whether it is there; None: it is not asked."""
    pinhole: int | None = None
    """Seconds for which its NAT is known to remember it; None: not known yet."""
    verdict: dict[str, Any] | None = None
    """What was found out about its audio: see `verdict.summary`."""
    site: str = ""
    """Name of the site at which it is."""


class Locations:
    """The phones of each line."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        *,
        store: Path | None = None,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        emit: Callable[[str, dict[str, Any]], None],
        secret: bytes = b"",
    ) -> None:
        """`store`: the file registrations.log; `emit(kind, data)` gets "registration" events for the spool.

        `secret` makes temporary GRUUs; with the same one they survive a restart.
        """
        self._snapshot = snapshot
        self._clock = clock
        self._wall_clock = wall_clock
        self._emit = emit
        self._gruus = Gruus(secret)
        self._phones: dict[str, list[Contact]] = {}
        self._by_connection: dict[Flow, list[Contact]] = {}
        self._passwords: dict[str, str] = {}
        self._last_id = 0
        self._store = RegistrationLog(store, clock) if store is not None else None
        self._compacting: Iterator[Contact | Learnt | Judged] | None = None
        self.experience = Experience(wall_clock, self._keep_learnt)
        """What is known of networks, and of phones in them."""
        self.beside: Callable[[Contact], dict[str, Any]] = lambda contact: {}
        """Gives what stands beside a phone in the table: see `PhoneRow.says` and what follows."""
        self._next_scan = 0.0
        self._near_networks: tuple[str, ...] = ()
        self._is_near = inside(())
        self.watchers: list[Callable[[Contact], None]] = []
        """Called with each phone that comes, changes, goes, or can('t) be reached any more: qualify, presence."""

    def __len__(self) -> int:
        return sum(map(len, self._phones.values()))

    def __iter__(self) -> Iterator[Contact]:
        """Iterate over every phone, also the unreachable."""
        for contacts in list(self._phones.values()):
            yield from contacts

    # --- life --------------------------------------------------------------------------------------------------------

    async def start(self, transports: Transports | None = None) -> int:
        """Read the stored registrations and make their UDP flows anew. Returns how many came back.

        A phone behind a NAT that registered over a connection is known, but can't be rung before it connects anew.
        """
        self._restore(transports)
        self.reload()
        return len(self)

    async def close(self) -> None:
        """Write what is waiting and close the file."""
        if self._store is not None:
            self._store.close()

    def reload(self) -> None:
        """The snapshot has changed: forget phones of lines that are gone or have another password."""
        lines = self._snapshot().lines
        for username, contacts in list(self._phones.items()):
            found = lines.get(username)
            if found is None:
                self._forget(contacts, "the line was removed")
            elif self._passwords.get(username, found[1].ha1_md5) != found[1].ha1_md5:
                self._forget(contacts, "the password of the line was changed")
        self._passwords = {name: found[1].ha1_md5 for name, found in lines.items()}

    def sweep(self) -> None:
        """Remove what has expired and write what is waiting. To be called every second."""
        now = self._clock()
        if now >= self._next_scan:
            for flow in [flow for flow in self._by_connection if flow.closed]:
                self.flow_failed(flow, "its connection has gone")
            for contact in [c for contacts in self._phones.values() for c in contacts if c.expires_at <= now]:
                if contact.push and contact.reachable:
                    self.reached(contact, False, "it was not heard of any more")
                    self._lay_down(contact)
                else:
                    self._remove(contact, "expired")
            self._next_scan = now + (1.0 if len(self._phones) < _MANY else 5.0)
        if self._store is not None:
            self._store.flush()
            self._compact()

    # --- what calls ask ----------------------------------------------------------------------------------------------

    def contacts(self, line: Line) -> list[Contact]:
        """Return the phones of the line that can be rung now: not expired, and reachable as far as is known."""
        now = self._clock()
        found = self._phones.get(line.sip_username)
        if not found:
            return []
        for contact in found:
            if contact.link is not None and contact.link.closed:
                self.flow_failed(contact.link, "its connection has gone")
        return [c for c in found if c.reachable and c.expires_at > now]

    def asleep(self, line: Line) -> list[Contact]:
        """Return the phones of the line that must be woken by a push before they can be rung (RFC 8599)."""
        now = self._clock()
        return [c for c in self._phones.get(line.sip_username, ()) if c.asleep and c.expires_at > now]

    def by_push(self, push: str) -> Contact | None:
        """Return the phone that this push subscription wakes."""
        return next((contact for contact in self if push and contact.push == push), None)

    def forget(self, username: str, why: str) -> None:
        """Remove every phone of a line."""
        self._forget(self._phones.get(username, []), why)

    def registered(self, line: Line) -> list[Contact]:
        """Return every phone of the line, also those that do not answer OPTIONS."""
        return list(self._phones.get(line.sip_username, ()))

    def holds(self, contact: Contact) -> bool:
        """Say if a phone is registered still."""
        return contact in self._phones.get(contact.username, ())

    def on_flow(self, username: str, flow: Flow) -> Contact | None:
        """Return the line's phone that registered on this flow (which phone sent this INVITE?)."""
        return next((c for c in self._phones.get(username, ()) if c.came_by(flow)), None)

    def find_gruu(self, uri: Uri) -> Contact | None:
        """Return the phone that a GRUU of ours names (RFC 5627 section 5.1), if it is registered."""
        if "gr" not in uri.params:
            return None
        opened = self._gruus.open(uri.user)
        if opened is not None:
            return next((c for c in self if c.gruu_index == opened.phone), None)
        instance = uri.params["gr"]
        return next((c for c in self._phones.get(uri.username, ()) if instance and c.instance == instance), None)

    def table(self) -> list[PhoneRow]:
        """Return one row for each phone, by extension."""
        snapshot, now = self._snapshot(), self._clock()
        lines = snapshot.lines
        rows = [
            _row(contact, *lines[contact.username], now, self.beside, site_of_phone(snapshot, contact))
            for contact in self
            if contact.username in lines
        ]
        rows.sort(key=lambda row: (len(row.extension), row.extension, row.line, row.since))
        return rows

    # --- what the network tells --------------------------------------------------------------------------------------

    def flow_failed(self, flow: Flow, reason: str) -> None:
        """A connection has gone: its phones can't be reached until they connect anew (RFC 5626 section 5.4).

        A phone that is not behind a NAT may be reached by a new connection to its Contact.
        """
        for contact in self._by_connection.pop(flow, ()):
            if contact.link is flow:
                contact.link = None
                contact.by_flow = False
                if contact.reg_id or contact.nat_reason or contact.transport in ("WS", "WSS"):
                    self.reached(contact, False, reason)
                    self._lay_down(contact)

    def is_near(self, address: str) -> bool:
        """Say if an address is in one of the company's own networks."""
        networks = self._snapshot().general.local_networks
        if networks != self._near_networks:
            self._near_networks, self._is_near = networks, inside(networks)
        return self._is_near(address)

    def changed(self, contact: Contact) -> None:
        """Something that others see of a phone is another by now."""
        self._show(contact)

    def reached(self, contact: Contact, reachable: bool, why: str = "") -> None:
        """Take note that a phone answers again, or no longer."""
        if contact.reachable == reachable:
            return
        contact.reachable = reachable
        self._tell(contact, "reachable" if reachable else "unreachable", why)

    # --- changes -----------------------------------------------------------------------------------------------------

    def _lay_down(self, contact: Contact) -> None:
        """Keep a phone that a push wakes for longer than it has registered for: asleep it can't say that it's there."""
        if contact.asleep and self.holds(contact):
            contact.expires_at = self._clock() + SLEEP
            if self._store is not None:
                self._store.append(self._entry(contact), at_once=True)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _forget(self, contacts: list[Contact], why: str) -> None:
        for contact in list(contacts):
            self._remove(contact, why)

    def _remove(self, contact: Contact, why: str) -> None:
        contacts = self._phones.get(contact.username, [])
        if contact not in contacts:
            return
        contacts.remove(contact)
        if not contacts:
            del self._phones[contact.username]
        self._disconnect(contact)
        contact.reachable = False
        if self._store is not None:
            self._store.append(Removed(contact.id))
        self._tell(contact, "expired" if why == "expired" else "unregistered", why)

    def _disconnect(self, contact: Contact) -> None:
        on_it = self._by_connection.get(contact.link) if contact.link is not None else None
        if on_it and contact in on_it:
            on_it.remove(contact)
            if not on_it and contact.link is not None:
                del self._by_connection[contact.link]
        contact.link = None

    def _tell(self, contact: Contact, event: str, why: str) -> None:
        found = self._snapshot().lines.get(contact.username)
        number = found[0].number if found else ""
        log.info("extension %s: %s is %s%s", number, contact, event, f": {why}" if why not in ("", event) else "")
        self._emit(
            "registration",
            {
                "event": event,
                "extension": number,
                "line": found[1].name if found else "",
                "sip_username": contact.username,
                "address": contact.address,
                "transport": contact.transport,
                "user_agent": contact.user_agent,
                "model": contact.model,
                "why": why,
                "at": self._wall_clock(),
            },
        )
        self._show(contact)

    def _show(self, contact: Contact) -> None:
        for watcher in self.watchers:
            watcher(contact)

    # --- the file ----------------------------------------------------------------------------------------------------

    def _keep(self, contact: Contact) -> None:
        if self._store is not None:
            self._store.append(self._entry(contact), at_once=True)

    def _keep_learnt(self, entry: Learnt | Judged) -> None:
        if self._store is not None:
            self._store.append(entry)

    def _keep_renewed(self, contact: Contact) -> None:
        if self._store is not None:
            expires = self._wall_clock() + contact.expires_at - self._clock()
            self._store.append(Refreshed(contact.id, contact.cseq, expires))

    def _entry(self, contact: Contact) -> Bound:
        expires = self._wall_clock() + contact.expires_at - self._clock()
        return Bound(
            id=contact.id,
            username=contact.username,
            uri=contact.uri,
            params=contact.params,
            transport=contact.transport,
            source=contact.source,
            local=contact.local,
            by_flow=contact.by_flow,
            route=contact.route,
            nat_reason=contact.nat_reason,
            user_agent=contact.user_agent,
            instance=contact.instance,
            reg_id=contact.reg_id,
            gruu_index=contact.gruu_index,
            call_id=contact.call_id,
            cseq=contact.cseq,
            since=contact.since,
            expires=expires,
            push=contact.push,
        )

    def _compact(self) -> None:
        """Write the file anew, a step each second, when most of it is history."""
        store = self._store
        assert store is not None
        if self._compacting is None:
            fresh = len(self) * _TYPICAL_ENTRY
            if store.size > max(_COMPACT_FROM, _COMPACT_AT * fresh) and store.begin_draft():
                self._compacting = iter([*self.experience.entries(), *self])
            return
        step = [one for _, one in zip(range(_STEP), self._compacting, strict=False)]
        now = self._clock()
        alive = (one for one in step if not isinstance(one, Contact) or one.expires_at > now)
        if not step:
            self._compacting = None
            store.finish_draft()
        elif not store.write_draft(self._entry(one) if isinstance(one, Contact) else one for one in alive):
            self._compacting = None

    def _restore(self, transports: Transports | None) -> None:
        if self._store is None:
            return
        alive: dict[int, Bound] = {}
        latest: dict[int, Refreshed] = {}
        for entry in self._store.read():
            if isinstance(entry, Learnt | Judged):
                self.experience.take(entry)
                continue
            self._last_id = max(self._last_id, entry.id)
            if isinstance(entry, Bound):
                alive[entry.id] = entry
                latest.pop(entry.id, None)
            elif isinstance(entry, Refreshed):
                latest[entry.id] = entry
            else:
                alive.pop(entry.id, None)
        now, lines = self._wall_clock(), self._snapshot().lines
        for bound in alive.values():
            refreshed = latest.get(bound.id)
            expires, cseq = (refreshed.expires, refreshed.cseq) if refreshed else (bound.expires, bound.cseq)
            if expires > now and bound.username in lines:
                self._revive(bound, cseq, self._clock() + expires - now, transports)

    def _revive(self, bound: Bound, cseq: int, expires_at: float, transports: Transports | None) -> None:
        contact = Contact(bound.id, sys.intern(bound.username), bound.uri)
        for name in Bound.__struct_fields__[3:]:
            if name != "expires":
                setattr(contact, name, getattr(bound, name))
        contact.user_agent = sys.intern(bound.user_agent)
        contact.model = model_of(contact.user_agent)
        contact.cseq = cseq
        contact.expires_at = expires_at
        if contact.transport == "UDP":
            contact.link = _flow_again(transports, contact.local, contact.source)
        if contact.by_flow and contact.link is None:
            contact.by_flow = False
            contact.reachable = not (contact.nat_reason or contact.reg_id or contact.transport in ("WS", "WSS"))
        self._phones.setdefault(contact.username, []).append(contact)


def _flow_again(transports: Transports | None, local: Address, source: Address) -> Flow | None:
    if transports is None:
        return None
    try:
        return transports.existing(("UDP", local, source))
    except (TransportFailed, OSError):
        return None


def _row(
    contact: Contact,
    extension: Extension,
    line: Line,
    now: float,
    beside: Callable[[Contact], dict[str, Any]],
    site: Site | None,
) -> PhoneRow:
    return PhoneRow(
        extension=extension.number,
        name=extension.name,
        line=line.name,
        sip_username=contact.username,
        model=contact.model,
        user_agent=contact.user_agent,
        address=contact.address,
        transport=contact.transport,
        behind_nat=contact.behind_nat,
        nat_reason=contact.nat_reason,
        latency_ms=None if contact.latency is None else round(contact.latency * 1000, 1),
        reachable=contact.reachable,
        since=contact.since,
        expires_in=max(0.0, contact.expires_at - now),
        site="" if site is None else site.name,
        **beside(contact),
    )
