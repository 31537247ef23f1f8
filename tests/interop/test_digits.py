"""Digits by RFC 4733, INFO and tones reach the other phone once, in the way that it understands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from .rig.booth import Booth, BoothCall
from .rig.ports import Block
from .rig.system import System, eventually

DIGITS = "159#0*"


async def _press(call: BoothCall) -> None:
    await call.do("dtmf", digits=DIGITS)


async def _press_aloud(call: BoothCall) -> None:
    await call.do("say", hertz=0)
    await call.do("press_aloud", digits=DIGITS)


SENDERS: dict[str, tuple[str, str, Callable[[BoothCall], Awaitable[None]]]] = {
    "rfc4733": ("101", "rtpevent", _press),
    "info": ("101", "info", _press),
    "tones": ("149", "rtpevent", _press_aloud),
}


@pytest.mark.parametrize("receiver", ["rfc4733", "info", "tones"])
@pytest.mark.parametrize("sender", list(SENDERS))
async def test_digits_are_converted(system: System, booth: Booth, ports: Block, sender: str, receiver: str) -> None:
    number, mode, press = SENDERS[sender]
    other = {"rfc4733": "102", "info": "148", "tones": "149" if sender != "tones" else "139"}[receiver]
    anna = await booth.phone(system.account(number), 0, dtmf_mode=mode)
    bert = await booth.phone(system.account(other), 660)
    mine, theirs = await anna.call(bert)
    await mine.hears(660)
    # One who asks the far side for events (baresip does in every offer) gets them even if it sends tones itself.
    await press(mine)

    if receiver == "tones":

        async def heard() -> bool:
            return len((await theirs.listen()).keys()) >= len(DIGITS)

        await eventually(heard, "the tones of all keys")
        await asyncio.sleep(0.3)  # to see that none comes twice
        assert (await theirs.listen()).keys() == DIGITS
        assert theirs.digits == ""
    else:
        await theirs.hears_digits(DIGITS)
        await asyncio.sleep(0.3)  # to see that none comes twice
        assert theirs.digits == DIGITS
    await mine.hears(660)
    await mine.hang_up()
    await theirs.ended()
