"""Which phones are in calls, so that "is it busy?" does not look through all calls of the house."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.switch.leg import Leg

__all__ = ["Engaged"]


class Engaged:
    """The legs of phones that take part in a call now, by extension.

    on_change: called with an extension when one of its legs comes, rings, is answered or goes.
    """

    __slots__ = ("_legs", "on_change")

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._legs: dict[str, dict[Leg, None]] = {}
        self.on_change = on_change

    def begins(self, leg: Leg) -> None:
        """A leg takes part in a call; harmless when it did so before."""
        extension = leg.party.extension
        if extension and not leg.ended:
            self._legs.setdefault(extension, {})[leg] = None
            self.on_change(extension)

    def changed(self, leg: Leg) -> None:
        """It rings, or was answered."""
        if leg.party.extension:
            self.on_change(leg.party.extension)

    def ends(self, leg: Leg) -> None:
        """It does no more."""
        legs = self._legs.get(leg.party.extension)
        if legs is not None:
            legs.pop(leg, None)
            if not legs:
                del self._legs[leg.party.extension]
            self.on_change(leg.party.extension)

    def legs_of(self, extension: str) -> list[Leg]:
        """The legs of an extension's phones, the oldest first."""
        return list(self._legs.get(extension, ()))

    def calls_of(self, extension: str) -> int:
        """How many calls the phones of an extension are in."""
        legs = self._legs.get(extension)
        return len({leg.call.id for leg in legs if not leg.leaving}) if legs else 0

    def __len__(self) -> int:
        return len(self._legs)
