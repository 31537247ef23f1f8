"""Phones in a real Chromium: JsSIP for SIP, the browser's own WebRTC for audio; a page with nothing else."""

from __future__ import annotations

import base64
import importlib.util
import os
import shlex
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jackfield.console

from ..ear import Ear
from .accounts import Account
from .system import eventually

__all__ = ["WebAudioPhone", "browser", "why_no_browser"]

JSSIP = Path(jackfield.console.__file__).parent / "static" / "jssip.js"
SCRIPT = Path(__file__).with_name("web_audio.js")
PAGE = "<!doctype html><title>phone</title><link rel=icon href=data:,><script type=module src=/phone.js></script>"
HERE = "http://localhost/"  # a page from there may use audio, as one by HTTPS
PATIENCE = 40.0
FLAGS = (
    "--no-sandbox",
    "--ignore-certificate-errors",  # the system made its certificate itself
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,"
    "LocalNetworkAccessChecksWebRTC",
)


async def _serve(route: Any) -> None:
    """Give a page what it asks for; no web server is needed."""
    files = {"": (PAGE, "text/html"), "jssip.js": (JSSIP, "text/javascript"), "phone.js": (SCRIPT, "text/javascript")}
    body, kind = files[route.request.url.removeprefix(HERE)]
    await route.fulfill(body=body if isinstance(body, str) else body.read_text("utf-8"), content_type=kind)


@cache
def why_no_browser() -> str:
    """Return why there is no such phone here, or ""."""
    if shutil.which("chromium") is None:
        return "chromium is not installed (apt install chromium)"
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed (pip install playwright)"
    return "" if JSSIP.exists() else f"there is no {JSSIP.name} among the console's files"


@asynccontextmanager
async def browser(*, prefix: Sequence[str] = (), folder: Path | None = None) -> AsyncIterator[Any]:
    """Run one Chromium; `prefix` is what stands before its command, written into a script in `folder`."""
    from playwright.async_api import async_playwright

    program = shutil.which("chromium") or ""
    if prefix and folder is not None:
        script = folder / "chromium"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(prefix)} {program} "$@"\n')
        script.chmod(0o755)
        program = str(script)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=program, args=list(FLAGS), env={**os.environ, "LANGUAGE": "en"}
        )
        yield running
        await running.close()


class WebAudioPhone:
    """`async with WebAudioPhone(chromium, account, 440) as phone: …`; the account's transport is ws or wss."""

    def __init__(self, chromium: Any, account: Account, hertz: float) -> None:
        self.account, self.hertz = account, hertz
        self.ear = Ear()
        self._chromium = chromium
        self._faults: list[str] = []
        self._lines: list[str] = []

    async def __aenter__(self) -> WebAudioPhone:
        self._context = await self._chromium.new_context()
        self._page = page = await self._context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("pageerror", lambda fault: self._faults.append(str(fault)))
        page.on("console", lambda line: self._lines.append(line.text))
        await page.route(f"{HERE}**", _serve)
        await page.goto(HERE)
        await page.wait_for_function("window.phone")
        account = self.account
        await page.evaluate("(how) => phone.start(how)", {
            "url": f"{account.transport}://{account.domain}/", "user": account.username, "password": account.password,
            "host": account.host, "hertz": self.hertz,
        })  # fmt: skip
        await self.says("registered")
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._page.evaluate("phone.stop()")
        await self._context.close()
        assert not self._faults

    async def events(self) -> list[dict[str, Any]]:
        """Return all that has happened."""
        return list(await self._page.evaluate("phone.events"))

    async def having(self, what: str) -> list[dict[str, Any]]:
        """Return what has happened of one kind."""
        return [event for event in await self.events() if event["what"] == what]

    async def says(self, what: str, count: int = 1) -> dict[str, Any]:
        """Wait until something has happened so many times."""

        async def found() -> Any:
            having = await self.having(what)
            return having[count - 1] if len(having) >= count else None

        try:
            return dict(await eventually(found, what, PATIENCE))
        except AssertionError as late:
            there = f"{await self.events()}, {self._faults or self._lines}"
            raise AssertionError(f"{late}; there was {there}") from None

    async def do(self, what: str, *arguments: Any) -> Any:
        """Do something at the phone: dial, answer, hold, resume, press, refer, hangUp, …"""
        return await self._page.evaluate("([what, given]) => phone[what](...given)", [what, list(arguments)])

    async def listen(self) -> Ear:
        """Hear what came since the last time."""
        rate, text = await self.do("take")
        self.ear.feed(base64.b64decode(text), round(rate), time.monotonic())
        return self.ear

    async def hears(self, hertz: float, seconds: float = 0.3, *, since: float = 0.0) -> None:
        """Wait until a tone was heard for so long without a break."""

        async def heard() -> bool:
            return (await self.listen()).hears(hertz, seconds, since) is not None

        try:
            await eventually(heard, f"{hertz} Hz", PATIENCE)
        except AssertionError:
            there = f"{self.ear.story()}; {await self.events()}"
            raise AssertionError(f"the browser did not hear {hertz} Hz but {there}") from None

    async def hears_melody(self, *, since: float = 0.0) -> None:
        """Wait for music."""

        async def heard() -> bool:
            return (await self.listen()).hears_melody(since=since)

        await eventually(heard, "music", PATIENCE)
