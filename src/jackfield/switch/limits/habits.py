"""What is normal for somebody's outgoing calls: at which hours, to which countries, how long and how dear on a day.

It is learned from the calls themselves, and forgets in weeks. Nothing here has a clock: times are UTC seconds since
1970, and `zone` is the company's. Nobody is refused by it; what is unlike everything before is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from jackfield.switch.limits.rates import MILLION

__all__ = ["Habit", "Habits"]

LEARNED_DAYS = 5
"""Days with calls after which somebody is known."""
LEARNED_CALLS = 20
DAYS = 28
"""Days with calls that are remembered, for what a day costs."""
FADES = 0.98
"""What a call of before counts after each further day: half after five weeks of days with calls."""
SELDOM = 0.3
"""Calls around an hour, as they have faded, below which the hour is unusual."""
TIMES = 3
"""How much more than on the dearest day is unusual."""
LEAST_COST = 2 * MILLION
LEAST_TALK = 3600.0
"""What a day must come to before it is told at all."""


@dataclass(slots=True)
class Habit:
    """What is known of somebody. `hours`: of working days 0-23, of Saturdays and Sundays 24-47."""

    calls: int = 0
    day: str = ""
    days: int = 0
    hours: list[float] = field(default_factory=lambda: [0.0] * 48)
    countries: dict[str, float] = field(default_factory=dict)
    """When each was called last."""
    costs: list[int] = field(default_factory=list)
    """Of the last days with calls, without today."""
    talks: list[float] = field(default_factory=list)
    cost_today: int = 0
    talk_today: float = 0.0
    told: list[str] = field(default_factory=list)
    """What was told today."""

    @property
    def learned(self) -> bool:
        """True once there is enough to compare with."""
        return self.days >= LEARNED_DAYS and self.calls >= LEARNED_CALLS


class Habits:
    """The habits of all, by extension."""

    def __init__(self) -> None:
        self.known: dict[str, Habit] = {}

    def strange(self, who: str, country: str, at: float, zone: tzinfo) -> list[tuple[str, str]]:
        """Return what is unlike before about a call that begins: (what, text), each once a day."""
        habit = self.known.get(who)
        if habit is None or not habit.learned:
            return []
        local = datetime.fromtimestamp(at, zone)
        self._turn(habit, local)
        found = []
        if country and country not in habit.countries:
            found.append((f"country {country}", "the first call to this country"))
        hour = _place(local)
        first = 24 if hour >= 24 else 0
        around = (habit.hours[first + (hour - first + step) % 24] for step in (-1, 0, 1))
        if sum(around) < SELDOM:
            found.append(("hour", f"calls at {local:%H:%M} were not made before on such days"))
        if habit.costs and habit.cost_today > max(LEAST_COST, TIMES * max(habit.costs)):
            dearest = max(habit.costs) / MILLION
            text = f"{habit.cost_today / MILLION:.2f} today, and {dearest:.2f} on the dearest day before"
            found.append(("cost", text))
        if habit.talks and habit.talk_today > max(LEAST_TALK, TIMES * max(habit.talks)):
            text = (
                f"{habit.talk_today / 60:.0f} minutes today, and {max(habit.talks) / 60:.0f} on the longest day before"
            )
            found.append(("talk", text))
        fresh = [one for one in found if one[0] not in habit.told]
        habit.told += [what for what, _text in fresh]
        return fresh

    def learn(self, who: str, country: str, began: float, seconds: float, cost: int, zone: tzinfo) -> None:
        """Take a call in that is over."""
        habit = self.known.setdefault(who, Habit())
        local = datetime.fromtimestamp(began, zone)
        self._turn(habit, local)
        habit.calls += 1
        habit.cost_today += cost
        habit.talk_today += seconds
        habit.hours[_place(local)] += 1.0
        if country:
            habit.countries[country] = began

    def state(self) -> dict[str, Any]:
        """Return everything as plain data, for `restore`."""
        return {
            who: [
                one.calls, one.day, one.days, [round(value, 3) for value in one.hours], one.countries, one.costs,
                one.talks, one.cost_today, one.talk_today, one.told,
            ]
            for who, one in self.known.items()
        }  # fmt: skip

    def restore(self, data: dict[str, Any]) -> None:
        """Take over what `state` has returned."""
        self.known = {}
        for who, (calls, day, days, hours, countries, costs, talks, cost_today, talk_today, told) in data.items():
            self.known[str(who)] = Habit(
                int(calls), str(day), int(days), [float(value) for value in hours],
                {str(country): float(at) for country, at in countries.items()}, [int(value) for value in costs],
                [float(value) for value in talks], int(cost_today), float(talk_today), [str(what) for what in told],
            )  # fmt: skip

    def _turn(self, habit: Habit, local: datetime) -> None:
        """Begin another day: what was today is one of those before."""
        today = f"{local:%Y-%m-%d}"
        if today <= habit.day:
            return
        if habit.day and (habit.talk_today or habit.cost_today):
            habit.costs = [*habit.costs, habit.cost_today][-DAYS:]
            habit.talks = [*habit.talks, habit.talk_today][-DAYS:]
            habit.hours = [value * FADES for value in habit.hours]
            habit.days += 1
        habit.day, habit.cost_today, habit.talk_today, habit.told = today, 0, 0.0, []


def _place(local: datetime) -> int:
    return local.hour + (24 if local.weekday() >= 5 else 0)
