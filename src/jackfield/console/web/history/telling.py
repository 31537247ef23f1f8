"""A call in plain words: one sentence for all of it, and what its figures of quality mean for who talked."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Figure", "lasting", "qualities", "sentence", "short", "who"]


def lasting(seconds: float) -> str:
    """Return a duration as people say it: "8 s", "3:20", "1:02:03"."""
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def who(number: str, name: str) -> str:
    """Return a party as a sentence names it: "Anna (101)"."""
    if name:
        return f"{name} ({number})" if number and number != name else name
    return number or "somebody with a hidden number"


def short(number: str, name: str) -> str:
    """Return a party as it is named the second time: "Anna"."""
    return name or number or "the caller"


def sentence(
    call: Any,
    zone: zoneinfo.ZoneInfo,
    calling: Mapping[str, str] | None = None,
    called: Mapping[str, str] | None = None,
) -> str:
    """Return what happened in a call, in one sentence without its full stop.

    `calling`, `called`: `number` and `name` of both, as they are shown; None: as the record has them.
    """
    at = datetime.datetime.fromtimestamp(call.started, zone)
    one = calling or {"number": call.caller_number, "name": call.caller_name}
    other = called or {"number": call.called_number, "name": call.called_name}
    caller = who(one["number"], one["name"])
    target = who(other["number"] or call.dialed, other["name"])
    parts = [f"{caller[:1].upper()}{caller[1:]} called {target} on {at:%A}, {at.day} {at:%B %Y} at {at:%H:%M}"]
    if call.direction == "in" and call.dialed and call.dialed not in (call.called_number, call.called_extension):
        parts[0] += f" under {call.dialed}"
    if call.ended is None and not call.outcome:
        return f"{parts[0]}, and the call goes on"
    if call.ringing is not None:
        until = call.answered if call.answered is not None else call.ended
        if until is not None and until - call.ringing >= 0.5:
            parts.append(f"it rang for {lasting(until - call.ringing)}")
    parts.append(_end(call, short(one["number"], one["name"]), short(other["number"], other["name"])))
    return ", ".join(parts)


def _end(call: Any, caller: str, called: str) -> str:
    if call.answered is not None and call.ended is not None:
        by = {"caller": f"{caller} hung up", "callee": f"{called or 'the other one'} hung up"}
        end = by.get(call.hung_up_by, "the system ended the call")
        if call.outcome == "interrupted":
            end = "the system stopped meanwhile"
        elif call.hung_up_by == "system" and call.reason:
            end += f" ({call.reason})"
        return f"they talked for {lasting(call.ended - call.answered)}, {end}"
    reason = f": {call.reason}" if call.reason else ""
    return {
        "busy": f"{called} was busy",
        "no_answer": "nobody answered",
        "unreachable": f"no phone of {called} was reachable",
        "rejected": f"{called} refused the call",
        "cancelled": f"{caller} gave up",
        "interrupted": "the system stopped before it was over",
    }.get(call.outcome, f"the call failed{reason}")


# --- quality --------------------------------------------------------------------------------------------------------

GOOD, FAIR, BAD = "good", "fair", "bad"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure: `word` is good, fair or bad, or empty for what has no measure."""

    name: str
    value: str
    word: str
    meaning: str


def _word(value: float, good: float, fair: float) -> str:
    return GOOD if value <= good else FAIR if value <= fair else BAD


_LOSS = {
    GOOD: "no word was missing",
    FAIR: "now and then a syllable was missing",
    BAD: "parts of what was said were missing",
}
_JITTER = {
    GOOD: "packets came evenly",
    FAIR: "packets came unevenly; phones with a small buffer may crackle",
    BAD: "packets came so unevenly that the voice was cut up",
}
_TRIP = {
    GOOD: "no delay that anybody notices",
    FAIR: "a noticeable delay; people begin to interrupt each other",
    BAD: "a long delay, as with a satellite; talking at the same time is likely",
}
_MOS = {GOOD: "sounds as a good telephone line does", FAIR: "can be understood, with flaws", BAD: "hard to understand"}


def qualities(media: Mapping[str, Any], name: str) -> list[Figure]:
    """Return the figures of one party's audio, from the statistics of `media.protocol.StreamStats`.

    Limits: loss 1 and 3 %, jitter 20 and 50 ms, round trip 300 ms (150 ms one way, ITU-T G.114) and 600 ms, MOS 4.0 and
    3.6 (ITU-T G.107 annex B: "satisfied", "some dissatisfied").
    """
    if not media:
        return []
    came, went = media.get("packets_in", 0), media.get("packets_out", 0)
    if not came:
        if not went:
            return []
        meaning = f"nothing of what {name} said arrived here: a firewall or NAT before that phone, or it was muted"
        return [Figure(f"Audio from {name}", "none", BAD, meaning)]
    lost = max(0, media.get("lost", 0))
    share = 100 * lost / (came + lost)
    word = _word(share, 1, 3)
    found = [Figure(f"Lost on the way from {name}", _percent(share), word, _LOSS[word])]
    if media.get("lost_out", -1) >= 0 and went:
        share = min(100.0, 100 * media["lost_out"] / went)
        word = _word(share, 1, 3)
        found.append(Figure(f"Lost on the way to {name}", _percent(share), word, _LOSS[word]))
    for key, way in (("jitter_ms", "from"), ("jitter_out_ms", "to")):
        jitter = media.get(key, -1)
        if jitter >= 0:
            word = _word(jitter, 20, 50)
            found.append(Figure(f"Jitter {way} {name}", f"{jitter:.1f} ms", word, _JITTER[word]))
    trip = media.get("rtt_ms", -1)
    if trip >= 0:
        word = _word(trip, 300, 600)
        found.append(Figure("There and back (latency)", f"{trip:.0f} ms", word, _TRIP[word]))
    mos = media.get("mos", 0)
    if mos:
        word = _word(-mos, -4.0, -3.6)
        found.append(Figure(f"How {name} sounded (MOS)", f"{mos:.1f} of 4.5", word, _MOS[word]))
    return found


def worst(figures: list[Figure]) -> str:
    """Return the worst word of all figures; "" when nothing was measured."""
    words = {figure.word for figure in figures}
    return next((word for word in (BAD, FAIR, GOOD) if word in words), "")


def _percent(share: float) -> str:
    return "none" if share == 0 else f"{share:.2f} %" if share < 1 else f"{share:.1f} %"
