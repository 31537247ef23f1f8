"""One entry of the telephone directory, and how what is typed on a phone finds it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

__all__ = ["Entry", "Number", "NumberKind", "Section", "folded", "found", "only_digits", "ordered"]

Section = Literal["extensions", "company", "personal"]
NumberKind = Literal["work", "mobile", "home", "fax", "other"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is dialled on a phone of the house."""

    kind: NumberKind
    number: str


@dataclass(frozen=True)
class Entry:
    """Somebody who can be called."""

    section: Section
    key: str  # tells it from all others of its section
    name: str
    numbers: tuple[Number, ...]
    company: str = ""
    email: str = ""

    @cached_property
    def folded(self) -> str:
        """Name and company as they are searched."""
        return folded(f"{self.name} {self.company}")

    @cached_property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Attributes of LDAP (RFC 4519, RFC 2798) by their names; those without a value are left out."""
        given, _, surname = self.name.rpartition(" ")
        by_kind = {kind: tuple(n.number for n in self.numbers if n.kind == kind) for kind in _ATTRIBUTE}
        values = {
            "objectClass": ("top", "person", "organizationalPerson", "inetOrgPerson"),
            "uid": (self.key,),
            "cn": (self.name,),
            "sn": (surname,),
            "givenName": (given,),
            "displayName": (self.name,),
            "ou": (self.section,),
            "o": (self.company,),
            "mail": (self.email,),
            **{_ATTRIBUTE[kind]: numbers for kind, numbers in by_kind.items()},
        }
        # Many phones show the one attribute alone: who has only a mobile phone is found by it, too.
        values["telephoneNumber"] = by_kind["work"] or by_kind["other"] or tuple(n.number for n in self.numbers[:1])
        return {name: kept for name, several in values.items() if (kept := tuple(one for one in several if one))}

    @cached_property
    def values(self) -> dict[str, tuple[str, ...]]:
        """The same by names in small letters: those of attributes have no case (RFC 4512 section 2.5)."""
        return {name.lower(): several for name, several in self.attributes.items()}


_ATTRIBUTE = {
    "work": "telephoneNumber",
    "mobile": "mobile",
    "home": "homePhone",
    "fax": "facsimileTelephoneNumber",
    "other": "otherTelephone",  # of Active Directory; the standards have none
}


def folded(text: str) -> str:
    """Return a text in small letters without accents: "muller" finds Müller on a keypad that has no ü."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def only_digits(text: str) -> str:
    """Return what of a number is dialled (RFC 4517 section 4.2.29: spaces and hyphens don't count)."""
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c in "+*#"))


def found(entries: Iterable[Entry], search: str) -> list[Entry]:
    """Return the entries whose name, company or number has every word of `search` in it; "" finds all."""
    words = [folded(word) for word in search.split()]
    return [entry for entry in entries if all(_has(entry, word) for word in words)]


def _has(entry: Entry, word: str) -> bool:
    if word in entry.folded:
        return True
    digits = only_digits(word)
    return bool(digits) and any(digits in number.number for number in entry.numbers)


def ordered(entries: Sequence[Entry]) -> list[Entry]:
    """Return them as a telephone directory has them: by name, as people look for it."""
    return sorted(entries, key=lambda entry: (entry.folded, entry.section, entry.key))
