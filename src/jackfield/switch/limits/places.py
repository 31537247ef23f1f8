"""Which country a number belongs to, and whether it is a premium-rate one, by tables that stand in the snapshot."""

from __future__ import annotations

from jackfield.switch.permissions import Numbers
from jackfield.switch.snapshot import Numbering, Snapshot, World

__all__ = ["Called", "Places", "places"]


FREE_EVERYWHERE = "800"
"""Universal International Freephone Number (ITU-T E.169.1)."""


class Called:
    """What is known of a called number."""

    __slots__ = ("country", "full", "kind")

    def __init__(self, full: str, kind: str, country: str) -> None:
        self.full = full
        """ "+49…"; a short number of the country as it is."""
        self.kind = kind
        """ "national", "mobile", "international", "premium" or "free"."""
        self.country = country
        """ISO 3166-1 alpha-2; "001" for numbers that belong to no country (satellites); "" if not known."""


class Places:
    """The numbers of the world, seen from one country."""

    __slots__ = ("_countries", "_home", "_lengths", "_numbers", "_premium", "_premium_lengths")

    def __init__(self, numbering: Numbering, world: World, home: str) -> None:
        self._numbers = Numbers(numbering)
        self._home = home
        self._countries = world.countries
        self._lengths = sorted({len(one) for one in world.countries}, reverse=True)
        self._premium = frozenset(world.premium)
        self._premium_lengths = sorted({len(one) for one in world.premium})

    def called(self, number: str) -> Called:
        """Return what is known of a number as it is dialled on an outside line."""
        full = self._numbers.full(number)
        if not full.startswith("+"):
            return Called(full, self._numbers.kind(number), self._home)
        digits = full[1:]
        country = ""
        for length in self._lengths:
            found = self._countries.get(digits[:length])
            if found is not None and len(digits) >= length:
                country = found
                break
        kind = "free" if digits.startswith(FREE_EVERYWHERE) else self._numbers.kind(number)
        if kind != "free" and any(digits[:length] in self._premium for length in self._premium_lengths):
            kind = "premium"
        return Called(full, kind, country)

    def begins(self, number: str, beginning: str) -> bool:
        """Say if a number begins so, in the international form too."""
        return self._numbers.begins(number, beginning)


def places(snapshot: Snapshot) -> Places:
    """Return the tables of a snapshot, made once."""
    made = snapshot.derived.get("places")
    if not isinstance(made, Places):
        made = snapshot.derived["places"] = Places(snapshot.numbering, snapshot.world, snapshot.general.country)
    return made
