"""Phones register by every transport, and only with their password."""

from __future__ import annotations

import asyncio

import pytest

from .rig.booth import Booth, RefusedByPhone
from .rig.jssip import JsSip, why_no_jssip
from .rig.system import System, eventually
from .rig.web_phone import register_by_websocket
from .rig.wire import Wire


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_phone_registers(system: System, booth: Booth, transport: str) -> None:
    await booth.phone(system.account("101", transport), 440)

    (row,) = await system.registrations("101")
    assert row["transport"] == transport.upper()
    assert row["address"].startswith("127.0.0.1")
    assert "baresip" in (row["user_agent"] or row["model"]).lower()


@pytest.mark.parametrize("transport", ["ws", "wss"])
async def test_a_phone_in_a_browser_registers(system: System, transport: str) -> None:
    answer = await register_by_websocket(system.account("109", transport))

    assert answer.status == 200
    assert "expires=120" in answer.text

    async def gone() -> bool:
        return not await system.registrations("109")

    await eventually(gone, "the phone to be known as gone once its page is closed")


@pytest.mark.parametrize("transport", ["ws", "wss"])
async def test_the_library_of_browsers_registers_and_is_called(system: System, booth: Booth, transport: str) -> None:
    if reason := why_no_jssip():
        pytest.skip(reason)
    anna = await booth.phone(system.account("101"), 440)
    async with JsSip(system.account("109", transport)) as page:
        contact = (await page.says("registered"))["contact"]
        assert ".invalid" in contact
        assert "pub-gruu=" in contact  # it asks for one, so that a transfer to it finds this very page
        (row,) = await system.registrations("109")
        assert (row["transport"], row["behind_nat"]) == (transport.upper(), True)
        assert "JsSIP" in (row["user_agent"] or row["model"])

        mine = await anna.dial("109")
        invite = await page.says("invite")
        assert "sip:101@" in invite["from"]
        assert "m=audio" in invite["body"]
        assert "486" in await mine.ended()

    async def gone() -> bool:
        return not await system.registrations("109")

    await eventually(gone, "the page to have taken its registration back")


async def test_a_phone_registers_over_ipv6(system: System, booth_ipv6: Booth) -> None:
    await booth_ipv6.phone(system.account("101", host="::1"), 440)

    (row,) = await system.registrations("101")
    assert "::1" in row["address"]


async def test_a_phone_takes_its_registration_back(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    await anna.unregister()

    assert await system.registrations("101") == []


async def test_two_phones_may_be_registered_for_one_extension(system: System, booth: Booth) -> None:
    await booth.phone(system.account("101"), 440)
    await booth.phone(system.account("101", "tcp"), 660)

    assert {row["transport"] for row in await system.registrations("101")} == {"UDP", "TCP"}


async def test_a_wrong_password_is_refused_and_the_administrator_reads_why(system: System, booth: Booth) -> None:
    account = system.account("101")
    with pytest.raises(RefusedByPhone, match=r"40[13]"):
        await booth.phone(account, 440, password="not it")

    assert await system.registrations("101") == []
    line = await system.logs(r"wrong password")
    assert account.username in line or "101" in line
    assert "not it" not in system.log()


async def test_an_unknown_name_is_refused_like_a_wrong_password(system: System, booth: Booth) -> None:
    """Who tries names must not learn which ones exist."""
    known, unknown = system.account("101"), system.account("102")
    async with Wire(known) as wire:
        first = await wire.send("REGISTER", headers="Expires: 60\r\n", password="wrong")
    stranger = type(unknown)("102", "nobody-of-that-name", "x", unknown.host, unknown.port)
    async with Wire(stranger) as wire:
        second = await wire.send("REGISTER", headers="Expires: 60\r\n", password="wrong")

    assert first.status == second.status
    assert first.status in (401, 403)


async def test_many_wrong_passwords_do_not_disturb_a_call(system: System, booth: Booth) -> None:
    anna = await booth.phone(system.account("101"), 440)
    bert = await booth.phone(system.account("102"), 660)
    mine, theirs = await anna.call(bert)
    async with Wire(system.account("103")) as wire:
        answers = await asyncio.gather(
            *(wire.send("REGISTER", headers="Expires: 60\r\n", password=f"try {index}") for index in range(20)),
            return_exceptions=True,
        )
    assert not any(getattr(answer, "status", 0) == 200 for answer in answers)
    await mine.hears(660)
    await theirs.hears(440)
    await mine.hang_up()
    await theirs.ended()
