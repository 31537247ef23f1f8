"""Sites: what each uses of its line now beside what fits into it, and reckoning ahead what calls take of a line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from jackfield.console import live
from jackfield.console.languages import locale
from jackfield.console.web import errors
from jackfield.console.web.live import NOT_RUNNING, STREAM_SECONDS, STREAM_TYPE, let_thread_go, switch_says
from jackfield.console.web.rights import gate
from jackfield.control import ControlError, NotRunning, ask
from jackfield.network.bandwidth import (
    CODECS,
    PACKET_TIMES,
    BandwidthProblem,
    Layer,
    Need,
    Way,
    calls_within,
    checked,
    plan,
)

__all__ = ["planner", "site", "stream", "urls"]

EVERY = 2.0
"""Seconds between two looks at a site that somebody watches."""
MOST_CALLS, MOST_KBITS = 100_000, 10_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A codec on a line. `fits`: calls that fit into it; None where no line is given."""

    need: Need
    fits: int | None
    more: int | None = None
    """Calls that fit besides those that there are."""


def layers() -> dict[str, str]:
    """Return the layers with their names."""
    from jackfield.sites.choices import Layer

    return {str(value): str(label) for value, label in Layer.choices}


def ways() -> dict[str, str]:
    """Return the ways to encrypt with their names."""
    return {
        "off": _("not encrypted"), "80": _("SRTP, 80-bit tag"), "32": _("SRTP, 32-bit tag"), "gcm": _("SRTP, AES-GCM")
    }  # fmt: skip


@gate("phones")
def planner(request: HttpRequest) -> HttpResponse:
    """Show what calls take of a line with each codec, and how many fit."""
    asked = {
        "calls": request.GET.get("calls") or "10", "ptime": request.GET.get("ptime") or "20",
        "security": request.GET.get("security") or "off", "layer": request.GET.get("layer") or "ip",
        "opus": request.GET.get("opus") or "32", "line": request.GET.get("line") or "",
        "ip": request.GET.get("ip") or "4",
    }  # fmt: skip
    rows: list[Row] = []
    problem = ""
    try:
        calls = _number(asked["calls"], 1, MOST_CALLS, _("Calls at once"))
        line = _number(asked["line"], 1, MOST_KBITS, _("Line")) if asked["line"] else 0
        rate = 1000 * _number(asked["opus"], 6, 510, _("Opus"))
        ptime = _number(asked["ptime"], 10, 120, _("Packet time"))
        way = checked(asked["layer"], asked["security"], asked["ip"])
        rows = _rows(plan(way, calls, None, ptime, rate), line)
    except BandwidthProblem as wrong:
        problem = str(wrong)
    context = {
        "asked": asked,
        "rows": rows,
        "problem": problem,
        "layers": layers(),
        "ways": ways(),
        "ptimes": PACKET_TIMES,
        "numbers": str(locale()).replace("_", "-"),
        "left_out": [one.label for name, one in CODECS.items() if rows and name not in {r.need.codec for r in rows}],
    }
    return render(request, "sites/planner.html", context, status=422 if problem else 200)


def _number(text: str, low: int, high: int, what: str) -> int:
    if not text.strip().isdecimal() or not low <= int(text) <= high:
        said = _("%(what)s: give a number from %(low)s to %(high)s")
        raise BandwidthProblem(said % {"what": what, "low": low, "high": high})
    return int(text)


def _rows(needs: list[Need], line: int, used: float = 0.0) -> list[Row]:
    if not line:
        return [Row(one, None) for one in needs]
    return [Row(one, calls_within(line, one.each), calls_within(max(0.0, line - used), one.each)) for one in needs]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a site's page needs of the database, so that its live part needs it only once."""

    pk: int
    name: str
    line: int
    """kbit/s of its slower direction that is limited; 0: neither is."""
    layer: Layer
    codecs: tuple[str, ...]
    set_here: int
    """Extensions that are set to it by hand."""


def _shown(pk: int) -> Shown | None:
    from jackfield.sites.models import Site

    row = Site.objects.filter(pk=pk).first()
    if row is None:
        return None
    line = min((size for size in (row.bandwidth_up, row.bandwidth_down) if size), default=0)
    return Shown(pk, row.name, line, row.layer, row.codecs, row.extensions.count())


@gate("phones")
def site(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a site uses now, what fits, and its phones."""
    shown = _shown(pk)
    if shown is None:
        return errors.missing(request, _("This site is not there any more: somebody removed it."))
    answer, problem = switch_says("sites", name=shown.name)
    context = {"problem": problem, **_now(shown, answer[0] if answer else None)}
    return render(request, "sites/site.html", context)


def _now(row: Shown, now: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the live part of a site's page is made of."""
    codecs = row.codecs or tuple(CODECS)
    way, secure = Way(row.layer), Way(row.layer, "80")
    line = row.line
    if now:  # what counts, even if the settings are newer or older than the page
        line = min((size for size in (now["limit_up"], now["limit_down"]) if size), default=0)
    used = float(now["up"]) if now else 0.0
    rows = _rows(plan(way, 1, codecs), line, used)
    encrypted = [one.each for one in plan(secure, 1, codecs)]
    return {
        "row": row,
        "now": now,
        "line": line,
        "share": round(100 * used / line) if line else None,
        "rows": list(zip(rows, encrypted, strict=True)),
        "layer": layers()[row.layer],
        "labels": {name: one.label for name, one in CODECS.items()},
    }


@gate("phones")
def stream(request: HttpRequest) -> Any:
    """Send the live part of the page of a site (`site`: its number) as server-sent events, whenever it is different.

    Its address stands in `asgi.STREAMS`.
    """
    if request.headers.get("Accept") != STREAM_TYPE:
        return HttpResponse(f"This is for programs that accept {STREAM_TYPE}.\n", status=406, content_type="text/plain")
    pk = request.GET.get("site", "")
    shown = _shown(int(pk)) if pk.isascii() and pk.isdecimal() and len(pk) < 10 else None
    if shown is None:
        return HttpResponse(status=204)  # tells a browser not to come back
    socket: Path = settings.JACKFIELD.files.switch_socket
    said = _messages(shown, socket, translation.get_language())
    response = StreamingHttpResponse(said, content_type=STREAM_TYPE)
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _messages(row: Shown, socket: Path, language: str | None) -> AsyncIterator[bytes]:
    let_thread_go()
    loop = asyncio.get_running_loop()
    end, hub = loop.time() + STREAM_SECONDS, live.hub()
    known = ""
    with hub.listen() as listener:  # which ends when the console stops
        while loop.time() < end and not listener.ended:
            listener.take()
            running, problem, now = True, "", None
            try:
                (now,) = await ask(socket, "sites", name=row.name, timeout=3.0)
            except NotRunning:
                running, problem = False, NOT_RUNNING
            except ControlError as wrong:
                running, problem = False, str(wrong)
                if problem.startswith("there is no site"):
                    with translation.override(language):
                        problem = _("This site is not there any more: somebody removed or renamed it.")
            with translation.override(language):
                html = render_to_string("sites/now.html", _now(row, now)) if now else ""
            said = msgspec.json.encode({"running": running, "problem": problem, "html": html})
            yield b": still here\n\n" if html == known and running else b"event: site\ndata: %b\n\n" % said
            known = html if running else ""
            await asyncio.sleep(EVERY)


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    from django.urls import path

    return [path("admin/sites/bandwidth", planner), path("admin/sites/<int:pk>/now", site),
            path("admin/sites/live", stream)]  # fmt: skip
