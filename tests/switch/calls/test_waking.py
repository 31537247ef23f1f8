"""Phones that sleep (RFC 8599): a call wakes them by a push, and they ring once they have registered anew."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jackfield.switch.commands import Commands
from jackfield.switch.snapshot import RingGroup

from .house import House, Phone


class Sleepy(Phone):
    """A phone behind a NAT that names a push subscription in its Contact."""

    push = "subscription-1"

    @property
    def uri(self) -> str:
        return f"sip:{self.username}@192.168.7.7:5060;transport=tcp;pn-provider=webpush;pn-prid={self.push}"


async def sleepy(house: House, number: str, address: str = "10.0.1.1") -> Sleepy:
    """A phone of an extension that has registered and then gone to sleep."""
    phone = Sleepy(house, f"u{number}", f"p{number}", address, transport="TCP")
    house.phones.append(phone)
    assert (await phone.register()).status == 200
    fall_asleep(house, phone)
    return phone


def fall_asleep(house: House, phone: Phone) -> None:
    """Close the connection of a phone."""
    transports: Any = house.switch.agent.transports
    flow = transports._flows.pop(("TCP", (phone.address, 5060)))
    flow.closed = True
    house.switch.registrar.flow_failed(flow, "its page was closed")


async def pushes(house: House, after: int = 0) -> list[dict[str, Any]]:
    """What the console gets to send."""
    answer = await house.switch.waking.pushes({"boot": house.switch.boot, "after": after})
    return list(answer["pushes"])


async def test_a_call_for_a_sleeping_phone_wakes_it_and_then_rings_it(house: House) -> None:
    alice, bob = await house.phone("101"), await sleepy(house, "102")
    call = alice.call("102")
    push = (await pushes(house))[0]
    assert (push["kind"], push["push"], push["caller"], push["caller_name"], push["extension"]) == (
        "call", "subscription-1", "101", "Phone 101", "102",
    )  # fmt: skip
    assert 180 in call.statuses, "the caller hears that it rings"
    assert not bob.calls
    await bob.register()
    await bob.picks_up()
    assert await call.outcome() == 200
    assert house.hears(alice) == "the other party"
    call.hang_up()
    await house.pass_time()
    assert "its phone sleeps and is woken by a push" in house.journal()


async def test_the_phone_is_told_that_the_caller_has_given_up(house: House) -> None:
    alice, bob = await house.phone("101"), await sleepy(house, "102")
    call = alice.call("102")
    first = (await pushes(house))[0]
    call.hang_up()
    assert await call.outcome() == 487
    over = (await pushes(house, first["number"]))[0]
    assert (over["kind"], over["call"], over["answered"]) == ("over", first["call"], False)
    await bob.register()
    await house.pass_time()
    assert not bob.calls, "it is too late"


async def test_the_other_phones_ring_meanwhile_and_may_answer(house: House) -> None:
    alice, desk, browser = await house.phone("101"), await house.phone("102"), await sleepy(house, "102")
    call = alice.call("102")
    first = (await pushes(house))[0]
    await desk.picks_up()
    assert await call.outcome() == 200
    over = (await pushes(house, first["number"]))[0]
    assert (over["kind"], over["answered"]) == ("over", True)
    await browser.register()
    await house.pass_time()
    assert not browser.calls


@pytest.mark.plain_python
async def test_declining_at_the_notification_sends_the_call_where_busy_ones_go(house: House) -> None:
    await house.change_extension("102", forward_busy="103")
    alice, carol = await house.phone("101"), await house.phone("103")
    await sleepy(house, "102")
    call = alice.call("102")
    push = (await pushes(house))[0]
    commands = Commands(house.switch, None, stop=lambda: None, path=None)  # type: ignore[arg-type]
    await commands.hang_up({"id": push["call"], "extension": "102", "by": "Bob"})
    await carol.picks_up()
    assert await call.outcome() == 200


async def test_a_phone_that_does_not_wake_up_is_not_waited_for_for_ever(house: House) -> None:
    await house.change_extension("102", ring_time=120, forward_unreachable="103")
    alice, carol = await house.phone("101"), await house.phone("103")
    await sleepy(house, "102")
    call = alice.call("102")
    await carol.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    await house.pass_time()
    assert "its phone did not wake up" in house.journal()


async def test_a_subscription_that_is_gone_ends_the_registration(house: House) -> None:
    alice = await house.phone("101")
    await sleepy(house, "102")
    call = alice.call("102")
    push = (await pushes(house))[0]
    await house.switch.waking.push_failed({"push": push["push"], "gone": True})
    assert await call.outcome() == 480
    assert (await alice.call("102").outcome(), await silent(house, push["number"] + 1)) == (480, True)


async def silent(house: House, after: int) -> bool:
    """Whether no push is to be sent."""
    try:
        return not await asyncio.wait_for(pushes(house, after), 5)
    except TimeoutError:
        return True


async def test_in_a_ring_group_a_sleeping_member_rings_beside_the_others(house: House) -> None:
    await house.configure(ring_groups=(RingGroup(number="200", members=("102", "103"), step_time=20),))
    alice, bob, carol = await house.phone("101"), await sleepy(house, "102"), await house.phone("103")
    call = alice.call("200")
    (await carol.rings()).reject(603)
    await bob.register()
    await bob.picks_up()
    assert await call.outcome() == 200


async def test_a_sleeping_phone_is_kept_far_longer_than_it_registered_for(house: House) -> None:
    alice, bob = await house.phone("101"), await sleepy(house, "102")
    await house.pass_time(7200)
    await alice.register()
    call = alice.call("102")
    await pushes(house)
    await bob.register()
    await bob.picks_up()
    assert await call.outcome() == 200


async def test_a_phone_that_unregisters_is_not_woken(house: House) -> None:
    alice = await house.phone("101")
    phone = await sleepy(house, "102")
    await phone.register()
    await phone.register(expires=0)
    assert await alice.call("102").outcome() == 480


async def test_another_push_service_than_ours_is_left_to_itself(house: House) -> None:
    class Other(Sleepy):
        @property
        def uri(self) -> str:
            return super().uri.replace("webpush", "fcm")

    alice, phone = await house.phone("101"), Other(house, "u102", "p102", "10.0.1.2", transport="TCP")
    house.phones.append(phone)
    assert (await phone.register()).status == 200
    fall_asleep(house, phone)
    assert await alice.call("102").outcome() == 480
