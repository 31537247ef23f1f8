"""Trunks to servers that are not ours: Kamailio as a carrier with accounts, SIPp as one that knows our address."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from .conftest import BOOTH
from .rig.accounts import Account
from .rig.booth import Booth, why_no_booth
from .rig.configuration import configuration, extension
from .rig.kamailio import PASSWORD, Kamailio, why_no_kamailio
from .rig.ports import Block, block
from .rig.sipp import Scenario, Sipp, why_no_sipp
from .rig.system import System, eventually

pytestmark = [
    pytest.mark.skipif(bool(why_no_booth()), reason=why_no_booth()),
    pytest.mark.skipif(bool(why_no_kamailio()), reason=why_no_kamailio()),
    pytest.mark.skipif(bool(why_no_sipp()), reason=why_no_sipp()),
]


class Outside:
    """A system with trunks, the carrier, and ports at which SIPp plays further carriers."""

    def __init__(self, system: System, carrier: Kamailio, first: int, second: int) -> None:
        self.system, self.carrier, self.first, self.second = system, carrier, first, second


def _configuration(carrier: Kamailio, first: int, second: int, silent: int) -> dict[str, Any]:
    address = {"kind": "address", "transport": "udp", "qualify_interval": 0, "answer_timeout": 1}
    return configuration(
        [extension(201)],
        settings={"country": "US"},
        trunks=[
            {
                "name": "Carrier",
                "kind": "register",
                "hosts": [f"127.0.0.1:{carrier.port}"],
                "transport": "udp",
                "username": "acme",
                "password": PASSWORD,
                "caller_id": "5550100",
            },
            {
                "name": "Secure",
                "kind": "register",
                "hosts": [f"127.0.0.1:{carrier.tls_port}"],
                "transport": "tls",
                "verify_tls": False,
                "username": "acme-secure",
                "password": PASSWORD,
            },
            {
                "name": "Forged",
                "kind": "register",
                "hosts": [f"127.0.0.1:{carrier.tls_port}"],
                "transport": "tls",
                "username": "acme-forged",
                "password": PASSWORD,
            },
            {"name": "Neighbour", "kind": "address", "hosts": ["127.0.0.2"], "qualify_interval": 0},
            {"name": "Pair", "hosts": [f"127.0.0.1:{first}", f"127.0.0.1:{second}"], **address},
            {"name": "Silent", "hosts": [f"127.0.0.1:{silent}", f"127.0.0.1:{second}"], **address},
            {"name": "Alone", "hosts": [f"127.0.0.1:{silent}"], **address},
        ],
        inbound=[
            {"trunk": "Carrier", "number": "5550100", "target": "101"},
            {"trunk": "Carrier", "number": "5550101", "rewrite": {"strip": 5, "prefix": "2"}},
            {"trunk": "Carrier", "number": "5550102", "target": "*61"},
            {"trunk": "Neighbour", "number": "55520*", "target": "101"},
        ],
        outbound=[
            {"name": "Carrier", "prefix": "9", "trunks": ["Carrier"]},
            {"name": "Secure", "prefix": "75", "strip": 2, "trunks": ["Secure"]},
            {"name": "Pair", "prefix": "71", "strip": 2, "trunks": ["Pair"]},
            {"name": "Silent", "prefix": "72", "strip": 2, "trunks": ["Silent"]},
            {"name": "Backup", "prefix": "73", "strip": 2, "trunks": ["Alone", "Carrier"]},
            {"name": "Alone", "prefix": "74", "strip": 2, "trunks": ["Alone"]},
        ],
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    """One system with trunks for all tests of this module."""
    ports = block()
    folder = tmp_path_factory.mktemp("trunks")
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(ports.release)
        carrier = await stack.enter_async_context(Kamailio(folder / "carrier", ports))
        first, second, silent = ports.take(), ports.take(), ports.take()
        settings = _configuration(carrier, first, second, silent)
        system = await stack.enter_async_context(System(folder / "system", ports, settings))

        async def registered() -> bool:
            return (await _trunk(system, "Carrier"))["state"] == "registered"

        await eventually(registered, "the trunk to be registered")
        yield Outside(system, carrier, first, second)


@pytest_asyncio.fixture(loop_scope="session")
async def house(outside: Outside) -> AsyncIterator[Outside]:
    """The same, which each test must leave without calls and faults."""
    import time

    outside.system.since = time.time()
    yield outside
    await outside.system.quiet()
    outside.system.check_log()


@pytest_asyncio.fixture(loop_scope="session")
async def town(ports: Block) -> AsyncIterator[Booth]:
    """Phones in the house and outside."""
    async with Booth(ports, more=BOOTH) as opened:
        yield opened


async def _trunk(system: System, name: str) -> dict[str, Any]:
    return next(row for row in (await system.ask("status"))["trunks"] if row["name"] == name)


def _answers() -> Scenario:
    return (
        Scenario()
        .receive("INVITE")
        .reply(180, "Ringing")
        .reply(200, "OK", sdp=True, again=0.5)
        .receive("ACK")
        .receive("BYE", timeout=15)
        .reply(200, "OK", to="BYE")
    )


def _refuses(status: int, reason: str) -> Scenario:
    return Scenario().receive("INVITE").reply(status, reason, again=0.5).receive("ACK")


async def test_a_call_to_the_outside_is_heard_both_ways(house: Outside, town: Booth) -> None:
    anna = await town.phone(house.system.account("101"), 440)
    olga = await town.phone(house.carrier.customer("6175559000"), 660)

    mine = await anna.dial("96175559000")
    theirs = await olga.rings()
    await theirs.answer()
    await mine.hears(660)
    await theirs.hears(440)
    assert "5550100" in theirs.caller  # the trunk's number, as the extension has none
    await theirs.hang_up()
    await mine.ended()

    record = await house.system.last_record("101")
    assert (record["direction"], record["outcome"], record["hung_up_by"]) == ("out", "answered", "callee")
    assert record["called"]["trunk"] == "Carrier"


async def test_a_call_from_outside_rings_the_number_that_the_rule_makes_and_can_be_called_back(
    house: Outside, town: Booth
) -> None:
    """5550101: five digits off, 2 before it, is 201. The caller is shown as one must dial it."""
    olga = await town.phone(house.carrier.customer("6175559000"), 660)
    bert = await town.phone(house.system.account("201"), 440)

    mine = await olga.dial("5550101")
    theirs = await bert.rings()
    await theirs.answer()
    await mine.hears(440)
    await theirs.hears(660)
    shown = theirs.caller.split("sip:")[1].split("@")[0]
    await mine.hang_up()
    await theirs.ended()
    assert shown.startswith("9")

    back = await bert.dial(shown)
    again = await olga.rings()
    await again.answer()
    await back.hears(660)
    await back.hang_up()
    await again.ended()


async def test_a_number_of_the_trunk_may_lead_to_an_announcement(house: Outside, town: Booth) -> None:
    olga = await town.phone(house.carrier.customer("6175559000"), 660)

    mine = await (await olga.dial("5550102")).answered()
    await mine.hears_melody()
    await mine.hang_up()


async def test_a_number_of_the_trunk_without_a_rule_is_not_found(house: Outside, town: Booth) -> None:
    olga = await town.phone(house.carrier.customer("6175559000"), 660)

    assert "404" in await (await olga.dial("5550177")).ended()


async def test_a_call_through_an_encrypted_trunk(house: Outside, town: Booth) -> None:
    anna = await town.phone(house.system.account("101"), 440)
    olga = await town.phone(house.carrier.customer("6175559000"), 660)

    async def registered() -> bool:
        return (await _trunk(house.system, "Secure"))["state"] == "registered"

    await eventually(registered, "the encrypted trunk to be registered")
    mine = await anna.dial("756175559000")
    theirs = await (await olga.rings()).answer()
    await mine.hears(660)
    await theirs.hears(440)
    await mine.hang_up()
    await theirs.ended()


async def test_a_trunk_whose_certificate_nobody_vouches_for_gets_no_password(house: Outside) -> None:
    row = await _trunk(house.system, "Forged")

    assert row["state"] != "registered"
    assert "certificate" in row["text"].lower(), row
    assert "certificate" in (await house.system.logs("Forged")).lower()
    assert "acme-forged" not in house.carrier.output


async def test_a_call_from_a_trunk_that_is_known_by_its_address(house: Outside, town: Booth, tmp_path: Path) -> None:
    """It needs no password, and its numbers lead where the rule says; from another address the same is refused."""
    anna = await town.phone(house.system.account("101"), 440)
    invite = [
        "INVITE sip:5552077@[remote_ip]:[remote_port] SIP/2.0",
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
        'From: "Neighbour" <sip:6175550000@[local_ip]>;tag=[call_number]n',
        "To: <sip:5552077@[remote_ip]>",
        "Call-ID: [call_id]",
        "CSeq: 1 INVITE",
        "Max-Forwards: 70",
        "Contact: <sip:[local_ip]:[local_port]>",
    ]
    ack = ["ACK [next_url] SIP/2.0", *invite[1:3], "To: <sip:5552077@[remote_ip]>[peer_tag_param]", invite[4],
           "CSeq: 1 ACK", *invite[6:]]  # fmt: skip
    bye = [line.replace("ACK", "BYE").replace("CSeq: 1", "CSeq: 2") for line in ack]
    call = (
        Scenario()
        .request(invite, sdp=True)
        .receive(100, optional=True)
        .receive(180)
        .receive(200)
        .request(ack, again=0)
        .pause(1.0)
        .request(bye)
        .receive(200)
    )
    call.steps[3] = call.steps[3].replace("<recv ", '<recv rrs="true" ')
    system, port = house.system, house.system.ports.take()
    async with Sipp(tmp_path / "in", "127.0.0.1", system.sip_port, port, call, address="127.0.0.2") as sipp:
        theirs = await (await anna.rings()).answer()
        assert "96175550000" in theirs.caller
        await sipp.done()
        await theirs.ended()

    refused = Scenario().request(invite, sdp=True).receive(100, optional=True).receive(401, optional=True).receive(404)
    async with Sipp(tmp_path / "no", "127.0.0.1", system.sip_port, port, refused, address="127.0.0.3") as sipp:
        await sipp.until("SIP/2.0 40[134]")
    assert len(anna.calls) == 1


async def test_a_stranger_cannot_call_out(house: Outside, town: Booth) -> None:
    """One that is neither phone nor trunk reaches at most the house's own numbers."""
    account = house.system.account("101")
    stranger = Account("x", "x", "", account.host, account.port)
    phone = await town.phone(stranger, 440, register=False, reg_interval=0)

    assert (await (await phone.dial("96175559000")).ended())[:3] in ("401", "403", "404")


