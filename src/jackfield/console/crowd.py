"""How many connections one address has at once, and who waits in line for the next place.

All phones of an office may be one address, behind its router; after a power cut they come within a second. Who comes
beyond the number that one address may have is not sent away, which many phones take for "try again tomorrow": he waits.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable

__all__ = ["Crowd"]


class Crowd:
    """Places by address: `most` for each; `line` of each and `lines` of all may wait."""

    def __init__(self, most: Callable[[], int], line: int = 1000, lines: int = 2000) -> None:
        self._most, self._line, self._lines = most, line, lines
        self._here: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[Callable[[], None]]] = {}

    def enter(self, who: Hashable, turn: Callable[[], None]) -> bool | None:
        """Take a place: True. False: `turn` is called once there is one, which is then taken. None: too many wait."""
        if self._here[who] < self._most():
            self._here[who] += 1
            return True
        queue = self._waiting.get(who, ())
        if len(queue) >= self._line or sum(map(len, self._waiting.values())) >= self._lines:
            return None
        self._waiting.setdefault(who, deque()).append(turn)
        return False

    def leave(self, who: Hashable) -> None:
        """Give a place back: the first in line has it."""
        if queue := self._waiting.get(who):
            turn = queue.popleft()
            if not queue:
                del self._waiting[who]
            turn()
            return
        self._here[who] -= 1
        if not self._here[who]:
            del self._here[who]

    def give_up(self, who: Hashable, turn: Callable[[], None]) -> None:
        """Leave the line."""
        queue = self._waiting.get(who)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[who]

    def waits(self, who: Hashable) -> bool:
        """Tell whether somebody of this address waits."""
        return who in self._waiting
