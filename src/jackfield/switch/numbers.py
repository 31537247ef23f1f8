"""Telephone numbers: cleaning, rewriting, E.164, and the one namespace in which no two things share a number.

The international form follows ITU-T E.164 and is found with the `phonenumbers` library for the configured country;
what that country dials ("00…", "011…", "0…") is understood, and numbers that are no public number (extensions, short
codes) are left as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

import phonenumbers

from jackfield.switch.snapshot import Rewrite, Snapshot

__all__ = [
    "Clash",
    "Taken",
    "callable_back",
    "clash",
    "clashes",
    "clean",
    "format_for_trunk",
    "in_range",
    "next_free",
    "rewrite",
    "same",
    "taken",
    "to_e164",
]

# RFC 3966 section 5.1.1 visual separators, and what people paste.
_SEPARATORS = str.maketrans("", "", "-.() \t\u00a0/")
_TRUNK_ZERO = re.compile(r"^(\+[\d\s.-]+)\(0\)")  # "+44 (0)20 …": the zero is not dialled from abroad
_DIALABLE = frozenset("0123456789*#+")
_PLAIN = re.compile(r"[0-9*#+]+").fullmatch


def clean(user: str) -> str:
    """Return what was meant by a dialled number.

    `user` is the user part of a SIP or tel URI, or what a person typed. Percent escapes, URI parameters
    (`;phone-context=+420` is taken for a country code, RFC 3966 section 5.1.5), visual separators, digits of other
    scripts and invisible characters are resolved. A name ("john.doe") stays as it is.
    """
    if _PLAIN(user):
        return user
    if "%" in user:
        user = unquote(user, errors="replace")
    user = user.strip().strip("<>").removeprefix("sips:").removeprefix("sip:").removeprefix("tel:")
    user, _, host = user.partition("@")
    user, _, parameters = user.partition(";")
    if host and not parameters and ";" in host:
        parameters = host.partition(";")[2]
    user = "".join(_visible(user)) if not user.isascii() else "".join(c for c in user if c >= " ")
    number = _TRUNK_ZERO.sub(r"\1", user).translate(_SEPARATORS)
    if not number or not _DIALABLE.issuperset(number):
        return user.strip()
    if number[0] != "+" and "phone-context=" in parameters.lower():
        context = re.search(r"phone-context=(\+[\d.-]+)", parameters, re.IGNORECASE)
        code = context.group(1).translate(_SEPARATORS) if context else ""
        if code and int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return code + number.removeprefix("0")
    return number


def _visible(text: str) -> Iterator[str]:
    """Yield the characters that a person sees, digits of any script as ASCII."""
    for character in unicodedata.normalize("NFKC", text):
        if unicodedata.category(character) in ("Cf", "Cc", "Cs", "Mn"):
            continue  # direction marks, zero-width characters, undecodable bytes
        digit = unicodedata.digit(character, None)
        yield character if digit is None else str(digit)


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def rewrite(number: str, rule: Rewrite) -> str:
    """Return the number as the rule changes it: first by pattern, then strip, then prefix.

    A pattern that does not match the whole number, or that is no regular expression, leaves it untouched.
    Stripping more than there is leaves the prefix alone.
    """
    if rule.pattern:
        pattern = _pattern(rule.pattern)
        match = pattern.fullmatch(number) if pattern else None
        if match is None:
            return number
        try:
            number = match.expand(rule.replace)
        except (re.error, IndexError):
            return number
    return rule.prefix + number[rule.strip :]


@lru_cache(maxsize=8192)
def to_e164(number: str, country: str) -> str | None:
    """Return "+420255501010" for a public number dialled in `country` (ISO 3166-1 alpha-2), None for any other."""
    if not any(c.isdigit() for c in number) or "*" in number or "#" in number:
        return None
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None
    possible: bool = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if possible else None


@lru_cache(maxsize=8192)
def _dialled_in(e164: str, country: str) -> str:
    """Return a number in international form as it is dialled on a line of `country`."""
    parsed = phonenumbers.parse(e164)
    if phonenumbers.country_code_for_region(country) == parsed.country_code:
        text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    else:
        text = phonenumbers.format_out_of_country_calling_number(parsed, country)
    return "".join(c for c in text if c in _DIALABLE)


def callable_back(number: str, country: str) -> str:
    """Return a calling number as it is dialled from `country`: "+420…" at home becomes "…", abroad "00420…"."""
    e164 = to_e164(number, country) if number.startswith("+") else None
    return _dialled_in(e164, country) if e164 else number


def same(one: str, other: str, country: str) -> bool:
    """Say if two numbers reach the same place: equal, or equal in the international form."""
    if one == other:
        return True
    international = to_e164(one, country)
    return international is not None and international == to_e164(other, country)


def in_range(number: str, first: str, last: str, country: str) -> bool:
    """Say if a number lies in first..last, all of one length; otherwise compared in the international form."""
    if number.isdigit() and first.isdigit() and last.isdigit() and len(number) == len(first) == len(last):
        return first <= number <= last
    found, low, high = (to_e164(n, country) for n in (number, first, last))
    return bool(found and low and high and len(found) == len(low) == len(high) and low <= found <= high)


def format_for_trunk(number: str, style: Literal["as_dialled", "e164", "e164_plus", "national"], country: str) -> str:
    """Return a called number as a trunk wants it. What is no public number (a short code) stays as dialled."""
    if style == "as_dialled":
        return number
    e164 = to_e164(number, country)
    if e164 is None:
        return number
    if style == "national":
        return _dialled_in(e164, country)
    return e164 if style == "e164_plus" else e164[1:]


# --- the namespace ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taken:
    """A number and what has it."""

    number: str
    what: str
    """Plain words: "extension 101 (Anna)"."""
    setting: str
    """Path of the console: "extensions/101"."""
    prefix: bool = False
    """It stands for every number that begins so: an outgoing route."""


@dataclass(frozen=True, slots=True)
class Clash:
    """Two things in the dial plan that disturb each other."""

    number: str
    text: str
    setting: str
    error: bool
    """True: it must not be saved. False: it works, but surprises."""


def taken(snapshot: Snapshot) -> list[Taken]:
    """Return everything that has a number in the dial plan, people first."""
    named = [
        *((e.number, e.name, "extension", "extensions") for e in snapshot.extensions),
        *((g.number, g.name, "ring group", "ring_groups") for g in snapshot.ring_groups),
        *((s.number, s.name or s.kind, "service", "services") for s in snapshot.services),
        *((d.number, d.name, "speed dial", "speed_dials") for d in snapshot.speed_dials),
        *((n.number, n.name, "emergency number", "emergency_numbers") for n in snapshot.emergency_numbers),
    ]
    found = [
        Taken(number, f"{kind} {number} ({name})" if name else f"{kind} {number}", f"{path}/{number}")
        for number, name, kind, path in named
    ]
    found.extend(
        Taken(r.prefix, f'outgoing route "{r.name}" (prefix {r.prefix})', f"outbound/{r.name}", prefix=True)
        for r in snapshot.outbound
        if r.prefix
    )
    return found


def _between(one: Taken, other: Taken) -> Clash | None:
    """Say how two entries disturb each other, if they do; the clash is told about `one`."""
    if one.prefix and other.prefix:
        if one.number == other.number:
            text = f"{one.what} has the same prefix as {other.what}: only the first that fits is used"
            return Clash(one.number, text, one.setting, error=False)
        return None  # the longest prefix wins, which is what prefixes are for
    if one.number == other.number:
        return Clash(one.number, f"{one.what} has the number of {other.what}", one.setting, error=True)
    if one.prefix:
        return None  # told about the number, not about the route
    if other.prefix:
        if one.number.startswith(other.number) and not one.setting.startswith("emergency_numbers/"):
            text = f"{one.what} begins with the prefix of {other.what}: that outside number can't be dialled"
            return Clash(one.number, text, one.setting, error=False)
        return None
    if one.number.startswith(other.number):
        text = f"{one.what} begins with {other.what}: phones that dial digit by digit stop early"
        return Clash(one.number, text, one.setting, error=False)
    return None


def clashes(snapshot: Snapshot) -> list[Clash]:
    """Return every clash in the dial plan and among SIP names, each once."""
    entries = taken(snapshot)
    by_number: dict[str, list[Taken]] = {}
    for entry in entries:
        by_number.setdefault(entry.number, []).append(entry)
    found: list[Clash] = []
    seen: set[int] = set()
    for entry in entries:
        # Whatever disturbs a number is one of its own beginnings, so that thousands of numbers are checked at once.
        for length in range(1, len(entry.number) + 1):
            for other in by_number.get(entry.number[:length], ()):
                if other is not entry and (length < len(entry.number) or id(other) in seen):
                    problem = _between(entry, other) or _between(other, entry)
                    if problem:
                        found.append(problem)
        seen.add(id(entry))
    owners: dict[str, str] = {}
    for extension in snapshot.extensions:
        for line in extension.lines:
            if line.sip_username in owners:
                text = (
                    f"SIP name {line.sip_username} of extension {extension.number} belongs to extension "
                    f"{owners[line.sip_username]}: only one of them can register"
                )
                found.append(Clash(extension.number, text, f"extensions/{extension.number}", error=True))
            owners.setdefault(line.sip_username, extension.number)
    return found


def clash(snapshot: Snapshot, number: str, *, setting: str = "", prefix: bool = False) -> Clash | None:
    """Return what a new entry with this number would clash with, errors first; None when it is free.

    `setting`: the entry that is being edited, so that it does not clash with itself. `prefix`: it is a route.
    """
    new = Taken(number, f"prefix {number}" if prefix else f"number {number}", setting, prefix=prefix)
    warning = None
    for other in taken(snapshot):
        if setting and other.setting == setting:
            continue
        problem = _between(new, other) or _between(other, new)
        if problem and problem.error:
            return problem
        warning = warning or problem
    return warning


def next_free(snapshot: Snapshot, start: str = "") -> str:
    """Return the first number from `start` on (default: `general.first_number`) that clashes with nothing."""
    first = start or snapshot.general.first_number
    if not (first.isascii() and first.isdigit()):
        first = "101"
    entries = taken(snapshot)
    numbers = {e.number for e in entries}
    # A route's prefix blocks its numbers, unless the first number itself lies behind it: then that is wanted.
    outside = {e.number for e in entries if e.prefix} | {snapshot.general.outside_prefix}
    blocking = {p for p in outside if p and not first.startswith(p)}
    internal = {e.number for e in entries if not e.prefix}
    beginnings = {n[:length] for n in internal for length in range(1, len(n))}
    value, strict_until = int(first), 10 ** (len(first) + 1)
    while True:
        candidate = str(value).zfill(len(first))
        begins = {candidate[:length] for length in range(1, len(candidate))}
        clear = candidate not in beginnings and not begins & internal and not (begins | {candidate}) & blocking
        # With every first digit taken no number is clear of all others: then one that is not taken must do.
        if candidate not in numbers and (clear or value >= strict_until):
            return candidate
        value += 1
