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

PATIENCE = 20.0
"""Seconds that the calls of a media process that died wait for another one."""
KNOCK = 0.2
"""Seconds between attempts in that time."""


class Streams:
    """Opens streams so that all of a call are in one worker, since only there can they be bridged."""

    def __init__(self, pool: MediaPool, addresses: Addresses, calls: Callable[[], Iterable[CallBase]]) -> None:
        self.pool = pool
        self._addresses = addresses
        self._calls = calls
        self._workers: dict[str, Worker] = {}
        self._restoring: set[CallBase] = set()
        pool.on_lost = self._lost

    async def open_streams(self, call: CallBase, legs: Sequence[Leg]) -> None:
        """Give each leg a stream. Raises `MediaLost` or `NoPort`.

        A leg that ended meanwhile gets none.
        """
        if not legs:
            return
        before = [leg.audio.stream for leg in legs]
        try:
            await self._open(call, legs)
        except MediaLost:  # it died in this moment: another one may be there
            await self._open(call, [leg for leg, old in zip(legs, before, strict=True) if leg.audio.stream is old])

    async def _open(self, call: CallBase, legs: Sequence[Leg]) -> None:
        worker = self.worker_of(call)
        if any(leg.audio.webrtc for leg in legs):
            await worker.ask_fingerprint()
        by_address: dict[str, list[tuple[Leg, str]]] = {}
        for leg in legs:
            bind, told = self._addresses(leg)
            by_address.setdefault(bind, []).append((leg, told))
        for bind, wanting in by_address.items():
            streams = await worker.open(address=bind, count=len(wanting))
            if not worker.alive:
                raise MediaLost("the media process died when it had opened the ports")
            for (leg, told), stream in zip(wanting, streams, strict=True):
                if leg.ended or call.over:
                    stream.close()  # it left while the ports were being opened
                    continue
                stream.on_event = leg.on_media
                leg.attach(stream, told)

    def worker_of(self, call: CallBase) -> Worker:
        """The worker of a call, chosen at the first need. Raises `MediaLost`."""
        worker = self._workers.get(call.id)
        if worker is None or not worker.alive:
            if call.over:
                raise MediaLost("the call is over")
            worker = self._workers[call.id] = self.pool.worker()
        return worker

    def forget(self, call: CallBase) -> None:
        """The call is over."""
        self._workers.pop(call.id, None)

    async def same_worker(self, call: CallBase, leg: Leg) -> bool:
        """Have a leg's audio and this call in one worker, by re-INVITE if they are in two.

        False when that fails: then all audio is where it was.
        """
        stream = leg.audio.stream
        try:
            if stream is not None and not stream.closed:
                if stream.worker is self.worker_of(call):
                    return True
                if leg.audio.webrtc and await self._follow(call, leg, stream.worker):
                    return True
            return await self._move(call, leg)
        except (MediaLost, NoPort) as problem:
            log.error("audio of call %s can't be moved: %s", call.id, problem)
            return False

    async def elsewhere(self, call: CallBase, leg: Leg) -> bool:
        """Give an answered leg a stream on the address of ours that is right for it now. False: it stays as it was."""
        return await self._move(call, leg)

    async def _follow(self, call: CallBase, leg: Leg, worker: Worker) -> bool:
        """Move a call to the worker of a browser that joins it. False: they stay where they are.

        Phones go on at another port at once. A browser would have to shake hands anew, and Firefox does not.
        """
        there = [one for one in call.legs if one.audio.stream is not None and not (one.ended or one.leaving)]
        others = [one for one in there if one is not leg]
        if not worker.alive or any(one.audio.webrtc or not one.answered for one in others):
            return False
        before, self._workers[call.id] = self.worker_of(call), worker
        moved = []
        for one in others:
            if not await self._move(call, one):
                break
            moved.append(one)
        agreed = len(moved) == len(others)
        if not agreed:
            self._workers[call.id] = before
            for one in moved:
                await self._move(call, one)
        call.reconnect()
        return agreed

    async def _move(self, call: CallBase, leg: Leg) -> bool:
        """Give an answered leg another stream; the one before serves it until its phone has agreed."""
        audio = leg.audio
        old, told = audio.stream, audio.address
        await self.open_streams(call, [leg])
        new = audio.stream
        if new is old or new is None:
            return False
        agreed = False
        try:
            agreed = await leg.reinvite(audio.renew)
        finally:
            left, kept = (old, new) if agreed else (new, old)
            if kept is not None and audio.stream is not kept:
                leg.attach(kept, told)
            if left is not None:
                left.on_event = None
                left.close()
            if leg.ended and kept is not None:
                kept.close()
        return agreed

    # --- a media process has died

    def _lost(self, worker: Worker) -> None:
        hit = [
            call
            for call in self._calls()
            if any(leg.audio.stream is not None and leg.audio.stream.worker is worker for leg in call.legs)
        ]
        log.error(
            "a media process has ended: the audio of %d calls moves to another one ('jackfield status' shows restarts)",
            len(hit),
        )
        for call in hit:
            call.note("the media process ended; audio is being restored")
            if call not in self._restoring:  # else that one will see it
                call.spawn(self.restore(call))

    async def restore(self, call: CallBase) -> None:
        """Give all legs of a call new streams, and connect them as before; end the call when that can't be."""
        self._restoring.add(call)
        try:
            await self._restore(call)
        except NoPort as problem:
            call.end(503, f"its audio could not be restored: {problem}")
        finally:
            self._restoring.discard(call)

    async def _restore(self, call: CallBase) -> None:
        clock = asyncio.get_running_loop().time
        last = clock() + PATIENCE
        while mute := _mute_legs(call):
            results = await asyncio.gather(*(self._renew(call, leg) for leg in mute), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException) and not isinstance(result, MediaLost):
                    raise result
            if False in results or clock() >= last:
                call.end(503, "its audio could not be restored")
                return
            if _mute_legs(call):
                await asyncio.sleep(KNOCK)
        call.reconnect()
        call.note("audio is restored")

    async def _renew(self, call: CallBase, leg: Leg) -> bool:
        if leg.answered:
            return await self._move(call, leg) or leg.ended
        await self.open_streams(call, [leg])
        leg.moved = leg.told  # a description can't be taken back before the answer: see `Leg.moved`
        return True


def _mute_legs(call: CallBase) -> list[Leg]:
    """The legs whose streams have gone with their media process."""
    return [
        leg
        for leg in call.legs
        if leg.audio.stream is not None and leg.audio.stream.closed and not leg.ended and not leg.leaving
    ]
