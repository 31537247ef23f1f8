"""Figures: how much is called, how busy the machine is, what is not well, and what stands in the logs."""

from __future__ import annotations

import dataclasses
import datetime
import time
import zoneinfo
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse, HttpResponseBase

from jackfield.company.models import General
from jackfield.console import log_lines, queries, sampler, volume
from jackfield.console.rest import answers, schemas
from jackfield.console.rest.operations import Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.web import health, overview
from jackfield.console.web.history import listing as history
from jackfield.console.web.history import statistics as statistics_page
from jackfield.console.web.history.figures import Ends, Sounded, Tally
from jackfield.console.web.history.search import Search
from jackfield.history.choices import Direction, Outcome

__all__ = ["operations"]

FIRST, LAST = datetime.date(1990, 1, 1), datetime.date(2200, 1, 1)
USUAL_DAYS = 7


def statistics(asked: Asked) -> HttpResponse:
    """Answer with the calls of a period, added up."""
    zone = zoneinfo.ZoneInfo(General.current().time_zone)
    today = datetime.datetime.fromtimestamp(time.time(), zone).date()
    until = _day(asked, "until") or today
    since = _day(asked, "since") or until - datetime.timedelta(days=USUAL_DAYS - 1)
    if not FIRST <= since <= until <= LAST:
        text = "Must not come after the last day."
        raise Refusal(400, f"The days can't be used. {text}", [{"field": "since", "message": text}])
    found, at = statistics_page._figures(since, until, zone, today)
    content = {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "time_zone": str(zone),
        "at": queries._time(at),
        "all": _tally(found.all),
        "unit": found.unit,
        "over_time": [{"label": label, **_tally(one)} for label, one in found.over_time],
        "by_hour": [{"label": label, **_tally(one)} for label, one in found.by_hour],
        "by_direction": {name: _tally(one) for name, one in found.by_direction.items()},
        "by_outcome": found.by_outcome,
        "extensions": [_ends(number, one) for number, one in found.extensions[: asked.query["limit"]]],
        "trunks": [_ends(name, one) for name, one in found.trunks[: asked.query["limit"]]],
        "sounded": [{"label": label, **_sounded(one)} for label, one in found.sounded],
    }
    return answers.json(content)


def _day(asked: Asked, name: str) -> datetime.date | None:
    text = asked.query[name]
    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError:
        said = "Must be a day, as 2026-11-23."
        raise Refusal(400, said, [{"field": name, "message": said}]) from None


def _tally(one: Tally) -> dict[str, Any]:
    return {"calls": one.calls, "answered": one.answered, "waited": round(one.waited, 1),
            "talked": round(one.talked, 1)}  # fmt: skip


def _sounded(one: Sounded) -> dict[str, Any]:
    mos = None if one.mos is None else round(one.mos, 2)
    return {"parties": one.parties, "mos": mos, "lowest": one.lowest, "poor": one.poor}


def _ends(name: str, one: Ends) -> dict[str, Any]:
    return {"name": name, "made": _tally(one.made), "got": _tally(one.got)}


def volume_now(asked: Asked) -> HttpResponse:
    """Answer how much is called today, in the last 24 hours, and how it sounded."""
    now = time.time()
    today, quality = volume.today(now, General.current().time_zone), volume.quality()
    content = {
        "today": dataclasses.asdict(today.now),
        "usual": None if today.usual is None else dataclasses.asdict(today.usual),
        "hours": [{"at": queries._time(at), **dataclasses.asdict(one)} for at, one in volume.last_day(now)],
        "quality": None if quality is None else dataclasses.asdict(quality),
        "sounded": [
            {"at": queries._time(at), "mos": None if mos is None else round(mos, 2), "lowest": lowest}
            for at, mos, lowest in volume.sounded(now)
        ],
    }
    return answers.json(content)


def alerts(asked: Asked) -> HttpResponse:
    """Answer with what somebody should look at."""
    found = [{"text": one.text, "kind": one.kind, "page": one.href} for one in overview.alerts()]
    return answers.json({"items": found, "next": None})


def machine(asked: Asked) -> HttpResponse:
    """Answer how busy the machine was, what takes its disk, and which processes run."""
    files = django_settings.JACKFIELD.files
    samples = sampler.Samples(files.path / "samples").read(asked.query["period"], time.time())
    content = {
        "samples": [dataclasses.asdict(one) | {"at": queries._time(one.at)} for one in samples],
        "disk": volume.kept(60, ("disk",), lambda: sampler.disk_use(files)),
        "processes": health._processes(overview.observed().processes),
    }
    return answers.json(content)


def logs(asked: Asked) -> HttpResponse:
    """Answer with the end of a process's log, the newest line first."""
    folder, query = django_settings.JACKFIELD.files.logs, asked.query
    names = log_lines.processes(folder)
    process = query["process"] or ("switch" if "switch" in names else next(iter(names), ""))
    lines, cut = log_lines.tail(
        folder, process, level=query["level"] or "", call=query["call"] or "", words=query["q"] or ""
    )
    items = [{"at": one.at, "level": one.level, "call": one.call, "text": one.text} for one in lines]
    return answers.json({"items": items, "next": None, "process": process, "processes": names, "older": cut})


