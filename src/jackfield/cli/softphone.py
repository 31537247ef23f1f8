"""What `jackfield phone` does once it knows what is wanted."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jackfield.phone import Account, File, Phone, PhoneCall, PhoneError, Silence, Source, Tone

__all__ = ["Task", "be"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What the phone is to do; see the flags of `jackfield phone`."""

    account: Account
    call: str = ""
    play: Path | None = None
    tone: float = 0.0
    record: Path | None = None
    digits: str = ""
    digits_by: Literal["rfc4733", "info", "inband"] = "rfc4733"
    transfer: str = ""
    seconds: float = 0.0
    codecs: tuple[str, ...] = ("pcma", "pcmu")
    srtp: Literal["off", "offered", "required"] = "off"
    register: bool = True


async def be(task: Task, *, quiet: bool = False) -> dict[str, Any]:
    """Do it, and return what came of it: `ok`, `problem`, and `calls` with their audio. Ctrl-C ends it in order."""
    done: dict[str, Any] = {"ok": True, "problem": "", "calls": []}

    def say(text: str) -> None:
        if not quiet:
            print(text, file=sys.stderr, flush=True)

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with Phone(task.account, codecs=task.codecs, srtp=task.srtp, report=say) as phone:
            if task.register:
                await _or_stop(phone.register(), stop)
                say(f"registered as {task.account.username} at {task.account.host} by {task.account.transport}")
            if task.call:
                await _place(phone, task, stop, say, done)
            else:
                await _wait(phone, task, stop, say, done)
    except PhoneError as error:
        done["ok"], done["problem"] = False, str(error)
        say(f"jackfield: {error}")
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    return done


async def _place(phone: Phone, task: Task, stop: asyncio.Event, say: Any, done: dict[str, Any]) -> None:
    call = await phone.call(task.call, source=_source(task, call=None))
    say(f"calling {task.call}")
    await _or_stop(call.wait_answered(timeout=180), stop)
    say(f"answered by {call.number} {call.name}".rstrip() + f", {_audio(call)}")
    await _talk(call, task, stop, say, done)


async def _wait(phone: Phone, task: Task, stop: asyncio.Event, say: Any, done: dict[str, Any]) -> None:
    """Answer one call after the other until stopped; `seconds` bounds each."""
    say("waiting for calls; Ctrl-C ends")
    while not stop.is_set():
        call = await _or_stop(phone.next_call(timeout=1e9), stop)
        call.audio.source = _source(task, call=call)
        await call.answer()
        say(f"answered, {_audio(call)}")
        await _talk(call, task, stop, say, done)


async def _talk(call: PhoneCall, task: Task, stop: asyncio.Event, say: Any, done: dict[str, Any]) -> None:
    if task.record is not None:
        call.ear.record(task.record)
    if task.digits:
        await call.send_digits(task.digits, task.digits_by)
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(call.ended.wait())]
    await asyncio.wait(waits, timeout=task.seconds or None, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if task.transfer and not call.ended.is_set():
        status = await call.transfer(task.transfer)
        say(f"transfer to {task.transfer}: {status}")
    found = call.audio.statistics()
    call.hang_up()
    done["calls"].append(
        {
            "number": call.number,
            "name": call.name,
            "direction": "in" if call.incoming else "out",
            "status": call.status,
            "reason": call.reason,
            "digits": "".join(digit for digit, _ in call.digits),
            "audio": dataclasses.asdict(found),
        }
    )
    heard = f"{found.received} received, {found.lost} lost, jitter {found.jitter * 1000:.1f} ms"
    say(f"{found.codec or 'no audio'}: {found.sent} packets sent, {heard}")


async def _or_stop(work: Any, stop: asyncio.Event) -> Any:
    """Wait for the work, or give it up when stopped. Raises `asyncio.CancelledError` then."""
    task, stopped = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
        return await task
    finally:
        stopped.cancel()


def _source(task: Task, call: PhoneCall | None) -> Source:
    if task.play is not None:
        return File(task.play)
    if task.tone:
        return Tone(task.tone)
    return Silence() if call is None else _Parrot(call)


class _Parrot:
    """Says back what the call's ear has heard."""

    def __init__(self, call: PhoneCall) -> None:
        self._ear = call.ear
        self._pcm = b""
        self._ear.copy_to = self._take

    def _take(self, pcm: bytes, rate: int) -> None:
        self._pcm = (self._pcm + pcm)[-rate:]  # half a second at most
        self._rate = rate

    def read(self, samples: int, rate: int) -> bytes:
        if len(self._pcm) < 2 * samples or rate != self._rate:
            return bytes(2 * samples)
        piece, self._pcm = self._pcm[: 2 * samples], self._pcm[2 * samples :]
        return piece


def _audio(call: PhoneCall) -> str:
    found = call.audio.statistics()
    return f"{found.codec or 'no audio'}{', encrypted' if found.secure else ''}"
