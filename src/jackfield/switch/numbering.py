"""Tables of prefixes by which numbers are told apart. Made when a snapshot is published (`console/numbering.py`)."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Numbering", "World"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """Prefixes of the company's country by which the kind of a call is told. Made when a snapshot is published.

    `mobile`, `premium`, `free` and `abroad` (other countries of the same code) are beginnings of national numbers,
    without the prefix that is dialled before them.
    """

    country_code: str = ""
    international: tuple[str, ...] = ()  # "00"
    national: str = ""  # "0"; "" where there is none
    shortest: int = 0  # digits of a full national number at least
    mobile: tuple[str, ...] = ()
    premium: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    abroad: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Countries by the beginning of a number in the international form, without "+". Made as `Numbering` is."""

    countries: dict[str, str] = field(default_factory=dict)  # "49": "DE"; "001" belongs to no country
    premium: tuple[str, ...] = ()
