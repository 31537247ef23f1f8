"""The registrar: where the phones of each line are (RFC 3261 section 10; 3327 Path; 5626 Outbound; 5627 GRUU).

A line may have `max_contacts` phones; one more takes the place of the one that was heard of longest ago, so that a
phone that came back under another address is never shut out by its own past.

A disabled extension still registers: its phone must be able to call an emergency number.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.flow import DEFAULT_PORTS, Flow
from jackfield.sip.headers import NameAddr, quote
from jackfield.sip.message import Response
from jackfield.sip.uri import Uri, readable
from jackfield.switch.contact import Contact
from jackfield.switch.gateway import told_address
from jackfield.switch.locations import Locations, PhoneRow
from jackfield.switch.nat import SET, is_address, reason_of, same_address
from jackfield.switch.snapshot import Line, Snapshot
from jackfield.switch.user_agents import model_of

if TYPE_CHECKING:
    from jackfield.sip.message import Request
    from jackfield.switch.authentication import Authenticator

__all__ = ["SUPPORTED", "PhoneRow", "Registrar"]

log = logging.getLogger("jackfield.registrar")

Reply = Callable[[Response], None]

SUPPORTED = frozenset(("path", "outbound", "gruu"))
"""Options in Require that are understood (RFC 3261 section 8.2.2.3)."""
FLOW_TIMER = 120
"""Seconds after which a phone with outbound should send a keep-alive on its connection (RFC 5626 section 4.4.1)."""
RUSH = 50
"""Registrations within a second from which on there is a rush."""
SPREAD, SPREAD_FROM = 0.25, 120
"""Share of the time, and the seconds of a registration, from which something is taken off in a rush."""
GOLDEN = 0.6180339887
"""Steps of this part of a circle fill it evenly, however many there are."""
_OVERTAKEN = "CSeq out of order"
"""For a request that a later one of the same phone has overtaken (RFC 3261 section 10.3 steps 6 and 7)."""


_PUSH_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class _Refused(Exception):
    """A REGISTER that is answered with an error; nothing was changed."""

    def __init__(self, status: int, reason: str | None = None, *headers: tuple[str, str]) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers


class Registrar(Locations):
    """Answers REGISTER; what it learns is what `Locations` tells."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        authenticator: Authenticator,
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
        super().__init__(snapshot, store=store, clock=clock, wall_clock=wall_clock, emit=emit, secret=secret)
        self._authenticator = authenticator
        self.grant: Callable[[Contact, int, bool], int] | None = None
        """Asked for how long a phone behind NAT is registered: (phone, seconds wanted, it has started anew)."""
        self._rush = 0
        self._rush_began = 0.0
        self._step = 0.0
        authenticator.whence.tell = self._turned_away

    def reload(self) -> None:
        """The snapshot has changed: forget phones that may not register any more, or not from where they are."""
        super().reload()
        snapshot, whence = self._snapshot(), self._authenticator.whence
        for contact in self if whence.rules(snapshot) else ():
            rule = whence.outside(snapshot, contact.username, contact.source[0])
            if rule is not None and rule.complete:
                self._remove(contact, f'its address is not in the address group "{rule.group}"')

    def _turned_away(self, row: dict[str, Any]) -> None:
        """Note in the log of registrations that a phone was turned away because of where it is."""
        why = f'its address is not in the address group "{row["group"]}"'
        told = {name: row[name] for name in ("extension", "line", "sip_username", "address", "transport", "at")}
        self._emit("registration", {"event": "turned away", "user_agent": "", "model": "", "why": why, **told})

    def handle(self, request: Request, flow: Flow, reply: Reply) -> None:
        """Answer a REGISTER. Never raises."""
        try:
            response = self._register(request, flow)
        except _Refused as refused:
            response = request.reply(refused.status, refused.reason)
            for name, value in refused.headers:
                response.add(name, value)
        except MalformedHeader as problem:
            response = request.reply(400, f"Bad Request: {problem.reason}"[:80])
        except Exception:
            log.exception("a REGISTER from %s could not be worked with", flow)
            response = request.reply(500)
        reply(response)

    # --- REGISTER ----------------------------------------------------------------------------------------------------

    def _register(self, request: Request, flow: Flow) -> Response:
        found = self._authenticator.line_of(request, flow)
        if isinstance(found, Response):
            return found
        extension, line = found
        address_of_record = request.to.uri
        if address_of_record.user != line.sip_username and address_of_record.user != extension.number:
            log.warning(
                'the phone at %s may register as "%s", it asked for "%s"',
                flow.remote[0],
                line.sip_username,
                address_of_record.username,
            )
            raise _Refused(403)
        if "Require" in request and (unknown := request.require - SUPPORTED):
            raise _Refused(420, None, ("Unsupported", ", ".join(sorted(unknown))))
        asked = request.contacts
        if asked:
            if asked[0].is_wildcard:
                self._remove_all(request, line)
            else:
                self._bind_all(request, flow, line, asked)
        return self._answer(request, flow, line)

    def _remove_all(self, request: Request, line: Line) -> None:
        """`Contact: *` (RFC 3261 section 10.3 step 6)."""
        if request.expires != 0:
            raise _Refused(400, "Contact: * needs Expires: 0")
        contacts = self._phones.get(line.sip_username, [])
        call_id, number = request.call_id, request.cseq.number
        if any(c.call_id == call_id and number < c.cseq for c in contacts):
            raise _Refused(500, _OVERTAKEN)
        self._forget(contacts, "unregistered")

    def _bind_all(self, request: Request, flow: Flow, line: Line, asked: list[NameAddr]) -> None:
        """Bind each contact of the request, or none of them (RFC 3261 section 10.3 step 7)."""
        general = self._snapshot().general
        known = self._phones.get(line.sip_username, [])
        header = request.expires
        call_id, number = request.call_id, request.cseq.number
        changes: list[tuple[NameAddr, Contact | None, int]] = []
        for address in asked:
            text = address.params.get("expires")
            if text is None:
                expires = general.register_default if header is None else header
            else:
                expires = int(text[:10]) if text.isascii() and text.isdigit() else general.register_default
            if 0 < expires < general.register_min:
                raise _Refused(423, None, ("Min-Expires", str(general.register_min)))
            contact = _find(known, address)
            if contact is not None and contact.call_id == call_id and number < contact.cseq:
                raise _Refused(500, _OVERTAKEN)
            changes.append((address, contact, min(expires, general.register_max)))
        for address, contact, expires in changes:
            if expires >= SPREAD_FROM:
                expires = self._spread(expires)
            if expires == 0:
                if contact is not None:
                    self._remove(contact, "unregistered")
            elif contact is not None and _is_refresh(request, flow, line, contact, address):
                restarted = contact.call_id != call_id
                contact.link = flow
                contact.call_id = call_id
                contact.cseq = number
                self._refresh(contact, expires, restarted)
            else:
                self._bind(request, flow, line, address, contact, expires)
        if len(self._phones.get(line.sip_username, ())) > 1:
            proxied = "Path" in request or len(request.values("Via")) > 1
            self._replace_old(line, {str(address.uri) for address in asked}, proxied=proxied)

    def _spread(self, expires: int) -> int:
        """Phones that come together, after a power cut or our restart, must not come together ever after.

        In a rush each is registered for up to a quarter less, in even steps.
        """
        now = self._clock()
        if now - self._rush_began >= 1.0:
            self._rush_began, self._rush = now, 0
        self._rush += 1
        if self._rush <= RUSH:
            return expires
        self._step = (self._step + GOLDEN) % 1.0
        return expires - int(expires * SPREAD * self._step)

    def _refresh(self, contact: Contact, expires: int, restarted: bool) -> None:
        if self.grant is not None and contact.nat_reason:
            expires = self.grant(contact, expires, restarted)
        contact.expires_at = self._clock() + expires
        contact.missed = 0
        if not contact.reachable:
            self.reached(contact, True, "it registered")
        self._keep_renewed(contact)

    def _bind(
        self, request: Request, flow: Flow, line: Line, address: NameAddr, known: Contact | None, expires: int
    ) -> None:
        params = address.params
        instance = (params.get("+sip.instance") or "").strip("<>")
        options = request.supported
        proxied = "Path" in request or len(request.values("Via")) > 1
        path = tuple(request.values("Path"))
        reg_id = _reg_id(params.get("reg-id")) if instance and "outbound" in options else 0
        if reg_id and proxied and not (path and _has_ob(path[0])):
            reg_id = 0  # RFC 5626 section 6: the first hop keeps no flow to the phone
        contact = known or Contact(self._next_id(), sys.intern(line.sip_username), str(address.uri))
        was = contact.reachable
        restarted = contact.call_id != request.call_id
        moved = contact.source != flow.remote or contact.transport != flow.transport
        self._disconnect(contact)
        contact.uri = str(address.uri)
        contact.transport = flow.transport
        contact.source = flow.remote
        contact.local = flow.key[1]
        contact.link = flow
        contact.route = path
        contact.nat_reason = reason_of(
            flow.transport, flow.remote, address.uri, request.via, line.behind_nat, proxied=proxied
        )
        if not contact.nat_reason and line.behind_nat == "auto" and self.experience.changes_sip(flow.remote[0]):
            contact.nat_reason = f"the router at {flow.remote[0]} changes its SIP messages (SIP ALG)"
        if moved:
            contact.baited, contact.gateway = 0, False
            contact.own_address, contact.own_port = _own_address(request, address.uri, flow)
        contact.user_agent = sys.intern(readable(request.get("User-Agent") or "")[:128])
        contact.model = model_of(contact.user_agent)
        contact.instance = instance
        contact.reg_id = reg_id
        if instance and "gruu" in options and not contact.gruu_index:
            contact.gruu_index = contact.id
        contact.params = _kept_params(params, reg_id)
        contact.push = _push_of(address.uri)
        contact.by_flow = self._needs_flow(contact, address.uri)
        contact.call_id = request.call_id
        contact.cseq = request.cseq.number
        if self.grant is not None and contact.nat_reason:
            expires = self.grant(contact, expires, restarted)
        contact.expires_at = self._clock() + expires
        contact.missed = 0
        contact.reachable = True
        if flow.reliable:
            self._by_connection.setdefault(flow, []).append(contact)
        if known is None:
            contact.since = self._wall_clock()
            self._phones.setdefault(contact.username, []).append(contact)
            self._tell(contact, "registered", contact.nat_reason)
        elif not was:
            self._tell(contact, "reachable", "it registered")
        else:
            self._show(contact)
        self._keep(contact)

    def _needs_flow(self, contact: Contact, uri: Uri) -> bool:
        """Say if the phone is called by the flow of its REGISTER rather than at its Contact."""
        if contact.route and not contact.reg_id:
            return False  # its proxy is named in Path
        if contact.nat_reason or contact.reg_id or contact.transport != "UDP":
            return True
        # A name in a Contact is one of the phone's own network; an address that is the source is the same thing.
        port = uri.port or DEFAULT_PORTS["UDP"]
        return not is_address(uri.host) or (same_address(uri.host, contact.source[0]) and port == contact.source[1])

    def _replace_old(self, line: Line, keep: set[str], *, proxied: bool) -> None:
        """Remove bindings that the phones just registered have left behind, and those that are too many."""
        contacts = self._phones[line.sip_username]
        fresh = [c for c in contacts if c.uri in keep]
        for old in [c for c in contacts if c.uri not in keep]:
            for new in fresh:
                same_phone = old.instance and old.instance == new.instance and old.reg_id == new.reg_id
                same_socket = old.transport == new.transport and old.source == new.source and not proxied
                if same_phone or (same_socket and _same_place(old.uri, new.uri)):
                    self._remove(old, "replaced")
                    break
        while len(contacts) > max(line.max_contacts, 1):
            oldest = min(contacts, key=lambda c: (c.uri in keep, c.expires_at))
            self._remove(oldest, f"replaced, the line takes {line.max_contacts} phones")

    def _answer(self, request: Request, flow: Flow, line: Line) -> Response:
        """Return the 200 with every contact of the line (RFC 3261 section 10.3 step 8)."""
        response = request.reply(200)
        now = self._clock()
        wants_gruu = "Supported" in request and "gruu" in request.supported
        outbound = False
        call_id = request.call_id
        for contact in self._phones.get(line.sip_username, ()):
            left = max(1, round(contact.expires_at - now))
            value = f"<{contact.uri}>{contact.params};expires={left}"
            if wants_gruu and contact.gruu_index:
                value += self._gruu_params(request, contact)
            if contact.reg_id and contact.call_id == call_id:
                outbound = True
            response.add("Contact", value)
        if "Path" in request:
            for path in request.all("Path"):
                response.add("Path", path)
        if outbound:
            response.add("Require", "outbound")  # RFC 5626 section 6
            response.add("Supported", "outbound, path, gruu")
            if flow.reliable:
                response.add("Flow-Timer", str(FLOW_TIMER))
        return response

    def _gruu_params(self, request: Request, contact: Contact) -> str:
        domain = request.to.uri.host_port
        temporary = self._gruus.temporary(contact.gruu_index, contact.cseq)
        public = f"sip:{request.to.uri.user}@{domain};gr={contact.instance}"
        return f";pub-gruu={quote(public)};temp-gruu={quote(f'sip:{temporary}@{domain};gr')}"


