"""The list of calls: searched and filtered by the page's address, page by page, or all of it as a table."""

from __future__ import annotations

import csv
import datetime
import time
import zoneinfo
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from jackfield.company.models import General
from jackfield.console import formats
from jackfield.console.web.csv_text import FORMULA
from jackfield.console.web.history.search import COUNTED, Search, chunks
from jackfield.console.web.rights import gate
from jackfield.contacts.names import contacts_of
from jackfield.contacts.numbers import House
from jackfield.history.choices import Direction, Outcome
from jackfield.history.models import Call

__all__ = ["COLUMNS", "KINDS", "calls", "contact_names", "outcome_words", "party", "table", "talked"]

ICONS = {"in": "phone-incoming", "out": "phone-outgoing", "internal": "phone", "through": "forward"}
KINDS = {"answered": "good", "": "information", "failed": "bad", "unreachable": "bad", "interrupted": "bad"}
OUTCOMES = (("answered", "Answered"), ("missed", "Not answered, for any reason"), *(
    (value, label) for value, label in Outcome.choices if value not in ("", "answered")
))  # fmt: skip
LENGTHS = ((10, "10 s"), (60, "1 min"), (300, "5 min"), (900, "15 min"), (3600, "1 h"))
NO_NAMES: Mapping[str, str] = {}
FILTERS = ("q", "since", "until", "direction", "outcome", "extension", "trunk", "least", "sort")


def party(row: Any, side: str, names: Mapping[str, str] = NO_NAMES) -> dict[str, str]:
    """Return the caller or the called one of a call, for the chip. `names`: of contacts, by their numbers."""
    found = {name: getattr(row, f"{side}_{name}") for name in ("number", "name", "extension", "trunk")}
    if side == "caller" and row.caller_hidden:
        return found | {"number": "", "name": ""}  # he asked for it; who must know finds the number in the journal
    if not found["extension"]:
        found["name"] = names.get(found["number"]) or found["name"]
    return found


def contact_names(request: HttpRequest, rows: Iterable[Any], general: Any) -> Mapping[str, str]:
    """Return whose numbers of the outside these calls have, as the contacts tell. One query, if there is any."""
    numbers = {row.caller_number for row in rows if not row.caller_extension and not row.caller_hidden}
    numbers |= {row.called_number for row in rows if not row.called_extension}
    return contacts_of(numbers, House(general.country, general.outside_prefix), user=request.user)


def outcome_words(row: Any) -> str:
    """Return how a call went, in words."""
    return str(dict(Outcome.choices).get(row.outcome, row.outcome))


def talked(row: Any) -> float | None:
    """Return the seconds of talking; None where nobody talked or the call still goes on."""
    return None if row.answered is None or row.ended is None else max(0.0, row.ended - row.answered)


@gate("history")
def calls(request: HttpRequest) -> HttpResponseBase:
    """Show one page of the calls that are looked for."""
    general = General.current()
    zone = general.time_zone
    search = Search.read(request.GET, zone)
    cursor = request.GET.get("at", "")
    found = search.page(cursor, back=request.GET.get("go") == "back")
    count, whole = search.count() if not cursor else (0, True)
    kept = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    context = {
        "search": search,
        "given": {name: kept.get(name, "") for name in FILTERS},
        "found": found,
        "days": list(_days(found.rows, search.zone, contact_names(request, found.rows, general))),
        "count": _counted(count, whole) if not cursor else "",
        "directions": Direction.choices,
        "outcomes": OUTCOMES,
        "lengths": LENGTHS,
        "trunks": _trunks(search.trunk),
        "query": urlencode(kept),
        "unsorted": urlencode({name: value for name, value in kept.items() if name != "sort"}),
        "chips": _chips(kept),
        "reached": None if found.reached is None else _day(found.reached, search.zone),
        "any_call": bool(found.rows) or Call.objects.order_by().exists(),
        "columns": COLUMNS,
        "zone": zone,
    }
    return render(request, "history/calls.html", context)


def _counted(count: int, whole: bool) -> str:
    if not whole:  # of those that lie farther back nobody knows
        return f"{'more than' if count >= COUNTED else 'at least'} {count:,} calls" if count else ""
    return "1 call" if count == 1 else f"{count:,} calls"


def _chips(kept: dict[str, str]) -> list[tuple[str, str]]:
    """Return the filters that hold, as (words, the address without it)."""
    words = {
        "q": lambda value: f"“{value}”",
        "since": lambda value: f"from {value}",
        "until": lambda value: f"to {value}",
        "direction": lambda value: str(dict(Direction.choices).get(value, value)),
        "outcome": lambda value: str(dict(OUTCOMES).get(value, value)),
        "extension": lambda value: f"extension {value}",
        "trunk": lambda value: f"trunk {value}",
        "least": lambda value: f"at least {dict(map(_pair, LENGTHS)).get(value, f'{value} s')}",
    }
    return [
        (words[name](value), urlencode({other: text for other, text in kept.items() if other != name}))
        for name, value in kept.items()
        if name in words
    ]


