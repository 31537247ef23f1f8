"""Attended transfers that cross, fail, end in the same moment, or take a party into another media process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from .fake_media import FakePool
from .house import SWITCH, Conversation, House, Phone, quiet
from .test_hold_and_transfer import talking
from .test_trunk_calls import with_trunk


@dataclass
class Three:
    """Alice talks with Bob, who holds her and talks with Carol."""

    alice: Phone
    bob: Phone
    carol: Phone
    call: Conversation
    """Alice's."""
    answered: Conversation
    """Bob's with Alice."""
    asked: Conversation
    """Bob's with Carol."""
    with_carol: Conversation
    """Carol's."""

    def __iter__(self) -> Any:
        return iter((self.alice, self.bob, self.carol, self.call, self.answered, self.asked, self.with_carol))


async def consulting(house: House) -> Three:
    """Let three people come so far."""
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.hold()
    asked = bob.call("103")
    with_carol = await carol.picks_up()
    assert await asked.outcome() == 200
    await house.pass_time()
    return Three(alice, bob, carol, call, answered, asked, with_carol)


def connect_to(asked: Conversation, number: str = "103") -> str:
    """The Refer-To of an attended transfer."""
    return f"<sip:{number}@{SWITCH}?Replaces={asked.replaces}>"


async def test_an_attended_transfer_leaves_two_records_that_fit_together(house: House) -> None:
    alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
    await answered.refer(connect_to(asked))
    await house.pass_time(3)
    assert with_carol.shown == "101", "Carol sees who is there now"
    assert call.shown == "103"
    with_carol.hang_up()
    await quiet(house, 2)
    first, second = house.records
    assert first["reason"] == f"transferred into call {second['id']}"
    assert first["hung_up_by"] == "callee"
    assert [leg["number"] for leg in first["legs"]] == ["101", "102"]
    assert [leg["number"] for leg in second["legs"]] == ["102", "103", "101"]
    assert all(leg["ended"] is not None for record in house.records for leg in record["legs"])
    assert first["legs"][0]["reason"] == f"went on in call {second['id']}"
    assert second["hung_up_by"] == "callee"
    ids = [leg["id"] for record in house.records for leg in record["legs"]]
    assert len(ids) == len(set(ids))


async def test_the_call_to_connect_with_ends_in_the_same_moment(house: House) -> None:
    alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
    referring = asyncio.ensure_future(answered.refer(connect_to(asked)))
    with_carol.hang_up()
    assert (await referring).status == 202
    await house.pass_time(1)
    assert answered.notified()[-1].split()[1] in ("200", "480", "481")
    if answered.ended is None:
        await answered.resume()
        assert house.hears(alice) == "the other party"
        answered.hang_up()
    await quiet(house, 2)


async def test_a_transfer_to_a_call_that_is_not_there_leaves_all_as_it_was(house: House) -> None:
    alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
    target = connect_to(asked)
    asked.hang_up()
    await house.pass_time(1)
    assert (await answered.refer(target)).status == 202
    await house.pass_time(1)
    assert answered.notified()[-1].startswith("SIP/2.0 481")
    assert house.hears(alice) == "/sounds/default", "still held"
    await answered.resume()
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await quiet(house, 2)


class TwoWorkers:
    """Each call goes to the media process that has fewer streams, so the second call is in the other one."""

    @pytest.fixture
    def house(self, house: House) -> House:
        house.pool.workers = FakePool(2).workers
        return house