async def test_a_subscriber_who_is_busy_is_busy_and_no_other_trunk_is_tried(
    house: Outside, town: Booth, tmp_path: Path
) -> None:
    anna = await town.phone(house.system.account("101"), 440)
    async with (
        Sipp(tmp_path / "first", "127.0.0.1", house.system.sip_port, house.first, _refuses(486, "Busy Here")) as first,
        Sipp(tmp_path / "second", "127.0.0.1", house.system.sip_port, house.second, _answers()) as second,
    ):
        assert "486" in await (await anna.dial("716175551234")).ended()
        await first.done()
        assert second.messages() == ""


@pytest.mark.parametrize(("status", "reason"), [(503, "Service Unavailable"), (500, "Server Error"), (408, "Timeout")])
async def test_when_one_address_of_a_trunk_fails_the_next_one_gets_the_call(
    house: Outside, town: Booth, tmp_path: Path, status: int, reason: str
) -> None:
    anna = await town.phone(house.system.account("101"), 440)
    async with (
        Sipp(tmp_path / "first", "127.0.0.1", house.system.sip_port, house.first, _refuses(status, reason)) as first,
        Sipp(tmp_path / "second", "127.0.0.1", house.system.sip_port, house.second, _answers(), "-rtp_echo") as second,
    ):
        mine = await (await anna.dial("716175551234")).answered()
        await mine.hang_up()
        await first.done()
        await second.done()
        (invite,) = second.received("INVITE")
        assert invite.startswith("INVITE sip:6175551234@")


