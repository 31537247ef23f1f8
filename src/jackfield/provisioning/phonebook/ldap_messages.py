"""Messages of LDAP, as far as a directory for reading needs them (RFC 4511, RFC 2696)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jackfield.provisioning.phonebook.ber import (
    ENUMERATED,
    INTEGER,
    OCTETS,
    SEQUENCE,
    SET,
    BerError,
    children,
    integer,
    octets,
    read_integer,
    sequence,
    tlv,
)
from jackfield.provisioning.phonebook.ldap_filter import Filter, read_filter

__all__ = ["Bind", "Message", "Other", "Page", "Search", "entry", "goodbye", "read_message", "result"]

SUCCESS, PROTOCOL_ERROR, TIME_EXCEEDED, SIZE_EXCEEDED = 0, 2, 3, 4
STRONGER_METHOD, CRITICAL_UNAVAILABLE, CONFIDENTIALITY = 7, 12, 13
NO_SUCH_OBJECT, WRONG_CREDENTIALS, NO_ACCESS, BUSY, UNAVAILABLE, UNWILLING = 32, 49, 50, 51, 52, 53

BIND, UNBIND, SEARCH, ABANDON, EXTENDED = 0x60, 0x42, 0x63, 0x50, 0x77
BIND_DONE, ENTRY, SEARCH_DONE, EXTENDED_DONE = 0x61, 0x64, 0x65, 0x78
DONE = {BIND: BIND_DONE, SEARCH: SEARCH_DONE, EXTENDED: EXTENDED_DONE, 0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D,
        0x6E: 0x6F}  # fmt: skip
"""By the tag of a request that of its answer."""
PAGED = b"1.2.840.113556.1.4.319"
DISCONNECTION = b"1.3.6.1.4.1.1466.20036"


@dataclass(frozen=True, slots=True)
class Bind:
    """Somebody says who he is. `password` is None for a method that we don't have (SASL)."""

    version: int
    name: str
    password: str | None


@dataclass(frozen=True, slots=True)
class Search:
    """Somebody looks for entries. `scope`: 0 the base alone, 1 one level, 2 all below. Limits: 0 means none."""

    base: str
    scope: int
    size_limit: int
    time_limit: int
    types_only: bool
    filter: Filter
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """A request that a directory for reading does not do, or one without an answer."""

    tag: int


@dataclass(frozen=True, slots=True)
class Page:
    """Results in portions (RFC 2696): how many, and where the portion begins ("" at first)."""

    size: int
    cookie: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What came."""

    number: int
    operation: Bind | Search | Other
    page: Page | None = None
    needs_unknown: bool = False
    """It has a control that must be followed and is not known here."""


def read_message(content: bytes) -> Message:
    """Read the inside of an LDAPMessage. Raises `BerError`."""
    parts = list(children(content))
    if len(parts) < 2 or parts[0][0] != INTEGER:
        raise BerError("no message of LDAP")
    number, (tag, inside) = read_integer(parts[0][1]), parts[1]
    page, unknown = _controls(parts[2][1]) if len(parts) > 2 and parts[2][0] == 0xA0 else (None, False)
    operation: Bind | Search | Other
    if tag == BIND:
        operation = _bind(inside)
    elif tag == SEARCH:
        operation = _search(inside)
    else:
        operation = Other(tag)
    return Message(number, operation, page, unknown)


def _bind(content: bytes) -> Bind:
    parts = _of(content, INTEGER, OCTETS, None)
    method, secret = parts[2]
    return Bind(read_integer(parts[0][1]), _text(parts[1][1]), _text(secret) if method == 0x80 else None)


def _search(content: bytes) -> Search:
    parts = _of(content, OCTETS, ENUMERATED, ENUMERATED, INTEGER, INTEGER, 0x01, None, SEQUENCE)
    return Search(
        base=_text(parts[0][1]),
        scope=read_integer(parts[1][1]),
        size_limit=max(0, read_integer(parts[3][1])),
        time_limit=max(0, read_integer(parts[4][1])),
        types_only=parts[5][1] != b"\0",
        filter=read_filter(*parts[6]),
        attributes=tuple(_text(name) for _, name in children(parts[7][1])),
    )


def _controls(content: bytes) -> tuple[Page | None, bool]:
    page, unknown = None, False
    for tag, control in children(content):
        if tag != SEQUENCE:
            raise BerError("no control of LDAP")
        (_, kind), *rest = children(control)
        if kind == PAGED:
            value = next((inside for tag, inside in rest if tag == OCTETS), b"")
            ((_, inside),) = _of(value, SEQUENCE)
            (_, size), (_, cookie) = _of(inside, INTEGER, OCTETS)
            page = Page(max(0, read_integer(size)), cookie)
        elif any(tag == 0x01 and inside != b"\0" for tag, inside in rest):
            unknown = True
    return page, unknown


def _of(content: bytes, *tags: int | None) -> list[tuple[int, bytes]]:
    """Return the elements, which must have these tags (None: any)."""
    found = list(children(content))
    if len(found) != len(tags) or any(tag not in (None, have) for tag, (have, _) in zip(tags, found, strict=True)):
        raise BerError("no message of LDAP")
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def message(number: int, operation: bytes, page: Page | None = None) -> bytes:
    """Return an LDAPMessage, with the control that says where the next portion begins."""
    if page is None:
        return sequence(integer(number), operation)
    value = sequence(integer(page.size), octets(page.cookie))
    control = sequence(octets(PAGED), octets(value))
    return sequence(integer(number), operation, tlv(0xA0, control))


def result(number: int, tag: int, code: int, text: str = "", page: Page | None = None) -> bytes:
    """Return the answer that ends a request; `tag` is that of the request."""
    return message(number, sequence(integer(code, ENUMERATED), octets(""), octets(text), tag=DONE[tag]), page)


def entry(number: int, dn: str, attributes: Mapping[str, Iterable[str]]) -> bytes:
    """Return one entry that was found."""
    several = [
        sequence(octets(name), sequence(*(octets(value) for value in values), tag=SET))
        for name, values in attributes.items()
    ]
    return message(number, sequence(octets(dn), sequence(*several), tag=ENTRY))


def goodbye(code: int, text: str) -> bytes:
    """Return the notice before we hang up (RFC 4511 section 4.4.1)."""
    inside = (integer(code, ENUMERATED), octets(""), octets(text), octets(DISCONNECTION, 0x8A))
    return message(0, sequence(*inside, tag=EXTENDED_DONE))
