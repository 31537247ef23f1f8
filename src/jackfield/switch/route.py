"""The dial plan: what a dialled number leads to, and why.

`route()` is a pure function: no clock, no network, no state of phones or trunks. The running switch, the
"what would happen if" page, `jackfield route`, the tests and the API all call it, so that what is shown is what
happens. What depends on the moment (is the phone registered, is the trunk up, are its channels taken) is decided by
the destination that the plan leads to.

The order is: a speed dial becomes what it stands for; emergency numbers, then the numbers of the house, then outgoing
routes by the longest prefix. Calls from a trunk first pass the incoming rules; they and strangers have no speed dials.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from jackfield.switch.caller_id import from_extension, from_stranger, from_trunk, outside
from jackfield.switch.dial import TrunkDial
from jackfield.switch.hours import State, state, turn
from jackfield.switch.inbound import rules_of
from jackfield.switch.numbers import clean, format_for_trunk, rewrite
from jackfield.switch.party import Party
from jackfield.switch.permissions import Asked, verdict
from jackfield.switch.plan import (
    EmergencyPlan,
    Entry,
    FromAnonymous,
    FromExtension,
    FromHouse,
    FromTrunk,
    Origin,
    OutboundPlan,
    Plan,
    Refusal,
    RouteRequest,
    TraceStep,
)
from jackfield.switch.sites import site_named
from jackfield.switch.snapshot import (
    Extension,
    Inbound,
    Outbound,
    RingGroup,
    Service,
    Snapshot,
    Trunk,
)

__all__ = [
    "EmergencyPlan",
    "Entry",
    "FromAnonymous",
    "FromExtension",
    "FromHouse",
    "FromTrunk",
    "Origin",
    "OutboundPlan",
    "Plan",
    "Refusal",
    "RouteRequest",
    "TraceStep",
    "closed_now",
    "onward",
    "route",
]

NOT_ALLOWED = "not-allowed"
"""Sound that says that the caller may not make this call."""

_REASONS = {
    403: "Forbidden",
    404: "Not Found",
    480: "Temporarily Unavailable",
    482: "Loop Detected",
    484: "Address Incomplete",
    503: "Service Unavailable",
}


def route(snapshot: Snapshot, request: RouteRequest, at: datetime) -> Plan:
    """Decide what a dialled number leads to. Never raises; `at` must carry a time zone."""
    return _Decision(snapshot, request, at).plan()


def onward(plan: Plan, number: str) -> RouteRequest:
    """Return the question for the next step of a call that `plan.entry` sends on to another number.

    The caller stays who it was. The rights are those of whoever set the target: of the extension for a forward,
    of the house for a group, a service or an incoming rule.
    """
    entry = plan.entry
    permission: Origin = FromExtension(entry.number) if isinstance(entry, Extension) else FromHouse()
    return replace(plan.request, dialed=number, permission=permission, caller=plan.caller)


def _by_longest_prefix(snapshot: Snapshot) -> list[Outbound]:
    """Return the outgoing routes that are on, the longest prefix first, made once for a snapshot."""
    made = snapshot.derived.get("outbound")
    if not isinstance(made, list):
        made = sorted((r for r in snapshot.outbound if r.enabled), key=lambda r: -len(r.prefix))
        snapshot.derived["outbound"] = made
    return made


class _Decision:
    """One run of the dial plan, with the trace that it leaves."""

    def __init__(self, snapshot: Snapshot, request: RouteRequest, at: datetime) -> None:
        self.snapshot = snapshot
        self.request = request
        self.at = at
        self.number = clean(request.dialed)
        self.trace: list[TraceStep] = []
        self.who: Origin = request.permission or request.origin
        self.site = site_named(snapshot, request.site) if request.site else None
        self.caller = request.caller or self._caller(None)
        self.entry: Entry | None = None
        self.refusal: Refusal | None = None

    # --- steps ---

    def plan(self) -> Plan:
        """Go through the steps until one decides."""
        self._note(f"{self._asker()} dials {self.number or 'nothing'}")
        if self.site is not None and self.request.permission is None:
            self._note(f'its phone is at site "{self.site.name}"', f"sites/{self.site.name}")
        if not self.number:
            self._refuse(484, "no number was dialled")
        elif isinstance(self.who, FromTrunk):
            self._from_trunk(self.who.name)
        elif isinstance(self.who, FromAnonymous):
            self._from_stranger()
        elif isinstance(self.who, FromExtension):
            self._from_extension(self.who.number)
        else:
            self._anything()
        return Plan(self.request, self.number, self.caller, self.entry, self.refusal, tuple(self.trace))

    def _from_extension(self, number: str) -> None:
        extension = self._extension(number)
        free = self._speed_dial()
        if self._emergency():
            return
        if extension is None:
            self._refuse(403, f"there is no extension {number}")
        elif not extension.enabled:
            setting = f"extensions/{number}"
            self._refuse(403, f"extension {number} is disabled - enable it at Extensions > {number}", setting)
        elif self._internal():
            if extension.permission and self.entry is not None and not free:
                self._permit(extension, Asked(self.number))
        else:
            allowed = extension.outside_calls or free
            self._outside(
                "" if allowed else f"extension {number} may not call outside - allow it at Extensions > {number}",
                f"extensions/{number}",
                limited=extension if extension.permission and not free else None,
            )

    def _permit(self, extension: Extension, asked: Asked) -> bool:
        """Ask the permission of an extension, for a call inside the house or to the outside; refuse what it forbids."""
        found = verdict(self.snapshot, extension, asked, self.at)
        setting = f"permissions/{extension.permission}"
        text = f"extension {extension.number} {found.why}"
        if found.allowed:
            if asked.route is not None:
                self._note(text, setting)
            return True
        self.entry = None
        mend = f"change it at Permissions > {extension.permission}"
        self._refuse(403, f"{text} - {mend}", setting, prompt=NOT_ALLOWED)
        return False

    def _from_stranger(self) -> None:
        if not self.snapshot.general.anonymous_calls:
            self._refuse(403, "calls from strangers are off - allow them at Settings > SIP", "settings")
        elif not self._internal():
            self._refuse(404, f"a stranger may call internal numbers only, and {self.number} is none", "settings")

    def _anything(self) -> None:
        self._speed_dial()
        if not self._emergency() and not self._internal():
            self._outside("", "")

    def _from_trunk(self, name: str) -> None:
        trunk = self.snapshot.trunks_by_name.get(name)
        setting = f"trunks/{name}"
        if trunk is None or not trunk.enabled:
            self._refuse(403, f'trunk "{name}" is not there or off - see Trunks', setting)
            return
        if trunk.outside_calls and self._emergency():
            return
        explicit = self._incoming(trunk)
        if self.refusal is not None:
            return
        if explicit:  # a target that the administrator wrote may be anything, one made of the caller's digits not
            self._anything()
        elif not self._internal():
            self._outside(
                ""
                if trunk.outside_calls
                else f'{self.number} is no internal number and no incoming rule of trunk "{name}" fits - add one at '
                f'Incoming > Add, or allow calls from "{name}" to outside numbers at Trunks > {name}',
                setting,
                status=403 if trunk.outside_calls else 404,
            )

    def _incoming(self, trunk: Trunk) -> bool:
        """Apply the incoming rules to the number and the caller; True when the target is written in a rule."""
        rules = rules_of(self.snapshot, trunk.name)
        position = rules.find(self.number)
        passed = len(rules.rules) if position is None else position
        if passed:
            names = ", ".join(_rule_name(rule) for rule in rules.rules[:5][:passed])
            more = f" and {passed - 5} more" if passed > 5 else ""
            self._note(f"incoming rules that do not fit {self.number}: {names}{more}", "inbound")
        if position is None:
            return False
        rule = rules.rules[position]
        closed = self._closed(rule.hours) if rule.hours else None
        if closed is not None and not rule.closed_target:
            text = f"{closed.why}, and incoming rule {_rule_name(rule)} has no number for that - set one at Incoming"
            self._refuse(480, text, "inbound")
            return False
        wanted = rule.target if closed is None else rule.closed_target
        target = clean(wanted) if wanted else rewrite(self.number, rule.rewrite)
        why = "" if closed is None else f", since {closed.why}"
        self._note(f"incoming rule {_rule_name(rule)} fits: {self.number} becomes {target}{why}", "inbound")
        self.number = target
        if rule.calling is not None:
            self.caller = self._caller(rule)
        if self.caller.number and not self.caller.anonymous:
            self._note(f"the caller {self.request.calling_number} is shown as {self.caller.number}", "inbound")
        return bool(wanted)

    def _closed(self, name: str) -> State | None:
        """Return the state of a time range that is closed, and write down what it is; None when it is open."""
        found = state(self.snapshot, name, self.at)
        self._note(found.why, f"time_ranges/{name}")
        return None if found.open else found

    def _speed_dial(self) -> bool:
        """Put the long number in place of a short one, once; True when everybody may call it."""
        found = self.snapshot.speed_dials_by_number.get(self.number)
        if found is None:
            return False
        self._note(
            f"{self.number} is the speed dial{_called(found.name)}: dials {found.target}", f"speed_dials/{found.number}"
        )
        self.number = clean(found.target)
        return found.everybody

    def _emergency(self) -> bool:
        """Take an emergency number, dialled with or without the outside-line prefix: nothing may block it."""
        snapshot = self.snapshot
        number = self.number.removeprefix("+")
        found = snapshot.emergency.get(number)
        if found is None and number.lower().startswith("urn:service:sos") and snapshot.emergency_numbers:
            found = snapshot.emergency_numbers[0]  # RFC 5031: the phone names the service, not the number
        if found is None:
            return False
        setting = f"emergency_numbers/{found.number}"
        self._note(f"{self.number} is the emergency number {found.number}: nothing may block it", setting)
        trunks = [snapshot.trunks_by_name[n] for n in found.trunks if n in snapshot.trunks_by_name]
        if not any(t.enabled for t in trunks):
            trunks = list(snapshot.trunks)
        payer = self._payer()
        attempts = []
        for trunk in trunks:
            if not trunk.enabled:
                continue
            called = found.sent_as or rewrite(found.number, trunk.out_called)
            shown = outside(
                trunk, None, payer, self.caller, self.request.calling_number, site=self.site, emergency=True
            )
            attempts.append(TrunkDial(trunk, called, shown.number, shown.name, emergency=True, dialed=self.number))
            self._note(f'trunk "{trunk.name}": calls {called} as {shown.number}', f"trunks/{trunk.name}")
        if not attempts:
            text = f"no trunk can carry the emergency number {found.number} - add one at Trunks"
            self._refuse(503, text, setting)
        else:
            self.entry = EmergencyPlan(found, self.number, tuple(attempts))
        return True

    def _internal(self) -> bool:
        """Take a number of the house."""
        found = self.snapshot.numbers.get(self.number)
        if found is None:
            self._note(f"{self.number} is no internal number")
            return False
        if isinstance(found, Extension):
            setting = f"extensions/{found.number}"
            if not found.enabled:
                text = f"extension {found.number} is disabled - enable it at Extensions > {found.number}"
                self._refuse(480, text, setting)
                return True
            self._note(f"{self.number} is extension {found.number}{_called(found.name)}", setting)
            self._note_forwards(found, setting)
        elif isinstance(found, RingGroup):
            members = ", ".join(found.members) or "nobody"
            text = f"{self.number} is ring group {found.number}{_called(found.name)}: rings {members}"
            self._note(text, f"ring_groups/{found.number}")
        else:
            self._note(f"{self.number} is the service {found.kind}{_called(found.name)}", f"services/{found.number}")
            if found.kind == "schedule":
                self._note_schedule(found)
            elif found.kind == "night":
                self._note(f'it switches the time range "{found.hours}" by hand', f"time_ranges/{found.hours}")
        self.entry = found
        return True

    def _outside(self, forbidden: str, setting: str, *, status: int = 403, limited: Extension | None = None) -> None:
        """Take the outgoing route with the longest prefix.

        `forbidden` says why the caller may not, if so; `limited` is the extension whose permission is to be asked.
        """
        number = self.number
        closed = ""
        prefix = self.snapshot.general.outside_prefix
        if number.startswith("+") and prefix:
            number = prefix + number
            self._note(f"{self.number} is in the international form: taken as {number}", "settings")
        for candidate in _by_longest_prefix(self.snapshot):
            if not number.startswith(candidate.prefix):
                continue
            strip = candidate.strip
            if strip is None:
                strip = len(prefix) if number.startswith(prefix) else 0
            rest = number[strip:]
            where = f"outbound/{candidate.name}"
            if len(rest.lstrip("+")) < candidate.min_digits:
                text = f'outgoing route "{candidate.name}" wants {candidate.min_digits} digits, "{rest}" is shorter'
                self._note(text, where)
                continue
            if candidate.hours and (shut := self._closed(candidate.hours)) is not None:
                closed = f'outgoing route "{candidate.name}" is not there now: {shut.why}'
                self._note(closed, where)
                continue
            if forbidden:
                self._refuse(status, forbidden, setting, prompt=NOT_ALLOWED if status == 403 else "")
                return
            called = candidate.prepend + rest
            if limited is None or self._permit(limited, Asked(called, candidate)):
                self._note(f'outgoing route "{candidate.name}" (prefix {candidate.prefix or "any"}): {called}', where)
                self._through(candidate, called, where)
            return
        if forbidden and status == 404:
            self._refuse(404, forbidden, setting)
            return
        if closed:
            self._refuse(403, closed, prompt=NOT_ALLOWED)
            return
        self._refuse(404, f"nothing has the number {self.number}, and no outgoing route begins so - see Dial plan")

    def _through(self, chosen: Outbound, called: str, where: str) -> None:
        """Make the attempts of a route, one for each of its trunks."""
        country = self.snapshot.general.country
        payer = self.who.number if isinstance(self.who, FromExtension) else ""
        attempts = []
        for name in chosen.trunks:
            trunk = self.snapshot.trunks_by_name.get(name)
            setting = f"trunks/{name}"
            if trunk is None or not trunk.enabled:
                self._note(f'trunk "{name}" is not there or off', setting)
                continue
            number = rewrite(format_for_trunk(called, trunk.international_format, country), trunk.out_called)
            shown = outside(trunk, chosen, self._payer(), self.caller, self.request.calling_number, site=self.site)
            hidden = shown.anonymous or self.request.anonymous
            attempts.append(
                TrunkDial(
                    trunk, number, shown.number, shown.name, hidden, dialed=self.number, called=called, payer=payer
                )
            )
            as_whom = f"{shown.number or 'nobody'} ({shown.why}){', hidden' if hidden else ''}"
            order = "then trunk" if len(attempts) > 1 else "trunk"
            self._note(f'{order} "{name}": calls {number} as {as_whom}', setting)
        if attempts:
            self.entry = OutboundPlan(chosen, called, tuple(attempts))
        else:
            text = f'outgoing route "{chosen.name}" has no trunk that is on - add one at Outbound > {chosen.name}'
            self._refuse(503, text, where)

    # --- who ---

    def _caller(self, rule: Inbound | None) -> Party:
        request, snapshot = self.request, self.snapshot
        origin = request.origin
        if isinstance(origin, FromExtension):
            extension = self._extension(origin.number)
            return from_extension(snapshot, extension, self.site) if extension else Party(origin.number)
        if isinstance(origin, FromTrunk):
            trunk = snapshot.trunks_by_name.get(origin.name)
            if trunk is None:
                return Party(clean(request.calling_number), request.calling_name, trunk=origin.name)
            return from_trunk(
                snapshot,
                trunk,
                request.calling_number,
                request.calling_name,
                anonymous=request.anonymous,
                rule=rule.calling if rule else None,
            )
        return from_stranger(snapshot, request.calling_number, request.calling_name, anonymous=request.anonymous)

    def _payer(self) -> Extension | None:
        """Return the extension whose caller id an outside call bears: the caller's, else that which forwards."""
        for origin in (self.request.origin, self.who):
            if isinstance(origin, FromExtension):
                return self._extension(origin.number)
        return None

    def _extension(self, number: str) -> Extension | None:
        found = self.snapshot.numbers.get(number)
        return found if isinstance(found, Extension) else None

    def _asker(self) -> str:
        match self.who:
            case FromExtension(number):
                return f"extension {number}"
            case FromTrunk(name):
                return f'{self.caller.number or "somebody"} through trunk "{name}"'
            case FromAnonymous():
                return f"a stranger ({self.request.calling_number or 'no address'})"
            case _:
                return "the house"

    # --- what is said ---

    def _note(self, text: str, setting: str = "") -> None:
        self.trace.append(TraceStep(text, setting))

    def _refuse(self, status: int, text: str, setting: str = "", *, prompt: str = "") -> None:
        self.refusal = Refusal(status, _REASONS[status], text, prompt)
        self._note(f"refused ({status}): {text}", setting)

    def _note_forwards(self, extension: Extension, setting: str) -> None:
        if extension.forward_always:
            self._note(f"it forwards always to {extension.forward_always}", setting)
            return
        if extension.forward_closed and extension.hours and self._closed(extension.hours) is not None:
            self._note(f"it then sends calls to {extension.forward_closed}", setting)
        elif extension.do_not_disturb:
            self._note(f"it does not want to be disturbed{_then(extension.forward_busy)}", setting)
        elif not extension.lines:
            self._note(f"it has no line{_then(extension.forward_unreachable)}", setting)

    def _note_schedule(self, service: Service) -> None:
        decided = turn(service, self.at, self.snapshot)
        text = f"schedule {service.number}{_called(service.name)}: {decided.why}: goes to {decided.target or 'nothing'}"
        self._note(text, f"services/{service.number}")
        if service.hours:
            self._note(f'its hours are the time range "{service.hours}"', f"time_ranges/{service.hours}")


def closed_now(snapshot: Snapshot, extension: Extension, at: datetime) -> str:
    """Return why an extension sends calls to its `forward_closed` at `at`; "" when it does not."""
    if not extension.forward_closed or not extension.hours:
        return ""
    found = state(snapshot, extension.hours, at)
    return "" if found.open else found.why


def _called(name: str) -> str:
    return f" ({name})" if name else ""


def _then(target: str) -> str:
    return f", goes to {target}" if target else ""


def _rule_name(rule: Inbound) -> str:
    return f'"{rule.name or rule.number or "any number"}"'
