"""Streams for legs: which media process a call uses, which addresses, and what happens when that process dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from jackfield.media.client import MediaLost, MediaPool, NoPort, Worker

if TYPE_CHECKING:
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Leg

log = logging.getLogger("jackfield.media")

Addresses = Callable[["Leg"], tuple[str, str]]
"""For a leg: our address to bind, and the one that the other side is told."""


class Streams:
    """Opens streams so that all of a call are in one worker, since only there can they be bridged."""

    def __init__(self, pool: MediaPool, addresses: Addresses, calls: Callable[[], Iterable[CallBase]]) -> None:
        self.pool = pool
        self._addresses = addresses
        self._calls = calls
        self._workers: dict[str, Worker] = {}
        pool.on_lost = self._lost

    async def open_streams(self, call: CallBase, legs: Sequence[Leg]) -> None:
        """Give each leg a stream. Raises `MediaLost` or `NoPort`."""
        if not legs:
            return
        worker = self.worker_of(call)
        by_address: dict[str, list[tuple[Leg, str]]] = {}
        for leg in legs:
            bind, told = self._addresses(leg)
            by_address.setdefault(bind, []).append((leg, told))
        for bind, wanting in by_address.items():
            streams = await worker.open(address=bind, count=len(wanting))
            for (leg, told), stream in zip(wanting, streams, strict=True):
                if leg.ended and leg.call is call:
                    stream.close()  # it left while the ports were being opened
                    continue
                stream.on_event = leg.on_media
                leg.audio.attach(stream, told)

    def worker_of(self, call: CallBase) -> Worker:
        """The worker of a call, chosen at the first need. Raises `MediaLost`."""
        worker = self._workers.get(call.id)
        if worker is None or not worker.alive:
            worker = self._workers[call.id] = self.pool.worker()
        return worker

    def forget(self, call: CallBase) -> None:
        """The call is over."""
        self._workers.pop(call.id, None)

    async def same_worker(self, call: CallBase, leg: Leg) -> bool:
        """Move a leg's audio into the worker of this call, by re-INVITE if it's elsewhere. False when that fails."""
        stream = leg.audio.stream
        if stream is not None and stream.worker is self.worker_of(call):
            return True
        return await self._move(call, leg)

    async def _move(self, call: CallBase, leg: Leg) -> bool:
        old = leg.audio.stream
        leg.audio.stream = None
        try:
            await self.open_streams(call, [leg])
        except (MediaLost, NoPort) as problem:
            log.error("audio of call %s can't be moved: %s", call.id, problem)
            return False
        if old is not None:
            old.close()
        usable = leg.audio.can_use()
        return await leg.reinvite(leg.audio.offer(usable, leg.audio.payload_types()))

    # --- a media process has died

    def _lost(self, worker: Worker) -> None:
        hit = [call for call in self._calls() if self._workers.get(call.id) is worker]
        log.error(
            "a media process has ended: the audio of %d calls moves to another one ('jackfield status' shows restarts)",
            len(hit),
        )
        for call in hit:
            call.note("the media process ended; audio is being restored")
            call.spawn(self.restore(call))

    async def restore(self, call: CallBase) -> None:
        """Give all legs of a call new streams, and connect them as before."""
        self._workers.pop(call.id, None)
        legs = [leg for leg in call.legs if leg.audio.stream is not None and not leg.ended]
        for attempt in range(20):
            try:
                self.pool.worker()
                break
            except MediaLost:
                await asyncio.sleep(0.1 * (attempt + 1))
        moved = await asyncio.gather(*(self._move(call, leg) for leg in legs if leg.answered))
        if not all(moved):
            call.end(503, "its audio could not be restored")
            return
        anchor, peer = call.anchor, call.peer
        if call.conversing and peer is not None and anchor.audio.stream and peer.audio.stream:
            anchor.audio.stream.bridge(peer.audio.stream)
        call.note("audio is restored")
