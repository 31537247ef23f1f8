"""Time for the SIP state machines: the constants of RFC 3261 table 4, and a wheel of timers.

Nothing here reads a clock. Whoever owns the wheel asks `next_time()`, waits that long in his own way, and calls
`wake(now)`. A SIP server starts a dozen timers for each call and stops nearly all of them again before they are due,
so both must cost next to nothing: timers that are due at about the same time share a slot, a slot is a dictionary,
and a stopped timer leaves it at once instead of haunting a heap until its time comes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil

__all__ = ["T1", "T2", "T4", "TIMEOUT", "Timer", "Timers"]

T1 = 0.5
"""Round trip estimate, seconds (RFC 3261 section 17.1.1.1)."""
T2 = 4.0
"""Longest interval between retransmissions of a non-INVITE request or a response, seconds."""
T4 = 5.0
"""How long a message can stay in the network, seconds."""
TIMEOUT = 64 * T1
"""Timers B, F, H, J, L and M, and D on UDP: when a transaction gives up or is forgotten, seconds."""

_TICKS = 64  # in a second; a power of two, so that T1, T2 and T4 fall on ticks exactly
_EXACT = T2
_NEAR = 2 * TIMEOUT

log = logging.getLogger(__name__)

Slot = dict["Timer", None]


def _nothing(now: float) -> None:
    """What a stopped timer does."""


class Timer:
    """One thing to do at one time. Stopped by `cancel()`; a fired or stopped timer stays quiet for ever."""

    __slots__ = ("_callback", "_slot")

    def __init__(self, callback: Callable[[float], None], slot: Slot) -> None:
        self._callback = callback
        self._slot: Slot | None = slot
        slot[self] = None

    @property
    def active(self) -> bool:
        """True until the timer fires or is cancelled."""
        return self._slot is not None

    def cancel(self) -> None:
        """Stop the timer; harmless when it has fired or was stopped before."""
        slot = self._slot
        if slot is not None:
            self._slot = None
            self._callback = _nothing  # whoever holds the timer is as a rule what the callback belongs to
            slot.pop(self, None)
            if not slot:
                slot.clear()  # its table: slots of session timers lie empty for half an hour until their time comes

    def _fire(self, now: float) -> None:
        self._slot = None
        self._callback(now)


class Timers:
    """A wheel of timers.

    `len(timers)` is the number of running timers. `on_earlier` is called with a time whenever a timer is set that
    is due before every other, so that the owner can shorten his wait.
    """

    __slots__ = ("_slots", "_ticks", "on_earlier")

    def __init__(self, on_earlier: Callable[[float], None] | None = None) -> None:
        self._slots: dict[int, Slot] = {}
        self._ticks: list[int] = []
        self.on_earlier = on_earlier

    def after(self, now: float, delay: float, callback: Callable[[float], None]) -> Timer:
        """Call `callback(later)` when `delay` seconds after `now` have passed on the owner's clock; never before.

        It may be late by 1/64 s; of delays over 4 s by 1/8 s, over 64 s by one second.
        """
        if delay <= _EXACT:
            tick = ceil((now + delay) * _TICKS)
        elif delay <= _NEAR:
            tick = ceil((now + delay) * 8) * (_TICKS // 8)
        else:
            tick = ceil(now + delay) * _TICKS
        slot = self._slots.get(tick)
        if slot is None:
            slot = self._slots[tick] = {}
            heappush(self._ticks, tick)
            timer = Timer(callback, slot)
            if self._ticks[0] == tick and self.on_earlier is not None:
                self.on_earlier(tick / _TICKS)
            return timer
        return Timer(callback, slot)

    def next_time(self) -> float | None:
        """When `wake` has something to do; None while no timer runs."""
        ticks, slots = self._ticks, self._slots
        while ticks:
            if slots[ticks[0]]:
                return ticks[0] / _TICKS
            del slots[heappop(ticks)]
        return None

    def wake(self, now: float) -> int:
        """Fire every timer that is due at `now`, in order of time; return how many fired.

        An error in one callback is logged and stops neither the others nor the caller.
        """
        limit = now * _TICKS
        fired = 0
        ticks, slots = self._ticks, self._slots
        while ticks and ticks[0] <= limit:
            slot = slots.pop(heappop(ticks))
            for timer in list(slot):
                if timer._slot is not slot:  # stopped by one that fired just before it
                    continue
                fired += 1
                try:
                    timer._fire(now)
                except Exception:
                    log.exception("a SIP timer failed")
        return fired

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))
