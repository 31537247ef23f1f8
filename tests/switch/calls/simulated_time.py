"""An event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

BEGIN = 1000.0
LONGEST = 24 * 3600.0


class _Selector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = super().select(5.0)  # a thread may still have something to say
            if not ready:
                raise RuntimeError("the test waits for something that can never happen")
            return ready
        self.now += timeout
        if self.now > BEGIN + LONGEST:
            raise RuntimeError("the test waited a simulated day for something that does not happen")
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Time passes only while nobody has anything to do."""

    def __init__(self) -> None:
        self._simulated = _Selector()
        super().__init__(self._simulated)

    def time(self) -> float:
        return self._simulated.now
