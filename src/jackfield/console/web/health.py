"""How the system is: what is wrong, how busy the machine was, which processes run, and what they wrote into the log."""

from __future__ import annotations

import os
import platform
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psutil
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode

from jackfield import __version__
from jackfield.console import log_lines, monitoring, sampler, volume
from jackfield.console.web.overview import HREFS, alerts, observed
from jackfield.console.web.rights import gate

__all__ = ["health", "logs", "urls"]

MB = 1 << 20
PERIODS = {"hours": "two hours", "day": "a day", "month": "a month"}
CATEGORIES = (
    ("recordings", "Recordings", "brass"),
    ("history", "History", "info"),
    ("logs", "Logs", "warning"),
    ("rest", "Rest of Jackfield", "good"),
    ("other", "Others on this disk", "soft"),
)
PARTS = {
    "switch": "Calls",
    "trunks": "Trunks",
    "media": "Audio",
    "database": "Database",
    "records": "Call records",
    "disk": "Disk",
}


@gate("system")
def health(request: HttpRequest) -> HttpResponse:
    """Show whether all is well, and how busy the machine was for as long as is asked."""
    from jackfield.company.models import General

    period = request.GET.get("for", "")
    if period not in PERIODS:
        period = "hours"
    files = settings.JACKFIELD.files
    found = observed()
    checks = monitoring.health(found)["checks"]
    context = {
        "alerts": alerts(),
        "checks": [(name, PARTS.get(name, name), check) for name, check in checks.items()],
        "hrefs": HREFS,
        "period": period,
        "periods": PERIODS,
        "samples": sampler.Samples(files.path / "samples").read(period, time.time()),
        "categories": CATEGORIES,
        "disk": volume.kept(60, ("disk",), lambda: sampler.disk_use(files)),
        "mb": MB,
        "memory_size": psutil.virtual_memory().total,
        "processes": _processes(found.processes),
        "facts": _facts(found),
        "zone": General.current().time_zone,
    }
    return render(request, "live/health.html", context)


def _processes(supervised: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Return Jackfield's processes with what each uses; without a supervisor this one alone is known."""
    shares = sampler.sampler.processes if sampler.sampler is not None else {}
    if supervised is None:
        own = psutil.Process()
        supervised = [{"name": "console", "pid": own.pid, "state": "running", "restarts": 0,
                       "rss": own.memory_info().rss, "since": own.create_time()}]  # fmt: skip
    return [one | {"cpu": shares.get(int(one.get("pid") or 0))} for one in supervised]


def _facts(found: monitoring.Observation) -> list[tuple[str, str]]:
    from django.db import connection

    from jackfield.console.formats import span

    uptime = found.switch.get("uptime_seconds")
    days, rest = divmod(int(uptime or 0), 86400)
    running = (f"{days} day{'' if days == 1 else 's'}, " if days else "") + span(rest)
    return [
        ("Version", f"Jackfield {__version__}"),
        ("Switch runs for", running if uptime is not None else "it does not run"),
        ("Machine", f"{platform.node()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("Database", {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor)),
        ("Data directory", str(settings.JACKFIELD.files.path)),
    ]


@gate("system")
def logs(request: HttpRequest) -> HttpResponse:
    """Show the end of a process's log, narrowed by level, call and words."""
    from jackfield.company.models import General

    folder = settings.JACKFIELD.files.logs
    names = log_lines.processes(folder)
    asked = {name: request.GET.get(name, "").strip() for name in ("process", "level", "call", "q")}
    if asked["process"] not in names:
        asked["process"] = "switch" if "switch" in names else next(iter(names), "")
    lines, cut = log_lines.tail(folder, asked["process"], level=asked["level"], call=asked["call"], words=asked["q"])
    zone = ZoneInfo(General.current().time_zone)
    for line in lines:
        line.at = _at_home(line.at, zone)
    context = {
        "names": names,
        "levels": log_lines.LEVELS,
        "asked": asked,
        "lines": lines,
        "cut": cut,
        "query": urlencode({name: value for name, value in asked.items() if value}),
    }
    return render(request, "live/logs.html", context)


def _at_home(at: str, zone: ZoneInfo) -> str:
    """Return a time of a log (of the machine's clock, or with its zone) as the company's clock shows it."""
    try:
        return datetime.fromisoformat(at).astimezone(zone).isoformat(" ", "milliseconds")[:23]
    except ValueError:
        return at


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    from django.urls import path

    return [path("admin/health/", health), path("admin/logs/", logs)]
