"""How long a NAT remembers a flow that nothing goes through, learnt from one phone behind it.

It is learnt by longer and longer silences: each that is survived is known to be `good`, one after which the phone could
not be reached any more is known to be `bad`, and the life time lies between (a binary search). Who makes the silences
is `qualify`; here is only what follows from them. All times are seconds.
"""

from __future__ import annotations

__all__ = ["AGAIN", "LONGEST", "SHORTEST", "Pinhole"]

SHORTEST, LONGEST = 15.0, 300.0
"""Between these lies every interval of keep-alives, unless the settings ask for a shorter one."""
GROWTH = 1.5
NEAR = 0.1
"""Share of a silence to which the search is fine enough, and by which keep-alives stay under what was survived."""
AGAIN = 86400.0
"""After so long it is looked whether the NAT remembers longer by now."""


class Pinhole:
    """What is known of one NAT: a public address, and datagrams or connections through it."""

    __slots__ = ("at", "bad", "good", "limit", "phone", "pinned", "turns")

    def __init__(self, good: float = 0.0, bad: float = 0.0, at: float = 0.0) -> None:
        self.good = good
        """The longest silence that was survived; 0: none was tried yet."""
        self.bad = bad
        """The shortest that was not; 0: none is known."""
        self.at = at
        """Wall clock, when the last thing was learnt; 0: never."""
        self.limit = LONGEST
        """The longest silence that a phone here can be tried with: it speaks by itself after that."""
        self.phone = 0
        """Number of the contact that is tried now; 0: none is."""
        self.pinned = 0
        """Times that the silence after which a phone was lost was tried: one loss may be chance."""
        self.turns = 0
        """Registrations of that phone that led to nothing."""

    def interval(self, start: float) -> float:
        """Return the seconds of silence after which a keep-alive is due; `start` where nothing is known."""
        if not self.good:
            return start
        return min(LONGEST, max(min(SHORTEST, start), self.good * (1 - NEAR)))

    def following(self, start: float) -> float:
        """Return the next silence to try, 0 when enough is known."""
        good = self.good or start
        if self.bad:
            return 0.0 if self.bad - good <= max(2.0, good * NEAR) else (good + self.bad) / 2
        longest = min(self.limit, LONGEST)
        return min(longest, good * GROWTH) if good < longest * (1 - NEAR) else 0.0

    def survived(self, silence: float, now: float) -> bool:
        """Note that a phone answered after a silence. True when that is news."""
        if self.bad and silence >= self.bad:
            self.bad, self.pinned = 0.0, 0
        if silence <= self.good:
            return False
        self.good, self.at, self.turns = silence, now, 0
        return True

    def forgot(self, silence: float, start: float, now: float) -> None:
        """Note that a phone could not be reached after a silence, though it was there."""
        self.at, self.turns = now, 0
        if self.good and silence > self.good:  # a silence that was tried on purpose
            self.pinned += 1
            if self.pinned >= 2:
                self.bad, self.pinned = silence, 0
            return
        # What was good once is not any more: go down at once, and search upwards from there.
        self.good = max(min(SHORTEST, start), silence / 2)
        self.bad = silence
        self.pinned = 0

    def renew(self, now: float) -> None:
        """After a day the NAT may be another: forget where its limit was, and search upwards from what is good."""
        if self.at and now - self.at > AGAIN:
            self.bad, self.limit, self.at = 0.0, LONGEST, now

    def end(self) -> None:
        """The phone that was tried has gone, or is no good for it."""
        self.phone = self.turns = self.pinned = 0
