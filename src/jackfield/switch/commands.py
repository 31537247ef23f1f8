"""What the switch answers on its control socket: the verbs behind `jackfield status`, `calls`, `hangup`, `route`, …"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield import __version__, capture, logs
from jackfield.control import ControlError
from jackfield.media.client import MediaLost
from jackfield.sip.transport.transports import Transports
from jackfield.switch.browser_phones import BrowserPhones
from jackfield.switch.check_sync import CheckSync
from jackfield.switch.forecast import Forecast, forecast
from jackfield.switch.in_call import InCall, find_call, leg_row
from jackfield.switch.origination import Originator
from jackfield.switch.outgoing import OutgoingLeg
from jackfield.switch.route import FromAnonymous, FromExtension, FromTrunk, OutboundPlan, RouteRequest
from jackfield.switch.site_report import SiteReport
from jackfield.switch.sites import site_at, site_named

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jackfield.switch.call_base import CallBase
    from jackfield.switch.contact import Contact
    from jackfield.switch.party import Party
    from jackfield.switch.snapshot import Snapshot
    from jackfield.switch.switch import Switch

log = logging.getLogger("jackfield.switch")

Handler = "Callable[[dict[str, Any]], Awaitable[Any]]"

SHARING_SECONDS = 2.0


class Commands:
    """Answers the control socket. `stop` is called when the process is told to drain and end."""

    def __init__(self, switch: Switch, recorder: capture.Recorder, *, stop: Callable[[], None], path: Path) -> None:
        self.switch = switch
        self.recorder = recorder
        self.stop = stop
        self.snapshot_path = path
        self._phones_version = 0
        self._sites = SiteReport(switch)
        switch.registrar.watchers.append(self._phone_changed)

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verb → coroutine."""
        return {
            "status": self.status,
            "calls": self.calls,
            "trunks": self.trunks,
            "live": self.live,
            "registrations": self.registrations,
            "registered": self.registered,
            "turned_away": self.turned_away,
            "prove": self.switch.proofs.prove,
            "routers": self.switch.proofs.routers,
            "to_be_moved": self.switch.proofs.to_be_moved,
            "transports": self.switch.proofs.transports,
            "hangup": self.hang_up,
            "originate": Originator(self.switch).originate,
            **InCall(self.switch).handlers(),
            "route": self.route,
            "reload": self.reload,
            "trace": self.trace,
            "metrics": self.metrics,
            "share_port": self.share_port,
            "drain": self.drain,
            "log_level": self.log_level,
            **self.switch.addresses.handlers(),
            **self.switch.lending.handlers(),
            **self.switch.waking.handlers(),
            **BrowserPhones(self.switch).handlers(),
            **self._sites.handlers(),
            **self.switch.overrides.handlers(),
            **self.switch.limits.handlers(),
            "notify": CheckSync(self.switch).notify,
            "line_secrets": self.switch.authenticator.secrets.line_secrets,
        }

    async def status(self, request: dict[str, Any]) -> dict[str, Any]:
        """Registrations, calls, trunks, counters."""
        switch = self.switch
        return {
            "version": __version__,
            "uptime": switch.now() - switch.started,
            "draining": switch.draining,
            "configuration": switch.snapshot.version,
            "registrations": [dataclasses.asdict(row) for row in switch.registrar.table()],
            "calls": [call_row(call) for call in switch.calls.values()],
            "trunks": [dataclasses.asdict(row) for row in switch.trunks.table()],
            "counters": await self.metrics(request),
        }

    async def calls(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Calls in progress."""
        return [call_row(call) for call in self.switch.calls.values()]

    async def trunks(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """The trunks alone: what is asked for every few seconds must not carry all registrations along."""
        return [dataclasses.asdict(row) for row in self.switch.trunks.table()]

    async def live(self, request: dict[str, Any]) -> dict[str, Any]:
        """What somebody who watches asks for every second; `phones` counts on whenever "registrations" has changed."""
        switch = self.switch
        return {
            "boot": switch.boot,
            "now": switch.now(),
            "draining": switch.draining,
            "calls": [call_row(call) for call in switch.calls.values()],
            "trunks": switch.trunks.table(),
            "registered": len(switch.registrar),
            "phones": self._phones_version,
            "sites": self._sites.table(),
        }

    async def registrations(self, request: dict[str, Any]) -> list[Any]:
        """Every registered phone."""
        return self.switch.registrar.table()

    async def turned_away(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Phones that were refused because they are not in their address group, the latest first."""
        return list(reversed(self.switch.authenticator.whence.turned_away.values()))

    async def registered(self, request: dict[str, Any]) -> dict[str, int]:
        """Extensions with phones, and how many each has that can be reached."""
        lines, found = self.switch.snapshot.lines, dict[str, int]()
        for contact in self.switch.registrar:
            if contact.username in lines:
                number = lines[contact.username][0].number
                found[number] = found.get(number, 0) + contact.reachable
        return found

    def _phone_changed(self, contact: Contact) -> None:
        self._phones_version += 1

    async def hang_up(self, request: dict[str, Any]) -> dict[str, Any]:
        """End a call, named by its id or the beginning of it. `by`: who asks, for the journal.

        `extension`: on whose behalf; while only its phones ring, it declines, and the call goes on elsewhere if it can.
        """
        call = find_call(self.switch, str(request.get("id", "")))
        by, extension = request.get("by") or "the administrator", str(request.get("extension", ""))
        if extension:
            ringing = rung_by(call, extension)
            if ringing:
                for leg in ringing:
                    leg.decline(f"declined by {by}")
                return {"id": call.id}
            if self.switch.waking.decline(call, extension, f"declined by {by}"):
                return {"id": call.id}
            own = [leg for leg in call.legs if leg.party.extension == extension and not leg.ended and not leg.leaving]
            if not own:
                raise ControlError(f"extension {extension} is not in call {call.id}")
            call.record.hung_up_by = call.record.hung_up_by or own[0].record.role
            call.end(487, f"hung up by {by}")
            return {"id": call.id}
        call.end(200, f"hung up by {by}")
        return {"id": call.id}

    async def route(self, request: dict[str, Any]) -> dict[str, Any]:
        """What would happen if, through schedules to the end of the way, at the time `at` (company's zone; else now).

        `from`: an extension, "trunk:NAME", "trunk:NAME:NUMBER", or "anonymous".
        """
        snapshot = self.switch.snapshot
        at = request.get("at")
        try:
            when = datetime.fromisoformat(at) if at else self.switch.local_time(snapshot)
        except ValueError:
            raise ControlError(f'"{at}" is no time: write it as 2026-11-22T14:30') from None
        if when.tzinfo is None:
            when = when.replace(tzinfo=self.switch.local_time(snapshot).tzinfo)
        question = _question(snapshot, str(request.get("from", "")), str(request.get("to", "")))
        if isinstance(question.origin, FromExtension):
            number = question.origin.number
            extension = next(one for one in snapshot.extensions if one.number == number)
            question = dataclasses.replace(question, site=site_at(snapshot, self.switch.registrar, extension))
        foreseen = forecast(snapshot, question, when)
        found = forecast_to_dict(foreseen)
        steps, refused = self.switch.limits.outlook(foreseen.plan, question.site, when if at else None)
        found["trace"] += [{"text": step.text, "setting": step.setting} for step in steps]
        if refused is not None:
            found["leads_to"] = None
            found["refused"] = {"status": 403, "reason": "Forbidden", "text": refused.words}
        site = site_named(snapshot, question.site) if question.site else None
        refusable = found["leads_to"] is None or found["leads_to"]["kind"] != "emergency"
        if site is not None and refusable and not at and (outlook := self.switch.site_admission.outlook(site)):
            found["trace"].append({"text": outlook, "setting": f"sites/{site.name}"})
        return found

    async def reload(self, request: dict[str, Any]) -> dict[str, Any]:
        """Read the snapshot file anew."""
        try:
            snapshot = await asyncio.to_thread(self.switch.load, self.snapshot_path)
        except (OSError, msgspec.DecodeError) as problem:
            raise ControlError(f"the configuration in {self.snapshot_path} can't be read: {problem}") from None
        await self.switch.reload(snapshot)
        return {"version": snapshot.version}

    async def trace(self, request: dict[str, Any]) -> Any:
        """SIP messages of a call: `format` "ladder" (text), "pcap" (bytes) or "messages" (each by itself)."""
        wanted = str(request.get("call", ""))
        dialogs = self._dialogs(wanted)
        messages = self.recorder.messages(request.get("call_ids") or dialogs)
        if not messages:
            raise ControlError(
                f'no SIP messages of "{wanted}" are kept: only the last few megabytes are, so ask soon after the call'
            )
        if request.get("format") == "pcap":
            return capture.pcap(messages)
        if request.get("format") == "messages":
            return [traced_row(message, dialogs) for message in messages]
        return capture.ladder(messages, names=dialogs)

    def _dialogs(self, wanted: str) -> dict[str, str]:
        """SIP Call-IDs of a call, by the beginning of its id, with whom each was for; else it may be one itself."""
        for call in self.switch.calls.values():
            if wanted and call.id.startswith(wanted):
                return call.dialogs
        for call_id, dialogs in reversed(self.switch.recent):
            if wanted and call_id.startswith(wanted):
                return dialogs
        return {wanted: ""}

    async def metrics(self, request: dict[str, Any]) -> dict[str, float]:
        """Flat counters and gauges."""
        switch = self.switch
        found: dict[str, float] = {
            "calls_active": len(switch.calls),
            "draining": int(switch.draining),
            "registrations": len(switch.registrar),
            "subscriptions": len(switch.subscriptions),
            "uptime_seconds": switch.now() - switch.started,
            **{f"{name}_total": count for name, count in switch.counters.items()},
            **{f"sip_{name.lower().replace(' ', '_')}_total": count for name, count in switch.agent.counters.items()},
        }
        found |= _transport_counters(switch.agent.transports)
        for worker in switch.media.pool.workers:
            with contextlib.suppress(MediaLost):
                stats = await worker.statistics()
                used = worker.open_streams
                found["media_streams"] = found.get("media_streams", 0) + used
                # A stream that is just being opened or closed is known to one side only for a moment.
                spare = max(0, stats.streams - used)
                found["media_spare_streams"] = found.get("media_spare_streams", 0) + spare
                for name, value in msgspec.to_builtins(stats).items():
                    if name in _MEDIA_GAUGES:
                        found[f"media_{name}"] = found.get(f"media_{name}", 0) + value
                    elif name in _MEDIA_COUNTERS:
                        found[f"media_{name}_total"] = found.get(f"media_{name}_total", 0) + value
        return found

    async def share_port(self, request: dict[str, Any]) -> None:
        """Let the console hear, for a moment of binding, phones that ask a multicast group at the SIP port."""
        transports = self.switch.agent.transports
        if isinstance(transports, Transports):
            transports.let_share(SHARING_SECONDS)

    async def drain(self, request: dict[str, Any]) -> dict[str, Any]:
        """Finish calls and end."""
        self.stop()
        return {"calls": len(self.switch.calls)}

    async def log_level(self, request: dict[str, Any]) -> dict[str, Any]:
        """Change what is logged."""
        level = str(request.get("level", "info"))
        logs.set_level(level)
        return {"level": level}


def rung_by(call: CallBase, extension: str) -> list[OutgoingLeg]:
    """The phones of an extension that ring for a call which it has no other part in."""
    own = [leg for leg in call.legs if leg.party.extension == extension and not leg.ended and not leg.leaving]
    ringing = [leg for leg in own if isinstance(leg, OutgoingLeg) and leg.fork is not None and not leg.answered]
    called = all(leg.record.role == "callee" for leg in ringing)  # else it has asked for the call by a click
    return ringing if called and len(ringing) == len(own) else []


def traced_row(message: capture.Traced, names: dict[str, str]) -> dict[str, Any]:
    """A SIP message as plain data; `names` says of each Call-ID with whom it was."""
    return {
        "at": message.at,
        "direction": message.direction,
        "transport": message.transport,
        "remote": [*message.remote],
        "name": names.get(message.call_id, ""),
        "title": message.title,
        "sdp": message.has_sdp,
        "text": message.data.decode("utf-8", "replace"),
    }


def call_row(call: CallBase) -> dict[str, Any]:
    """A call in progress as plain data."""
    record = call.record
    called = record.called
    return {
        "id": record.id,
        "from": _party(record.caller),
        "to": _party(called) if called else {"number": record.dialed, "name": "", "extension": "", "trunk": ""},
        "dialed": record.dialed,
        "direction": record.direction,
        "state": call.state,
        "started": record.started,
        "answered": record.answered,
        "seconds": call.now() - record.started,
        "direct": call.direct.state if call.direct is not None else "",
        "legs": [
            {
                **leg_row(leg),
                "party": str(leg),
                "answered": leg.answered,
                "codec": leg.audio.codec,
                "secure": leg.audio.secure,
                "address": leg.record.address,
                "held": leg.held,
                "site": site.name if (site := call.switch.site_admission.site(leg)) is not None else "",
            }
            for leg in call.legs
            if not leg.ended and not leg.leaving
        ],
    }


def _party(party: Party) -> dict[str, str]:
    return {"number": party.number, "name": party.name, "extension": party.extension, "trunk": party.trunk}


_MEDIA_GAUGES = frozenset(("ports_free",))
_MEDIA_COUNTERS = frozenset(
    ("relayed", "transcoded", "played", "dropped_source", "dropped_malformed", "kernel_drops", "failures")
)


def _transport_counters(transports: object) -> dict[str, float]:
    """What the SIP transports counted."""
    if not isinstance(transports, Transports):
        return {}
    transports.refresh_stats()
    stats = transports.stats
    found: dict[str, float] = {"sip_kernel_drops_total": stats.kernel_drops}
    for transport, counters in stats.by_transport.items():
        for name in ("received", "sent", "malformed", "throttled", "closed", "lost", "turned_away"):
            found[f"sip_{transport.lower()}_{name}_total"] = getattr(counters, name)
        found[f"sip_{transport.lower()}_connections"] = counters.connections
    return found


def _question(snapshot: Snapshot, who: str, to: str) -> RouteRequest:
    if not to:
        raise ControlError("which number is dialled? give FROM and TO")
    if who.startswith("trunk:"):
        name, _, number = who.removeprefix("trunk:").partition(":")
        if name not in snapshot.trunks_by_name:
            known = ", ".join(snapshot.trunks_by_name) or "none"
            raise ControlError(f'there is no trunk "{name}"; known: {known}')
        return RouteRequest(dialed=to, origin=FromTrunk(name), calling_number=number)
    if who == "anonymous":
        return RouteRequest(dialed=to, origin=FromAnonymous())
    if who not in {extension.number for extension in snapshot.extensions}:
        raise ControlError(f'there is no extension "{who}": give an extension, trunk:NAME:NUMBER or anonymous')
    return RouteRequest(dialed=to, origin=FromExtension(who))


def forecast_to_dict(found: Forecast) -> dict[str, Any]:
    """What would happen as plain data, for people and programs."""
    plan = found.plan
    entry = plan.entry
    leads_to = None
    if entry is not None:
        kind = type(entry).__name__.removesuffix("Plan").lower()
        leads_to = {"kind": kind, "number": plan.number, "name": getattr(entry, "name", "")}
        if isinstance(entry, OutboundPlan):
            leads_to["name"] = entry.route.name
        if hasattr(entry, "attempts"):
            leads_to["attempts"] = [
                {"trunk": dial.trunk.name, "number": dial.number, "caller": dial.caller_number}
                for dial in entry.attempts
            ]
    refusal = plan.refusal
    return {
        "dialed": plan.request.dialed,
        "number": found.number,
        "through": found.stages(),
        "leads_to": leads_to,
        "refused": {"status": refusal.status, "reason": refusal.reason, "text": refusal.text} if refusal else None,
        "caller_shown": {"number": plan.caller.number, "name": plan.caller.name},
        "trace": [{"text": step.text, "setting": step.setting} for step in plan.trace],
    }
