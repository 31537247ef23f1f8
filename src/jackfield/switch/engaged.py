"""Which phones are in calls, so that "is it busy?" does not look through all calls of the house."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.switch.leg import Leg

__all__ = ["Engaged"]


class Engaged:
    """The legs of phones that take part in a call now, by extension."""

    __slots__ = ("_legs",)

    def __init__(self) -> None:
        self._legs: dict[str, set[Leg]] = {}

    def begins(self, leg: Leg) -> None:
        """A leg takes part in a call; harmless when it did so before."""
        extension = leg.party.extension
        if extension and not leg.ended:
            self._legs.setdefault(extension, set()).add(leg)

    def ends(self, leg: Leg) -> None:
        """It does no more."""
        legs = self._legs.get(leg.party.extension)
        if legs is not None:
            legs.discard(leg)
            if not legs:
                del self._legs[leg.party.extension]

    def calls_of(self, extension: str) -> int:
        """How many calls the phones of an extension are in."""
        legs = self._legs.get(extension)
        return len({leg.call.id for leg in legs if not leg.leaving}) if legs else 0

    def __len__(self) -> int:
        return len(self._legs)
