"""A token bucket per source address, asked before a datagram is parsed: a flood costs its sender, not the phones."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Admission"]


class Admission:
    """Admits so many packets per second from each address that isn't known.

    The table is bounded. When it is full, the addresses that have been quiet longest go first; with a flood from
    more addresses than it holds, each of them gets its burst and no more until it comes round again.
    """

    __slots__ = ("_burst", "_clock", "_is_known", "_old", "_rate", "_size", "_young", "refused")

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        rate: float = 50.0,
        burst: float = 200.0,
        size: int = 16_384,
        is_known: Callable[[str], bool] | None = None,
    ) -> None:
        """Take the clock (seconds, monotonic), packets per second, how many at once, and addresses remembered.

        `is_known(address)` exempts registered phones and trunks; it is asked only when a bucket runs dry.
        """
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._size = size
        self._is_known = is_known
        # Two generations instead of a list in order of use: a look-up costs one dict access and moves nothing.
        self._young: dict[str, list[float]] = {}
        self._old: dict[str, list[float]] = {}
        self.refused = 0

    def __call__(self, address: str) -> bool:
        """Tell whether a packet from this address is to be looked at."""
        now = self._clock()
        bucket = self._young.get(address)
        if bucket is None:
            bucket = self._remember(address, now)
        tokens = bucket[0] + (now - bucket[1]) * self._rate
        bucket[0] = tokens = min(tokens, self._burst)
        bucket[1] = now
        if tokens >= 1.0:
            bucket[0] = tokens - 1.0
            return True
        if self._is_known is not None and self._is_known(address):
            return True
        self.refused += 1
        return False

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _remember(self, address: str, now: float) -> list[float]:
        bucket = self._old.pop(address, None)
        if bucket is None:
            bucket = [self._burst, now]
        if len(self._young) >= self._size // 2:
            self._old, self._young = self._young, {}
        self._young[address] = bucket
        return bucket
