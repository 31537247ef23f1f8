"""Health of a trunk's addresses: which of them answer, told apart from single losses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from jackfield.sip.flow import Hop

__all__ = ["DOWN_AFTER", "UP_AFTER", "Health", "HopHealth"]

DOWN_AFTER = 2
"""Failures in a row that make an address down."""
UP_AFTER = 2
"""Answers in a row that make it up again, so that one lucky packet does not bring calls back too soon."""
AVOID = 30.0
"""Seconds for which an address where a call attempt failed is tried after the others."""


@dataclass(slots=True)
class HopHealth:
    """One address."""

    hop: Hop
    up: bool = True
    failures: int = 0
    answers: int = 0
    avoid_until: float = 0.0
    latency: float | None = None
    """Seconds of the last OPTIONS round trip."""
    heard: bool = False
    """It has answered something once."""
    knows_options: bool = False
    """It has answered OPTIONS once. Who never does but takes calls is not down for that."""


@dataclass(slots=True)
class Health:
    """All addresses of a trunk, in the order in which DNS or the list names them."""

    hops: list[HopHealth] = field(default_factory=list)

    def use(self, found: Iterable[Hop]) -> bool:
        """Take the addresses that a resolution found, keeping what is known of them. True when they changed."""
        known = {one.hop: one for one in self.hops}
        hops = [known.get(hop) or HopHealth(hop) for hop in dict.fromkeys(found)]
        changed = {one.hop for one in hops} != set(known)
        self.hops = hops
        return changed

    def of(self, hop: Hop) -> HopHealth | None:
        """Return what is known of an address."""
        return next((one for one in self.hops if one.hop == hop), None)

    def in_order(self, now: float) -> list[Hop]:
        """Return the addresses in order of trial: those that are up, then those where a call just failed, then the
        rest, which may have come back a moment ago."""
        return [one.hop for one in sorted(self.hops, key=lambda one: (not one.up, one.avoid_until > now))]

    @property
    def any_up(self) -> bool:
        """True while at least one address is up, or none is known yet."""
        return not self.hops or any(one.up for one in self.hops)

    def answered(self, hop: Hop, *, options: bool = False) -> bool:
        """Take note of an answer; True when it brings the address up."""
        one = self.of(hop)
        if one is None:
            return False
        one.heard = True
        one.knows_options = one.knows_options or options
        one.failures = 0
        one.avoid_until = 0.0
        one.answers += 1
        if not one.up and (one.answers >= UP_AFTER or not options):
            one.up = True
            return True
        return False

    def failed(self, hop: Hop, now: float, *, options: bool = False) -> bool:
        """Take note of silence, a failed connection or a 503; True when it brings the address down."""
        one = self.of(hop)
        if one is None or (options and one.heard and not one.knows_options):
            return False
        one.answers = 0
        one.failures += 1
        if not options:
            one.avoid_until = now + AVOID
        if one.up and one.failures >= DOWN_AFTER:
            one.up = False
            return True
        return False
