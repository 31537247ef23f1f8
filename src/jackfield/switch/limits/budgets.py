"""When the budget of calls in progress is used up: a pure look ahead."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jackfield.switch.limits.counts import Meter
from jackfield.switch.limits.data import CallLimit
from jackfield.switch.limits.periods import Period, Periods
from jackfield.switch.limits.rules import Used, money

__all__ = ["EARLY", "NOTICE", "Deadline", "Outlook", "look_ahead"]

NOTICE = 60.0
"""Seconds before its end at which the parties of a call are told."""
EARLY = 0.5
"""Seconds before an interval that can't be paid any more: the carrier must have our BYE before it begins."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a call has to end."""

    meter: Meter
    at: float
    what: str
    """The setting that ends it: "minutes_per_call", "money_per_day" …"""
    text: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What lies ahead of the calls of one count."""

    deadlines: tuple[Deadline, ...]
    """The first of each call, where it has one."""
    look: float
    """When to look again, if nothing else happens before; infinity: never."""


def look_ahead(rule: CallLimit, meters: Iterable[Meter], used: Used, periods: Periods, now: float) -> Outlook:
    """Say when the calls of a count end by its rule, if all of them go on and no other one begins."""
    talking = [one for one in meters if one.answered is not None]
    found: dict[str, Deadline] = {}

    def put(meter: Meter, at: float, what: str, text: str) -> None:
        before = found.get(meter.id)
        if before is None or at < before.at:
            found[meter.id] = Deadline(meter, at, what, text)

    if not talking or rule.action == "warn":
        return Outlook((), math.inf)
    look = math.inf
    if rule.minutes_per_call:
        for meter in talking:
            assert meter.answered is not None
            at = meter.answered + rule.minutes_per_call * 60
            put(meter, at, "minutes_per_call", f"the {rule.minutes_per_call} minutes per call are over")
    if rule.action in ("block", "end"):
        if rule.minutes_per_day:
            at = now + max(0.0, rule.minutes_per_day * 60 - used.seconds) / len(talking)
            look = min(look, periods.day.end)
            if at < periods.day.end:
                for meter in talking:
                    put(meter, at, "minutes_per_day", f"the {rule.minutes_per_day} minutes of talk per day are used up")
        for what, limit, so_far, period, name in (
            ("money_per_hour", rule.money_per_hour, used.money_hour, periods.hour, "hour"),
            ("money_per_day", rule.money_per_day, used.money_day, periods.day, "day"),
            ("money_per_month", rule.money_per_month, used.money_month, periods.month, "month"),
        ):
            if not limit:
                continue
            look = min(look, period.end)
            short = _short(talking, money(limit) - so_far, now, period)
            if short is None:
                continue
            for meter in talking:
                begins = _next_interval(meter, short)
                if begins is not None and begins < period.end:
                    put(meter, begins - EARLY, what, f"the {limit:.2f} per {name} are used up")
    for deadline in found.values():
        notice = deadline.at - NOTICE
        look = min(look, notice if notice > now else max(now, deadline.at))
    return Outlook(tuple(sorted(found.values(), key=lambda one: one.at)), look)


def _short(talking: Sequence[Meter], left: int, now: float, period: Period) -> float | None:
    """Return when the first interval begins that `left` does not pay; None: none does in the period."""
    if _spent(talking, period.end) <= left:
        return None
    low, high = now, period.end
    for _ in range(48):
        middle = (low + high) / 2
        if _spent(talking, middle) > left:
            high = middle
        else:
            low = middle
    return high


def _spent(talking: Sequence[Meter], until: float) -> int:
    """Return what the intervals cost that begin before `until` and are not paid yet."""
    total = 0
    for meter in talking:
        rate = meter.rate
        if rate is not None and rate.next > 0 and meter.paid_until < until:
            total += math.ceil((until - meter.paid_until) / rate.next) * rate.interval
    return total


def _next_interval(meter: Meter, at: float) -> float | None:
    """Return when the first interval of a call begins at `at` or later; None where it costs nothing."""
    rate = meter.rate
    if rate is None or rate.next <= 0 or rate.interval <= 0:
        return None
    steps = max(0, math.ceil((at - 0.001 - meter.paid_until) / rate.next))  # `at` lies a hair behind a beginning
    return meter.paid_until + steps * rate.next
