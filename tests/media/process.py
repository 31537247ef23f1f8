"""A media worker on a thread of its own with the real clock, and what waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from jackfield.media.client import Stream
from jackfield.media.lane import PythonRoad
from jackfield.media.ports import Ports
from jackfield.media.worker import Worker
from jackfield.rtp.codecs.g711 import PCMA_TO_PCMU, PCMU_TO_PCMA

PATIENCE = 20.0  # seconds of real time after which something that must come will not come any more


class Process:
    """A worker on a thread of its own, with the real clock."""

    def __init__(self, path: Path, ports: tuple[int, int] = (33000, 60000)) -> None:
        road = PythonRoad(PCMU_TO_PCMA, PCMA_TO_PCMU)
        self.worker = Worker(road, Ports(*ports, clock=road.now, random=Random()), random=Random())
        self.worker.listen(path)
        self.path = path
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def stop(self) -> None:
        self.worker.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def process(path: Path, **how: Any) -> Iterator[Process]:
    made = Process(path, **how)
    try:
        yield made
    finally:
        made.stop()


class Events:
    """What a stream told, and a way to wait for it."""

    def __init__(self, *streams: Stream) -> None:
        self.all: list[Any] = []
        self._came = asyncio.Event()
        for stream in streams:
            stream.on_event = self._take

    def _take(self, event: Any) -> None:
        self.all.append(event)
        self._came.set()

    async def next(self, kind: type, count: int = 1) -> Any:
        async with asyncio.timeout(PATIENCE):
            while len(found := [event for event in self.all if isinstance(event, kind)]) < count:
                self._came.clear()
                await self._came.wait()
        return found[count - 1]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)
