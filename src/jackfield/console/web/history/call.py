"""One call with everything that is known of it."""

from __future__ import annotations

import base64
import datetime
import time
import zoneinfo
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jackfield.company.models import General
from jackfield.console.web import errors
from jackfield.console.web.history import pictures, telling
from jackfield.console.web.history.listing import KINDS, contact_names, outcome_words, party
from jackfield.console.web.rights import gate
from jackfield.console.web.screens import SCREENS
from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.history.choices import Direction
from jackfield.history.models import Call, Journal, Leg

__all__ = ["one", "pcap"]

PATIENCE = 3.0  # seconds that the switch may take to answer
GONE = "This call is not in the history: it never was, or it is older than calls are kept."


@gate("history")
def one(request: HttpRequest, id: str) -> HttpResponse:
    """Show one call."""
    call = Call.objects.filter(id=id).first()
    if call is None:
        return errors.missing(request, GONE)
    general = General.current()
    zone = zoneinfo.ZoneInfo(general.time_zone)
    names = contact_names(request, [call], general)
    legs = list(call.legs.all())
    messages, untraced = _messages(call.id)
    shown = [_leg(leg, zone) for leg in legs]
    end = call.ended if call.ended is not None else time.time()
    context = {
        "call": call,
        "zone": str(zone),
        "sentence": telling.sentence(call, zone, party(call, "caller", names), party(call, "called", names)),
        "outcome": outcome_words(call),
        "kind": KINDS.get(call.outcome, ""),
        "direction": dict(Direction.choices).get(call.direction, call.direction),
        "caller": party(call, "caller", names),
        "called": party(call, "called", names),
        "waited": _between(call.started, call.answered),
        "talked": _between(call.answered, call.ended),
        "legs": shown,
        "timeline": pictures.timeline(call.started, end, [(_name(leg), leg) for leg in legs]) if legs else None,
        "journal": _journal(call, zone),
        "ladder": pictures.ladder(messages) if messages else None,
        "untraced": untraced,
    }
    return render(request, "history/call.html", context)


@gate("history", write=True)
def pcap(request: HttpRequest, id: str) -> HttpResponse:
    """Send the SIP messages of a call for Wireshark; with the keys of the audio, so not for everybody."""
    if not Call.objects.filter(id=id).exists():
        return errors.missing(request, GONE)
    socket = django_settings.JACKFIELD.files.switch_socket
    try:
        content = base64.b64decode(ask_sync(socket, "trace", call=id, format="pcap", timeout=10 * PATIENCE))
    except ControlError as problem:
        return errors.missing(request, _why_untraced(problem))
    headers = {"Content-Disposition": f'attachment; filename="call-{id}.pcap"'}
    return HttpResponse(content, content_type="application/vnd.tcpdump.pcap", headers=headers)


def _messages(id: str) -> tuple[list[dict[str, Any]], str]:
    """Return the SIP messages that are still kept, or why there are none."""
    socket = django_settings.JACKFIELD.files.switch_socket
    try:
        return ask_sync(socket, "trace", call=id, format="messages", timeout=PATIENCE), ""
    except ControlError as problem:
        return [], _why_untraced(problem)


def _why_untraced(problem: ControlError) -> str:
    if isinstance(problem, NotRunning):
        return "The SIP messages of this call can’t be asked for, because the switch is not running."
    if "are kept" in str(problem):
        return (
            "The SIP messages of this call are not kept any more: only the last few megabytes of all calls are, so "
            "look soon after a call."
        )
    return f"The SIP messages of this call can’t be shown: {problem}."


def _name(leg: Leg) -> str:
    return telling.short(leg.number or leg.trunk, leg.name)


def _leg(leg: Leg, zone: zoneinfo.ZoneInfo) -> dict[str, Any]:
    figures = telling.qualities(leg.media or {}, _name(leg))
    return {
        "row": leg,
        "party": {name: getattr(leg, name) for name in ("number", "name", "extension", "trunk")},
        "name": _name(leg),
        "role": "Caller" if leg.role == "caller" else "Called",
        "waited": _between(leg.invited or None, leg.ringing or leg.answered or leg.ended),
        "rang": _between(leg.ringing, leg.answered or leg.ended),
        "talked": _between(leg.answered, leg.ended),
        "times": [
            (word, _clock(at, zone))
            for word, at in (
                ("called", leg.invited or None), ("rang", leg.ringing), ("answered", leg.answered), ("ended", leg.ended)
            )
            if at is not None
        ],
        "signalling": "encrypted" if leg.address.startswith(("TLS", "WSS")) else "not encrypted",
        "figures": figures,
        "word": telling.worst(figures),
    }  # fmt: skip


def _between(first: float | None, last: float | None) -> str:
    return "" if first is None or last is None else telling.lasting(last - first)


def _clock(at: float, zone: zoneinfo.ZoneInfo) -> str:
    moment = datetime.datetime.fromtimestamp(at, zone)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def _journal(call: Call, zone: zoneinfo.ZoneInfo) -> list[dict[str, str]]:
    """Return what happened, line by line, with the setting that a line names."""
    journal = Journal.objects.filter(call_id=call.id).first()
    return [
        {
            "at": _clock(line["at"], zone),
            "after": f"{max(0.0, line['at'] - call.started):.1f} s",
            "text": _capital(line["text"]),
            "link": line.get("link") or "",
            "setting": _setting(line.get("link") or ""),
        }
        for line in (journal.lines if journal else [])
    ]


def _setting(link: str) -> str:
    """Return what a link of the journal leads to, in words; "" for what has no page."""
    section, _, key = link.partition("/")
    screen = SCREENS.get(section)
    if screen is None:
        return ""
    return f"{screen.one} {key}" if key and screen.section.key else screen.title


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
