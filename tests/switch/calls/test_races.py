"""What crosses on the wire, or happens in the same moment: each ends in order, and nothing is left over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jackfield.sip.flow import Hop
from jackfield.sip.message import Request
from jackfield.switch.snapshot import Outbound, RingGroup

from .fake_media import FakeStream, FakeWorker
from .house import House, quiet
from .test_hold_and_transfer import talking
from .test_trunk_calls import BACKUP, CARRIER, provider, trunk, with_trunk


async def over(house: House) -> dict[str, Any]:
    """Wait until all transactions are over; nothing may be left. Returns the only record."""
    await quiet(house, 1)
    return house.record


class SlowWorker(FakeWorker):
    """A media process that takes a second to open ports."""

    async def open(self, *, address: str, count: int = 1, rtcp_mux: bool = False) -> list[FakeStream]:
        await asyncio.sleep(1)
        return await super().open(address=address, count=count, rtcp_mux=rtcp_mux)


async def test_the_caller_cancels_before_anything_was_done(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    # INVITE and CANCEL lie in the socket's buffer together, and are read in one turn of the loop.
    held: list[tuple[Any, Any]] = []
    transports: Any = house.switch.agent.transports
    arrive = transports.receive

    def hold(message: Any, flow: Any) -> None:
        if isinstance(message, Request) and "Authorization" in message:
            held.append((message, flow))
        else:
            arrive(message, flow)

    transports.receive = hold
    call = alice.call("102")
    await house.pass_time(0.1)
    transports.receive = arrive
    invite, flow = held[0]
    arrive(invite, flow)
    arrive(_cancel_of(invite), flow)
    assert await call.outcome() == 487
    record = await over(house)
    assert record["outcome"] == "cancelled"
    assert record["hung_up_by"] == "caller"
    assert not bob.calls


def _cancel_of(invite: Request) -> Request:
    names = ("Via", "From", "To", "Call-ID", "Max-Forwards")
    fields = [(name, invite.get(name) or "") for name in names] + [("CSeq", f"{invite.cseq.number} CANCEL")]
    return Request.new("CANCEL", invite.uri, fields)


async def test_the_caller_cancels_while_ports_are_opened(house: House) -> None:
    house.pool.workers = [SlowWorker()]
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await house.pass_time(0.5)
    call.hang_up()
    assert await call.outcome() == 487
    record = await over(house)
    assert record["outcome"] == "cancelled"
    assert not bob.calls, "nobody was rung"


@pytest.mark.plain_python
async def test_the_caller_cancels_while_the_address_of_a_trunk_is_looked_up(house: House) -> None:
    carrier = await with_trunk(house)
    alice = await house.phone("101")

    async def slow(trunk: Any) -> list[Hop]:
        await asyncio.sleep(5)
        return [Hop("UDP", CARRIER, 5060)]

    house.switch.trunks.hops = slow  # type: ignore[method-assign]
    call = alice.call("9123")
    await house.pass_time(1)
    call.hang_up()
    assert await call.outcome() == 487
    await over(house)
    assert not carrier.calls


@pytest.mark.plain_python
async def test_a_trunk_whose_address_is_not_known_is_a_clear_failure(house: House) -> None:
    await with_trunk(house)
    alice = await house.phone("101")

    async def nothing(trunk: Any) -> list[Hop]:
        return []

    house.switch.trunks.hops = nothing  # type: ignore[method-assign]
    assert await alice.call("9123").outcome() == 503
    record = await over(house)
    assert "no address is known" in house.journal()
    assert record["legs"][1]["status"] == 0, "nobody has answered so"


async def test_an_answer_that_crosses_the_cancel_is_hung_up(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    await house.pass_time()
    call.hang_up()
    ringing.answer()
    assert await call.outcome() == 487
    record = await over(house)
    assert ringing.ended is not None
    assert record["outcome"] == "cancelled"


async def test_the_called_one_answers_and_hangs_up_in_one_breath(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    ringing.answer()
    assert ringing.session is not None
    ringing.session._send_bye(())  # a phone that does not wait for the ACK
    assert await call.outcome() == 480
    record = await over(house)
    assert record["hung_up_by"] == "system"
    assert record["legs"][1]["answered"] is not None


async def test_the_caller_hangs_up_before_it_has_acknowledged(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.acknowledges = False
    call = alice.call("102")
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    record = await over(house)
    assert answered.ended is not None
    assert record["hung_up_by"] == "caller"


async def test_an_answer_that_is_never_acknowledged_ends_the_call(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    alice.acknowledges = False
    call = alice.call("102")
    answered = await bob.picks_up()
    assert await call.outcome() == 200
    await house.pass_time(40)
    assert answered.ended is not None
    record = await over(house)
    assert record["reason"] == "no ACK"
    assert record["hung_up_by"] == "system"


async def test_both_hang_up_in_the_same_moment(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    call.hang_up()
    answered.hang_up()
    record = await over(house)
    assert record["outcome"] == "answered"
    assert record["hung_up_by"] in ("caller", "callee")


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_the_moment_when_one_hangs_up_is_in_the_record(house: House, who: str) -> None:
    alice, bob, call, answered = await talking(house)
    await house.pass_time(100)
    (call if who == "caller" else answered).hang_up()
    record = await over(house)
    assert record["hung_up_by"] == who
    assert record["ended"] - record["answered"] == pytest.approx(100, abs=1)
    for leg in record["legs"]:
        assert leg["invited"] <= leg["answered"] <= leg["ended"] == pytest.approx(record["ended"], abs=0.1)


async def test_what_a_silent_trunk_says_half_a_minute_later_changes_nothing(house: House) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("Two", CARRIER, BACKUP),), outbound=(Outbound(name="World", prefix="9", trunks=("Two",)),)
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    first.transports.receive = lambda message, flow: None
    call = alice.call("9123")
    answered = await second.picks_up()
    assert await call.outcome() == 200
    await house.pass_time(60)  # the INVITE to the silent address times out
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await house.pass_time(1)
    assert answered.ended is not None, "the answered leg is still ours to hang up"
    record = await over(house)
    assert record["hung_up_by"] == "caller"


async def test_a_channel_of_a_trunk_that_failed_is_free_while_the_call_goes_on_elsewhere(house: House) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("One", CARRIER, max_calls=1), trunk("Two", BACKUP)),
        outbound=(Outbound(name="World", prefix="9", trunks=("One", "Two")),),
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    first.auto = lambda call: call.reject(503)
    call = alice.call("9123")
    await second.picks_up()
    assert await call.outcome() == 200
    assert {row.name: row.calls for row in house.switch.trunks.table()} == {"One": 0, "Two": 1}
    call.hang_up()
    await over(house)


@pytest.mark.plain_python
async def test_a_trunk_that_filled_up_meanwhile_takes_no_further_call(house: House) -> None:
    carrier = await with_trunk(house, max_calls=1)
    alice, bob = await house.phone("101"), await house.phone("102")
    await house.configure(ring_groups=(RingGroup(number="200", members=("103",), fallback="9123"),))
    call = alice.call("9123")
    await carrier.picks_up()
    assert await call.outcome() == 200
    assert await bob.call("9124").outcome() == 503
    # Two members that forward outside in one round: both saw room for one.
    house.switch.trunks.has_room = lambda trunk: True  # type: ignore[method-assign]
    house.switch.trunks.acquire = lambda trunk, force=False: False  # type: ignore[method-assign]
    assert await bob.call("9125").outcome() == 503
    assert "has no room" in house.journal(house.records[-1])


async def test_phones_that_answer_at_once_in_a_group_leave_one_winner(house: House) -> None:
    alice = await house.phone("101")
    others = [await house.phone(number) for number in ("102", "103")]
    call = alice.call("200")
    for ringing in [await phone.rings() for phone in others]:
        ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time(1)
    assert sum(phone.calls[-1].ended is None for phone in others) == 1
    call.hang_up()
    await over(house)


async def test_a_call_that_is_ended_while_it_rings_gets_what_the_order_says(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    next(iter(house.switch.calls.values())).end(503, "the system is stopping")
    assert await call.outcome() == 503
    assert ringing.cancelled is not None
    record = await over(house)
    assert (record["outcome"], record["hung_up_by"], record["sip_status"]) == ("failed", "system", 503)
    assert record["reason"] == "the system is stopping"


async def test_the_administrator_hangs_up_a_call_that_rings(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.rings()
    running = next(iter(house.switch.calls.values()))
    running.end(200, "hung up by the administrator")
    running.end(503, "and again")
    assert await call.outcome() == 480
    record = await over(house)
    assert (record["outcome"], record["hung_up_by"]) == ("failed", "system")
    assert record["reason"] == "hung up by the administrator"


async def test_records_of_calls_that_a_shutdown_ends_are_written(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await house.switch.drain(1)
    await house.switch.close()
    assert house.record["reason"] == "the system is stopping"
    assert house.record["outcome"] == "answered"


async def test_a_session_that_is_not_refreshed_ends_the_call(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    house.network.lost = lambda data: True
    await house.pass_time(3700)
    assert not house.switch.calls
    record = house.record
    assert record["hung_up_by"] == "system"
    assert record["reason"] in ("session timer", "no answer to UPDATE")


async def test_a_long_call_is_refreshed_and_goes_on(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await house.pass_time(4 * 3600)
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await over(house)
