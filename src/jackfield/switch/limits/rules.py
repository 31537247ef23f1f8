"""Which limits hold for an outgoing call, and what they do with it: a pure function with a trace in plain words.

The rules are looked at in their order. Every rule that fits counts the call; the first one that is used up and blocks
refuses it, and no later one is looked at. One that asks (for a PIN, or the user) is put to the caller in its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from jackfield.switch.limits.data import CallLimit
from jackfield.switch.limits.periods import Periods
from jackfield.switch.limits.places import Called, Places
from jackfield.switch.limits.rates import MILLION
from jackfield.switch.plan import TraceStep

__all__ = ["COUNTED", "Hit", "Judgement", "Key", "Outgoing", "Used", "fits", "judge", "money", "whose"]

Key = tuple[str, str]
"""A count: the name of the rule, and whose count it is ("" for the system's)."""

COUNTED = ("calls_per_hour", "calls_at_once", "minutes_per_day", "money_per_hour", "money_per_day", "money_per_month")
"""What new calls are refused by. `minutes_per_call` ends a call, and refuses none."""

KINDS = {
    "international": "calls abroad",
    "premium": "premium-rate numbers",
    "mobile": "calls to mobile phones",
    "national": "national calls",
    "free": "free numbers",
}
ASKING = ("pin", "ask")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An outgoing call that is judged."""

    dialed: str
    """As one of our phones dials it, with the outside-line prefix."""
    called: Called
    outside: str = ""
    """The outside-line prefix."""
    extension: str = ""
    """Whose right the call is made by; "" for the house, and for a call that a trunk brings."""
    user: str = ""
    trunk: str = ""
    site: str = ""
    at_answer: int = 0
    """Millionths: what it costs as soon as it is answered."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a count has come to. Money in millionths, with what calls that ring will cost when they are answered."""

    calls: int = 0
    """Begun in this hour."""
    at_once: int = 0
    seconds: float = 0.0
    """Of talk today."""
    money_hour: int = 0
    money_day: int = 0
    money_month: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that is used up."""

    rule: CallLimit
    key: Key
    what: str
    """A name of `COUNTED`, or "always"."""
    text: str
    """What is used up, and of how much: "the 50 calls per hour are used up"."""
    opens: float | None
    """When it opens again by itself, UTC seconds since 1970; None: never, or when a call ends."""
    opens_text: str

    @property
    def words(self) -> str:
        """The whole, for the trace and the record."""
        return f'limit "{self.rule.name}"{_of(self.key)}: {self.text}{self.opens_text}'


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say."""

    counts: tuple[Key, ...]
    """Where the call is counted, if it is made."""
    refused: Hit | None
    asks: tuple[Hit, ...]
    """What has to be asked for before, in this order."""
    warned: tuple[Hit, ...]
    trace: tuple[TraceStep, ...]


def fits(rule: CallLimit, call: Outgoing, places: Places) -> bool:
    """Say if a rule is about calls to this number."""
    if rule.applies_to == "all":
        listed = True
    else:
        listed = (
            call.called.kind in rule.kinds
            or (bool(call.called.country) and call.called.country in rule.countries)
            or _begins(rule.prefixes, call, places)
        )
        if rule.applies_to == "except":
            listed = not listed
    return listed and not _opened(rule, call, places)


def whose(rule: CallLimit, call: Outgoing) -> str | None:
    """Return whose count a call is counted on; None when the rule is about others only."""
    if rule.per == "system":
        return ""
    if rule.per == "extension":
        found = call.extension
    elif rule.per == "user":
        found = call.user or call.extension
    elif rule.per == "trunk":
        found = call.trunk
    else:
        found = call.site
    return None if rule.only and found not in rule.only else found


def judge(
    rules: Iterable[CallLimit],
    call: Outgoing,
    used: Callable[[Key], Used],
    places: Places,
    periods: Periods,
    zone: tzinfo,
    is_open: Callable[[str], bool],
) -> Judgement:
    """Say what becomes of a call. `is_open` says whether a time range is open now; nothing here has a clock."""
    counts: list[Key] = []
    asks: list[Hit] = []
    warned: list[Hit] = []
    trace: list[TraceStep] = []
    refused = None
    for rule in rules:
        if not rule.enabled or not fits(rule, call, places):
            continue
        if rule.hours and is_open(rule.hours) is not (rule.when == "inside"):
            continue
        owner = whose(rule, call)
        if owner is None:
            continue
        key = (rule.name, owner)
        setting = f"call_limits/{rule.name}"
        spent = used(key)
        hit = _hit(rule, key, spent, call, periods, zone)
        if hit is None:
            counts.append(key)
            trace.append(TraceStep(f'limit "{rule.name}"{_of(key)}: {_standing(rule, spent)}', setting))
            continue
        trace.append(TraceStep(f"{hit.words}: {_DOES[rule.action]}", setting))
        if rule.action in ("block", "end"):
            refused = hit
            break
        counts.append(key)
        (asks if rule.action in ASKING else warned).append(hit)
    return Judgement(tuple(counts), refused, tuple(asks), tuple(warned), tuple(trace))


def money(limit: float) -> int:
    """Return a limit of the configuration in millionths."""
    return round(limit * MILLION)


_DOES = {
    "warn": "the administrator is told",
    "pin": "a PIN is asked for",
    "ask": "the user is asked to approve",
    "block": "refused",
    "end": "refused, and all its calls are ended",
}


def _opened(rule: CallLimit, call: Outgoing, places: Places) -> bool:
    if not rule.opened:
        return False
    if call.called.country in rule.opened:
        # A country that is opened is opened for ordinary numbers: its premium-rate ones cost as much as before.
        return call.called.kind != "premium" or "premium" not in rule.kinds
    return _begins([one for one in rule.opened if not one.isalpha() and one != "001"], call, places)


def _begins(prefixes: Iterable[str], call: Outgoing, places: Places) -> bool:
    """Say if a number begins with one of these as it is dialled, or with the same in the international form."""
    for one in prefixes:
        if call.dialed.startswith(one):
            return True
        beginning = one.removeprefix(call.outside)
        if beginning and places.begins(call.called.full, beginning):
            return True
    return False


def _hit(rule: CallLimit, key: Key, spent: Used, call: Outgoing, periods: Periods, zone: tzinfo) -> Hit | None:
    if rule.always:
        text = "these calls are closed" if rule.action in ("block", "end") else "holds for each call"
        return Hit(rule, key, "always", text, None, "")
    if rule.calls_at_once and spent.at_once >= rule.calls_at_once:
        text = f"{spent.at_once} calls are in progress, {rule.calls_at_once} are allowed at once"
        return Hit(rule, key, "calls_at_once", text, None, "; it opens when one of them ends")
    if rule.calls_per_hour and spent.calls >= rule.calls_per_hour:
        text = f"the {rule.calls_per_hour} calls per hour are used up"
        return _until(rule, key, "calls_per_hour", text, periods.hour.end, zone)
    if rule.minutes_per_day and spent.seconds >= rule.minutes_per_day * 60 - 0.01:
        text = f"the {rule.minutes_per_day} minutes of talk per day are used up"
        return _until(rule, key, "minutes_per_day", text, periods.day.end, zone)
    for what, limit, so_far, end, name in (
        ("money_per_hour", rule.money_per_hour, spent.money_hour, periods.hour.end, "hour"),
        ("money_per_day", rule.money_per_day, spent.money_day, periods.day.end, "day"),
        ("money_per_month", rule.money_per_month, spent.money_month, periods.month.end, "month"),
    ):
        if limit and (so_far >= money(limit) or so_far + call.at_answer > money(limit)):
            left = max(0, money(limit) - so_far) / MILLION
            text = f"of the {limit:.2f} per {name} {left:.2f} are left, and this call costs more" if left else (
                f"the {limit:.2f} per {name} are used up"
            )  # fmt: skip
            return _until(rule, key, what, text, end, zone)
    return None


def _until(rule: CallLimit, key: Key, what: str, text: str, opens: float, zone: tzinfo) -> Hit:
    local = datetime.fromtimestamp(opens, zone)
    return Hit(rule, key, what, text, opens, f"; it opens again at {local:%Y-%m-%d %H:%M}")


def _standing(rule: CallLimit, spent: Used) -> str:
    """Say how much is used of what a rule limits."""
    parts = []
    if rule.calls_at_once:
        parts.append(f"{spent.at_once} of {rule.calls_at_once} calls at once")
    if rule.calls_per_hour:
        parts.append(f"{spent.calls} of {rule.calls_per_hour} calls per hour")
    if rule.minutes_per_day:
        parts.append(f"{spent.seconds / 60:.0f} of {rule.minutes_per_day} minutes per day")
    for limit, so_far, name in (
        (rule.money_per_hour, spent.money_hour, "hour"),
        (rule.money_per_day, spent.money_day, "day"),
        (rule.money_per_month, spent.money_month, "month"),
    ):
        if limit:
            parts.append(f"{so_far / MILLION:.2f} of {limit:.2f} per {name}")
    said = [", ".join(parts) + " used"] if parts else []
    if rule.minutes_per_call:
        said.append(f"{rule.minutes_per_call} minutes per call at most")
    return "; ".join(said) or "counted"


def _of(key: Key) -> str:
    return f" of {key[1]}" if key[1] else ""