async def test_when_an_address_of_a_trunk_is_silent_the_next_one_gets_the_call(
    house: Outside, town: Booth, ports: Block, tmp_path: Path
) -> None:
    anna = await town.phone(house.system.account("101"), 440)
    media = ports.take(4)
    scenario = Sipp(
        tmp_path / "second", "127.0.0.1", house.system.sip_port, house.second, _answers(), "-rtp_echo", media_port=media
    )
    async with scenario as second:
        mine = await (await anna.dial("726175551234")).answered()
        await mine.hears(440)  # the carrier says back what it hears
        await mine.hang_up()
        await second.done()


async def test_when_a_trunk_does_not_answer_the_backup_trunk_gets_the_call(house: Outside, town: Booth) -> None:
    anna = await town.phone(house.system.account("101"), 440)
    olga = await town.phone(house.carrier.customer("6175559000"), 660)

    mine = await anna.dial("736175559000")
    theirs = await olga.rings()
    await theirs.answer()
    await mine.hears(660)
    await mine.hang_up()
    await theirs.ended()


async def test_when_no_trunk_answers_the_caller_is_told_and_the_administrator_too(house: Outside, town: Booth) -> None:
    anna = await town.phone(house.system.account("101"), 440)

    assert (await (await anna.dial("746175559000")).ended())[:3] in ("408", "503", "504", "480", "500")
    line = await house.system.logs('trunk "Alone"')
    assert "respon" in line or "answer" in line


async def test_a_trunk_with_a_wrong_password_says_so_and_registers_once_it_is_right(house: Outside) -> None:
    trunk = {"name": "Carrier", "password": "wrong-password"}
    await house.system.apply({"trunks": [trunk]})

    async def down() -> bool:
        return (await _trunk(house.system, "Carrier"))["state"] != "registered"

    await eventually(down, "the trunk to be refused")
    row = await _trunk(house.system, "Carrier")
    assert "password" in row["text"], row
    assert "wrong-password" not in house.system.log()

    await house.system.apply({"trunks": [trunk | {"password": PASSWORD}]})

    async def up() -> bool:
        return (await _trunk(house.system, "Carrier"))["state"] == "registered"

    await eventually(up, "the trunk to be registered again")
