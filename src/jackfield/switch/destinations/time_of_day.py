"""Time of day: says what time it is where the caller's phone is: in the zone of its site, else of the company."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from jackfield.switch.hours import zone

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Service

__all__ = ["say_number", "say_phrases", "say_time", "time_of_day"]

REPEATS = 2


async def time_of_day(call: Call, service: Service) -> None:
    """Say the time twice and hang up."""
    await call.answer()
    site = call.site
    here = zone((site.time_zone if site is not None else "") or call.snapshot.general.time_zone)
    for _ in range(REPEATS):
        at = datetime.fromtimestamp(call.now(), here)
        # Other languages put hours and minutes into words in ways of their own: their prompts are whole phrases.
        phrases = call.can_say(f"time/hour/{at.hour}")
        await call.play(*(say_phrases(at) if phrases else say_time(at)))
        await call.sleep(1.0)
    await call.hang_up(reason="the time was told")


def say_time(at: datetime) -> list[str]:
    """Return the sounds that say a time on the twelve-hour clock: "the time is, nine, oh, five, a.m."."""
    hour = at.hour % 12 or 12
    spoken = ["time/the-time-is", *say_number(hour)]
    if at.minute == 0:
        spoken.append("time/oclock")
    elif at.minute < 10:
        spoken += ["digits/0", *say_number(at.minute)]
    else:
        spoken += say_number(at.minute)
    return [*spoken, "time/am" if at.hour < 12 else "time/pm"]


def say_phrases(at: datetime) -> list[str]:
    """Return the sounds that say a time on the clock of 24 hours, in two phrases: "Es ist neun Uhr", "fünf"."""
    return [f"time/hour/{at.hour}", *([f"time/minute/{at.minute}"] if at.minute else [])]


def say_number(number: int) -> list[str]:
    """Return the sounds of a number from 0 to 59."""
    if number <= 20:
        return [f"digits/{number}"]
    tens, ones = divmod(number, 10)
    return [f"digits/{tens}0", *([f"digits/{ones}"] if ones else [])]
