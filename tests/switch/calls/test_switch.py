"""The switch as a whole: what the administrator asks and orders, messages, drain, faults."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jackfield.capture import Recorder
from jackfield.control import ControlError
from jackfield.logs import call_id
from jackfield.sip.message import Request
from jackfield.switch import snapshot as snapshots
from jackfield.switch.commands import Commands
from jackfield.switch.snapshot import Outbound, Service, TimeRange

from .house import SWITCH, House, Phone, sounds
from .test_trunk_calls import BACKUP, CARRIER, provider, trunk


@pytest.fixture
def commands(house: House, tmp_path: Path) -> Commands:
    recorder = Recorder()
    original = house.network.carry

    def carry(data: bytes, source: tuple[str, int], target: tuple[str, int], transport: str) -> None:
        class Wire:
            pass

        wire = Wire()
        wire.transport = transport  # type: ignore[attr-defined]
        outgoing = source[0] == SWITCH
        wire.local, wire.remote = (source, target) if outgoing else (target, source)  # type: ignore[attr-defined]
        recorder.record(data, wire, "out" if outgoing else "in")  # type: ignore[arg-type]
        original(data, source, target, transport)

    house.network.carry = carry  # type: ignore[method-assign]
    return Commands(house.switch, recorder, stop=lambda: None, path=tmp_path / "snapshot.json")


async def test_status_shows_phones_calls_and_counters(house: House, commands: Commands) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    status = await commands.status({})
    assert {row["extension"] for row in status["registrations"]} == {"101", "102"}
    assert status["calls"][0]["from"]["number"] == "101"
    assert status["calls"][0]["state"] == "talking"
    assert status["counters"]["calls_active"] == 1
    assert status["counters"]["media_relayed_total"] == 7
    assert (await commands.calls({}))[0]["to"]["number"] == "102"


async def test_the_streams_of_calls_are_counted_apart_from_those_opened_in_advance(
    house: House, commands: Commands
) -> None:
    house.pool.workers[0].spares = 16
    assert (await commands.metrics({}))["media_streams"] == 0
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    counters = await commands.metrics({})
    assert counters["media_streams"] == 2
    assert counters["media_spare_streams"] == 16


async def test_a_call_is_hung_up_by_the_beginning_of_its_id(house: House, commands: Commands) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    name = next(iter(house.switch.calls))
    with pytest.raises(ControlError, match="no call"):
        await commands.hang_up({"id": "nothing"})
    await commands.hang_up({"id": name[:6]})
    await house.pass_time(1)
    assert call.ended is not None


async def test_a_trace_shows_the_ladder_of_a_call_and_gives_a_pcap(house: House, commands: Commands) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    name = next(iter(house.switch.calls))
    ladder = await commands.trace({"call": name})
    assert "INVITE SDP" in ladder
    assert "180 Ringing" in ladder
    assert "101 UDP 10.0.0.101:5060" in ladder
    assert "102 UDP 10.0.0.102:5060" in ladder, "both legs are in it"
    call.hang_up()
    await house.pass_time(1)
    assert "BYE" in await commands.trace({"call": name}), "also after its end"
    assert (await commands.trace({"call": name, "format": "pcap"}))[:4] == b"\xd4\xc3\xb2\xa1"
    with pytest.raises(ControlError, match="last few megabytes"):
        await commands.trace({"call": "unknown"})


async def test_a_trace_shows_the_attempts_through_all_trunks(house: House, commands: Commands) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("One", CARRIER), trunk("Two", BACKUP, CARRIER)),
        outbound=(Outbound(name="World", prefix="9", trunks=("One", "Two")),),
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    for carrier in (first, second):
        carrier.auto = lambda call: call.reject(503)
    assert await alice.call("9123").outcome() == 503
    await house.pass_time(1)
    ladder = await commands.trace({"call": house.record["id"]})
    assert f"trunk One UDP {CARRIER}" in ladder
    assert f"trunk Two UDP {BACKUP}" in ladder
    assert f"trunk Two UDP {CARRIER}" in ladder
    assert ladder.count("INVITE SDP") >= 4


async def test_what_would_happen_if(house: House, commands: Commands) -> None:
    plan = await commands.route({"from": "101", "to": "200"})
    assert plan["leads_to"]["kind"] == "ringgroup"
    assert plan["trace"]
    assert (await commands.route({"from": "anonymous", "to": "999"}))["refused"]["status"] == 404
    for wrong in ({"from": "555", "to": "1"}, {"from": "101", "to": ""}, {"from": "trunk:no", "to": "1"}):
        with pytest.raises(ControlError):
            await commands.route(wrong)
    with pytest.raises(ControlError, match="no time"):
        await commands.route({"from": "101", "to": "102", "at": "yesterday"})
    assert await commands.route({"from": "101", "to": "102", "at": "2026-11-22T03:00"})


async def test_what_would_happen_if_goes_on_through_a_schedule(house: House, commands: Commands) -> None:
    hours = TimeRange(name="Office", days=("mon",), start="08:00", end="16:00")
    service = Service(number="*28", kind="schedule", time_ranges=(hours,), open_target="102", closed_target="200")
    await house.configure(services=(service,), general=replace(house.snapshot.general, time_zone="Europe/Prague"))
    question = {"from": "101", "to": "*28"}
    day = await commands.route({**question, "at": "2026-11-23T15:59"})
    assert (day["leads_to"]["kind"], day["leads_to"]["number"]) == ("extension", "102")
    assert (day["number"], day["through"][0]["range"]) == ("*28", "Office")
    night = await commands.route({**question, "at": "2026-11-23T15:00+00:00"})
    assert (night["leads_to"]["kind"], night["leads_to"]["number"]) == ("ringgroup", "200")
    assert night["through"][0]["range"] is None


@pytest.mark.plain_python
async def test_reload_reads_the_file_and_a_damaged_one_changes_nothing(house: House, commands: Commands) -> None:
    commands.snapshot_path.write_text("{")
    with pytest.raises(ControlError, match="can't be read"):
        await commands.reload({})
    snapshots.write(house.snapshot, commands.snapshot_path)
    # a thread reads the file, for which simulated time does not wait
    house.switch.load = lambda path: snapshots.read(path)  # type: ignore[method-assign]
    assert (await commands.reload({}))["version"] == house.snapshot.version


async def test_a_draining_switch_finishes_calls_and_refuses_new_ones(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    draining = asyncio.create_task(house.switch.drain(300))
    await house.pass_time(1)
    refused = (await house.phone("103")).call("102")
    assert await refused.outcome() == 503
    assert refused.final is not None
    assert refused.final.get("Retry-After")
    assert call.ended is None
    assert not draining.done()
    call.hang_up()
    await house.pass_time(1)
    assert draining.done()


async def test_a_drain_that_takes_too_long_ends_the_calls(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    await house.switch.drain(5)
    await house.pass_time(1)
    assert call.ended is not None


async def test_the_longest_call_that_is_allowed(house: House) -> None:
    from dataclasses import replace

    await house.configure(general=replace(house.snapshot.general, max_call_minutes=1))
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    await call.outcome()
    await house.pass_time(61)
    assert call.ended is not None
    assert "limit of 1 minutes" in house.record["reason"]


async def test_text_messages_pass_between_extensions(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    request = Request.new(
        "MESSAGE",
        f"sip:102@{SWITCH}",
        [("From", f"<sip:u101@{SWITCH}>;tag=m"), ("To", f"<sip:102@{SWITCH}>"), ("Call-ID", "message-1")],
        b"hello",
        "text/plain",
    )
    response = await alice.agent.request(request, flow=alice.flow)
    assert response.status in (401, 407)
    again = alice.agent.authenticate(request, response, alice._digest, "u101", "p101")
    assert again is not None
    assert (await alice.agent.request(again, flow=alice.flow)).status == 202
    await house.pass_time(1)
    received = [request for request in bob.requests if request.method == "MESSAGE"]
    assert received[0].body == b"hello"
    assert received[0].from_.uri.user == "101"


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("SUBSCRIBE", 489), ("NOTIFY", 200), ("PUBLISH", 489)]
)
async def test_other_requests_get_a_right_answer(house: House, method: str, status: int) -> None:
    phone = await house.phone("101")
    request = Request.new(
        method,
        f"sip:{SWITCH}",
        [("From", f"<sip:u101@{SWITCH}>;tag=o"), ("To", f"<sip:{SWITCH}>"), ("Call-ID", method), ("Event", "presence"),
         ("Contact", f"<{phone.uri}>")],
    )  # fmt: skip
    assert (await phone.agent.request(request, flow=phone.flow)).status == status


async def test_digits_are_collected_and_a_key_stops_the_prompt(house: House) -> None:
    collected: list[str] = []

    class Plugins:
        async def run(self, call, service) -> None:  # type: ignore[no-untyped-def]
            collected.append(await call.collect(prompt="welcome", limit=4, timeout=5, between=2))
            collected.append(await call.collect(limit=2, timeout=3))
            await call.hang_up()

    house.switch.plugins = Plugins()  # type: ignore[assignment]
    await house.configure(services=(Service(number="*70", kind="plugin", plugin="x"),), sounds=sounds("welcome"))
    alice = await house.phone("101")
    call = alice.call("*70")
    assert await call.outcome() == 200
    await house.pass_time(0.5)
    stream = house.stream_of(alice)
    assert stream.heard == "/sounds/welcome"
    stream.press("1")
    await house.pass_time(0.1)
    assert stream.heard == "nothing", "the first key stops the prompt"
    stream.press("23#")
    await house.pass_time(10)
    assert collected == ["123", ""]
    assert call.ended is not None


async def test_the_caller_is_recorded_until_a_key_is_pressed(house: House, tmp_path: Path) -> None:
    seconds: list[float] = []

    class Plugins:
        async def run(self, call, service) -> None:  # type: ignore[no-untyped-def]
            seconds.append(await call.record_to(str(tmp_path / "greeting.wav"), max_seconds=60))

    house.switch.plugins = Plugins()  # type: ignore[assignment]
    await house.configure(services=(Service(number="*70", kind="plugin", plugin="x"),))
    alice = await house.phone("101")
    call = alice.call("*70")
    assert await call.outcome() == 200
    await house.pass_time(7)
    assert house.stream_of(alice).recording.endswith("greeting.wav")
    house.stream_of(alice).press("#")
    await house.pass_time(1)
    assert seconds == [pytest.approx(7, abs=0.5)]
    assert call.ended is not None


class Lines(logging.Handler):
    """What the log of calls holds: the id that stands on the line, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append((call_id.get(), record.getMessage()))


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, log = Lines(), logging.getLogger("jackfield.calls")
    before = log.level
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)
    log.setLevel(before)


