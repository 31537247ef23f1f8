"""The softphone on the running system: what takes three phones and a switch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import yaml

from jackfield.phone import Account, Phone, PhoneCall, PhoneError, Tone

from .conftest import Installation
from .test_commands import result

TONES = {"101": 440, "102": 880, "103": 1320}


@pytest.fixture(scope="session")
def accounts(running: Installation) -> dict[str, Account]:
    document = yaml.safe_load(running.jackfield("export", "--secrets").stdout)
    return {
        entry["number"]: Account(entry["sip_username"], entry["sip_password"], port=running.sip_port)
        for entry in document["extensions"]
    }


@asynccontextmanager
async def phones(accounts: dict[str, Account], *numbers: str, **options: Any) -> AsyncIterator[list[Phone]]:
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(Phone(accounts[number], **options)) for number in numbers]
        await asyncio.gather(*(phone.register() for phone in opened))
        yield opened


async def connect(caller: Phone, callee: Phone, number: str, own: str) -> tuple[PhoneCall, PhoneCall]:
    ours = await caller.call(number, source=Tone(TONES[own]))
    theirs = await callee.next_call()
    theirs.audio.source = Tone(TONES[number])
    await theirs.answer()
    await ours.wait_answered()
    await asyncio.gather(ours.ear.hear(TONES[number]), theirs.ear.hear(TONES[own]))
    return ours, theirs


async def test_a_blind_transfer_connects_the_other_two(accounts: dict[str, Account]) -> None:
    async with phones(accounts, "101", "102", "103") as (one, two, three):
        ours, theirs = await connect(one, two, "102", "101")
        transferring = asyncio.create_task(ours.transfer("103"))
        third = await three.next_call()
        assert third.number == "102"
        third.audio.source = Tone(TONES["103"])
        await third.answer()
        assert await transferring == 200
        await ours.wait_ended()
        await asyncio.gather(theirs.ear.hear(TONES["103"]), third.ear.hear(TONES["102"]))
        third.hang_up()
        assert await theirs.wait_ended() == 200


async def test_an_attended_transfer_connects_the_other_two(accounts: dict[str, Account]) -> None:
    async with phones(accounts, "101", "102", "103") as (one, two, three):
        ours, theirs = await connect(one, two, "102", "101")
        await ours.hold()
        asking, third = await connect(one, three, "103", "101")
        await ours.transfer_to(asking)
        await asyncio.gather(ours.wait_ended(), asking.wait_ended())
        await asyncio.gather(theirs.ear.hear(TONES["103"]), third.ear.hear(TONES["102"]))
        theirs.hang_up()
        await third.wait_ended()


async def test_a_transfer_to_nowhere_leaves_the_call_alone(accounts: dict[str, Account]) -> None:
    async with phones(accounts, "101", "102") as (one, two):
        ours, theirs = await connect(one, two, "102", "101")
        try:
            status = await ours.transfer("7777")
        except PhoneError as error:
            status = error.status
        assert status == 404
        await asyncio.gather(ours.ear.hear(TONES["102"]), theirs.ear.hear(TONES["101"]))


async def test_all_phones_of_a_group_ring_and_the_others_stop_when_one_answers(accounts: dict[str, Account]) -> None:
    async with phones(accounts, "101", "102", "103") as (one, two, three):
        ours = await one.call("200", source=Tone(TONES["101"]))
        second, third = await asyncio.gather(two.next_call(), three.next_call())
        third.audio.source = Tone(TONES["103"])
        await third.answer()
        await ours.wait_answered()
        assert await second.wait_ended() == 487
        assert "completed elsewhere" in second.reason
        await asyncio.gather(ours.ear.hear(TONES["103"]), third.ear.hear(TONES["101"]))


async def test_reports_tell_the_round_trip(accounts: dict[str, Account], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jackfield.phone.audio.REPORT_EVERY", 0.1)
    async with phones(accounts, "101", "102") as (one, two):
        ours, _ = await connect(one, two, "102", "101")
        while ours.audio.statistics().round_trip is None:
            await asyncio.sleep(0.05)
        assert 0 <= (ours.audio.statistics().round_trip or 0) < 1


async def test_a_phone_is_rung_to_prove_that_it_hears(running: Installation, accounts: dict[str, Account]) -> None:
    async with phones(accounts, "101", answer="auto"):
        proved = await asyncio.to_thread(running.jackfield, "prove", "101")
        assert "101's phone hears and is heard" in result(proved)
        listed = json.loads(result(running.jackfield("phones", "101", "--json")))
        assert [(row["verdict"]["how"], row["verdict"]["good"]) for row in listed] == [("test", True)]
        assert "hears and is heard" in " ".join(result(running.jackfield("phones")).split())
    nobody = running.jackfield("prove", "103")
    assert nobody.returncode == 1
    assert "no phone of extension 103 is connected" in nobody.stderr
