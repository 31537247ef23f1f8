"""What the record says when it is over: who hung up, why (SIP and Q.850), and when."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield.switch.snapshot import Outbound, RingGroup

from .house import SWITCH, House, quiet
from .test_attended_transfers import connect_to, consulting
from .test_hold_and_transfer import talking
from .test_races import over
from .test_trunk_calls import BACKUP, CARRIER, provider, trunk, with_trunk


def end(record: dict[str, Any]) -> tuple[str, str, int, int]:
    return record["outcome"], record["hung_up_by"], record["sip_status"], record["q850"]


def in_order(times: dict[str, Any], *names: str) -> bool:
    known = [times[name] for name in names if times[name] is not None]
    return known == sorted(known)


async def test_a_cancel_that_crosses_the_answer_is_the_callers(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    await house.pass_time()
    call.hang_up()
    ringing.answer()
    record = await over(house)
    assert end(record) == ("cancelled", "caller", 487, 16)
    assert record["reason"] == "cancelled by the caller"
    assert record["answered"] is None
    assert ringing.ended is not None, "Bob, who did pick up, is hung up"
    assert record["legs"][1]["ended"] == pytest.approx(record["ended"], abs=0.1)


async def test_the_journal_tells_who_rang_and_who_answered(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    await house.pass_time()
    ringing.answer()
    assert await call.outcome() == 200
    call.hang_up()
    lines = house.journal(await over(house)).splitlines()
    rang = next(place for place, line in enumerate(lines) if "102" in line and line.endswith("rings"))
    assert rang < lines.index("answered")


async def test_an_answer_that_crosses_the_cancel_on_its_way_to_the_caller_is_a_call(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    await house.pass_time()
    house.network.weather = lambda source, target: (0.5,)
    ringing.answer()
    await house.pass_time(0.7)  # our 200 is on its way
    call.hang_up()
    record = await over(house)
    assert end(record) == ("answered", "caller", 200, 16)
    assert record["ended"] - record["answered"] < 3


async def test_of_two_who_hang_up_at_once_the_first_one_heard_counts(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    answered.hang_up()
    call.hang_up()
    record = await over(house)
    assert end(record) == ("answered", "callee", 200, 16)
    assert "Phone 102 (102) hung up" in house.journal()


@pytest.mark.parametrize("number", ["101", "102"])
async def test_a_phone_that_vanishes_has_not_hung_up(house: House, number: str) -> None:
    alice, bob, call, answered = await talking(house)
    gone, stays = (alice, answered) if number == "101" else (bob, call)
    stream = house.stream_of(gone)
    house.network.weather = lambda source, target: () if gone.address in (source, target) else (0.0,)
    stream.fall_silent(20)
    await house.pass_time(60)
    assert stays.ended is not None
    record = await over(house)
    assert end(record) == ("answered", "system", 200, 16)
    assert record["reason"] == "no answer to OPTIONS"
    assert f"Phone {number} ({number}) is gone: no answer to OPTIONS" in house.journal()


async def test_a_caller_that_vanishes_while_it_rings_is_not_waited_for_for_ever(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    house.network.weather = lambda source, target: () if alice.address in (source, target) else (0.0,)
    ringing.answer()
    await house.pass_time(40)
    assert ringing.ended is not None
    record = await over(house)
    assert end(record) == ("answered", "system", 200, 16)
    assert record["reason"] == "no ACK"
    assert call.final is None


async def test_an_attended_transfer_names_the_transferor_in_the_first_and_who_hung_up_in_the_second(
    house: House,
) -> None:
    alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
    await answered.refer(connect_to(asked))
    await house.pass_time(3)
    call.hang_up()
    await quiet(house, 2)
    first, second = house.records
    assert end(first) == ("answered", "callee", 200, 16)
    assert first["reason"] == f"transferred into call {second['id']}"
    assert end(second) == ("answered", "caller", 200, 16), "Alice has the caller's place now"
    assert second["legs"][0]["reason"] == "replaced"
    for record in house.records:
        assert in_order(record, "started", "ringing", "answered", "ended")


async def test_a_blind_transfer_that_was_answered_ends_with_who_hung_up_there(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.refer(f"<sip:103@{SWITCH}>")
    taken = await carol.picks_up()
    await house.pass_time(5)
    taken.hang_up()
    record = await over(house)
    assert end(record) == ("answered", "callee", 200, 16)
    assert [leg["reason"] for leg in record["legs"]] == ["the other party hung up", "transferred", "hung up"]
    assert in_order(record, "started", "ringing", "answered", "ended")


async def test_who_is_transferred_to_a_service_hears_its_end_and_the_record_says_so(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await answered.refer(f"<sip:*61@{SWITCH}>")
    await house.pass_time(30)
    assert call.ended is not None
    record = await over(house)
    assert end(record) == ("answered", "system", 200, 16)
    assert record["reason"]


async def test_a_forward_keeps_the_number_that_was_dialled_and_tells_the_end_of_the_last_attempt(house: House) -> None:
    await house.change_extension("102", forward_no_answer="103", ring_time=5.0)
    alice, bob, carol = [await house.phone(number) for number in ("101", "102", "103")]
    call = alice.call("102")
    await bob.rings()
    (await carol.rings()).reject(486)
    assert await call.outcome() == 486
    record = await over(house)
    assert end(record) == ("busy", "callee", 486, 17)
    assert record["reason"] == "extension 103 is busy"
    assert (record["dialed"], record["called"]["number"]) == ("102", "103")
    assert [(leg["number"], leg["status"]) for leg in record["legs"][1:]] == [("102", 487), ("103", 486)]


async def test_a_group_of_which_one_answers(house: House) -> None:
    await house.configure(ring_groups=(RingGroup(number="200", members=("102", "103", "104"), step_time=20),))
    alice, bob, carol, dave = [await house.phone(number) for number in ("101", "102", "103", "104")]
    call = alice.call("200")
    ringing = [await phone.rings() for phone in (bob, carol, dave)]
    ringing[1].reject(486)
    await house.pass_time(3)
    ringing[0].answer()
    assert await call.outcome() == 200
    await house.pass_time(10)
    ringing[0].hang_up()
    record = await over(house)
    assert end(record) == ("answered", "callee", 200, 16)
    bobs, carols, daves = record["legs"][1:]
    assert (bobs["status"], carols["status"], daves["status"]) == (200, 486, 487)
    assert (bobs["reason"], daves["answered"]) == ("hung up", None)
    assert daves["ended"] == pytest.approx(record["answered"], abs=0.1), "it stopped ringing when Bob answered"
    for leg in record["legs"]:
        assert in_order(leg, "invited", "ringing", "answered", "ended")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (486, ("busy", "callee", 486, 17)),
        (603, ("rejected", "callee", 603, 21)),
        (404, ("unreachable", "callee", 404, 1)),
        (503, ("failed", "callee", 503, 41)),
    ],
)
async def test_what_a_carrier_says_is_in_the_record(house: House, status: int, expected: tuple[Any, ...]) -> None:
    carrier = await provider(house, CARRIER)
    await house.configure(
        trunks=(trunk("One", CARRIER),), outbound=(Outbound(name="World", prefix="9", trunks=("One",)),)
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    carrier.auto = lambda call: call.reject(status)
    assert await alice.call("9123").outcome() == status
    assert end(await over(house)) == expected


async def test_the_cause_that_a_carrier_names_counts_when_it_refuses_and_when_it_hangs_up(house: House) -> None:
    carrier = await with_trunk(house)
    alice = await house.phone("101")
    call = alice.call("9123")
    ringing = await carrier.rings()
    assert ringing.incoming is not None
    ringing.incoming.reject(503, headers=[("Reason", 'SIP;cause=503, Q.850;cause=34;text="No circuit"')])
    assert await call.outcome() == 503
    call = alice.call("9123")
    answered = await carrier.picks_up()
    assert await call.outcome() == 200
    assert answered.session is not None
    answered.session.bye(headers=[("Reason", "Q.850;cause=38")])
    await quiet(house, 2)
    assert [end(record) for record in house.records] == [
        ("failed", "callee", 503, 34),
        ("answered", "callee", 200, 38),
    ]


async def test_the_cause_of_a_failed_attempt_is_not_that_of_the_call(house: House) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("Two", CARRIER, BACKUP),), outbound=(Outbound(name="World", prefix="9", trunks=("Two",)),)
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    reason = [("Reason", "Q.850;cause=34")]
    first.auto = lambda call: call.incoming.reject(503, headers=reason)  # type: ignore[union-attr]
    call = alice.call("9123")
    await second.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    assert end(await over(house)) == ("answered", "caller", 200, 16)


@pytest.mark.parametrize("status", [408, 500, 503, 504, 0])
async def test_a_trunk_that_failed_has_its_channel_back_while_the_next_one_rings(house: House, status: int) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("One", CARRIER, max_calls=1, answer_timeout=3.0), trunk("Two", BACKUP, max_calls=1)),
        outbound=(Outbound(name="World", prefix="9", trunks=("One", "Two")),),
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    if status:
        first.auto = lambda call: call.reject(status)
    else:
        first.transports.receive = lambda message, flow: None
    call = alice.call("9123")
    await second.rings()
    await house.pass_time(1)
    assert {row.name: row.calls for row in house.switch.trunks.table()} == {"One": 0, "Two": 1}
    call.hang_up()
    record = await over(house)
    assert end(record) == ("cancelled", "caller", 487, 16)
    assert record["called"]["trunk"] == "Two"


@pytest.mark.parametrize("status", [486, 600, 603, 403, 404, 484])
async def test_a_callee_that_is_busy_or_unwilling_is_not_called_through_the_next_trunk(
    house: House, status: int
) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("One", CARRIER), trunk("Two", BACKUP)),
        outbound=(Outbound(name="World", prefix="9", trunks=("One", "Two")),),
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    first.auto = lambda call: call.reject(status)
    assert await alice.call("9123").outcome() == status
    assert not second.calls
    await over(house)
