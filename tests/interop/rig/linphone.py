"""Debian's linphonec, told what to do by lines on its standard input; sound from and into WAV files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import time
import wave
from pathlib import Path

from ..ear import Ear, tone
from .accounts import Account
from .ports import Block

__all__ = ["Linphone", "why_no_linphone"]

PATIENCE = 20.0
RATE = 8000


def why_no_linphone() -> str:
    """Return why there is no such phone here, or ""."""
    if shutil.which("linphonec") is None:
        return "Debian's package linphone-cli is not installed (apt install linphone-cli)"
    return ""


class Linphone:
    """`async with Linphone(folder, ports, account, 440) as phone: …`; registered when it begins.

    With `provisioning`, an address, it knows nothing of the account but what it reads there.
    """

    def __init__(self, folder: Path, ports: Block, account: Account, hertz: float, provisioning: str = "") -> None:
        self.folder, self.account, self.hertz, self.provisioning = folder, account, hertz, provisioning
        self.output = ""
        self._sip_port, self._rtp_port = ports.take(2), ports.take(4)
        self._changed = asyncio.Event()
        self._ear = Ear()
        self._taken = 44

    async def __aenter__(self) -> Linphone:
        self.folder.mkdir(parents=True, exist_ok=True)
        with wave.open(str(self.folder / "tone.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(tone(self.hertz, RATE, 60))
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        (self.folder / "rc").write_text(self._settings())
        # Without the last it leaves a folder of PulseAudio's in /tmp.
        places = {"HOME": str(self.folder), "PULSE_RUNTIME_PATH": str(self.folder / "pulse")}
        self._process = await asyncio.create_subprocess_exec(
            "linphonec", "-d", "6", "-l", str(self.folder / "log.txt"), "-c", str(self.folder / "rc"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=os.environ | places, cwd=self.folder,
        )  # fmt: skip
        self._logging = asyncio.create_task(self._log())
        try:
            await self.says("linphonec> ")
            await self._registered()  # what it reads at an address makes it begin anew, and forget what follows
            self.do("soundcard use files")
            self.do(f"record {self.folder}/heard.wav")
            self.do(f"play {self.folder}/tone.wav")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(ConnectionError):
            self.do("terminate all")
            self.do("unregister")
            self.do("quit")
        try:
            await asyncio.wait_for(self._process.wait(), 5.0)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._logging

    def _settings(self) -> str:
        account = self.account
        tcp = account.transport == "tcp"
        known = f"[misc]\nconfig-uri={self.provisioning}" if self.provisioning else self._account()
        return f"""
[sip]
sip_port={0 if tcp else self._sip_port}
sip_tcp_port={self._sip_port if tcp else 0}
sip_tls_port=0
use_ipv6=0
guess_hostname=0
contact="x" <sip:x@127.0.0.1>
default_proxy=0
[rtp]
audio_rtp_port={self._rtp_port}
[video]
enabled=0
capture=0
display=0
[sound]
echocancellation=0
{known}
"""

    def _account(self) -> str:
        account = self.account
        return f"""
[proxy_0]
reg_proxy=<sip:{account.domain};transport={account.transport}>
reg_identity=sip:{account.username}@{account.domain}
reg_expires=300
reg_sendregister=1
[auth_info_0]
username={account.username}
passwd={account.password}
realm=jackfield
"""

    async def _registered(self) -> None:
        """Read it in the log: linphonec does not say it, and each question costs it a quarter of a second."""
        until = time.monotonic() + PATIENCE
        while "LinphoneRegistrationOk" not in (self.folder / "log.txt").read_text(errors="replace"):
            if time.monotonic() > until:
                raise AssertionError(f"linphonec is not registered:\n{self.output}")
            await asyncio.sleep(0.1)

    def do(self, command: str) -> None:
        """Type a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")

    async def dial(self, number: str) -> None:
        """Call a number."""
        self.do(f"call {self.account.uri(number)}")

    async def says(self, pattern: str, timeout: float = PATIENCE) -> str:
        """Wait until it has printed what matches the regular expression."""
        until = time.monotonic() + timeout
        while not (found := re.search(pattern, self.output)):
            if time.monotonic() > until:
                raise AssertionError(f"linphonec did not say {pattern!r} within {timeout:g} s:\n{self.output}")
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 0.5)
        return found.group(0)

    def listen(self) -> Ear:
        """Return the ear with what was heard until now."""
        with contextlib.suppress(FileNotFoundError):
            data = (self.folder / "heard.wav").read_bytes()[self._taken :]
            data = data[: len(data) // 2 * 2]
            self._taken += len(data)
            if data:
                self._ear.feed(data, RATE, time.monotonic())
        return self._ear

    async def hears(self, hertz: float, seconds: float = 0.3, *, timeout: float = PATIENCE) -> float:
        """Wait until a tone was heard for `seconds` without a break."""
        until = time.monotonic() + timeout
        while (begun := self.listen().hears(hertz, seconds)) is None:
            if time.monotonic() > until:
                raise AssertionError(f"linphonec did not hear {hertz:g} Hz, but {self._ear.story()}\n{self.output}")
            await asyncio.sleep(0.05)
        return begun

    async def _log(self) -> None:
        assert self._process.stdout is not None
        while piece := await self._process.stdout.read(4096):
            self.output += piece.decode(errors="replace")
            self._changed.set()
