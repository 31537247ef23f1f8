"""What the first run proposes: from the machine, from the browser's languages, and from what is there already."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel import Locale
from django.utils.translation import get_language
from django.utils.translation import gettext as _

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


def countries() -> tuple[tuple[str, str], ...]:
    """Return code and name of all countries whose numbers are known, by name, in the language of the page."""
    return _countries((get_language() or "en").partition("-")[0])


@cache
def _countries(language: str) -> tuple[tuple[str, str], ...]:
    import phonenumbers

    names = Locale.parse(language).territories
    found = [(code, str(names.get(code, code))) for code in phonenumbers.SUPPORTED_REGIONS]
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

    def told(self) -> str:
        """Return in a sentence what it is good for."""
        text = {
            2: _("Two digits, from %(first)s: quick to dial, for up to about 60 numbers. %(group)s rings everybody."),
            3: _("Three digits, from %(first)s: for up to about 800 numbers. %(group)s rings everybody."),
            4: _("Four digits, from %(first)s: for several sites or many people. %(group)s rings everybody."),
        }[len(self.first)]
        return text % {"first": self.first, "group": self.group}


def plans(country: str, outside_prefix: str) -> list[Plan]:
    """Return the ways of numbering that are proposed: two, three and four digits, past the emergency numbers."""
    taken = set(emergency_numbers(country))
    found = []
    for digits in (2, 3, 4):
        step = 10 ** (digits - 1)
        first = step
        while any(str(number) in taken for number in range(first, first + 10)):
            first += step
        group = str(first + step - 1) if digits > 2 else next(
            str(number) for number in (80, 70, 60) if not str(number).startswith(outside_prefix or "x")
        )  # fmt: skip
        found.append(Plan(str(first), group))
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
