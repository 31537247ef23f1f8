"""Jackfield Phone in Chromium, with a microphone that says a tone, beside desk phones of other makers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from .rig.booth import Booth
from .rig.browser import BrowserPhone, chromium, let_in, why_no_browser
from .rig.configuration import configuration, extension
from .rig.ports import Block
from .rig.system import System, eventually

COMPANY = configuration(
    [extension(101, user="anna"), extension(102, user="bert", forward_busy="103")],
    users=[{"login": "anna", "name": "Anna"}, {"login": "bert", "name": "Bert"}],
)
MICROPHONE = 1000.0


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory, system_ports: Block) -> AsyncIterator[System]:
    """A system whose people may sign in."""
    if reason := why_no_browser():
        pytest.skip(reason)
    async with System(tmp_path_factory.mktemp("browser"), system_ports, COMPANY) as running:
        for login in ("anna", "bert"):
            let_in(running, login)
        yield running


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def browser(office: System, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    """One Chromium for all tests."""
    async with chromium(tmp_path_factory.mktemp("chromium"), MICROPHONE) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def phone(office: System, browser: Any) -> AsyncIterator[BrowserPhone]:
    """Anna's phone, which is ready."""
    opened = await BrowserPhone.open(browser, office, "anna")
    await opened.ready()
    yield opened
    await opened.close()
    await office.quiet()


async def test_it_calls_a_desk_phone_which_hears_it_and_its_keys(
    office: System, booth: Booth, phone: BrowserPhone
) -> None:
    desk = await booth.phone(office.account("103"), 440)
    await phone.dial("103")
    theirs = await desk.rings()
    assert "Phone 101" in theirs.caller
    await theirs.answer()
    await phone.talks("Phone 103")
    await theirs.hears(MICROPHONE)
    await phone.hears(440)
    await phone.tap("keys")
    for key in "15#":
        await phone.page.click(f"#keys [data-key='{key}']")
    await theirs.hears_digits("15#")
    await phone.tap("keys")
    await phone.tap("mute")
    await theirs.hears(0)
    await phone.tap("mute")
    await theirs.hears(MICROPHONE)
    await phone.tap("hold")
    await phone.page.wait_for_selector(".call-card.held")
    await theirs.hears_melody()
    await phone.tap("resume")
    await phone.hears(440)
    await phone.tap("hangup")
    await phone.idle()
    await theirs.ended()


async def test_it_is_called_while_another_page_is_looked_at_and_navigation_ends_no_call(
    office: System, booth: Booth, phone: BrowserPhone
) -> None:
    desk = await booth.phone(office.account("103"), 440)
    page = phone.page
    await page.click(".own-bar a[href='/me/contacts/']")
    await page.wait_for_selector("#inside [data-presence='103'].free")
    call = await desk.dial("101")
    await phone.rings("Phone 103")
    assert "Phone 103" in await page.inner_text("#announce")
    await phone.tap("answer")
    await call.answered()
    await call.hears(MICROPHONE)
    await page.wait_for_selector("#inside [data-presence='103'].talking")
    for address in ("/me/", "/me/rules/", "/me/profile"):
        await page.click(f".own-bar a[href='{address}']")
        await page.wait_for_selector(f".own-bar a[href='{address}'][aria-current=page]")
        await page.wait_for_selector("#inside h1")
    await page.go_back()
    await page.wait_for_selector("#inside form[action^='/me/rules/']")
    await phone.hears(440)
    await call.hang_up()
    await phone.idle()
    await page.click(".own-bar a[href='/me/phone']")
    await page.wait_for_selector("#keys:visible")


async def test_it_sends_a_call_on_at_once_and_after_asking(office: System, booth: Booth, phone: BrowserPhone) -> None:
    outside = await booth.phone(office.account("103"), 440)
    desk = await booth.phone(office.account("104"), 660)
    for way in ("blind", "ask"):
        theirs = await outside.dial("101")
        await phone.rings("Phone 103")
        await phone.tap("answer")
        await phone.talks("Phone 103")
        await phone.tap("transfer")
        await phone.page.fill(".send-on [name=target]:visible", "104")
        await phone.page.click(f".send-on button[value={way}]:visible")
        other = await desk.rings()
        await other.answer()
        if way == "ask":
            await phone.talks("Phone 104", count=2)
            await other.hears(MICROPHONE)
            await phone.tap("connect")
        await theirs.hears(660)
        await other.hears(440)
        await phone.idle()
        assert "connected" in await phone.notice()
        await theirs.hang_up()
        await other.ended()
        await office.quiet()


