"""The inside of a phone booth: one process with the SIP stack of `baresip-python` and any number of phones in it.

It is told what to do by lines of JSON on the file descriptor that its argument names, and tells what happens on the
same; `booth.py` is the other end. Each phone says one tone and keeps all that it hears.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from baresip import Account, AudioNotActive, AudioRestarted, BaresipError, Call, Config, Runtime, UserAgent
from baresip.events import Event, StackEvent

TICK = 0.02
KEYS = {
    key: (low, high)
    for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for key, high in zip(row, (1209, 1336, 1477, 1633), strict=True)
}
AHEAD = 0.06  # seconds of tone that wait to be sent


class Line:
    """The audio of one call: says a tone, keeps what it hears."""

    def __init__(self, call: Call, phone: str, hertz: float) -> None:
        self.call, self.phone, self.hertz = call, phone, hertz
        self.phase = 0.0
        self.heard: list[tuple[float, int, bytes]] = []  # when, rate, PCM mono
        self.keys = np.zeros(0, np.int16)  # tones of keys, to be said before anything else
        self.task = asyncio.create_task(self._run())

    def press_aloud(self, digits: str) -> None:
        """Say the tones of keys as an old phone does, 100 ms each (ITU-T Q.23)."""
        rate = self.call.audio.info().tx_sample_rate
        at = np.arange(int(0.1 * rate)) / rate
        pause = np.zeros(int(0.1 * rate), np.int16)
        for digit in digits:
            low, high = KEYS[digit]
            sound = np.sin(2 * np.pi * low * at) + np.sin(2 * np.pi * high * at)
            self.keys = np.concatenate((self.keys, pause, np.round(sound * 6000).astype(np.int16), pause))

    async def _run(self) -> None:
        due = time.monotonic()
        while True:
            try:
                info = self.call.audio.info()
                if info.tx_ready:
                    self._say(info)
                if info.rx_ready and (pcm := self.call.audio.read(1 << 18)):
                    if info.rx_channels > 1:
                        pcm = np.frombuffer(pcm, "<i2")[:: info.rx_channels].tobytes()
                    self.heard.append((time.monotonic(), info.rx_sample_rate, pcm))
            except (AudioNotActive, AudioRestarted):
                pass
            due = max(due + TICK, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _say(self, info: Any) -> None:
        rate, channels = info.tx_sample_rate, info.tx_channels
        missing = int(rate * AHEAD) - info.tx_buffered // (2 * channels)
        if missing <= 0:
            return
        if len(self.keys):
            mono, self.keys = self.keys[:missing], self.keys[missing:]
            self.call.audio.write(np.repeat(mono, channels).tobytes())
            return
        turns = self.phase + self.hertz / rate * np.arange(missing)
        self.phase = (self.phase + self.hertz / rate * missing) % 1.0
        mono = np.round(np.sin(2 * np.pi * turns) * 0.3 * 32767).astype("<i2") * (self.hertz > 0)
        self.call.audio.write(np.repeat(mono, channels).tobytes())


class Booth:
    """Holds the phones and their calls, and does what it's told."""

    def __init__(self, say: Callable[[dict[str, Any]], None]) -> None:
        self.say = say
        self.runtime = Runtime()
        self.phones: dict[str, UserAgent] = {}
        self.hertz: dict[str, float] = {}
        self.lines: dict[int, Line] = {}
        self.quitting = asyncio.Event()

    async def start(self, address: str, sip_port: int, rtp: str, more: str) -> None:
        first, last = rtp.split("-")
        host = f"[{address}]" if ":" in address else address
        await self.runtime.start(
            Config(
                net_interface=address,
                max_concurrent_calls=None,
                sip_trace=bool(os.environ.get("BOOTH_TRACE")),
                native_log_level="info",
                expose_headers=("Reason", "P-Asserted-Identity", "Alert-Info", "Call-Info", "Retry-After"),
                extra_config_text=f"sip_listen {host}:{sip_port}\nrtp_ports {first}-{last}\n{more}",
            )
        )
        self.runtime.subscribe(self._happened)

    def _happened(self, event: StackEvent) -> None:
        name = next((name for name, agent in self.phones.items() if agent.handle == event.ua), "")
        if event.event is Event.CALL_INCOMING:
            self._line(Call._from_incoming(self.runtime, event), name)
        if event.event in (Event.VU_TX, Event.VU_RX):
            return
        self.say(
            {
                "event": event.event.name,
                "at": time.monotonic(),
                "phone": name,
                "call": event.call,
                "text": event.text,
                "peer": event.peer,
                "call_id": event.call_id,
                "from": event.from_,
                "to": event.to,
                "headers": event.headers,
                "stats": event.stats,
            }
        )

    def _line(self, call: Call, phone: str) -> int:
        self.lines[call.handle] = Line(call, phone, self.hertz[phone])
        return call.handle

    async def do_phone(self, name: str, hertz: float, policy: str, account: dict[str, Any]) -> None:
        account = {key: tuple(value) if isinstance(value, list) else value for key, value in account.items()}
        self.hertz[name] = hertz
        self.phones[name] = await UserAgent.create(self.runtime, Account(**account), transfer_policy=policy)
        self.phones[name].on_transfer_call(lambda call: self.say({"event": "FOLLOWED", "at": time.monotonic(),
                                           "phone": name, "call": self._line(call, name)}))  # fmt: skip

    async def do_register(self, name: str) -> None:
        await self.phones[name].register()

    async def do_unregister(self, name: str) -> None:
        await self.phones[name].unregister()

    async def do_dial(self, name: str, uri: str, headers: dict[str, str]) -> int:
        return self._line(await self.phones[name].dial(uri, headers), name)

    async def do_answer(self, call: int) -> None:
        await self.lines[call].call.answer()

    async def do_reject(self, call: int) -> None:
        await self.lines[call].call.reject()

    async def do_hangup(self, call: int) -> None:
        await self.lines[call].call.hangup()

    async def do_hold(self, call: int) -> None:
        await self.lines[call].call.hold()

    async def do_resume(self, call: int) -> None:
        await self.lines[call].call.resume()

    async def do_transfer(self, call: int, uri: str) -> None:
        await self.lines[call].call.transfer(uri)

    async def do_attended(self, call: int, other: int) -> None:
        await self.lines[call].call.attended_transfer(self.lines[other].call)

    async def do_dtmf(self, call: int, digits: str) -> None:
        await self.lines[call].call.send_dtmf(digits)

    async def do_press_aloud(self, call: int, digits: str) -> None:
        self.lines[call].press_aloud(digits)

    async def do_say(self, call: int, hertz: float) -> None:
        self.lines[call].hertz = hertz

    async def do_heard(self, call: int, since: int) -> list[tuple[float, int, str]]:
        return [(at, rate, base64.b64encode(pcm).decode()) for at, rate, pcm in self.lines[call].heard[since:]]

    async def do_quit(self) -> None:
        self.quitting.set()

    async def obey(self, request: dict[str, Any]) -> None:
        act: Callable[..., Awaitable[Any]] = getattr(self, f"do_{request.pop('do')}")
        number = request.pop("id")
        try:
            self.say({"id": number, "result": await act(**request)})
        except (BaresipError, KeyError, ValueError, TypeError) as problem:
            self.say({"id": number, "error": f"{type(problem).__name__}: {problem}"})

    async def close(self) -> None:
        for line in self.lines.values():
            line.task.cancel()
        for agent in self.phones.values():
            with contextlib.suppress(BaresipError):
                await agent.unregister(timeout=1.0)
        await self.runtime.close()


async def main() -> None:
    number, address, sip_port, rtp, more = sys.argv[1:6]
    if os.environ.get("BOOTH_TRACE"):
        import logging

        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=int(number)), limit=1 << 24)

    def say(what: dict[str, Any]) -> None:
        writer.write(json.dumps(what).encode() + b"\n")

    booth = Booth(say)
    await booth.start(address, int(sip_port), rtp, more)
    say({"event": "READY"})
    tasks = set()
    quitting = asyncio.create_task(booth.quitting.wait())
    while True:
        reading = asyncio.create_task(reader.readline())
        await asyncio.wait((reading, quitting), return_when=asyncio.FIRST_COMPLETED)
        if quitting.done() or not (line := await reading):
            break
        tasks.add(task := asyncio.create_task(booth.obey(json.loads(line))))
        task.add_done_callback(tasks.discard)
    await booth.close()
    writer.close()


if __name__ == "__main__":
    asyncio.run(main())
