"""Public holidays of countries, from the package `holidays`: they become dates of a list, and nothing asks it again."""

from __future__ import annotations

from functools import cache
from typing import Any

from jackfield.switch.snapshot import Day

__all__ = ["MOST_YEARS", "countries", "public_holidays", "regions"]

MOST_YEARS = 10


@cache
def countries() -> tuple[str, ...]:
    """Return the countries whose holidays are known (ISO 3166-1 alpha-2)."""
    import holidays  # 60 ms, and needed by this page only

    return tuple(sorted(holidays.list_supported_countries(include_aliases=False)))


def regions(country: str) -> list[tuple[str, str]]:
    """Return the parts of a country that have holidays of their own: code (ISO 3166-2) and name."""
    import holidays

    if country not in countries():
        return []
    calendar: Any = getattr(holidays, country)
    names = {code: name for name, code in reversed(list(getattr(calendar, "subdivisions_aliases", {}).items()))}
    return sorted(((code, names.get(code, code)) for code in calendar.subdivisions), key=lambda one: one[1])


def public_holidays(country: str, region: str, first: int, last: int, language: str = "") -> tuple[Day, ...]:
    """Return the public holidays of the years `first` to `last`, in `language` where they are known in it.

    Raises `ValueError` for a country, a region or years that are not there.
    """
    import holidays

    if country not in countries() or (region and region not in dict(regions(country))):
        raise ValueError(f"no holidays are known of {country} {region}".rstrip())
    if not 1970 <= first <= last < first + MOST_YEARS or last > 2200:
        raise ValueError(f"{first} to {last}: give {MOST_YEARS} years at most")
    calendar: Any = getattr(holidays, country)
    spoken = {str(one).partition("_")[0]: one for one in reversed(calendar.supported_languages)}
    found = calendar(subdiv=region or None, years=range(first, last + 1), language=spoken.get(language[:2].lower()))
    return tuple(Day(first=day.isoformat(), name=str(name)[:100]) for day, name in sorted(found.items()))