async def test_a_transfer_that_fails_gives_the_call_back(office: System, booth: Booth, phone: BrowserPhone) -> None:
    outside, busy = await booth.phone(office.account("103"), 440), await booth.phone(office.account("104"), 660)
    theirs = await outside.dial("101")
    await phone.rings("Phone 103")
    await phone.tap("answer")
    await phone.talks("Phone 103")
    await phone.tap("transfer")
    await phone.page.fill(".send-on [name=target]:visible", "104")
    await phone.page.click(".send-on button[value=blind]:visible")
    await (await busy.rings()).hang_up()
    assert "yours again" in await phone.notice()
    await theirs.hears(MICROPHONE)
    await phone.hears(440)
    await phone.tap("hangup")
    await theirs.ended()
    await phone.idle()


async def test_it_rings_back_and_calls_a_further_number_beside_a_call(
    office: System, booth: Booth, phone: BrowserPhone
) -> None:
    one, two = await booth.phone(office.account("103"), 440), await booth.phone(office.account("104"), 660)
    await phone.dial("103")
    first = await one.rings()
    await phone.page.wait_for_selector(".call-card[data-state=early]")
    assert await phone.tone() == "ringback"
    await first.answer()
    await phone.talks("Phone 103")
    assert await phone.tone() == ""
    await phone.page.click("#add-call")
    await phone.dial("104")
    second = await two.rings()
    await second.answer()
    await phone.talks("Phone 104", count=2)
    await second.hears(MICROPHONE)
    await first.hears_melody()
    third = await one.dial("101")
    await phone.rings("Phone 103")
    assert await phone.tone() == "waiting"
    for call in (third, second, first):
        await call.hang_up()
    await phone.idle()
    assert await phone.tone() == ""


async def test_who_missed_a_call_sees_it_counted_until_he_looks(
    office: System, booth: Booth, phone: BrowserPhone
) -> None:
    page = phone.page
    await page.click(".own-bar a[href='/me/']")
    await page.wait_for_selector("#inside #found")
    await page.click(".own-bar a[href='/me/phone']")
    await page.wait_for_selector("#missed", state="hidden")
    desk = await booth.phone(office.account("103"), 440)
    call = await desk.dial("101")
    await phone.rings("Phone 103")
    await call.hang_up()
    await phone.idle()
    await page.wait_for_selector("#missed:has-text('1 missed call')")
    await page.click(".own-bar a[href='/me/']")
    await page.wait_for_selector("#missed", state="hidden")
    await page.click(".own-bar a[href='/me/phone']")


async def test_two_calls_at_once_take_turns(office: System, booth: Booth, phone: BrowserPhone) -> None:
    first, second = await booth.phone(office.account("103"), 440), await booth.phone(office.account("104"), 660)
    one = await first.dial("101")
    await phone.rings("Phone 103")
    await phone.tap("answer")
    await phone.talks("Phone 103")
    two = await second.dial("101")
    await phone.rings("Phone 104")
    await phone.tap("answer")
    await phone.talks("Phone 104", count=2)
    await phone.page.wait_for_selector(".call-card.held:has-text('Phone 103')")
    await two.hears(MICROPHONE)
    await one.hears_melody()
    await phone.tap("resume")
    await phone.page.wait_for_selector(".call-card.held:has-text('Phone 104')")
    await one.hears(MICROPHONE)
    await two.hears_melody()
    await one.hang_up()
    await two.hang_up()
    await phone.idle()


async def test_declining_is_said_to_the_caller_and_a_busy_forward_is_followed(
    office: System, booth: Booth, browser: Any
) -> None:
    caller, deputy = await booth.phone(office.account("104"), 440), await booth.phone(office.account("103"), 660)
    bert = await BrowserPhone.open(browser, office, "bert")
    await bert.ready()
    call = await caller.dial("102")
    await bert.rings("Phone 104")
    await bert.tap("decline")
    await (await deputy.rings()).answer()
    await call.hears(660)
    await call.hang_up()
    await bert.close()


