"""Limits on outgoing calls in the running switch: what is admitted, counted, announced and ended.

The counts go by the legs to trunks, so that a call that is transferred is counted on as long as its outside party
stays. Emergency calls never come here. Without rules none of this does anything.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield.control import ControlError
from jackfield.switch import refusing
from jackfield.switch.dial import TrunkDial
from jackfield.switch.events import HangUp
from jackfield.switch.hours import state, zone
from jackfield.switch.limits import rates
from jackfield.switch.limits.asking import Asking
from jackfield.switch.limits.budgets import NOTICE, Deadline, look_ahead
from jackfield.switch.limits.counts import Counts, Meter
from jackfield.switch.limits.data import CallLimit
from jackfield.switch.limits.journal import MANY, Journal
from jackfield.switch.limits.places import places
from jackfield.switch.limits.rates import MILLION, Rate, RateTable
from jackfield.switch.limits.rules import Hit, Judgement, Key, Outgoing, Used, judge
from jackfield.switch.limits.telling import Telling
from jackfield.switch.plan import OutboundPlan, TraceStep
from jackfield.switch.snapshot import Extension, Snapshot

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.leg import Leg
    from jackfield.switch.outgoing import OutgoingLeg
    from jackfield.switch.plan import Plan
    from jackfield.switch.switch import Switch

__all__ = ["Limits"]

log = logging.getLogger("jackfield.limits")

ALIVE = 5.0
"""Seconds between signs of life while calls are counted, for whoever begins anew after the switch was killed."""
MANY_CALLS = 50
"""Calls of one count from which on the look ahead is made a moment later, once for all that happens meanwhile."""
MOMENT = 0.2
LONGEST_TIMER = 3600.0
SHORT_NOTICE = 45.0
"""Seconds: with less left, a tone is played and not the announcement of a minute."""
USED_UP = "limit-used-up"
CLOSED = "not-allowed"
ONE_MINUTE = "limit-one-minute"
NONE: Key = ("", "")
"""Where a call is counted that no rule is about: nowhere, but it was seen."""
NOW = "call_limits"


@dataclass(slots=True)
class Ticket:
    """What a call that is being made has been asked, and where it was counted already."""

    cleared: set[str] = field(default_factory=set)
    """Names of the rules to which the caller has given the PIN, or the user's approval."""
    counted: set[Key] = field(default_factory=set)


