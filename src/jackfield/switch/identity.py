"""Identities in SIP messages: who calls, read from and written into From, P-Asserted-Identity and the like.

RFC 3323 (Privacy), RFC 3325 (P-Asserted-Identity), draft-ietf-sip-privacy-04 (Remote-Party-ID, which many desk
phones still show before anything else).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.flow import bracketed
from jackfield.sip.headers import NameAddr, quote
from jackfield.sip.uri import Uri, escape_user
from jackfield.switch.caller_id import outside
from jackfield.switch.dial import Dial, Diversion, TrunkDial
from jackfield.switch.party import Party
from jackfield.switch.route import Origin, RouteRequest
from jackfield.switch.snapshot import Extension, Line, Trunk

if TYPE_CHECKING:
    from jackfield.sip.message import Message, Request

__all__ = [
    "ANONYMOUS",
    "Asserted",
    "Sender",
    "Shown",
    "called_number",
    "connected",
    "dialled",
    "diversion",
    "domain_of",
    "read_caller",
    "read_connected",
    "to_phone",
    "to_trunk",
]

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""From of a caller who hides (RFC 3323 section 4.1.1.3)."""
_HIDING = frozenset(("id", "user", "header", "session", "critical", "full", "yes"))
_NOBODY = frozenset(("anonymous", "restricted", "private", "unavailable"))


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a request, as far as it was proved."""

    origin: Origin
    extension: Extension | None = None
    line: Line | None = None
    trunk: Trunk | None = None
    number: str = ""
    """Calling number as it came, for trunks and strangers; the extension's own for phones."""
    name: str = ""
    anonymous: bool = False
    """Asked for privacy."""
    dialed: str = ""
    """The number that is called: Request-URI, or To where the Request-URI is our registered contact."""

    def question(self) -> RouteRequest:
        """Return what is to be asked of `route()`."""
        return RouteRequest(self.dialed, self.origin, self.number, self.name, self.anonymous)


@dataclass(frozen=True, slots=True)
class Asserted:
    """A number and name read from a message."""

    number: str
    name: str
    anonymous: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """How a party is written into a request."""

    from_: str
    """Value of From, without tag."""
    headers: tuple[tuple[str, str], ...]
    """P-Asserted-Identity, Remote-Party-ID, Privacy."""


# --- reading ---------------------------------------------------------------------------------------------------------


def read_caller(request: Message, *, trusted: bool, stranger: bool = False) -> Asserted:
    """Return who calls. `trusted`: the sender's P-Asserted-Identity and Remote-Party-ID are believed (RFC 3325 5).

    Of others only From counts. The number of a `stranger` is "user@host", so that it can't pass for one of ours.
    """
    private = _asks_privacy(request)
    if trusted and (asserted := _asserted(request)) is not None:
        address, hidden = asserted
        return Asserted(_number(address.uri), _name(address), private or hidden or _hides(request))
    address = request.from_
    number = _number(address.uri)
    if number.lower() in _NOBODY or address.uri.host.endswith(".invalid"):
        return Asserted("", "", True)
    if stranger and address.uri.host:
        number = f"{number}@{bracketed(address.uri.host)}" if number else bracketed(address.uri.host)
    return Asserted(number, _name(address), private)


def read_connected(message: Message, *, trusted: bool) -> Asserted | None:
    """Return whom a response or a re-INVITE names as the other party; None when it says nothing we believe."""
    if not trusted or (asserted := _asserted(message)) is None:
        return None
    address, hidden = asserted
    return Asserted(_number(address.uri), _name(address), hidden or _asks_privacy(message))


def called_number(request: Request, trunk: Trunk | None = None, contact_user: str = "") -> str:
    """Return what is called, as it came.

    A provider calls the contact that we registered (`contact_user`), or the account's name; the number that the
    caller dialled is then in P-Called-Party-ID (RFC 7315 section 4.2) or To.
    """
    try:
        uri = request.request_uri
    except MalformedHeader:
        return ""
    user = dialled(uri)
    if trunk is None or (user and user not in (contact_user, trunk.username)):
        return user
    for address in (_first(request, "P-Called-Party-ID"), request.to):
        number = dialled(address.uri) if address else ""
        if number and number != contact_user:
            return number
    return user


def dialled(uri: Uri) -> str:
    """Return the number that a URI names, as a user would dial it."""
    if uri.scheme in ("sip", "sips"):
        return uri.username
    if uri.scheme == "tel":
        context = uri.params.get("phone-context")
        return f"{uri.user};phone-context={context}" if context else uri.user
    return str(uri)


def _asserted(message: Message) -> tuple[NameAddr, bool] | None:
    """Return the asserted identity and whether it is to be hidden."""
    address = _first(message, "P-Asserted-Identity")
    if address is not None:
        return address, False
    address = _first(message, "Remote-Party-ID")
    if address is None:
        return None
    return address, (address.params.get("privacy") or "off").lower() in _HIDING


def _first(message: Message, name: str) -> NameAddr | None:
    """Return the first value that can be read; a careless one hides nothing."""
    if name not in message:
        return None
    for value in message.values(name):
        try:
            address = NameAddr.parse(value)
        except MalformedHeader:
            continue
        if address.uri.user:
            return address
    return None