class TestBetweenMediaProcesses(TwoWorkers):
    async def test_an_attended_transfer_moves_the_audio(self, house: House) -> None:
        alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
        assert house.stream_of(alice).worker is not house.stream_of(carol).worker
        port = house.stream_of(alice).port
        await answered.refer(connect_to(asked))
        await house.pass_time(3)
        assert house.stream_of(alice).worker is house.stream_of(carol).worker
        assert call.remote is not None
        assert call.remote.audio is not None
        assert call.remote.audio.port == house.stream_of(alice).port
        assert port not in [stream.port for stream in house.pool.workers[0].streams]
        assert house.hears(alice) == "the other party"
        assert house.hears(carol) == "the other party"
        call.hang_up()
        await quiet(house, 2)

    async def test_a_phone_that_will_not_move_stays_where_it_was(self, house: House) -> None:
        alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
        alice.answers_offers = 488
        await answered.refer(connect_to(asked))
        await house.pass_time(3)
        assert answered.notified()[-1].startswith("SIP/2.0 480")
        assert house.hears(alice) == "/sounds/default", "held as before"
        assert house.hears(carol) == "the other party"
        await answered.resume()
        assert house.hears(alice) == "the other party"
        call.hang_up()
        asked.hang_up()
        await quiet(house, 2)

    async def test_no_port_in_the_other_process(self, house: House) -> None:
        alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
        house.stream_of(carol).worker.full = True
        await answered.refer(connect_to(asked))
        await house.pass_time(3)
        assert answered.notified()[-1].startswith("SIP/2.0 480")
        await answered.resume()
        assert house.hears(alice) == "the other party"
        call.hang_up()
        asked.hang_up()
        await quiet(house, 2)

    @pytest.mark.parametrize("who", ["call", "with_carol", "asked", "answered"])
    @pytest.mark.parametrize("moment", [0.0, 0.001])
    async def test_somebody_hangs_up_while_the_audio_moves(self, house: House, who: str, moment: float) -> None:
        alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
        referring = asyncio.ensure_future(answered.refer(connect_to(asked)))
        await asyncio.sleep(moment)
        for _ in range(6 if moment else 3):
            await asyncio.sleep(0)
        {"call": call, "with_carol": with_carol, "asked": asked, "answered": answered}[who].hang_up()
        await referring
        await house.pass_time(3)
        for conversation in (call, with_carol, asked, answered):
            conversation.hang_up()
        await quiet(house, 2)

    async def test_the_phone_hangs_up_instead_of_moving(self, house: House) -> None:
        alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
        original = call.on_offer

        def hang_up_instead(request, reply) -> None:  # type: ignore[no-untyped-def]
            call.hang_up()

        call.on_offer = hang_up_instead  # type: ignore[method-assign]
        await answered.refer(connect_to(asked))
        await house.pass_time(3)
        call.on_offer = original  # type: ignore[method-assign]
        assert answered.ended is not None
        assert house.hears(carol) == "the other party"
        asked.hang_up()
        await quiet(house, 2)

    async def test_the_consultation_ends_while_the_audio_moves(self, house: House) -> None:
        alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
        original = call.on_offer

        def carol_goes(request, reply) -> None:  # type: ignore[no-untyped-def]
            with_carol.hang_up()
            house.switch.agent.timers.after(house.switch.agent.clock(), 1.0, lambda _: original(request, reply))

        call.on_offer = carol_goes  # type: ignore[method-assign]
        await answered.refer(connect_to(asked))
        await house.pass_time(0.9)
        call.on_offer = original  # type: ignore[method-assign]
        await house.pass_time(3)
        assert answered.notified()[-1].startswith("SIP/2.0 480")
        await answered.resume()
        assert house.hears(alice) == "the other party"
        call.hang_up()
        await quiet(house, 2)


async def test_two_attended_transfers_cross(house: House) -> None:
    alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
    dave = await house.phone("104")
    other = carol.call("104")
    await with_carol.hold()
    with_dave = await dave.picks_up()
    assert await other.outcome() == 200
    # Bob connects Alice with Carol, while Carol connects Bob with Dave.
    first, second = await asyncio.gather(answered.refer(connect_to(asked)), with_carol.refer(connect_to(other, "104")))
    assert (first.status, second.status) == (202, 202)
    await house.pass_time(5)
    assert house.hears(dave) == "the other party"
    for conversation in (call, answered, asked, with_carol, other, with_dave):
        conversation.hang_up()
    await quiet(house, 3)


async def test_an_outside_call_that_is_transferred_still_counts_on_its_trunk(house: House) -> None:
    carrier = await with_trunk(house)
    alice, bob = await house.phone("101"), await house.phone("102")
    out = alice.call("9123")
    outside = await carrier.picks_up()
    assert await out.outcome() == 200
    await out.hold()
    asked = alice.call("102")
    await bob.picks_up()
    assert await asked.outcome() == 200
    await out.refer(connect_to(asked, "102"))
    await house.pass_time(3)
    assert house.hears(bob) == "the other party"
    assert bob.calls[-1].shown == "9123", "as Bob can dial it"
    assert [row.calls for row in house.switch.trunks.table()] == [1]
    outside.hang_up()
    await quiet(house, 2)


async def test_the_third_phone_answers_after_a_transfer_while_it_rang_and_sees_who_is_there(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.hold()
    asked = bob.call("103")
    ringing = await carol.rings()
    await house.pass_time()
    await answered.refer(connect_to(asked))
    await house.pass_time()
    assert house.hears(alice) == "tone:ringback"
    assert await asked.outcome() == 487
    ringing.answer()
    await house.pass_time(1)
    assert ringing.shown == "101"
    assert house.hears(carol) == "the other party"
    call.hang_up()
    await quiet(house, 2)


async def test_who_waits_in_a_service_can_be_replaced_there(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await answered.hold()
    asked = bob.call("*62")
    assert await asked.outcome() == 200
    await answered.refer(connect_to(asked, "*62"))
    await house.pass_time(1)
    assert house.hears(alice) == "/sounds/default"
    assert answered.ended is not None
    assert asked.ended is not None
    call.hang_up()
    await quiet(house, 2)


async def test_an_announcement_goes_on_for_who_takes_the_callers_place(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await answered.hold()
    asked = bob.call("*61")
    assert await asked.outcome() == 200
    await answered.refer(connect_to(asked, "*61"))
    await house.pass_time(0.5)
    assert house.hears(alice) == "/sounds/welcome"
    await house.pass_time(5)
    assert call.ended is not None, "the announcement hangs up when it is over"
    await quiet(house, 2)