async def test_a_call_that_fails_is_one_line_in_the_log_with_the_mend(house: House, lines: Lines) -> None:
    logging.getLogger("jackfield.calls").setLevel(logging.INFO)
    alice = await house.phone("101")
    assert await alice.call("7654").outcome() == 404
    assert await alice.call("102").outcome() == 480
    await house.pass_time(1)
    (nowhere, nobody) = lines.found
    assert nowhere[1].startswith("101 to 7654: unreachable, 404 nothing has the number 7654")
    assert nobody[1] == "101 to 102: unreachable, 480 extension 102 has no phone that is registered"
    assert len({id for id, _ in lines.found}) == 2
    assert all(id for id, _ in lines.found)


async def test_the_id_of_the_call_stands_on_every_line_of_its_journal(house: House, lines: Lines) -> None:
    logging.getLogger("jackfield.calls").setLevel(logging.DEBUG)
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    await house.pass_time(1)
    (id,) = house.switch.calls
    call.hang_up()
    await house.pass_time(1)
    assert {seen for seen, _ in lines.found} == {id}
    assert "102 is extension 102" in " ".join(text for _, text in lines.found)
    assert any("hung up" in text for _, text in lines.found)


async def test_a_fault_in_a_destination_costs_only_that_call(house: House, caplog: pytest.LogCaptureFixture) -> None:
    class Plugins:
        async def run(self, call, service) -> None:  # type: ignore[no-untyped-def]
            raise ZeroDivisionError("a fault")

    house.faults_expected = True
    house.switch.plugins = Plugins()  # type: ignore[assignment]
    await house.configure(services=(Service(number="*70", kind="plugin", plugin="x"),))
    alice = await house.phone("101")
    assert await alice.call("*70").outcome() == 500
    assert "a fault" in caplog.text
    await house.pass_time(1)
    assert "fault in the program" in house.journal()
    bob = await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200


