"""A media process dies: in every state of a call its audio comes back, or the call ends in order."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield.switch.snapshot import Service

from .fake_media import FakePool, FakeWorker
from .house import SWITCH, House, quiet, sounds
from .test_attended_transfers import connect_to, consulting
from .test_hold_and_transfer import talking
from .test_races import over


def kill(house: House, number: int = 0) -> None:
    house.pool.kill(house.pool.workers[number])


async def test_while_a_phone_rings(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    kill(house)
    await house.pass_time(1)
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time(2)
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"
    assert ringing.remote is not None
    assert ringing.remote.audio is not None
    assert ringing.remote.audio.port == house.stream_of(bob).port, "Bob was told the new port after his answer"
    assert call.remote is not None
    assert call.remote.audio is not None
    assert call.remote.audio.port == house.stream_of(alice).port
    assert not call.offers, "Alice knew of no other"
    call.hang_up()
    await over(house)


async def test_while_early_media_is_heard(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    ringing = await bob.rings()
    ringing.ring(183, early_media=True)
    await house.pass_time()
    kill(house)
    await house.pass_time(1)
    ringing.answer()
    assert await call.outcome() == 200
    await house.pass_time(2)
    assert call.offers, "Alice had been told a port in the 183, and is told the new one now"
    for phone, conversation in ((alice, call), (bob, ringing)):
        assert house.hears(phone) == "the other party"
        assert conversation.remote is not None
        assert conversation.remote.audio is not None
        assert conversation.remote.audio.port == house.stream_of(phone).port
    call.hang_up()
    await over(house)


async def test_while_one_is_on_hold(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    await answered.hold()
    kill(house)
    await house.pass_time(3)
    assert house.hears(alice) == "/sounds/default", "the music goes on"
    await answered.resume()
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"
    call.hang_up()
    await over(house)


async def test_twice_in_a_row(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    kill(house)
    await house.pass_time(0)
    kill(house)
    await house.pass_time(3)
    assert house.hears(alice) == "the other party"
    kill(house)
    await house.pass_time(3)
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"
    assert call.ended is None
    call.hang_up()
    await over(house)


@pytest.mark.parametrize("seconds", [5, 40])
async def test_until_the_supervisor_has_started_it_again(house: House, seconds: float) -> None:
    alice, bob, call, answered = await talking(house)
    kill(house)
    house.pool.workers[0].alive = False
    await house.pass_time(seconds)
    house.pool.workers[:] = [FakeWorker()]
    await house.pass_time(3)
    if seconds < 20:
        assert house.hears(alice) == "the other party"
        call.hang_up()
    else:
        assert call.ended is not None, "nobody sits in silence for ever"
    record = await over(house)
    assert record["reason"] == ("" if seconds < 20 else "its audio could not be restored")


async def test_a_new_process_without_ports_ends_the_call(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    kill(house)
    house.pool.workers[0].full = True
    await house.pass_time(3)
    assert call.ended is not None
    record = await over(house)
    assert "could not be restored" in record["reason"]
    assert record["hung_up_by"] == "system"


async def test_a_phone_that_refuses_the_new_port_ends_the_call(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    bob.answers_offers = 488
    kill(house)
    await house.pass_time(3)
    assert call.ended is not None
    await over(house)


async def test_a_phone_that_vanishes_while_it_is_told(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    answered.on_offer = lambda request, reply: answered.hang_up()  # type: ignore[method-assign]
    kill(house)
    await house.pass_time(3)
    assert call.ended is not None
    record = await over(house)
    assert record["hung_up_by"] == "callee"


async def test_while_an_announcement_plays(house: House) -> None:
    alice = await house.phone("101")
    call = alice.call("*61")
    assert await call.outcome() == 200
    await house.pass_time(0.5)
    kill(house)
    await house.pass_time(1)
    assert house.hears(alice) == "/sounds/welcome", "from its beginning"
    await house.pass_time(5)
    assert call.ended is not None, "and it comes to its end"
    await over(house)


async def test_in_the_echo_test(house: House) -> None:
    alice = await house.phone("101")
    call = alice.call("*43")
    assert await call.outcome() == 200
    await house.pass_time(5)
    kill(house)
    await house.pass_time(1)
    assert house.stream_of(alice).echoing
    call.hang_up()
    await over(house)


async def test_while_digits_are_collected(house: House) -> None:
    collected: list[str] = []

    class Plugins:
        async def run(self, call: Any, service: Service) -> None:
            collected.append(await call.collect(prompt="welcome", limit=4, timeout=5, between=2))
            await call.hang_up()

    house.switch.plugins = Plugins()  # type: ignore[assignment]
    await house.configure(services=(Service(number="*70", kind="plugin", plugin="x"),), sounds=sounds("welcome"))
    alice = await house.phone("101")
    call = alice.call("*70")
    assert await call.outcome() == 200
    await house.pass_time(0.5)
    house.stream_of(alice).press("1")
    await house.pass_time(0.1)
    kill(house)
    await house.pass_time(0.5)
    house.stream_of(alice).press("23#")
    await house.pass_time(5)
    assert collected == ["123"]
    await over(house)


async def test_while_a_transfer_rings(house: House) -> None:
    alice, bob, call, answered = await talking(house)
    carol = await house.phone("103")
    await answered.refer(f"<sip:103@{SWITCH}>")
    ringing = await carol.rings()
    await house.pass_time()
    kill(house)
    await house.pass_time(1)
    assert house.hears(alice) == "tone:ringback"
    ringing.reject(486)
    await house.pass_time(1)
    assert house.hears(alice) == "the other party"
    assert house.hears(bob) == "the other party"
    call.hang_up()
    await over(house)


async def test_while_an_attended_transfer_moves_the_audio(house: House) -> None:
    house.pool.workers = FakePool(2).workers
    alice, bob, carol, call, answered, asked, with_carol = await consulting(house)
    goes_to = house.pool.workers.index(house.stream_of(carol).worker)
    original = call.on_offer

    def die_first(request: Any, reply: Any) -> None:
        call.on_offer = original  # type: ignore[method-assign]
        kill(house, goes_to)
        original(request, reply)

    call.on_offer = die_first  # type: ignore[method-assign]
    await answered.refer(connect_to(asked))
    await house.pass_time(5)
    assert house.hears(alice) == "the other party"
    assert house.hears(carol) == "the other party"
    call.hang_up()
    await quiet(house, 2)


async def test_at_the_moment_when_ports_are_opened(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    worker = house.pool.workers[0]
    opened = worker.open

    async def die(*, address: str, count: int = 1, rtcp_mux: bool = False) -> Any:
        house.pool.kill(worker)
        return await opened(address=address, count=count)

    worker.open = die  # type: ignore[method-assign]
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await over(house)


async def test_with_no_process_at_all_callers_get_a_clear_503(house: House) -> None:
    house.pool.workers[0].alive = False
    alice, _ = await house.phone("101"), await house.phone("102")
    assert await alice.call("102").outcome() == 503
    assert await alice.call("*61").outcome() == 503
    await quiet(house, 2)
    assert "no media process" in house.journal(house.records[0])
