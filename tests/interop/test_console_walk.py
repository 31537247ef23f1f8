"""A company is set up in a browser by somebody who has never seen it, phones are connected with what the pages show,
and everything that people do on the first day is done once."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from .rig.accounts import Account
from .rig.booth import Booth
from .rig.ports import Block
from .rig.system import COMMAND, System

PASSWORD = "four words without sense"
HANNAS = "another four funny words"
TABLE = """number,name,ring_time
121,Workshop,20
103,Hanna at the front,30
abc def,Nonsense,20
122,Warehouse,forever
"""


@pytest_asyncio.fixture(loop_scope="session")
async def chromium() -> AsyncIterator[Any]:
    """The browser. Skips where there is none."""
    playwright = pytest.importorskip("playwright.async_api", reason="Playwright is not installed")
    if (program := shutil.which("chromium")) is None:
        pytest.skip("chromium is not installed")
    async with playwright.async_playwright() as running:
        browser = await running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def window(chromium: Any, system: System, **options: Any) -> Any:
    """Return a page in a fresh window of the browser."""
    context = await chromium.new_context(base_url=f"http://127.0.0.1:{system.console_port}", locale="en-GB", **options)
    page = await context.new_page()
    page.set_default_timeout(60_000)
    return page


@pytest.mark.timeout(600)
async def test_the_first_day(tmp_path: Path, ports: Block, booth: Booth, chromium: Any) -> None:
    begin = ["init", "--country", "DE", "--time-zone", "Europe/Berlin", "--data-dir", str(tmp_path / "data")]
    await asyncio.to_thread(subprocess.run, [*COMMAND, *begin], check=True, capture_output=True)
    async with System(tmp_path, ports, {}) as system:
        page = await window(chromium, system)
        accounts = await set_up(page, system)
        anna = await booth.phone(accounts["102"], 440)
        hanna = await booth.phone(accounts["103"], 660)

        await page.goto("/admin/active/")
        mine, _ = await anna.call(hanna)
        await see_it_live(page)
        await mine.hears(660)
        await mine.hang_up()
        await system.quiet()
        await see_the_record(page, system)

        phone = await window(chromium, system, viewport={"width": 390, "height": 844})
        login = await let_hanna_in(page, phone)
        await forward_everything(phone, login)
        mine = await (await anna.dial("103")).answered()
        await mine.hears(440)  # the echo test says back what Anna says
        await mine.hang_up()
        await system.quiet()

        await undo_it(page)
        mine, _ = await anna.call(hanna)
        await mine.hears(660)
        await mine.hang_up()
        await system.quiet()

        await import_a_table(page, system)


async def set_up(page: Any, system: System) -> dict[str, Account]:
    """Go through the first run by the address that was printed. Returns what the last page shows for each phone."""
    line = await system.logs(r"/first-run\?token=")
    await page.goto(re.search(r"/first-run\?token=\S+", line)[0])  # type: ignore[index]
    await next_step(page)  # language and country
    await page.get_by_label("Company").fill("Lindqvist Instruments")
    await next_step(page)
    await next_step(page)  # the plan of numbers
    await page.get_by_label("Your name").fill("Clara Lindqvist")
    await page.get_by_label("Name to sign in with").fill("clara")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("Once more").fill(PASSWORD)
    await next_step(page)
    while "people" not in page.url:  # address, e-mail, trunk: later
        await page.get_by_role("button", name="Skip").click()
    await page.get_by_text("From a table").click()
    await page.get_by_label("Paste rows").fill("Anna Bell\tanna@example.com\nHanna Vogel\thanna@example.com")
    await page.get_by_role("button", name="Take these rows").click()
    await next_step(page)
    await page.get_by_role("button", name="Set it up").click()
    await page.get_by_role("heading", name="Connect the first phones").wait_for()
    accounts = {}
    for number in ("102", "103"):
        card = page.locator("section.card").filter(has_text=f"{number} · ")
        _, name, password = await card.locator("dd code").all_inner_texts()
        accounts[number] = Account(number, name, password, system.address, system.sip_port)
    return accounts


async def next_step(page: Any) -> None:
    """Take what the step proposes."""
    before = page.url
    await page.get_by_role("button", name="Next").click()
    await page.wait_for_url(lambda url: url != before)


async def see_it_live(page: Any) -> None:
    """The call appears without a reload."""
    row = page.get_by_role("row").filter(has_text="Anna Bell")
    await row.get_by_text("talking").wait_for()
    assert "Hanna Vogel" in await row.inner_text()


async def see_the_record(page: Any, system: System) -> None:
    """The call is in the history, with its journal."""
    await page.get_by_text("Nobody talks at the moment").wait_for()
    await system.records()
    await page.goto("/admin/calls/")
    await page.get_by_role("row").filter(has_text="Anna Bell").get_by_role("link").first.click()
    await page.get_by_role("heading", name="What happened").wait_for()
    told = await page.locator("ol.journal").inner_text()
    assert "103" in told
    assert await page.locator("#side").get_by_text("Answered", exact=True).first.is_visible()


async def let_hanna_in(page: Any, phone: Any) -> str:
    """Make a link by which she sets her password, and open it as her. Returns the name to sign in with."""
    await page.goto("/admin/users/")
    row = page.get_by_role("row").filter(has_text="Hanna Vogel").get_by_role("link").first
    login = await row.inner_text()
    await row.click()
    await page.get_by_role("link", name="Password and sessions").click()
    await page.get_by_role("button", name="Make a link").click()
    address = re.search(r"/\S+$", (await page.locator("code.secret").inner_text()).partition("://")[2])
    assert address is not None
    await phone.goto(address[0])
    for field in await phone.locator("main input[type=password]").all():
        await field.fill(HANNAS)
    await phone.locator("main button.primary").click()
    await phone.wait_for_url(lambda url: address[0] not in url)
    return str(login)


async def forward_everything(phone: Any, login: str) -> None:
    """As a user, on a phone's screen: all calls go to the echo test."""
    await phone.goto("/sign-in")
    if "sign-in" in phone.url:
        await phone.get_by_label("Name").fill(login)
        await phone.get_by_label("Password").fill(HANNAS)
        await phone.get_by_role("button", name="Sign in", exact=True).click()
    await phone.get_by_role("link", name="Where calls go").click()
    await phone.get_by_label("Send every call straight to").fill("*43")
    await phone.get_by_role("button", name="Save").click()
    await phone.get_by_text(re.compile(r"\*43")).first.wait_for()


async def undo_it(page: Any) -> None:
    """The administrator takes the newest change back."""
    await page.goto("/admin/changes/")
    await page.locator("main").get_by_role("link", name=re.compile("ago|now")).first.click()
    await page.get_by_role("link", name="Undo").click()
    await page.get_by_role("button", name="Undo").click()
    await page.wait_for_url(lambda url: "undo" not in url)


async def import_a_table(page: Any, system: System) -> None:
    """Two of four lines are wrong: they are told, and left out."""
    await page.goto("/admin/extensions/")
    await page.get_by_role("link", name="Import").click()
    await page.get_by_label("Or pasted").fill(TABLE)
    await page.get_by_role("button", name="See what would change").click()
    mistakes = page.get_by_role("table").first
    assert "forever" in await mistakes.inner_text()
    assert "abc def" in await mistakes.inner_text()
    await page.get_by_label("Leave out the 2 rows with mistakes").check()
    await page.get_by_role("button", name="Import 2 rows").click()
    await page.goto("/admin/extensions/")
    listed = await page.get_by_role("table").first.inner_text()
    assert "Workshop" in listed
    assert "Hanna at the front" in listed
    assert "Warehouse" not in listed