async def test_a_page_that_is_loaded_anew_hangs_up_and_is_a_phone_again(
    office: System, booth: Booth, phone: BrowserPhone
) -> None:
    desk = await booth.phone(office.account("103"), 440)
    call = await desk.dial("101")
    await phone.rings()
    await phone.tap("answer")
    await call.answered()
    phone.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await phone.page.reload()
    await call.ended()
    await phone.ready()
    again = await desk.dial("101")
    await phone.rings()
    await phone.tap("decline")
    assert "603" in await again.ended()


async def test_it_registers_again_by_itself_when_the_switch_has_started_anew(
    office: System, booth: Booth, phone: BrowserPhone
) -> None:
    before = (await office.processes())["switch"]["pid"]
    os.kill(before, signal.SIGKILL)
    await phone.page.wait_for_selector("#phone[data-state=away]")
    await phone.page.wait_for_selector("#phone[data-state=ready]", timeout=60_000)
    assert (await office.processes())["switch"]["pid"] != before
    await phone.dial("*43")
    await phone.talks()
    await phone.hears(MICROPHONE)
    await phone.tap("hangup")
    await phone.idle()


async def test_a_call_goes_on_while_the_connection_is_away_and_can_be_ended_when_it_is_back(
    office: System, booth: Booth, phone: BrowserPhone
) -> None:
    desk = await booth.phone(office.account("103"), 440)
    call = await desk.dial("101")
    await phone.rings("Phone 103")
    await phone.tap("answer")
    await call.answered()
    os.kill((await office.processes())["console"]["pid"], signal.SIGKILL)
    await phone.page.wait_for_selector("#phone[data-state=away]")
    await phone.hears(440)
    await phone.page.wait_for_selector("#phone[data-state=ready]", timeout=60_000)
    await call.hears(MICROPHONE)
    await phone.tap("hangup")
    await call.ended()
    await phone.idle()


async def test_a_second_window_takes_the_phone_over(office: System, phone: BrowserPhone) -> None:
    other = await phone.page.context.new_page()
    await other.goto("/me/phone")
    await other.wait_for_selector("#phone[data-state=ready]")
    await phone.page.wait_for_selector("#phone[data-state=taken]")
    await phone.page.click("#take-back")
    await phone.ready()
    await other.wait_for_selector("#phone[data-state=taken]")
    assert len(await office.registrations("101")) == 1


async def test_a_second_window_leaves_a_call_alone_and_takes_it_to_its_end_when_asked(
    office: System, booth: Booth, phone: BrowserPhone
) -> None:
    desk, other_desk = await booth.phone(office.account("103"), 440), await booth.phone(office.account("104"), 660)
    call = await desk.dial("101")
    await phone.rings("Phone 103")
    await phone.tap("answer")
    await phone.talks("Phone 103")
    other = await phone.page.context.new_page()
    await other.goto("/me/contacts/")
    await other.click("li:has-text('Phone 104') .call-button")
    await (await other_desk.rings()).answer()
    await phone.talks("Phone 104", count=2)
    assert "Phone 104" in await other.inner_text("#elsewhere")
    await other.goto("/me/phone")
    await other.wait_for_selector("#phone[data-state=taken]")
    assert "on a call in another window" in await other.inner_text("#status")
    await phone.talks(count=2)
    await other.click("#take-back")
    await other.wait_for_selector("#phone[data-state=ready]")
    await call.ended()
    await phone.page.wait_for_selector("#phone[data-state=taken]")
    await other.close()


async def test_signing_out_in_the_middle_of_a_call_ends_it_for_the_other_side(
    office: System, booth: Booth, browser: Any
) -> None:
    bert = await BrowserPhone.open(browser, office, "bert")
    await bert.ready()
    desk = await booth.phone(office.account("104"), 660)
    call = await desk.dial("102")
    await bert.rings("Phone 104")
    await bert.tap("answer")
    await call.answered()
    await bert.talks("Phone 104")
    other = await bert.page.context.new_page()
    await other.goto("/me/profile")
    await other.click("form[action='/sign-out'] button")
    await call.ended()
    await bert.page.wait_for_selector("#phone[data-state=over]")
    await bert.close()


async def test_signing_out_ends_the_registration_everywhere(office: System, browser: Any) -> None:
    bert = await BrowserPhone.open(browser, office, "bert")
    await bert.ready()
    assert len(await office.registrations("102")) == 1
    other = await bert.page.context.new_page()
    await other.goto("/me/profile")
    await other.click("form[action='/sign-out'] button")
    await bert.page.wait_for_selector("#phone[data-state=over]")
    assert await bert.page.is_visible("#sign-in-again")

    async def gone() -> bool:
        return not await office.registrations("102")

    await eventually(gone, "the registration to be forgotten")
    await bert.close()


