"""What the first run proposes: from the machine, from the browser's languages, and from what is there already."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jackfield.console.emergency import emergency_numbers
from jackfield.console.languages import LANGUAGES
from jackfield.console.whereabouts import ZONES

__all__ = ["LANGUAGES", "Plan", "browser_place", "countries", "login_for", "plans", "zone_of"]

_HOME = {"de": "DE", "es": "ES", "fr": "FR", "cs": "CZ"}
_TAG = re.compile(r"([A-Za-z]{2,3})(?:-[A-Za-z]{4})?(?:-([A-Za-z]{2}))?(?:-[^;]*)?(?:;q=([0-9.]+))?")


def browser_place(header: str) -> tuple[str, str]:
    """Return language and country from an Accept-Language header (RFC 9110 section 12.5.4), "" for what it hides."""
    found: list[tuple[float, str, str]] = []
    for part in header[:500].split(","):
        tag = _TAG.fullmatch(part.strip().replace(" ", ""))
        if tag:
            try:
                weight = float(tag[3] or 1)
            except ValueError:
                continue
            found.append((-weight, tag[1].lower(), (tag[2] or "").upper()))
    found.sort(key=lambda one: one[0])
    language = next((name for _, name, _ in found if name in LANGUAGES), "")
    country = next((country for _, name, country in found if country and name == (language or name)), "")
    return language, country or _HOME.get(language, "")


@cache
def countries(table: Path = ZONES / "iso3166.tab") -> tuple[tuple[str, str], ...]:
    """Return code and name of all countries whose numbers are known, by name."""
    import phonenumbers

    names: dict[str, str] = {}
    try:
        for line in table.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#") and "\t" in line:
                code, _, name = line.partition("\t")
                names[code] = name.strip()
    except OSError:
        names = {}
    found = [(code, names.get(code, code)) for code in phonenumbers.SUPPORTED_REGIONS]
    return tuple(sorted(found, key=lambda one: _plain(one[1])))


def zone_of(country: str, zones: Path = ZONES) -> str:
    """Return the time zone of a country, the first where it has several; "" when it is not known."""
    try:
        table = (zones / "zone.tab").read_text(encoding="utf-8")
    except OSError:
        return ""
    for line in table.splitlines():
        columns = line.split("\t")
        if not line.startswith("#") and len(columns) > 2 and columns[0] == country:
            return columns[2]
    return ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A way of numbering. `group`: the number at which everybody rings."""

    first: str
    group: str
    title: str
    text: str


def plans(country: str, outside_prefix: str) -> list[Plan]:
    """Return the ways of numbering that are proposed: two, three and four digits, past the emergency numbers."""
    taken = set(emergency_numbers(country))
    found = []
    for digits, title, text in (
        (2, "Two digits", "quick to dial, for up to about 60 numbers"),
        (3, "Three digits", "for up to about 800 numbers"),
        (4, "Four digits", "for several sites or many people"),
    ):
        step = 10 ** (digits - 1)
        first = step
        while any(str(number) in taken for number in range(first, first + 10)):
            first += step
        group = str(first + step - 1) if digits > 2 else next(
            str(number) for number in (80, 70, 60) if not str(number).startswith(outside_prefix or "x")
        )  # fmt: skip
        example = f"{first}, {first + 1}, {first + 2} …"
        found.append(Plan(str(first), group, f"{title}, from {first}", f"{example}: {text}. {group} rings everybody."))
    return found


def login_for(name: str, email: str, taken: Collection[str]) -> str:
    """Return a name to sign in with that nobody has: from the e-mail address, else from the person's name."""
    base = re.sub(r"[^a-z0-9._-]", "", _plain(email.partition("@")[0]))
    base = base or re.sub(r"[^a-z0-9._-]", "", re.sub(r"\s+", ".", _plain(name).strip())) or "user"
    found, number = base[:100], 1
    while found in taken:
        number += 1
        found = f"{base[:100]}{number}"
    return found


def _plain(text: str) -> str:
    """Return a text in small letters without accents."""
    text = text.replace("ß", "ss").replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    split = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in split if not unicodedata.combining(letter))
