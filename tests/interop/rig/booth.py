"""Phones that we did not write: `baresip-python` from PyPI, in a process of their own.

async with Booth(ports) as booth:
    anna = await booth.phone(account, hertz=440)
    call = await anna.dial("102")
    await call.answered()
    assert await call.hears(660)
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.util
import itertools
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..ear import Ear
from .accounts import Account
from .ports import Block

__all__ = ["Booth", "BoothCall", "Phone", "RefusedByPhone", "why_no_booth"]

PATIENCE = 20.0  # seconds; generous, because other work may run on the machine
INSIDE = Path(__file__).with_name("booth_process.py")


class RefusedByPhone(Exception):
    """The phone did not do what it was told, and says why."""


def why_no_booth() -> str:
    """Return why there are no such phones here, or ""."""
    if importlib.util.find_spec("baresip") is None:
        return "the Python package baresip-python is not installed (pip install 'baresip-python>=0.5.2a3')"
    return ""


@dataclass
class BoothCall:
    """A call as one of the phones sees it."""

    phone: Phone
    handle: int
    peer: str = ""  # URI of the other side
    headers: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    ear: Ear = field(default_factory=Ear)
    digits: str = ""
    _chunks: int = 0

    async def do(self, what: str, **more: Any) -> Any:
        """Tell the phone something about this call; again when it is just busy with an offer and says so."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await self.phone.booth.do(what, call=self.handle, **more)
            except RefusedByPhone as refused:
                if "retry shortly" not in str(refused) or time.monotonic() > until:
                    raise
            await asyncio.sleep(0.1)

    async def happens(self, *names: str, count: int = 1, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until one of the events has happened `count` times, and return the last one."""
        return await self.phone.booth.until(
            lambda: found[count - 1] if len(found := self.having(*names)) >= count else None,
            f"{' or '.join(names)} at {self.phone.name}; there was {[one['event'] for one in self.events]}",
            timeout,
        )

    def having(self, *names: str) -> list[dict[str, Any]]:
        """Return the events of these names that have happened."""
        return [event for event in self.events if event["event"] in names]

    async def answered(self, timeout: float = PATIENCE) -> BoothCall:
        """Wait until the call is up."""
        await self.happens("CALL_ESTABLISHED", timeout=timeout)
        return self

    async def ended(self, timeout: float = PATIENCE) -> str:
        """Wait until the call is over, and return what the phone says of it: "486 Busy Here"."""
        return str((await self.happens("CALL_CLOSED", timeout=timeout))["text"] or "")

    @property
    def caller(self) -> str:
        """Who calls, as the network asserts it: name and URI."""
        return self.headers.get("P-Asserted-Identity", "")

    @property
    def over(self) -> bool:
        """The call has ended."""
        return bool(self.having("CALL_CLOSED"))

    async def answer(self) -> BoothCall:
        """Answer, and wait until the call is up."""
        await self.do("answer")
        return await self.answered()

    async def hang_up(self) -> None:
        """Hang up; no error if it's over already."""
        with contextlib.suppress(RefusedByPhone):
            await self.do("hangup")

    async def listen(self) -> Ear:
        """Return the ear, with all that has arrived until now."""
        for at, rate, pcm in await self.do("heard", since=self._chunks):
            self._chunks += 1
            self.ear.feed(base64.b64decode(pcm), rate, at)
        return self.ear

    async def hears(
        self, hertz: float, seconds: float = 0.3, *, since: float = 0.0, timeout: float = PATIENCE
    ) -> float:
        """Wait until a tone (0: silence) was heard without a break for `seconds`; return when it began.

        `since`: a time of `time.monotonic()`; what was heard before doesn't count.
        """
        until = time.monotonic() + timeout
        while (begun := (await self.listen()).hears(hertz, seconds, since)) is None:
            if time.monotonic() > until:
                raise AssertionError(f"{self.phone.name} did not hear {hertz:g} Hz, but {self.ear.story()}")
            await asyncio.sleep(0.05)
        return begun

    async def hears_melody(self, *, since: float = 0.0, timeout: float = PATIENCE) -> None:
        """Wait until speech or music was heard."""
        until = time.monotonic() + timeout
        while not (await self.listen()).hears_melody(0.6, since):
            if time.monotonic() > until:
                raise AssertionError(f"{self.phone.name} heard no speech or music, but {self.ear.story()}")
            await asyncio.sleep(0.05)

    async def hears_digits(self, digits: str, timeout: float = PATIENCE) -> None:
        """Wait until the other side has pressed these digits."""
        await self.phone.booth.until(
            lambda: len(self.digits) >= len(digits) or None,
            lambda: f"the digits {digits} at {self.phone.name}; there was {self.digits!r}",
            timeout,
        )
        assert self.digits == digits


class Phone:
    """A phone of the booth."""

    def __init__(self, booth: Booth, name: str, account: Account, hertz: float) -> None:
        self.booth, self.name, self.account, self.hertz = booth, name, account, hertz
        self.calls: list[BoothCall] = []
        self._taken = 0

    async def register(self) -> Phone:
        """Register. Raises `RefusedByPhone` with the status."""
        await self.booth.do("register", name=self.name)
        return self

    async def unregister(self) -> None:
        """Take the registration back."""
        await self.booth.do("unregister", name=self.name)

    async def dial(self, number: str, headers: dict[str, str] | None = None) -> BoothCall:
        """Call a number (or a whole URI); returns at once."""
        uri = number if ":" in number else self.account.uri(number)
        handle = await self.booth.do("dial", name=self.name, uri=uri, headers=headers or {})
        return self.booth.call(self, handle)

    async def call(self, other: Phone, number: str = "") -> tuple[BoothCall, BoothCall]:
        """Call the other phone, which answers; returns both sides of the call, which is up."""
        mine = await self.dial(number or other.account.number)
        theirs = await other.rings()
        await theirs.answer()
        await mine.answered()
        return mine, theirs

    async def rings(self, timeout: float = PATIENCE) -> BoothCall:
        """Wait for the next call to this phone."""

        def next_one() -> BoothCall | None:
            incoming = [call for call in self.calls if call.having("CALL_INCOMING")]
            return incoming[self._taken] if len(incoming) > self._taken else None

        found = await self.booth.until(next_one, f"a call at {self.name}", timeout)
        self._taken += 1
        return found

    async def follows(self, timeout: float = PATIENCE) -> BoothCall:
        """Wait until this phone has done what a REFER asked for, and return the new call."""
        return await self.booth.until(
            lambda: next((call for call in self.calls if call.having("FOLLOWED")), None),
            f"a transfer to be followed by {self.name}",
            timeout,
        )


class Booth:
    """Some phones in one process. Registrations are taken back at the end."""

    def __init__(self, ports: Block, *, address: str = "127.0.0.1", more: str = "", prefix: Sequence[str] = ()) -> None:
        self.address = address
        self.sip_port = ports.take(4)
        self.rtp_ports = ports.span(80)
        self.log = ""
        self._more = more
        self._prefix = prefix  # what stands before the command: ("ip", "netns", "exec", …)
        self._calls: dict[int, BoothCall] = {}
        self._phones: dict[str, Phone] = {}
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Booth:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *self._prefix, sys.executable, str(INSIDE), str(theirs.fileno()), self.address, str(self.sip_port),
                self.rtp_ports, self._more,
                pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=None if os.environ.get("BOOTH_TRACE") else asyncio.subprocess.PIPE,
            )  # fmt: skip
        self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=1 << 24)
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())
        self._logging = asyncio.create_task(self._read_log())
        try:
            await asyncio.wait_for(self._ready, 3 * PATIENCE)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(RefusedByPhone, TimeoutError, ConnectionError):
            await asyncio.wait_for(self.do("quit"), 2.0)
        try:
            await asyncio.wait_for(self._process.wait(), 8.0)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._writer.close()
        await asyncio.gather(self._reading, self._logging, return_exceptions=True)

    async def phone(
        self, account: Account, hertz: float, *, register: bool = True, policy: str = "auto", **more: Any
    ) -> Phone:
        """Put a phone into the booth. `more` are fields of baresip's account, such as `audio_codecs`."""
        name = f"{account.number}/{len(self._phones) + 1}"
        fields: dict[str, Any] = {
            "user": account.username,
            "domain": account.domain,
            "password": account.password,
            "transport": account.transport,
            "reg_interval": 300,
            "audio_codecs": ["pcmu", "pcma"],
            **more,
        }
        phone = self._phones[name] = Phone(self, name, account, hertz)
        await self.do("phone", name=name, hertz=hertz, policy=policy, account=fields)
        return await phone.register() if register else phone

    async def do(self, what: str, **more: Any) -> Any:
        """Tell the process something, and return its answer. Raises `RefusedByPhone`."""
        number = next(self._numbers)
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        self._writer.write(json.dumps({"do": what, "id": number, **more}).encode() + b"\n")
        return await asyncio.wait_for(reply, 2 * PATIENCE)

    def call(self, phone: Phone, handle: int) -> BoothCall:
        """Return the call of this handle."""
        if handle not in self._calls:
            self._calls[handle] = BoothCall(phone, handle)
            phone.calls.append(self._calls[handle])
        return self._calls[handle]

    async def until(self, found: Callable[[], Any], what: str | Callable[[], str], timeout: float = PATIENCE) -> Any:
        """Wait until `found` returns something, which is asked again whenever something has happened."""
        until = time.monotonic() + timeout
        while not (result := found()):
            self._changed.clear()
            left = until - time.monotonic()
            try:
                await asyncio.wait_for(self._changed.wait(), max(0.0, left))
            except TimeoutError:
                told = what if isinstance(what, str) else what()
                raise AssertionError(f"not within {timeout:g} s: {told}") from None
        return result

    async def _read(self) -> None:
        while line := await self._reader.readline():
            message = json.loads(line)
            if "event" in message:
                self._happened(message)
                self._changed.set()
            elif not (reply := self._replies.pop(message["id"])).done():
                if "error" in message:
                    reply.set_exception(RefusedByPhone(message["error"]))
                else:
                    reply.set_result(message["result"])
        gone = RefusedByPhone(f"the process of the phones has ended: {self.log[-2000:]}")
        for reply in [*self._replies.values(), self._ready]:
            if not reply.done():
                reply.set_exception(gone)

    def _happened(self, event: dict[str, Any]) -> None:
        if event["event"] == "READY":
            self._ready.set_result(None)
        if not event.get("call"):
            return
        phone = self._phones.get(event["phone"])
        if phone is None:
            return
        call = self.call(phone, event["call"])
        call.events.append(event)
        call.peer = call.peer or event.get("peer") or ""
        call.headers.update(event.get("headers") or {})
        if event["event"] == "CALL_DTMF_START":
            call.digits += event["text"] or ""

    async def _read_log(self) -> None:
        if self._process.stderr is None:
            return
        async for line in self._process.stderr:
            self.log += line.decode(errors="replace")


@contextlib.asynccontextmanager
async def booth(ports: Block, **more: Any) -> AsyncIterator[Booth]:
    """Open a booth for a while."""
    async with Booth(ports, **more) as opened:
        yield opened
