"""Pictures of a call, laid out on the server: the timeline of its legs, and its SIP messages as a ladder.

Lengths are in units of the picture's own `viewBox`; the templates draw what is laid out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Ladder", "Timeline", "ladder", "timeline"]

WIDTH, LABELS, ROW, BAR, LEAST = 860, 170, 34, 16, 3
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class Bar:
    """What a party did for a while: kind is wait, ring or talk."""

    kind: str
    x: float
    width: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One leg of the timeline."""

    label: str
    y: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All legs over the time of the call."""

    width: int
    height: int
    left: int
    bar: int
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]


def timeline(started: float, ended: float, legs: Sequence[tuple[str, Any]]) -> Timeline:
    """Lay out (label, leg) one below the other. Times are seconds since 1970."""
    total = max(ended - started, 0.1)
    scale = (WIDTH - LABELS - 20) / total

    def bar(kind: str, first: float, last: float) -> Bar:
        first, last = max(first, started), min(max(last, first), ended)
        width = max(LEAST, (last - first) * scale)
        x = min(LABELS + (first - started) * scale, WIDTH - 20 - width)
        return Bar(kind, round(x, 1), round(width, 1), last - first)

    lanes = []
    for index, (label, leg) in enumerate(legs):
        end = ended if leg.ended is None else leg.ended
        marks = [("wait", leg.invited or started), ("ring", leg.ringing), ("talk", leg.answered)]
        known = [(kind, at) for kind, at in marks if at is not None]
        following = [at for _, at in known[1:]] + [end]
        bars = tuple(bar(kind, at, until) for (kind, at), until in zip(known, following, strict=True) if until > at)
        lanes.append(Lane(label if len(label) <= 22 else f"{label[:21]}…", 8 + index * ROW, bars))
    step = next((step for step in STEPS if total / step <= 7), STEPS[-1])
    ticks = tuple(
        (round(LABELS + at * scale, 1), f"{at // 60}:{at % 60:02d}" if total >= 60 else f"{at} s")
        for at in range(0, int(total) + 1, step)
    )
    return Timeline(WIDTH, 8 + len(lanes) * ROW + 22, LABELS, BAR, tuple(lanes), ticks)


COLUMN, LINE, HEAD, TIMES = 220, 34, 50, 64
MOST = 300
"""Messages that are drawn; a call that was held for hours has thousands."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One SIP message."""

    number: int
    y: int
    start: int
    end: int
    label: str
    time: str
    kind: str  # request, good, bad
    said: str  # for who reads instead of looking
    text: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """All messages between the peers and Jackfield."""

    width: int
    height: int
    peers: tuple[tuple[int, str, str], ...]  # x, name, address
    arrows: tuple[Arrow, ...]
    left_out: int


def ladder(messages: Sequence[dict[str, Any]]) -> Ladder:
    """Lay out messages as the switch tells them: the first peer left of Jackfield, the others right of it."""
    peers: list[tuple[str, str]] = []
    for message in messages:
        if (peer := _peer(message)) not in peers:
            peers.append(peer)
    columns = [peers[0], ("Jackfield", ""), *peers[1:]]
    at = [TIMES + COLUMN // 2 + index * COLUMN for index in range(len(columns))]
    start = messages[0]["at"]
    arrows = []
    for number, message in enumerate(messages[:MOST], 1):
        peer = _peer(message)
        there = at[columns.index(peer)]
        first, last = (there, at[1]) if message["direction"] == "in" else (at[1], there)
        title = message["title"]
        code = title[:3]
        kind = "request" if not code.isdigit() else "bad" if code[0] in "456" else "good"
        names = (peer[0], "Jackfield") if message["direction"] == "in" else ("Jackfield", peer[0])
        after = f"{message['at'] - start:.3f}"
        arrows.append(
            Arrow(
                number, HEAD + number * LINE, first, last, title + (" · audio" if message["sdp"] else ""), after, kind,
                f"after {after} s, {names[0]} to {names[1]}: {title}", masked(message["text"]),
            )
        )  # fmt: skip
    return Ladder(
        at[-1] + COLUMN // 2,
        HEAD + (len(arrows) + 1) * LINE,
        tuple((x, name, where) for x, (name, where) in zip(at, columns, strict=True)),
        tuple(arrows),
        max(0, len(messages) - MOST),
    )


def _peer(message: dict[str, Any]) -> tuple[str, str]:
    host, port = message["remote"]
    where = f"{message['transport']} {f'[{host}]' if ':' in host else host}:{port}"
    return message["name"] or where, where if message["name"] else ""


def masked(text: str) -> str:
    """Return a message without what could be used again: answers to a password question, keys of the audio."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        name = line.partition(":")[0].strip().lower()
        if name in ("authorization", "proxy-authorization"):
            line = f"{line.partition(':')[0]}: (not shown)"
        elif line.startswith("a=crypto:"):
            line = f"{line.partition('inline:')[0]}inline:(not shown)"
        lines.append(line)
    return "\n".join(lines)