async def test_digits_reach_a_phone_that_wants_them_as_info(house: House) -> None:
    from .house import extension

    await house.configure(extensions=(extension("101"), extension("102", dtmf="info")))
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    answered = await bob.picks_up()
    await call.outcome()
    await house.pass_time(0.1)
    house.stream_of(alice).press("7")
    await house.pass_time(0.5)
    assert [request.body for request in answered.requests if request.method == "INFO"] == [
        b"Signal=7\r\nDuration=100\r\n"
    ]


async def test_every_call_leaves_a_trace_when_it_begins(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.call("102")
    await bob.rings()
    started = [data for kind, _, data in house.spooled if kind == "call_started"]
    assert started[0]["caller"]["number"] == "101"
    assert started[0]["boot"] == house.switch.boot


async def test_sends_srtp_keys_only_when_the_signalling_is_encrypted(house: House) -> None:
    alice = await house.phone("101")
    bob = Phone(house, "u102", "p102", "10.0.0.102", transport="TLS")
    house.phones.append(bob)
    assert (await bob.register()).status == 200
    alice.call("102")
    ringing = await bob.rings()
    assert ringing.remote is not None
    assert ringing.remote.audio is not None
    assert ringing.remote.audio.crypto
    bob2 = await house.phone("103")
    alice.call("103")
    plain = await bob2.rings()
    assert plain.remote is not None
    assert plain.remote.audio is not None
    assert not plain.remote.audio.crypto


async def test_those_who_watch_learn_when_phones_came_without_asking_for_all(house: House, commands: Commands) -> None:
    before = await commands.live({})
    await house.phone("101")
    after = await commands.live({})
    assert after["phones"] > before["phones"]
    assert (after["registered"], after["boot"]) == (1, before["boot"])
    assert [row.extension for row in await commands.registrations({})] == ["101"]
    assert await commands.registered({}) == {"101": 1}


async def test_when_the_switch_is_behind_phones_that_register_come_later_at_different_times(house: House) -> None:
    phones = [await house.phone(number, register=False) for number in ("101", "102", "103", "104")]
    loop = asyncio.get_running_loop()
    loop._simulated.now += 5  # type: ignore[attr-defined]  # something has held it up
    await house.pass_time(0.01)
    assert house.switch.authenticator.overloaded
    refused = [await phone.register() for phone in phones]
    assert {response.status for response in refused} == {503}
    assert all(3 <= int(response.get("Retry-After") or 0) <= 30 for response in refused)
    await house.pass_time(2)
    assert [(await phone.register()).status for phone in phones] == [200] * 4
