"""Debian's baresip 1.0, one process for each phone, told what to do by netstrings over TCP.

It has GSM and SDES, which `baresip-python` has not. It says a tone from a WAV file and dumps what it hears into
another.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import signal
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..ear import Ear, tone
from .accounts import Account
from .ports import Block

__all__ = ["DebianBaresip", "why_no_baresip"]

MODULES = Path("/usr/lib/baresip/modules")
RATES = {"opus": (48000, 2), "g722": (16000, 1)}  # of the sound; all others 8000, mono
SPELLING = {"opus": "opus/48000/2", "g722": "g722/16000/1"}
PATIENCE = 20.0
LONG = 60  # seconds of tone


def why_no_baresip() -> str:
    """Return why there is no such phone here, or ""."""
    if shutil.which("baresip") is None or not MODULES.is_dir():
        return "Debian's package baresip is not installed (apt install baresip-core)"
    return ""


class DebianBaresip:
    """`async with DebianBaresip(folder, ports, account, 440, codec="gsm") as phone: …`; one call at a time."""

    def __init__(
        self,
        folder: Path,
        ports: Block,
        account: Account,
        hertz: float,
        *,
        codec: str = "pcmu",
        address: str = "127.0.0.1",
        encryption: str = "",  # "srtp": offer SDES, "srtp-mand": insist on it, "dtls_srtp": keys by DTLS
        options: str = "",  # more parameters of the account
        prefix: Sequence[str] = (),
    ) -> None:
        self.folder, self.account, self.hertz, self.codec = folder, account, hertz, codec
        self.events: list[dict[str, Any]] = []
        self.digits = ""
        self.output = ""
        self._sip_port, self._control_port = ports.take(2), ports.take(2)
        self._rtp_ports = ports.span(20)
        self._address, self._encryption, self._options, self._prefix = address, encryption, options, prefix
        self._changed = asyncio.Event()
        self._ears: dict[Path, tuple[Ear, int]] = {}

    async def __aenter__(self) -> DebianBaresip:
        self._write_files()
        self._process = await asyncio.create_subprocess_exec(
            *self._prefix, "baresip", "-f", str(self.folder),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._logging = asyncio.create_task(self._log())
        self._reading: asyncio.Task[None] | None = None
        try:
            await self._connect()
            if "regint=0" not in self._options:
                await self.registered()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), 5.0)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._reading is not None:
            self._writer.close()
        await asyncio.gather(self._logging, *filter(None, [self._reading]), return_exceptions=True)

    def _write_files(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        rate, channels = RATES.get(self.codec, (8000, 1))
        with wave.open(str(self.folder / "tone.wav"), "wb") as file:
            file.setparams((channels, 2, rate, 0, "NONE", ""))
            mono = tone(self.hertz, rate, LONG)
            file.writeframes(mono if channels == 1 else _doubled(mono))
        modules = ["g711", "g722", "gsm", "opus", "aufile", "aubridge", "sndfile", "srtp"]
        modules += ["dtls_srtp"] if self._encryption.startswith("dtls") else []
        host = f"[{self._address}]" if ":" in self._address else self._address
        (self.folder / "config").write_text(
            "\n".join(
                [
                    "poll_method epoll",
                    f"sip_listen {host}:{self._sip_port}",
                    "call_max_calls 8",
                    "audio_player aubridge,nil",
                    f"audio_source aufile,{self.folder}/tone.wav",
                    "audio_alert aubridge,nil",
                    f"rtp_ports {self._rtp_ports}",
                    f"net_interface {self._address}",
                    *(["prefer_ipv6 yes"] if ":" in self._address else []),
                    f"module_path {MODULES}",
                    *(f"module {name}.so" for name in modules),
                    "module_tmp account.so",
                    "module_app menu.so",
                    "module_app ctrl_tcp.so",
                    f"ctrl_tcp_listen 127.0.0.1:{self._control_port}",
                    f"snd_path {self.folder}",
                    "",
                ]
            )
        )
        account = self.account
        user = f"<sip:{account.username}@{account.domain};transport={account.transport}>"
        parameters = [
            f"auth_pass={account.password}",
            f"audio_codecs={SPELLING.get(self.codec, self.codec)}",
            "ptime=20",
        ]
        if "regint" not in self._options:
            parameters.append("regint=300")
        if self._encryption:
            parameters.append(f"mediaenc={self._encryption}")
        if self._options:
            parameters.append(self._options)
        (self.folder / "accounts").write_text(f"{user};{';'.join(parameters)}\n")
        (self.folder / "contacts").write_text("")

    async def _connect(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                # Inside a network namespace 127.0.0.1 is another one: such phones are told what to do by their input.
                reader, self._writer = await asyncio.open_connection("127.0.0.1", self._control_port)
                break
            except OSError:
                if time.monotonic() > until or self._process.returncode is not None:
                    raise AssertionError(f"baresip did not start:\n{self.output}") from None
                await asyncio.sleep(0.05)
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                message = json.loads((await reader.readexactly(length + 1))[:-1])
                if message.get("event"):
                    message["at"] = time.monotonic()
                    self.events.append(message)
                    if message["type"] == "CALL_DTMF_START":
                        self.digits += message.get("param", "")
                    self._changed.set()

    async def _log(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.output += line.decode(errors="replace")
            self._changed.set()

    async def do(self, command: str, parameters: str = "") -> None:
        """Give a command of baresip's menu."""
        text = json.dumps({"command": command, "params": parameters, "token": "t"})
        self._writer.write(f"{len(text)}:{text},".encode())
        await self._writer.drain()

    async def dial(self, number: str) -> None:
        """Call a number or a URI."""
        await self.do("dial", number if ":" in number else self.account.uri(number))

    async def answer(self) -> None:
        """Take the call that rings."""
        await self.do("accept")

    async def hang_up(self) -> None:
        """End the call, or refuse it."""
        await self.do("hangup")

    async def happens(self, *types: str, count: int = 1, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until an event has happened `count` times; returns the last one."""
        until = time.monotonic() + timeout
        while len(found := [event for event in self.events if event["type"] in types]) < count:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(0.0, until - time.monotonic()))
            except TimeoutError:
                seen = [event["type"] for event in self.events]
                raise AssertionError(f"not within {timeout:g} s: {types}; there was {seen}\n{self.output}") from None
        return found[count - 1]

    async def registered(self) -> int:
        """Wait for the answer to the registration, and return its status. The event comes too early to be heard."""
        until = time.monotonic() + PATIENCE
        while not (found := re.search(r"\{\d/\w+/v\d\} (\d+) ", self.output)):
            if time.monotonic() > until:
                raise AssertionError(f"baresip got no answer to its registration:\n{self.output}")
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 0.5)
        return int(found.group(1))

    async def rings(self) -> dict[str, Any]:
        """Wait for a call."""
        return await self.happens("CALL_INCOMING")

    async def answered(self) -> dict[str, Any]:
        """Wait until the call is up."""
        return await self.happens("CALL_ESTABLISHED")

    async def ended(self) -> str:
        """Wait until the call is over, and return the reason."""
        return str((await self.happens("CALL_CLOSED")).get("param", ""))

    def listen(self) -> Ear:
        """Return the ear of the latest call, with what it has heard until now."""
        found = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        if not found:
            return Ear()
        path = found[-1]
        ear, taken = self._ears.get(path, (Ear(), 44))
        rate, channels = RATES.get(self.codec, (8000, 1))
        data = path.read_bytes()[taken:]
        data = data[: len(data) // (2 * channels) * 2 * channels]
        self._ears[path] = (ear, taken + len(data))
        if data:
            ear.feed(data if channels == 1 else _first(data), rate, time.monotonic())
        return ear

    async def hears(
        self, hertz: float, seconds: float = 0.3, *, since: float = 0.0, timeout: float = PATIENCE
    ) -> float:
        """Wait until a tone was heard for `seconds` without a break."""
        until = time.monotonic() + timeout
        while (begun := self.listen().hears(hertz, seconds, since)) is None:
            if time.monotonic() > until:
                raise AssertionError(
                    f"{self.account.number} did not hear {hertz:g} Hz, but {self.listen().story()}\n{self.output}"
                )
            await asyncio.sleep(0.05)
        return begun


def _doubled(mono: bytes) -> bytes:
    return b"".join(mono[index : index + 2] * 2 for index in range(0, len(mono), 2))


def _first(stereo: bytes) -> bytes:
    return b"".join(stereo[index : index + 2] for index in range(0, len(stereo), 4))
