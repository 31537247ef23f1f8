"""Jackfield Phone in Chromium, with a microphone that says a tone."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..ear import tone
from .system import System

__all__ = ["PASSWORD", "BrowserPhone", "chromium", "let_in", "why_no_browser"]

PASSWORD = "four words without sense"
PEOPLE = """
import sys
from jackfield import settings
from jackfield.console import database
database.setup(settings.load(data_dir=sys.argv[1]))
from jackfield.people.models import User
user = User.objects.get(login=sys.argv[2])
user.set_password(sys.argv[3])
user.save()
"""


def why_no_browser() -> str:
    """Return why there is no such phone here, or ""."""
    try:
        import playwright.async_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed"
    return "" if shutil.which("chromium") else "chromium is not installed"


def let_in(system: System, login: str) -> None:
    """Give a user of the configuration a password."""
    subprocess.run([sys.executable, "-c", PEOPLE, str(system.data), login, PASSWORD], check=True, capture_output=True)


@asynccontextmanager
async def chromium(folder: Path, hertz: float, *, prefix: Sequence[str] = ()) -> AsyncIterator[Any]:
    """Run the browser for the block; whoever allows it the microphone hears this tone. `prefix`: before its command."""
    from playwright.async_api import async_playwright

    program = shutil.which("chromium") or ""
    if prefix:
        script = folder / "chromium"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(prefix)} {program} "$@"\n')
        script.chmod(0o755)
        program = str(script)
    sound = folder / "microphone.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(tone(hertz, 48000, 20))
    arguments = [
        "--no-sandbox", "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={sound}",
        "--autoplay-policy=no-user-gesture-required", "--ignore-certificate-errors",
        # Chromium hides its own addresses behind names of mDNS, which nobody resolves on loopback.
        "--disable-features=WebRtcHideLocalIpsWithMdns,WebRtcApmInAudioService",
        "--allow-loopback-in-peer-connection",
    ]  # fmt: skip
    async with async_playwright() as running:
        browser = await running.chromium.launch(executable_path=program, args=arguments)
        yield browser
        await browser.close()


class BrowserPhone:
    """One window with the phone, and what people do in it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        page.on("console", lambda line: self.faults.append(line.text) if "Security Policy" in line.text else None)

    @classmethod
    async def open(
        cls, browser: Any, system: System, login: str, *, microphone: bool = True, base: str = "", **options: Any
    ) -> BrowserPhone:
        """Sign in and open the phone in a fresh window. `base`: the address of the pages, where it is another one."""
        base = base or f"http://127.0.0.1:{system.console_port}"
        permissions = ["microphone", "notifications"] if microphone else []
        options = {"viewport": {"width": 390, "height": 844}, "locale": "en-GB"} | options
        context = await browser.new_context(base_url=base, permissions=permissions, **options)
        page = await context.new_page()
        page.set_default_timeout(60_000)
        phone = cls(page)
        await page.goto("/sign-in?next=/me/phone")
        await page.fill("[name=login]", login)
        await page.fill("[name=password]", PASSWORD)
        await page.click("main button.primary")
        return phone

    async def close(self) -> None:
        """Close the window; no script may have failed in it."""
        await self.page.context.close()
        assert self.faults == []

    async def ready(self) -> None:
        """Wait until it is registered."""
        await self.page.wait_for_selector("#phone[data-state=ready]")

    async def dial(self, number: str) -> None:
        """Type a number and call it."""
        await self.page.fill("#number", number)
        await self.page.click(".call-now")

    async def tap(self, what: str, which: int = 0) -> None:
        """Tap a button of a call's card by its name in the template."""
        await self.page.locator(f".call-card [data-do={what}]:visible").nth(which).click()

    async def rings(self, whom: str = "") -> None:
        """Wait until somebody calls."""
        await self.page.wait_for_selector(f".call-card[data-state=rings]:has-text('{whom}')")

    async def talks(self, whom: str = "", count: int = 1) -> None:
        """Wait until so many calls are up."""
        found = f".call-card[data-state=talking]:has-text('{whom}')"
        await self.page.wait_for_function(
            "([selector, count]) => document.querySelectorAll('.call-card[data-state=talking]').length === count",
            arg=["", count],
        )
        await self.page.wait_for_selector(found)

    async def idle(self) -> None:
        """Wait until no call is left."""
        await self.page.wait_for_selector(".call-card", state="detached")

    async def notice(self) -> str:
        """Wait for what the phone has to say, and return it."""
        await self.page.wait_for_selector("#note:visible")
        return str(await self.page.inner_text("#note"))

    async def hears(self, hertz: float, card: int = 0) -> None:
        """Wait until the loudest frequency of what the browser plays is this one."""
        script = (Path(__file__).with_name("browser_ear.js")).read_text()
        await self.page.wait_for_function(f"async ([hertz, card]) => {{ {script} }}", arg=[hertz, card], timeout=20_000)

    async def tone(self) -> str:
        """Return which of its own tones the phone plays: "ringback", "busy", "waiting" …, or ""."""
        script = "[...document.scripts].find((one) => one.src.endsWith('/phone.js')).src"
        return str(
            await self.told(f"import({script}.replace('phone.js', 'phone-tones.js')).then((one) => one.tones.name)")
        )

    async def told(self, expression: str) -> Any:
        """Evaluate JavaScript in the page."""
        return json.loads(await self.page.evaluate(f"async () => JSON.stringify(await ({expression}))"))