async def test_without_a_microphone_it_says_what_to_do(office: System, browser: Any) -> None:
    bert = await BrowserPhone.open(browser, office, "bert", microphone=False)
    await bert.ready()
    await bert.dial("*43")
    assert "may not use the microphone" in await bert.notice()
    await bert.page.evaluate("""() => { navigator.mediaDevices.getUserMedia = async () => {
      throw new DOMException("none", "NotFoundError"); } }""")
    await bert.dial("*43")
    await bert.page.wait_for_selector("#note:has-text('No microphone was found')")
    assert not await office.calls()
    await bert.close()


async def test_the_test_of_the_sound_says_in_words_what_it_found(phone: BrowserPhone) -> None:
    await phone.page.click("#devices summary")
    await phone.page.click("#probe")
    await phone.page.wait_for_selector("#probe-result.good:has-text('You hear and are heard')", timeout=30_000)


async def test_numbers_that_may_not_be_called_are_refused_in_words(phone: BrowserPhone) -> None:
    await phone.dial("77777")
    assert await phone.notice()
    assert await phone.page.locator(".call-card").count() == 0


async def told_by_push(phone: BrowserPhone, session: Any, **push: str) -> None:
    """Hand the service worker a push, as the browser does when its push service brings one."""
    known: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def registered(told: Any) -> None:
        if not known.done() and told["registrations"]:
            known.set_result(told["registrations"][0]["registrationId"])

    session.on("ServiceWorker.workerRegistrationUpdated", registered)
    await session.send("ServiceWorker.disable")
    await session.send("ServiceWorker.enable")
    text, origin = json.dumps({"call": "c1", "body": "102", **push}), await phone.told("location.origin")
    shown_before = await shown(phone)
    await session.send("ServiceWorker.deliverPushMessage",
                       {"origin": origin, "registrationId": await known, "data": text})  # fmt: skip

    async def changed() -> bool:
        return await shown(phone) != shown_before

    await eventually(changed, "a notification")


async def shown(phone: BrowserPhone) -> Any:
    """The notifications of the page, each with its buttons."""
    return await phone.told(
        "navigator.serviceWorker.ready.then(async (one) => (await one.getNotifications())"
        ".map((note) => [note.title, note.actions.map((button) => button.action)]))"
    )


async def test_it_can_be_installed_and_says_so_when_it_has_no_connection(phone: BrowserPhone) -> None:
    page = phone.page
    session = await page.context.new_cdp_session(page)
    await page.evaluate("navigator.serviceWorker.ready.then(() => 1)")
    faults = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    assert [one["errorId"] for one in faults if one["errorId"] != "in-incognito"] == []
    manifest = await session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert '"start_url": "/me/phone"' in manifest["data"]
    await told_by_push(phone, session, kind="call", title="Bert calls you", answer="Answer", decline="Decline")
    assert await shown(phone) == [["Bert calls you", ["answer", "decline"]]]
    await told_by_push(phone, session, kind="over", missed="You missed a call of Bert")
    assert await shown(phone) == [["You missed a call of Bert", []]]
    caches = await phone.told(
        "caches.keys().then(async (names) => (await (await caches.open(names[0])).keys())"
        ".map((one) => new URL(one.url).pathname))"
    )
    assert all(name.startswith("/static/") or name == "/me/phone-offline" for name in caches), caches
    await page.context.set_offline(True)
    await page.goto("/me/phone")
    assert "can't be reached" in await page.inner_text("main")
    await page.context.set_offline(False)
    await page.click("main a.button")
    await phone.ready()


async def test_a_phone_that_is_open_for_hours_has_ways_for_its_audio_that_still_hold(
    office: System, phone: BrowserPhone
) -> None:
    """The relay's credentials end after twelve hours, though nothing else of the page does."""
    async with phone.page.expect_response("**/me/phone/ways") as asked:
        await phone.page.clock.install()
        await phone.page.reload()
        await phone.ready()
        await phone.page.clock.fast_forward("05:00:00")
    found = await (await asked.value).json()
    assert found["ice_servers"]
    await phone.ready()
