"""What calls to the outside have come to: how many, how long, for how much money.

Nothing here has a clock or touches a file: `now` is UTC seconds since 1970, and each change is handed to `write`, from
which `replay` makes the same counts again after a restart. An interval is paid when it begins, so what is counted is
never less than what the carrier may charge. While a call rings, what its answer will cost is set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from jackfield.switch.limits.habits import Habits
from jackfield.switch.limits.periods import Periods, periods_at
from jackfield.switch.limits.rates import Rate
from jackfield.switch.limits.rules import Key, Used

__all__ = ["Counts", "Meter", "Tally"]

BEGIN = 1_700_000_000.0
"""Sums of times are kept from here on: small numbers lose less when they are added up."""
LINGERS = 60.0
"""Seconds for which a carrier may go on with a call of which it hears nothing any more."""

Write = Callable[[str, str, dict[str, Any]], None]


@dataclass(slots=True)
class Meter:
    """A call that is counted."""

    id: str
    began: float
    keys: list[Key]
    rate: Rate | None = None
    answered: float | None = None
    paid_until: float = 0.0
    """The next interval begins then."""
    cost: int = 0
    who: str = ""
    """The extension by whose right the call is made."""
    country: str = ""


@dataclass(slots=True)
class Tally:
    """A count. What belongs to a period that is over is forgotten when somebody asks (`Counts.used`)."""

    hour: float = 0.0
    """When the period begins for which `calls` and `money_hour` count."""
    calls: int = 0
    money_hour: int = 0
    day: float = 0.0
    talked: float = 0.0
    """Seconds today of calls that are over; of those in progress, up to their `since`."""
    money_day: int = 0
    month: float = 0.0
    money_month: int = 0
    active: dict[str, Meter] = field(default_factory=dict)
    """Calls in progress, those that ring too."""
    waiting: int = 0
    """What the answers of those that ring will cost."""
    talking: int = 0
    since: float = 0.0
    """Of those who talk, the sum of the times from which on their talk is not in `talked`, in seconds since `BEGIN`."""


class Counts:
    """All counts. `zone` is the company's; `write(kind, id, data)` takes each change."""

    def __init__(self, zone: tzinfo, write: Write | None = None) -> None:
        self.zone = zone
        self.write = write
        self.meters: dict[str, Meter] = {}
        self.habits = Habits()
        self._tallies: dict[Key, Tally] = {}
        self._periods: Periods | None = None
        self._since: dict[str, float] = {}  # from when on the talk of a call in progress is not in `talked` yet
        self.until = 0.0
        """Up to when all is counted."""

    # --- asking ---

    def periods(self, now: float) -> Periods:
        """Return the hour, day and month of a moment."""
        found = self._periods
        if found is None or not found.hour.start <= now < found.hour.end:
            found = self._periods = periods_at(now, self.zone)
        return found

    def used(self, key: Key, now: float) -> Used:
        """Return what a count has come to."""
        self.advance(now)
        tally = self._tallies.get(key)
        if tally is None:
            return Used()
        self._turn(tally, self.periods(now))
        waiting = tally.waiting
        return Used(
            tally.calls,
            len(tally.active),
            round(max(0.0, tally.talked + tally.talking * (now - BEGIN) - tally.since), 4),
            tally.money_hour + waiting,
            tally.money_day + waiting,
            tally.money_month + waiting,
        )

    def in_progress(self, key: Key) -> list[Meter]:
        """Return the calls of a count that are not over."""
        tally = self._tallies.get(key)
        return [] if tally is None else list(tally.active.values())

    def known(self) -> list[Key]:
        """Return every count that there is."""
        return list(self._tallies)

    # --- what happens ---

    def begin(
        self,
        id: str,
        keys: Iterable[Key],
        rate: Rate | None,
        now: float,
        counted: Iterable[Key] = (),
        *,
        who: str = "",
        country: str = "",
    ) -> Meter:
        """A call is made. On `counted` it was counted before, as the same call by another trunk."""
        self.advance(now)
        meter = Meter(id, now, list(keys), rate, who=who, country=country)
        before = set(counted)
        told = {"at": now, "keys": meter.keys, "counted": list(before), "rate": _plain(rate), "who": who, "to": country}
        self._tell("begin", id, told)
        self.meters[id] = meter
        periods = self.periods(now)
        for key in meter.keys:
            tally = self._tally(key, periods)
            tally.calls += key not in before
            tally.active[id] = meter
            tally.waiting += rate.at_answer if rate is not None else 0
        return meter

    def answer(self, meter: Meter, now: float) -> None:
        """A call is answered: it pays what it costs at once."""
        if meter.answered is not None or meter.id not in self.meters:
            return
        self.advance(now)
        self._tell("answer", meter.id, {"at": now})
        self._wait_no_more(meter)
        meter.answered = now
        self._talk(meter, now)
        if meter.rate is not None:
            meter.paid_until = now + meter.rate.first
            self._pay(meter, meter.rate.at_answer, now)

    def end(self, meter: Meter, now: float) -> None:
        """A call is over."""
        if meter.id not in self.meters:
            return
        self.advance(now)
        self._tell("end", meter.id, {"at": now})
        self._settle(meter, now, self.periods(now))
        self._wait_no_more(meter)
        if meter.who:
            talked = 0.0 if meter.answered is None else now - meter.answered
            self.habits.learn(meter.who, meter.country, meter.began, talked, meter.cost, self.zone)
        del self.meters[meter.id]
        for key in meter.keys:
            tally = self._tallies.get(key)
            if tally is not None:
                tally.active.pop(meter.id, None)

    def clear(self, key: Key, now: float) -> None:
        """Let a count begin anew; calls in progress count from now on."""
        self.advance(now)
        self._tell("clear", "", {"at": now, "key": key})
        tally = self._tallies.get(key)
        if tally is None:
            return
        for meter in tally.active.values():
            if meter.id in self._since:  # it counts on other counts as well, of which no part may be lost
                self._settle(meter, now, self.periods(now))
                self._talk(meter, now)
        tally.calls = tally.money_hour = tally.money_day = tally.money_month = 0
        tally.talked = 0.0

    def advance(self, now: float) -> None:
        """Count up to `now`: talk goes into the day in which it was, an interval's price into that of its beginning."""
        if now <= self.until:
            return
        if not self.meters:
            self.until = now
            return
        if not self.until:
            self.until = now
        periods = self.periods(self.until)
        while now >= periods.hour.end:  # hour by hour: a call over midnight pays into two days
            self._advance_within(periods.hour.end, periods)
            self.until = periods.hour.end
            periods = self.periods(self.until)
        self._advance_within(now, periods)
        self.until = now

    # --- keeping ---

    def alive(self, now: float) -> None:
        """Write down that calls in progress are counted up to now: what a switch that is killed has lost at most."""
        self.advance(now)
        if self.meters:
            self._tell("alive", "", {"at": now})

    def state(self, now: float) -> dict[str, Any]:
        """Return everything as plain data, for `restore`."""
        self.advance(now)
        periods = self.periods(now)
        tallies = []
        for key, tally in list(self._tallies.items()):
            self._turn(tally, periods)
            if not (tally.active or tally.calls or tally.talked or tally.money_month):
                del self._tallies[key]
                continue
            tallies.append([
                key, tally.hour, tally.calls, tally.money_hour, tally.day, tally.talked, tally.money_day, tally.month,
                tally.money_month,
            ])  # fmt: skip
        meters = [
            [one.id, one.began, one.keys, _plain(one.rate), one.answered, one.paid_until, one.cost,
             self._since.get(one.id), one.who, one.country]
            for one in self.meters.values()
        ]  # fmt: skip
        return {"at": now, "tallies": tallies, "meters": meters, "habits": self.habits.state()}

    def replay(self, entries: Iterable[dict[str, Any]]) -> int:
        """Take over what was written before; return how many entries could not be read."""
        write, self.write, broken = self.write, None, 0
        for entry in entries:
            try:
                self._apply(entry["kind"], entry["id"], entry["data"])
            except (KeyError, TypeError, ValueError, IndexError):
                broken += 1
        self.write = write
        return broken

    def close_all(self, now: float) -> int:
        """End the calls of a switch that is not there any more; return how many.

        Nobody has told the carrier, which goes on for a while: they count until now, and `LINGERS` after the last sign
        of life at most.
        """
        left = list(self.meters.values())
        end = max(self.until, min(now, self.until + LINGERS))
        for meter in left:
            self.end(meter, end)
        return len(left)

    def _apply(self, kind: str, id: str, data: dict[str, Any]) -> None:
        at = float(data["at"])
        if kind == "state":
            self._restore(data)
        elif kind == "begin":
            keys = [(str(name), str(owner)) for name, owner in data["keys"]]
            counted = [(str(name), str(owner)) for name, owner in data["counted"]]
            who, country = str(data.get("who", "")), str(data.get("to", ""))
            self.begin(id, keys, _rate(data["rate"]), at, counted, who=who, country=country)
        elif kind == "answer":
            self.answer(self.meters[id], at)
        elif kind == "end":
            self.end(self.meters[id], at)
        elif kind == "clear":
            self.clear((str(data["key"][0]), str(data["key"][1])), at)
        else:
            self.advance(at)

    def _restore(self, data: dict[str, Any]) -> None:
        self._tallies, self.meters, self._since = {}, {}, {}
        self.until = float(data["at"])
        for key, hour, calls, money_hour, day, talked, money_day, month, money_month in data["tallies"]:
            self._tallies[str(key[0]), str(key[1])] = Tally(
                float(hour), int(calls), int(money_hour), float(day), float(talked), int(money_day), float(month),
                int(money_month),
            )  # fmt: skip
        self.habits.restore(data.get("habits", {}))
        for id, began, keys, rate, answered, paid_until, cost, since, *more in data["meters"]:
            meter = Meter(
                str(id), float(began), [(str(name), str(owner)) for name, owner in keys], _rate(rate),
                None if answered is None else float(answered), float(paid_until), int(cost), *map(str, more),
            )  # fmt: skip
            self.meters[meter.id] = meter
            periods = self.periods(self.until)
            for key in meter.keys:
                tally = self._tally(key, periods)
                tally.active[meter.id] = meter
                tally.waiting += meter.rate.at_answer if meter.rate is not None and meter.answered is None else 0
            if since is not None:
                self._talk(meter, float(since))

    # --- within ---

    def _advance_within(self, now: float, periods: Periods) -> None:
        """Count up to `now`, which lies in the hour of `periods` or is its end."""
        for meter in self.meters.values():
            rate = meter.rate
            if rate is not None and meter.answered is not None and meter.paid_until < now:
                intervals = -int(-(now - meter.paid_until) // rate.next) if rate.next > 0 else 0
                if intervals:
                    self._pay(meter, intervals * rate.interval, meter.paid_until)
                    meter.paid_until += intervals * rate.next
        if now >= periods.day.end:
            for id in list(self._since):
                self._settle(self.meters[id], now, periods)
                self._talk(self.meters[id], now)

    def _talk(self, meter: Meter, since: float) -> None:
        """From now on the talk of a call counts by itself."""
        self._since[meter.id] = since
        for key in meter.keys:
            tally = self._tallies[key]
            tally.talking += 1
            tally.since += since - BEGIN

    def _settle(self, meter: Meter, now: float, periods: Periods) -> None:
        """Put the talk of a call up to now where that of calls is that are over."""
        since = self._since.pop(meter.id, None)
        if since is None:
            return
        for key in meter.keys:
            tally = self._tally(key, periods)
            tally.talking -= 1
            tally.since = tally.since - (since - BEGIN) if tally.talking else 0.0
            tally.talked += max(0.0, now - since)

    def _wait_no_more(self, meter: Meter) -> None:
        """What was set aside for the answer is paid, or not needed."""
        if meter.answered is None and meter.rate is not None:
            for key in meter.keys:
                self._tallies[key].waiting -= meter.rate.at_answer

    def _pay(self, meter: Meter, amount: int, at: float) -> None:
        meter.cost += amount
        periods = self.periods(at)
        for key in meter.keys:
            tally = self._tally(key, periods)
            tally.money_hour += amount
            tally.money_day += amount
            tally.money_month += amount

    def _tally(self, key: Key, periods: Periods) -> Tally:
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally()
        self._turn(tally, periods)
        return tally

    def _turn(self, tally: Tally, periods: Periods) -> None:
        """Begin anew what belongs to a later period. A clock that is put back makes nothing begin anew."""
        if tally.hour < periods.hour.start:
            tally.hour, tally.calls, tally.money_hour = periods.hour.start, 0, 0
        if tally.day < periods.day.start:
            tally.day, tally.talked, tally.money_day = periods.day.start, 0.0, 0
        if tally.month < periods.month.start:
            tally.month, tally.money_month = periods.month.start, 0

    def _tell(self, kind: str, id: str, data: dict[str, Any]) -> None:
        if self.write is not None:
            self.write(kind, id, data)


def _plain(rate: Rate | None) -> list[Any] | None:
    return None if rate is None else [rate.name, rate.per_call, rate.per_minute, rate.first, rate.next]


def _rate(data: Any) -> Rate | None:
    return None if data is None else Rate(str(data[0]), int(data[1]), int(data[2]), int(data[3]), int(data[4]))