def _number(uri: Uri) -> str:
    return uri.username if uri.scheme in ("sip", "sips") else uri.user


def _name(address: NameAddr) -> str:
    name = address.display.strip()
    return "" if name.lower() in _NOBODY else name


def _asks_privacy(message: Message) -> bool:
    value = message.get("Privacy")  # RFC 3323 section 4.2
    return value is not None and not _HIDING.isdisjoint(v.strip() for v in value.lower().replace(",", ";").split(";"))


def _hides(message: Message) -> bool:
    """Say if From hides the caller, though the network told us who it is."""
    uri = message.from_.uri
    return uri.host.endswith("anonymous.invalid") or uri.username.lower() in _NOBODY


# --- writing ---------------------------------------------------------------------------------------------------------


def _address(number: str, host: str) -> str:
    user, at, domain = number.rpartition("@")
    if at:
        return f"sip:{escape_user(user)}@{domain}"
    return f"sip:{number if number.isalnum() and number.isascii() else escape_user(number)}@{host}"


def _name_addr(name: str, number: str, host: str) -> str:
    return f"{quote(name)} <{_address(number, host)}>" if name else f"<{_address(number, host)}>"


def to_phone(caller: Party, host: str, *, prefix: str = "") -> Shown:
    """Write the caller for one of our phones. `host`: our address as the phone knows it.

    `prefix` goes before the name on the display ("Sales: Anna"); without a name the number follows it.
    """
    if caller.anonymous:
        name = f"{prefix}Anonymous" if prefix else ""
        return Shown(f"{quote(name)} <sip:anonymous@anonymous.invalid>" if name else ANONYMOUS, ())
    name = caller.name
    if prefix:
        name = prefix + (name or caller.number)
    host = bracketed(host)
    address = _name_addr(name, caller.number or "unknown", host)
    if not caller.number:
        return Shown(address, ())
    party = f"{address};party=calling;screen=yes;privacy=off"
    return Shown(address, (("P-Asserted-Identity", address), ("Remote-Party-ID", party)))


def domain_of(trunk: Trunk, host: str) -> str:
    """Return the domain in From and To for a trunk: its own setting, else that of the account, else our address."""
    if trunk.domain:
        return trunk.domain
    if trunk.kind == "register" and trunk.hosts:
        return host_of(trunk.hosts[0])
    return bracketed(host)


def host_of(address: str) -> str:
    """Return the host of "name", "name:port", "192.0.2.1:5060", "[2001:db8::1]:5060", for a URI."""
    if address.startswith("["):
        return address.partition("]")[0] + "]"
    return bracketed(address) if address.count(":") > 1 else address.partition(":")[0]


def to_trunk(dial: TrunkDial, host: str) -> Shown:
    """Write the caller for a trunk. `host`: our address, used where the trunk names no domain.

    A hidden caller has an anonymous From and `Privacy: id`; the trunk, which must know who pays, still reads the
    number in the identity header (RFC 3325 section 9.2).
    """
    trunk = dial.trunk
    domain = domain_of(trunk, host)
    number = dial.caller_number or "anonymous"
    address = _name_addr(dial.caller_name, number, domain)
    headers: list[tuple[str, str]] = []
    if dial.caller_number and trunk.caller_id_in == "p-asserted-identity":
        headers.append(("P-Asserted-Identity", address))
    elif dial.caller_number and trunk.caller_id_in == "remote-party-id":
        privacy = "full" if dial.anonymous else "off"
        headers.append(("Remote-Party-ID", f"{address};party=calling;screen=yes;privacy={privacy}"))
    if dial.anonymous:
        headers.append(("Privacy", "id"))
        return Shown(ANONYMOUS, tuple(headers))
    if trunk.from_user:
        address = _name_addr(dial.caller_name, trunk.from_user, domain)
    return Shown(address, tuple(headers))


def diversion(diverted: Diversion, dial: Dial, host: str) -> str:
    """Write a Diversion header (RFC 5806) for a phone or a trunk: who sent the call on, and why.

    A trunk is told the number that it would be shown if that extension called: to a provider inner numbers mean
    nothing, and many check that whoever diverts a stranger's call is their customer.
    """
    entry = diverted.entry
    privacy = "off"
    if isinstance(dial, TrunkDial):
        extension = entry if isinstance(entry, Extension) else None
        shown = outside(dial.trunk, None, extension, Party(entry.number), entry.number)
        name, number, host = "", shown.number, domain_of(dial.trunk, host)
        privacy = "full" if shown.anonymous else "off"
    else:
        name, number, host = entry.name, entry.number, bracketed(host)
    return f"{_name_addr(name, number, host)};reason={diverted.cause};counter=1;privacy={privacy}"


def connected(party: Party, host: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of a 180, 200, re-INVITE or UPDATE to a phone that say who is at the other end."""
    if party.anonymous or not party.number:
        return ()
    address = _name_addr(party.name, party.number, bracketed(host))
    return (
        ("P-Asserted-Identity", address),
        ("Remote-Party-ID", f"{address};party=called;screen=yes;privacy=off"),
    )
