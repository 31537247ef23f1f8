"""Sites: what each uses of its line now beside what fits into it, and reckoning ahead what calls take of a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from jackfield.console.web import errors
from jackfield.console.web.live import switch_says
from jackfield.console.web.rights import gate
from jackfield.network.bandwidth import (
    CODECS,
    PACKET_TIMES,
    BandwidthProblem,
    Need,
    Way,
    calls_within,
    checked,
    plan,
)

__all__ = ["planner", "site", "urls"]

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
    }  # fmt: skip
    rows: list[Row] = []
    problem = ""
    try:
        calls = _number(asked["calls"], 1, MOST_CALLS, _("Calls at once"))
        line = _number(asked["line"], 1, MOST_KBITS, _("Line")) if asked["line"] else 0
        rate = 1000 * _number(asked["opus"], 6, 510, _("Opus"))
        ptime = _number(asked["ptime"], 10, 120, _("Packet time"))
        way = checked(asked["layer"], asked["security"])
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


@gate("phones")
def site(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a site uses now, what fits, and its phones."""
    from jackfield.sites.models import Site

    row = Site.objects.filter(pk=pk).first()
    if row is None:
        return errors.missing(request, _("This site is not there any more: somebody removed it."))
    answer, problem = switch_says("sites", name=row.name)
    now = answer[0] if answer else None
    line = min((size for size in (row.bandwidth_up, row.bandwidth_down) if size), default=0)
    codecs = row.codecs or tuple(CODECS)
    way, secure = Way(row.layer), Way(row.layer, "80")
    used = float(now["up"]) if now else 0.0
    rows = _rows(plan(way, 1, codecs), line, used)
    encrypted = [one.each for one in plan(secure, 1, codecs)]
    context = {
        "row": row,
        "now": now,
        "problem": problem,
        "line": line,
        "share": min(100, round(100 * used / line)) if line else None,
        "rows": list(zip(rows, encrypted, strict=True)),
        "layer": layers()[row.layer],
        "labels": {name: one.label for name, one in CODECS.items()},
        "set_here": row.extensions.count(),
    }
    return render(request, "sites/site.html", context)


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    from django.urls import path

    return [path("admin/sites/bandwidth", planner), path("admin/sites/<int:pk>/now", site)]
