"""How often one may ask: what is refused is counted in memory, so that a flood costs no database."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["Pace"]


class Pace:
    """Allows each key so many times in so many seconds; then it waits until the time is over."""

    def __init__(self, times: int, seconds: float, most: int = 20_000) -> None:
        self.times, self.seconds, self._most = times, seconds, most
        self._known: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait(self, key: str, now: float) -> int:
        """Count one more, and return how many seconds to wait before the next one is allowed; 0: it is allowed."""
        began, count = self._known.get(key, (now, 0))
        if not 0 <= now - began < self.seconds:
            began, count = now, 0
        self._known[key] = began, count + 1
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return max(1, round(began + self.seconds - now)) if count >= self.times else 0

    def over(self, key: str, now: float) -> int:
        """Return what `wait` would, without counting."""
        began, count = self._known.get(key, (now, 0))
        return max(1, round(began + self.seconds - now)) if count >= self.times and now - began < self.seconds else 0

    def forget(self) -> None:
        """Begin anew."""
        self._known.clear()