def calls_table(asked: Asked) -> HttpResponseBase:
    """Answer with the calls that are looked for as CSV, while they are read."""
    search = Search.read(asked.request.GET, General.current().time_zone)
    if search.problems:
        wrong = [{"field": name, "message": f"{text}."} for name, text in search.problems.items()]
        raise Refusal(400, wrong[0]["message"], wrong)
    answer: HttpResponseBase = history.table.__wrapped__(asked.request)  # type: ignore[attr-defined]
    return answer


# --- description -----------------------------------------------------------------------------------------------------

_DAY = {"type": "string", "format": "date"}
_AT = {"type": "string", "format": "date-time"}
_TALLY = {"calls": "integer", "answered": "integer", "waited": "number", "talked": "number"}
_SLOTS = {"type": "array", "items": schemas.table({"label": "string", **_TALLY})}
_ENDS = {
    "type": "array",
    "items": schemas.table({"name": "string", "made": schemas.table(_TALLY), "got": schemas.table(_TALLY)}),
}
_SCORE = {"type": ["number", "null"], "description": "Mean opinion score, 1 to 4.5; null where nobody was heard."}
_SOUNDED = {"parties": "integer", "mos": _SCORE, "lowest": _SCORE, "poor": "integer"}
_FIGURES = schemas.table(
    {"since": _DAY, "until": _DAY, "time_zone": "string", "at": _AT, "all": schemas.table(_TALLY),
     "unit": {"type": "string", "enum": ["hour", "day", "month"]}, "over_time": _SLOTS, "by_hour": _SLOTS,
     "by_direction": "object", "by_outcome": "object", "extensions": _ENDS, "trunks": _ENDS,
     "sounded": {"type": "array", "items": schemas.table({"label": "string", **_SOUNDED})}}
)  # fmt: skip
_COUNTS = {"calls": "number", "answered": "number", "missed": "number"}
_VOLUME = schemas.table(
    {"today": schemas.table(_COUNTS), "usual": {"type": ["object", "null"]},
     "hours": {"type": "array", "items": schemas.table({"at": _AT, **_COUNTS})},
     "quality": {"type": ["object", "null"], "description": "Mean opinion score over the last calls."},
     "sounded": {"type": "array", "items": schemas.table({"at": _AT, "mos": _SCORE, "lowest": _SCORE})}}
)  # fmt: skip
_ALERT = schemas.table({"text": "string", "kind": {"type": "string", "enum": ["bad", "warning"]}, "page": "string"})
_SAMPLE = schemas.table(
    {one.name: "number" for one in dataclasses.fields(sampler.Sample)} | {"at": _AT}
)  # fmt: skip
_MACHINE = schemas.table(
    {"samples": {"type": "array", "items": _SAMPLE}, "disk": {"type": "object", "description": "Bytes."},
     "processes": {"type": "array", "items": {"type": "object"}}}
)  # fmt: skip
_LOGS = schemas.listed(schemas.table(dict.fromkeys(("at", "level", "call", "text"), "string")))


def operations() -> list[Operation]:
    """Return the operations on figures."""
    figures: dict[str, Any] = {"group": "figures"}
    span = (Parameter("since", "The first day.", _DAY), Parameter("until", "The last day, too.", _DAY))
    of_calls = (
        Parameter("q", "Search: part of a number or a name."), *span,
        Parameter("direction", "Which way.", {"type": "string", "enum": [str(one) for one in Direction.values]}),
        Parameter("outcome", "How it ended.",
                  {"type": "string", "enum": ["missed", *(str(one) for one in Outcome.values)]}),
        Parameter("extension", "Calls of this extension."), Parameter("trunk", "Calls over this trunk."),
        Parameter("least", "Seconds of talking, at least.", {"type": "integer", "minimum": 0, "maximum": 999_999}),
    )  # fmt: skip
    period = Parameter("period", "Two hours, a day or a month.",
                       {"type": "string", "enum": list(sampler.PERIODS), "default": "hours"})  # fmt: skip
    of_logs = (
        Parameter("process", "Whose log; the switch's, where it is left out."),
        Parameter("level", "At least this.", {"type": "string", "enum": list(log_lines.LEVELS)}),
        Parameter("call", "Of the call whose id begins so."),
        Parameter("q", "Words that are in the text."),
    )
    most = Parameter("limit", "Extensions and trunks that are listed: the busiest.",
                     {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 25})  # fmt: skip
    return [
        Operation("statistics", "GET", "/statistics", "history", "Calls of a period, added up", statistics,
                  parameters=(*span, most), answer=_FIGURES,
                  about="Days of the company's time zone; the last seven where none are given. Times in seconds.",
                  **figures),
        Operation("export_calls", "GET", "/calls.csv", "history", "Calls as a table", calls_table,
                  parameters=of_calls, answer={"type": "string"}, answer_type="text/csv", **figures),
        Operation("volume", "GET", "/volume", "overview", "How much is called, and how it sounds", volume_now,
                  answer=_VOLUME, **figures),
        Operation("list_alerts", "GET", "/alerts", "overview", "What somebody should look at", alerts,
                  answer=schemas.listed(_ALERT), **figures),
        Operation("machine", "GET", "/machine", "system", "How busy the machine is", machine, parameters=(period,),
                  answer=_MACHINE, **figures),
        Operation("read_log", "GET", "/logs", "system", "The end of a process's log", logs, parameters=of_logs,
                  answer=_LOGS, **figures),
    ]  # fmt: skip