# --- small questions -------------------------------------------------------------------------------------------------


def _is_refresh(request: Request, flow: Flow, line: Line, contact: Contact, address: NameAddr) -> bool:
    """Say if nothing has changed but the time. This is what nearly every REGISTER of a day is."""
    if contact.link is not flow and (flow.reliable or not contact.came_by(flow)):
        return False
    mode, reason = line.behind_nat, contact.nat_reason
    if (reason == SET) if mode == "auto" else bool(reason) != (mode == "always"):
        return False
    if contact.route or "Path" in request or contact.uri != str(address.uri):
        return False
    if contact.call_id == request.call_id:
        return True
    # The phone has started anew: it may have another firmware by now.
    return (
        not contact.instance
        and "+sip.instance" not in address.params
        and (request.get("User-Agent") or "") == contact.user_agent
    )


def _find(contacts: list[Contact], address: NameAddr) -> Contact | None:
    """Return the binding that an address of a REGISTER is about: same phone and flow number, or the same URI."""
    if not contacts:
        return None
    text = str(address.uri)
    for contact in contacts:
        if contact.uri == text:
            return contact
    params = address.params
    reg_id = _reg_id(params.get("reg-id"))
    if reg_id:
        instance = (params.get("+sip.instance") or "").strip("<>")
        for contact in contacts:
            if contact.reg_id == reg_id and contact.instance == instance:
                return contact
    return next((c for c in contacts if _same_uri(c.uri, address.uri)), None)


