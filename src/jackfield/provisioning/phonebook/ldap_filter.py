"""Filters of LDAP searches (RFC 4511 section 4.5.1.7): read, and held against an entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jackfield.provisioning.phonebook.ber import BerError, children
from jackfield.provisioning.phonebook.entries import folded, only_digits

__all__ = ["Filter", "read_filter"]

MOST_PARTS, DEEPEST = 100, 10

NUMBERS = frozenset(("telephonenumber", "mobile", "homephone", "facsimiletelephonenumber", "othertelephone", "ipphone"))
OTHER_NAMES = {"commonname": "cn", "surname": "sn", "gn": "givenname", "telephone": "telephonenumber",
               "mobiletelephonenumber": "mobile", "hometelephonenumber": "homephone", "ipphone": "telephonenumber",
               "organizationname": "o", "organizationalunitname": "ou", "rfc822mailbox": "mail", "email": "mail",
               "userid": "uid", "fax": "facsimiletelephonenumber"}  # fmt: skip

Values = Mapping[str, tuple[str, ...]]
"""An entry's values by the attribute's name in small letters."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition. None as an answer is "undefined": neither it nor its opposite chooses an entry."""

    matches: Callable[[Values], bool | None]


def read_filter(tag: int, content: bytes) -> Filter:
    """Read a filter. Raises `BerError` for one that is none, or larger than any phone needs."""
    return Filter(_Reading().read(tag, content, 0))


class _Reading:
    def __init__(self) -> None:
        self._parts = 0

    def read(self, tag: int, content: bytes, depth: int) -> Callable[[Values], bool | None]:
        self._parts += 1
        if self._parts > MOST_PARTS or depth > DEEPEST:
            raise BerError("a filter larger than any phone needs")
        if tag in (0xA0, 0xA1):  # and, or
            several = [self.read(*child, depth + 1) for child in children(content)]
            return (lambda values: _all(several, values)) if tag == 0xA0 else (lambda values: _any(several, values))
        if tag == 0xA2:  # not
            ((inner_tag, inner),) = _exactly(content, 1)
            within = self.read(inner_tag, inner, depth + 1)
            return lambda values: None if (known := within(values)) is None else not known
        if tag == 0xA4:
            return _substrings(content)
        if tag in (0xA3, 0xA5, 0xA6, 0xA8):  # equal, at least, at most, approximately
            (_, name), (_, wanted) = _exactly(content, 2)
            return _compare(tag, _name(name), _text(wanted))
        if tag == 0x87:
            present = _name(content)
            return lambda values: present == "objectclass" or present in values
        if tag == 0xA9:  # a rule of its own: none is known here
            return lambda values: None
        raise BerError("a filter that LDAP does not have")


def _all(several: list[Callable[[Values], bool | None]], values: Values) -> bool | None:
    found: bool | None = True
    for one in several:
        known = one(values)
        if known is False:
            return False
        found = None if known is None else found
    return found


def _any(several: list[Callable[[Values], bool | None]], values: Values) -> bool | None:
    found: bool | None = False
    for one in several:
        known = one(values)
        if known:
            return True
        found = None if known is None else found
    return found


def _compare(tag: int, name: str, wanted: str) -> Callable[[Values], bool | None]:
    plain = _plain(name)
    aim = plain(wanted)

    def matches(values: Values) -> bool | None:
        have = (plain(value) for value in values.get(name, ()))
        if tag == 0xA5:
            return any(value >= aim for value in have)
        if tag == 0xA6:
            return any(value <= aim for value in have)
        return aim in have

    return matches


def _substrings(content: bytes) -> Callable[[Values], bool | None]:
    (_, raw), (_, pieces) = _exactly(content, 2)
    name = _name(raw)
    plain = _plain(name)
    parts = [(tag, plain(_text(piece))) for tag, piece in children(pieces)]
    if not parts or any(tag not in (0x80, 0x81, 0x82) for tag, _ in parts):
        raise BerError("a pattern without parts")

    def fits(value: str) -> bool:
        at = 0
        for tag, piece in parts:
            if tag == 0x80:
                if not value.startswith(piece):
                    return False
                at = len(piece)
            elif tag == 0x82:
                return len(value) - at >= len(piece) and value.endswith(piece)
            else:
                at = value.find(piece, at)
                if at < 0:
                    return False
                at += len(piece)
        return True

    return lambda values: any(fits(plain(value)) for value in values.get(name, ()))


def _plain(name: str) -> Callable[[str], str]:
    return only_digits if name in NUMBERS else folded


def _name(raw: bytes) -> str:
    """Return an attribute's name as we know it; options such as ";lang-de" don't count."""
    bare = _text(raw).lower().partition(";")[0]
    return OTHER_NAMES.get(bare, bare)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _exactly(content: bytes, count: int) -> list[tuple[int, bytes]]:
    found = list(children(content))
    if len(found) != count:
        raise BerError("a filter that LDAP does not have")
    return found
