"""What the snapshot holds for limits on outgoing calls: the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CallLimit", "LimitAction", "LimitKind", "LimitPer"]

LimitKind = Literal["international", "premium", "mobile", "national", "free"]
LimitAction = Literal["warn", "pin", "ask", "block", "end"]
LimitPer = Literal["system", "user", "extension", "trunk", "site"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimit:
    """What calls to the outside may come to. 0 is no limit. See `switch.limits.rules`."""

    name: str
    enabled: bool = True
    applies_to: Literal["all", "listed", "except"] = "all"  # calls to what is listed, or to all but that
    kinds: tuple[LimitKind, ...] = ()
    countries: tuple[str, ...] = ()  # ISO 3166-1 alpha-2; "001" belongs to no country
    prefixes: tuple[str, ...] = ()  # as dialled, the outside-line prefix included, or "+49"
    opened: tuple[str, ...] = ()  # countries and beginnings of numbers that the rule leaves alone
    per: LimitPer = "system"  # what has a count of its own
    only: tuple[str, ...] = ()  # names of these, which alone are limited; () means all
    hours: str = ""  # name of a time range
    when: Literal["inside", "outside"] = "inside"
    always: bool = False  # acts on every call, whatever is counted
    calls_per_hour: int = 0
    calls_at_once: int = 0
    minutes_per_day: int = 0
    minutes_per_call: int = 0
    money_per_hour: float = 0.0  # in the currency of the rate table
    money_per_day: float = 0.0
    money_per_month: float = 0.0
    action: LimitAction = "block"
    pin: str = ""  # digits