def _same_place(one: str, other: str) -> bool:
    """Say if two Contacts differ in their user or parameters only: a phone whose settings were changed."""
    try:
        first, second = Uri.parse(one), Uri.parse(other)
    except MalformedHeader:
        return False
    port = DEFAULT_PORTS["UDP"]
    return (first.host.lower(), first.port or port) == (second.host.lower(), second.port or port)


def _same_uri(text: str, uri: Uri) -> bool:
    try:
        return Uri.parse(text) == uri
    except MalformedHeader:
        return False


def _own_address(request: Request, contact: Uri, flow: Flow) -> tuple[str, int]:
    """Return the private address that a phone gives itself, and its port, where it says them anywhere."""
    via = request.via
    for host, port in ((contact.host, contact.port), (via.host, via.port), (told_address(request.call_id), None)):
        if host and is_address(host) and not same_address(host, flow.remote[0]) and ":" not in host:
            return host, port or DEFAULT_PORTS["UDP"]
    return "", contact.port or DEFAULT_PORTS["UDP"]


def _reg_id(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0


def _push_of(uri: Uri) -> str:
    """Return what names the Web Push subscription of a phone (RFC 8599 section 4.1); "" where it has none of ours."""
    params = uri.params
    name = params.get("pn-prid") or ""
    return name if params.get("pn-provider") == "webpush" and _PUSH_NAME.fullmatch(name) else ""


def _has_ob(path: str) -> bool:
    try:
        return "ob" in NameAddr.parse(path).uri.params
    except MalformedHeader:
        return False


def _kept_params(params: Mapping[str, str | None], reg_id: int) -> str:
    """Return the parameters of a Contact that are given back."""
    kept = ""
    if instance := params.get("+sip.instance"):
        kept += f";+sip.instance={quote(instance)}"
        if reg_id:
            kept += f";reg-id={reg_id}"
    q = params.get("q")
    if q and q.replace(".", "", 1).isdigit():
        kept += f";q={q[:5]}"
    return kept