class Limits:
    """See the module. `folder` keeps the counts (None: in memory only), `rates` is the file of prices."""

    def __init__(self, switch: Switch, folder: Path | None, rates_file: Path | None) -> None:
        self._switch = switch
        self._rates_file = rates_file
        self._rates_seen = (0, 0)
        self.rates: RateTable = rates.EMPTY
        self._tickets: dict[str, Ticket] = {}
        self._legs: dict[str, Leg] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._announced: OrderedDict[str, float] = OrderedDict()
        self._alive: asyncio.TimerHandle | None = None
        self._journal = Journal(folder) if folder is not None else None
        self._tidying: asyncio.Future[None] | None = None
        self.telling = Telling(switch.emit, switch.now)
        self.asking = Asking(switch)
        self.counts = Counts(zone(switch.snapshot.general.time_zone))
        self._read()
        self._read_rates()

    def close(self) -> None:
        """Write down what is counted. Calls have ended before."""
        for timer in (*self._timers.values(), self._alive):
            if timer is not None:
                timer.cancel()
        if self._journal is not None:
            self._journal.close()

    async def reload(self) -> None:
        """Another configuration: what is used up by it ends."""
        self.counts.zone = zone(self._switch.snapshot.general.time_zone)
        await self._read_changed_rates()
        for key in {key for meter in self.counts.meters.values() for key in meter.keys}:
            self._look(key)

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verbs of the control socket."""
        return {
            "limits": self.table,
            "clear_limit": self.clear,
            "call_habits": self.habits,
            "reload_rates": self.reload_rates,
            **self.asking.handlers(),
        }

    # --- what calls ask ---

    async def admits(self, call: Call, dial: TrunkDial) -> bool:
        """Say whether a call may go by this trunk; False: another trunk may do. Raises `HangUp` where none may.

        The caller may be asked for a PIN meanwhile, or the user to approve.
        """
        if not self._switch.snapshot.call_limits:
            return True
        ticket = self._tickets.setdefault(call.id, Ticket())
        asked: set[str] = set()
        while True:
            found = self._judge(call, dial, ticket)
            for step in found.trace:
                call.note(step.text, step.setting)
            if found.refused is not None:
                return await self._refuse(call, dial, found.refused)
            if not found.asks:
                self._warn(found, call, dial)
                return True
            hit = found.asks[0]
            assert hit.rule.name not in asked  # what is cleared is not asked for again
            asked.add(hit.rule.name)
            outgoing = self._outgoing(call, dial, None)
            why_not = await self.asking.clear(call, hit, outgoing)
            if why_not:
                self.telling.refused(hit, outgoing, call.id, why_not)
                raise HangUp(403, why_not)
            ticket.cleared.add(hit.rule.name)

    def begin(self, leg: OutgoingLeg, dial: TrunkDial) -> str:
        """Count a call to the outside that is about to be made; return why it may not be, "" when it may."""
        snapshot = self._switch.snapshot
        if not snapshot.call_limits or dial.emergency:
            return ""
        call = leg.call
        ticket = self._tickets.get(call.id) or Ticket()
        found = self._judge(call, dial, ticket)
        hit = found.refused or (found.asks[0] if found.asks else None)
        if hit is not None:  # a member of a group that forwards outside is asked nothing
            self.telling.refused(hit, self._outgoing(call, dial, None), call.id, hit.words)
            self._end_all(hit)
            return hit.words
        if self.counts.write is None and self._journal is not None:
            self.counts.write = self._write
        now, outgoing = self._switch.now(), self._outgoing(call, dial, None)
        who, country = outgoing.extension, outgoing.called.country
        if who and not ticket.counted:
            for what, text in self.counts.habits.strange(who, country, now, self.counts.zone):
                self.telling.unusual(what, text, outgoing, call.id)
                call.note(f"unlike the calls of {who} before: {text}", NOW)
        meter = self.counts.begin(
            leg.record.id, found.counts, self._rate(dial), now, ticket.counted, who=who, country=country
        )
        ticket.counted.update(found.counts or (NONE,))
        leg.meter = meter
        self._legs[meter.id] = leg
        if self._alive is None:
            self._alive = asyncio.get_running_loop().call_later(ALIVE, self._sign_of_life)
        return ""

    def answered(self, leg: Leg, meter: Meter) -> None:
        """A counted call is answered: from now on it costs."""
        self.counts.answer(meter, self._switch.now())
        self._look_soon(meter.keys)

    def ended(self, leg: Leg, meter: Meter) -> None:
        """A counted call is over."""
        now = self._switch.now()
        self.counts.end(meter, now)
        self._legs.pop(meter.id, None)
        self._announced.pop(meter.id, None)
        if meter.rate is not None and meter.answered is not None:
            amount = f"{meter.cost / MILLION:.2f} {self.rates.currency}".rstrip()
            leg.call.note(f"cost {amount}: rate {meter.rate.name or 'without a name'}")
        self._look_soon(meter.keys)

    def call_over(self, call_id: str) -> None:
        """A call is over."""
        if self._tickets:
            self._tickets.pop(call_id, None)

    def forbids(self, plan: Plan, site: str) -> str:
        """Say why a call that is asked for by a click may not be made, before a phone rings for it; "" when it may."""
        _steps, hit = self.outlook(plan, site, None)
        if hit is None:
            return ""
        assert isinstance(plan.entry, OutboundPlan)
        self.telling.refused(hit, self._outgoing_of(plan.entry.attempts[0], site), "", hit.words)
        return hit.words

    def outlook(self, plan: Plan, site: str, at: datetime | None) -> tuple[list[TraceStep], Hit | None]:
        """Say what the rules would do with a call: by what is used now, or, of a time `at`, with nothing used."""
        snapshot, entry = self._switch.snapshot, plan.entry
        if not snapshot.call_limits or not isinstance(entry, OutboundPlan):
            return [], None
        steps: list[TraceStep] = []
        refused = None
        for dial in entry.attempts:
            outgoing = self._outgoing_of(dial, site, self._rate(dial))
            found = self._judged(outgoing, frozenset(), at)
            steps += [step for step in found.trace if step not in steps]
            refused = found.refused
            if refused is None:
                break
        return steps, refused

    # --- judging ---

    def _judge(self, call: Any, dial: TrunkDial, ticket: Ticket) -> Judgement:
        return self._judged(self._outgoing(call, dial, self._rate(dial)), frozenset(ticket.cleared), None)

    def _judged(self, outgoing: Outgoing, cleared: frozenset[str], at: datetime | None) -> Judgement:
        snapshot, now = self._switch.snapshot, self._switch.now()
        local = at or self._switch.local_time(snapshot)

        def used(key: Key) -> Used:
            return self.counts.used(key, now) if at is None else Used()

        def is_open(name: str) -> bool:
            return state(snapshot, name, local).open

        found = judge(
            snapshot.call_limits, outgoing, used, places(snapshot), self.counts.periods(local.timestamp()),
            self.counts.zone, is_open,
        )  # fmt: skip
        if cleared:
            asks = tuple(hit for hit in found.asks if hit.rule.name not in cleared)
            return Judgement(found.counts, found.refused, asks, found.warned, found.trace)
        return found

    def _outgoing(self, call: Any, dial: TrunkDial, rate: Rate | None) -> Outgoing:
        return self._outgoing_of(dial, call.plan.request.site, rate)

    def _outgoing_of(self, dial: TrunkDial, site: str, rate: Rate | None = None) -> Outgoing:
        snapshot = self._switch.snapshot
        entry = snapshot.numbers.get(dial.payer)
        prefix = snapshot.general.outside_prefix
        return Outgoing(
            dialed=prefix + dial.dialed if dial.dialed.startswith("+") else dial.dialed,
            called=places(snapshot).called(dial.called or dial.number),
            outside=prefix,
            extension=dial.payer,
            user=entry.user if isinstance(entry, Extension) else "",
            trunk=dial.trunk.name,
            site=site,
            at_answer=rate.at_answer if rate is not None else 0,
        )

    def _rate(self, dial: TrunkDial) -> Rate | None:
        if not len(self.rates):
            return None
        return self.rates.find(places(self._switch.snapshot).called(dial.called or dial.number).full, dial.trunk.name)

    async def _refuse(self, call: Call, dial: TrunkDial, hit: Hit) -> bool:
        self.telling.refused(hit, self._outgoing(call, dial, None), call.id, hit.words)
        self._end_all(hit)
        if hit.rule.per == "trunk":
            return False  # the next trunk has a count of its own
        sound = CLOSED if hit.what == "always" else USED_UP
        if call.record.answered is not None:  # the caller was asked for a PIN before
            await call.play(sound)
        else:
            await refusing.say_why(call, sound)
        raise HangUp(403, f"{hit.words} - see Limits on calls > {hit.rule.name}")

    def _warn(self, found: Judgement, call: Call, dial: TrunkDial) -> None:
        for hit in found.warned:
            self.telling.reached(hit, self._outgoing(call, dial, None), call.id)

    def _end_all(self, hit: Hit) -> None:
        """Of a rule that blocks and ends: end all its calls."""
        if hit.rule.action != "end":
            return
        for meter in self.counts.in_progress(hit.key):
            self._end(meter, hit.words)

    def _end(self, meter: Meter, why: str) -> None:
        leg = self._legs.get(meter.id)
        if leg is not None and not leg.ended and not leg.call.over:
            leg.call.end(200, why)

    # --- budgets of calls in progress ---

    def _rule(self, key: Key) -> CallLimit | None:
        known = self._switch.snapshot.derived.get("call_limits")
        if not isinstance(known, dict):
            known = {rule.name: rule for rule in self._switch.snapshot.call_limits if rule.enabled}
            self._switch.snapshot.derived["call_limits"] = known
        found: CallLimit | None = known.get(key[0])
        return found

    def _look_soon(self, keys: list[Key]) -> None:
        for key in keys:
            if len(self.counts.in_progress(key)) <= MANY_CALLS:
                self._look(key)
            else:
                self._set_timer(key, MOMENT)

    def _look(self, key: Key) -> None:
        """End and announce what is due on a count, and find out when to look again."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        rule, meters = self._rule(key), self.counts.in_progress(key)
        if rule is None or not meters:
            return
        now = self._switch.now()
        seen = look_ahead(rule, meters, self.counts.used(key, now), self.counts.periods(now), now)
        for deadline in seen.deadlines:
            if deadline.at <= now:
                self._used_up(rule, key, deadline)
            elif deadline.at - now <= NOTICE:
                self._announce(rule, deadline, now)
        if seen.look < math.inf and key not in self._timers:
            self._set_timer(key, max(0.01, seen.look - now))

    def _set_timer(self, key: Key, seconds: float) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(min(seconds, LONGEST_TIMER), self._look, key)

    def _used_up(self, rule: CallLimit, key: Key, deadline: Deadline) -> None:
        why = f'limit "{rule.name}"{f" of {key[1]}" if key[1] else ""}: {deadline.text}'
        leg = self._legs.get(deadline.meter.id)
        if leg is None:
            return
        if deadline.what != "minutes_per_call":
            self.telling.used_up(rule, key, deadline.what, deadline.text, leg)
        self._end(deadline.meter, why)
        if rule.action == "end" and deadline.what != "minutes_per_call":
            for meter in self.counts.in_progress(key):
                self._end(meter, why)

    def _announce(self, rule: CallLimit, deadline: Deadline, now: float) -> None:
        """Tell our party that a minute is left, once for each end that is foreseen."""
        leg = self._legs.get(deadline.meter.id)
        before = self._announced.get(deadline.meter.id)
        if leg is None or (before is not None and abs(before - deadline.at) < NOTICE / 2):
            return
        self._announced[deadline.meter.id] = deadline.at
        call, other = leg.call, leg.call.other(leg)
        left = deadline.at - now
        text = f'the call ends in {left:.0f} s by the limit "{rule.name}": {deadline.text}'
        if other is None or other.held or leg.held or other.audio.stream is None or other.audio.image is not None:
            call.note(f"{text}; nobody could be told", f"call_limits/{rule.name}")
            return
        snapshot = self._switch.snapshot
        entry = snapshot.numbers.get(other.party.extension)
        language = (entry.language if isinstance(entry, Extension) else other.party.language) or (
            snapshot.general.language
        )
        sound = self._switch.sounds.named(call.snapshot, ONE_MINUTE, language) if left >= SHORT_NOTICE else None
        heard = sound or self._switch.sounds.named(call.snapshot, "tone:beep", language)
        if heard is not None:
            other.listener.interrupt([heard], loop=False)
            call.note(f"{text}; {other} is told", f"call_limits/{rule.name}")

    # --- keeping ---

    def _read(self) -> None:
        if self._journal is None:
            return
        broken = self.counts.replay(self._journal.read())
        if broken:
            log.error("%d entries of the counts of outgoing calls can't be read and are left out", broken)
        if not self.counts.known():
            return
        left = self.counts.close_all(self._switch.now())
        if left:
            log.warning("%d outgoing calls had no end, since the switch was killed: they are counted until now", left)
        self._journal.begin_anew(self.counts.state(self._switch.now()))
        self._journal.tidy()

    def _write(self, kind: str, id: str, data: dict[str, Any]) -> None:
        journal = self._journal
        assert journal is not None
        journal.write(kind, id, data)
        if journal.entries >= MANY:
            loop = asyncio.get_running_loop()
            journal.entries = 0
            loop.call_soon(self._write_down)

    def _write_down(self) -> None:
        """Write all counts down anew, and have the files before removed by a thread."""
        journal = self._journal
        if journal is not None:
            journal.begin_anew(self.counts.state(self._switch.now()))
            self._tidying = asyncio.get_running_loop().run_in_executor(None, journal.tidy)

    def _sign_of_life(self) -> None:
        self._alive = None
        if self.counts.meters:
            self.counts.alive(self._switch.now())
            self._alive = asyncio.get_running_loop().call_later(ALIVE, self._sign_of_life)

    async def _read_changed_rates(self) -> None:
        """Read the prices, if the file is another one; nobody waits for it meanwhile."""
        if self._rates_file is None or _stamp(self._rates_file) == self._rates_seen:
            return
        await asyncio.to_thread(self._read_rates)

    def _read_rates(self) -> None:
        if self._rates_file is None:
            return
        seen = _stamp(self._rates_file)
        try:
            self.rates = rates.read(self._rates_file)
            self._rates_seen = seen
        except (OSError, msgspec.DecodeError) as problem:
            log.error("the prices of calls can't be read, those before hold: %s: %s", self._rates_file, problem)

    # --- verbs ---

    async def reload_rates(self, request: dict[str, Any]) -> dict[str, Any]:
        """Read the prices anew. Calls in progress keep theirs."""
        await self._read_changed_rates()
        return {"prefixes": len(self.rates), "currency": self.rates.currency}

    async def table(self, request: dict[str, Any]) -> dict[str, Any]:
        """Every rule with what is used of it by whom; `name`: of this rule only."""
        snapshot: Snapshot = self._switch.snapshot
        now, wanted = self._switch.now(), str(request.get("name", ""))
        periods = self.counts.periods(now)
        by_rule: dict[str, list[dict[str, Any]]] = {}
        for key in self.counts.known():
            used = self.counts.used(key, now)
            if used != Used():
                by_rule.setdefault(key[0], []).append({"whose": key[1], **_used_row(used)})
        rules = [
            {"name": rule.name, "enabled": rule.enabled, "used": sorted(by_rule.get(rule.name, []), key=_by_whose)}
            for rule in snapshot.call_limits
            if wanted in ("", rule.name)
        ]
        return {
            "rules": rules,
            "currency": self.rates.currency,
            "prefixes": len(self.rates),
            "hour_ends": periods.hour.end,
            "day_ends": periods.day.end,
            "month_ends": periods.month.end,
        }

    async def habits(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """What is normal for each extension: days and calls learned from, countries, hours, dearest and longest day."""
        return [
            {
                "extension": who,
                "learned": one.learned,
                "days": one.days,
                "calls": one.calls,
                "countries": sorted(one.countries),
                "hours": [hour for hour in range(24) if one.hours[hour] >= 0.3],
                "weekend_hours": [hour for hour in range(24) if one.hours[24 + hour] >= 0.3],
                "dearest_day": max(one.costs, default=0) / MILLION,
                "longest_day": max(one.talks, default=0.0),
                "cost_today": one.cost_today / MILLION,
                "talk_today": one.talk_today,
            }
            for who, one in sorted(self.counts.habits.known.items())
        ]

    async def clear(self, request: dict[str, Any]) -> dict[str, Any]:
        """Let the counts of rule `name` begin anew: of `whose`, or of all where it is not given. `by`: who asks."""
        name = str(request.get("name", ""))
        if name not in {rule.name for rule in self._switch.snapshot.call_limits}:
            raise ControlError(f'there is no limit "{name}": "jackfield limits" shows those that are')
        whose = request.get("whose")
        found = [key for key in self.counts.known() if key[0] == name and whose in (None, key[1])]
        if whose is not None and not found:
            raise ControlError(f'nothing is counted for "{whose}" by the limit "{name}"')
        if self.counts.write is None and self._journal is not None:
            self.counts.write = self._write
        for key in found:
            self.counts.clear(key, self._switch.now())
            self._look(key)
        self.telling.forget(name)
        log.warning('the counts of the limit "%s" begin anew, as %s asked', name, request.get("by") or "somebody")
        return {"name": name, "cleared": len(found)}


def _stamp(path: Path) -> tuple[int, int]:
    """Return what a file is known to be another one by."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)


def _used_row(used: Used) -> dict[str, Any]:
    return {
        "calls": used.calls,
        "at_once": used.at_once,
        "seconds": round(used.seconds, 1),
        "money_hour": used.money_hour / MILLION,
        "money_day": used.money_day / MILLION,
        "money_month": used.money_month / MILLION,
    }


def _by_whose(row: dict[str, Any]) -> str:
    return str(row["whose"])