def _pair(length: tuple[int, str]) -> tuple[str, str]:
    return str(length[0]), length[1]


def _trunks(chosen: str) -> list[str]:
    from jackfield.trunks.models import Trunk

    names = list(Trunk.objects.order_by("name").values_list("name", flat=True))
    return names if not chosen or chosen in names else [*names, chosen]  # one that is gone still has its calls


def _day(at: float, zone: zoneinfo.ZoneInfo) -> str:
    return formats.day(datetime.datetime.fromtimestamp(at, zone).date())


def _days(
    rows: list[Any], zone: zoneinfo.ZoneInfo, of: Mapping[str, str]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each day with its calls, in their order."""
    today = datetime.datetime.fromtimestamp(time.time(), zone).date()
    names = {today: _("Today"), today - datetime.timedelta(days=1): _("Yesterday")}
    heading = ""
    shown: list[dict[str, Any]] = []
    for row in rows:
        at = datetime.datetime.fromtimestamp(row.started, zone)
        day = _day(row.started, zone)
        if name := names.get(at.date()):
            day = f"{name}, {day}"
        if day != heading and shown:
            yield heading, shown
            shown = []
        heading = day
        shown.append(
            {
                "id": row.id,
                "time": formats.clock(row.started, zone.key, exact=True),
                "exact": at.isoformat(timespec="seconds"),
                "icon": "phone-missed" if row.direction == "in" and not row.answered and row.ended else
                        ICONS.get(row.direction, "phone"),
                "direction": dict(Direction.choices).get(row.direction, row.direction),
                "caller": party(row, "caller", of),
                "called": party(row, "called", of),
                "talk": talked(row),
                "outcome": outcome_words(row),
                "kind": KINDS.get(row.outcome, ""),
            }
        )  # fmt: skip
    if shown:
        yield heading, shown


# --- as a table -----------------------------------------------------------------------------------------------------

COLUMNS = (
    ("id", "name of the call, as in its address here"),
    ("started", "when the caller dialled, ISO 8601 with the company's offset from UTC"),
    ("direction", "internal, in, out or through (from outside to outside)"),
    ("outcome", "answered, busy, no_answer, unreachable, rejected, failed, cancelled or interrupted; empty: going on"),
    ("caller_number", "number of the caller"),
    ("caller_name", "name of the caller, as it was then"),
    ("caller_extension", "extension of the caller, if he is of the house"),
    ("caller_trunk", "trunk that brought the call"),
    ("called_number", "number that was reached or tried last"),
    ("called_name", "name of the called one, as it was then"),
    ("called_extension", "extension of the called one, if he is of the house"),
    ("called_trunk", "trunk that the call went out through"),
    ("dialed", "what the caller dialled"),
    ("waited_seconds", "from dialling to the answer, or to the end where nobody answered"),
    ("talked_seconds", "from the answer to the end; empty where nobody answered"),
    ("hung_up_by", "caller, callee or system"),
    ("sip_status", "SIP status that the caller got"),
    ("q850", "cause by ITU-T Q.850; 16 is a normal end"),
    ("reason", "why it ended, where somebody said so"),
    ("caller_hidden", "True where the caller asked not to be told apart: show the number to nobody who need not know"),
)


@gate("history")
def table(request: HttpRequest) -> HttpResponseBase:
    """Send all calls that are looked for as CSV, while they are read."""
    zone = General.current().time_zone
    search = Search.read(request.GET, zone)
    parts: Any = _parts(search)
    if isinstance(request, ASGIRequest):  # which would put all of a plain iterator into memory first
        parts = _one_by_one(parts)
    headers = {"Content-Disposition": 'attachment; filename="calls.csv"'}
    return StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8", headers=headers)


class _Line:
    """A file that hands back what was written."""

    def write(self, text: str) -> str:
        return text


def _parts(search: Search) -> Iterator[bytes]:
    line = csv.writer(_Line()).writerow
    yield f"\ufeff{line([name for name, _ in COLUMNS])}".encode()  # the mark by which spreadsheets know UTF-8
    for rows in chunks(search):
        yield "".join(line([_harmless(value) for value in _values(row, search.zone)]) for row in rows).encode()


async def _one_by_one(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    while part := await sync_to_async(lambda: next(parts, b""))():
        yield part


def _values(row: Any, zone: zoneinfo.ZoneInfo) -> list[Any]:
    waited = row.answered or row.ended
    values = {
        "started": datetime.datetime.fromtimestamp(row.started, zone).isoformat(timespec="seconds"),
        "waited_seconds": "" if waited is None else f"{max(0.0, waited - row.started):.1f}",
        "talked_seconds": "" if (seconds := talked(row)) is None else f"{seconds:.1f}",
    }
    return [values[name] if name in values else getattr(row, name) for name, _ in COLUMNS]


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from taking what a stranger has chosen for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
