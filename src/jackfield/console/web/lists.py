"""Lists of everything that is configured, from its `Screen`: searched, filtered and sorted on the server."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.console.declarative.values import written
from jackfield.console.searching import within
from jackfield.console.web import list_columns, told
from jackfield.console.web.forms import Words, field_kind
from jackfield.console.web.live_columns import live_column
from jackfield.console.web.rights import may
from jackfield.console.web.screens import Screen
from jackfield.console.web.words import INNER, words

__all__ = ["Cell", "Found", "cell_text", "find", "listing"]

PAGE = 100


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a list."""

    kind: str  # text, truth, choice; chips: pairs of text and address, "" for none
    value: Any


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and how it was asked for."""

    rows: QuerySet[Any]
    search: str
    chips: list[dict[str, Any]]
    sort: str
    query: dict[str, str]  # what the address must have to find the same again

    @property
    def narrowed(self) -> bool:
        """Whether anything is searched or filtered."""
        return bool(self.search or any(chip["chosen"] for chip in self.chips))


def find(screen: Screen, asked: QueryDict, columns: tuple[str, ...] = ()) -> Found:
    """Return the rows of a section that fit what is asked: `q`, the filters of the screen, `sort`.

    `columns` are those that will be shown, where they are not the list's own.
    """
    section = screen.section
    rows: QuerySet[Any] = section.model().objects.all()
    rows = rows.select_related(*[name for name in columns or screen.columns if section.fields[name].reference])
    query = {}
    search = asked.get("q", "").strip()
    if search:
        query["q"] = search
        found = Q()
        for lookup in screen.searched:
            found |= within(section.fields.get(lookup), lookup, search)
        rows = rows.filter(found).distinct()
    chips = []
    for name in screen.filters:
        value = asked.get(name, "")
        shown = words(section, name)
        truth = section.fields[name].type is bool
        choices = (("yes", "yes"), ("no", "no")) if truth else shown.choices
        chosen = value in dict(choices)
        if chosen:
            query[name] = value
            rows = rows.filter(**{name: value == "yes" if truth else value})
        chips.append({"name": name, "label": shown.label, "value": value, "choices": choices, "chosen": chosen})
    sort = asked.get("sort", "")
    if sort.removeprefix("-") in screen.columns:
        query["sort"] = sort
    else:
        sort = ""
    if sort:
        rows = rows.order_by(*_in_order(sort), "pk")
    elif section.key == ("number",):
        rows = rows.order_by(*_in_order("number"))
    return Found(rows, search, chips, sort, query)


def _sortable(screen: Screen, name: str, called: Words) -> bool:
    return name in screen.columns and field_kind(screen.section.fields[name], called) not in ("rows", "group")


def _in_order(sort: str) -> tuple[Any, ...]:
    """Return by what rows are sorted; numbers as people count them: 200 comes before 1000."""
    if sort.removeprefix("-") != "number":
        return (sort,)
    length = Length("number")
    return (length.desc() if sort[0] == "-" else length, sort)


def listing(request: HttpRequest, screen: Screen) -> HttpResponse:
    """Show one page of the list."""
    section = screen.section
    if "columns" in request.GET:
        list_columns.choose(request, screen)
        rest = request.GET.copy()
        del rest["columns"]
        return redirect(f"{request.path}?{rest.urlencode()}".rstrip("?"))
    columns = list_columns.chosen(request, screen)
    found = find(screen, request.GET, columns)
    page = Paginator(found.rows, PAGE).get_page(request.GET.get("page"))
    called = {name: words(section, name) for name in columns}
    context = {
        "screen": screen,
        "page": page,
        "heads": [(name, called[name].label, _sortable(screen, name, called[name])) for name in columns],
        "offered": [(name, label, name in columns) for name, label in list_columns.offered(screen)],
        "usual": columns == screen.columns,
        "rows": [
            (row, [_cell(request.user, screen, name, row, called[name]) for name in called]) for row in page.object_list
        ],
        "live": live_column(screen.name, page.object_list),
        "search": found.search,
        "chips": found.chips,
        "sort": found.sort,
        "query": urlencode(found.query),
        "unsorted": urlencode({name: value for name, value in found.query.items() if name != "sort"}),
        "movable": section.ordered and not found.narrowed and not found.sort,
        "narrowed": found.narrowed,
        "secrets": screen.name == "extensions" or any(known.secret for known in section.fields.values()),
    }
    return render(request, "list.html", context)


def _cell(user: Any, screen: Screen, name: str, row: Any, called: Words) -> Cell:
    known = screen.section.fields[name]
    value = known.of(row)
    if known.type is bool:
        return Cell("truth", value)
    if known.spelled is not None:
        return Cell("text", known.spelled(value))
    choices: dict[Any, str] = dict(called.choices)
    if _has_parts(value):
        return Cell("text", _in_words(screen.name, name, value))
    if choices and isinstance(value, tuple):
        return Cell("text", ", ".join(choices.get(item, str(item)) for item in value))
    if choices:
        return Cell("choice", choices.get(value, value))
    if known.reference == "users":
        leads = f"/admin/users/{row.user.pk}" if value and may(user, "people") else ""
        return Cell("chips", [(row.user.shown_name, leads)] if value else [])
    if isinstance(value, tuple) or called.suggestions in LEADS:
        area, address = LEADS.get(called.suggestions, ("", ""))
        texts = [str(item) for item in (value if isinstance(value, tuple) else (value,)) if item]
        leads = address if area and may(user, area) else ""
        return Cell("chips", [(text, leads + quote(text, safe="") if leads else "") for text in texts])
    if isinstance(value, int | float):
        if not value and called.zero:
            return Cell("text", called.zero)
        return Cell("text", f"{value:g} {called.unit}".strip())
    return Cell("text", "" if value is None else value)


def _has_parts(value: Any) -> bool:
    return any(map(dataclasses.is_dataclass, value if isinstance(value, tuple) else (value,)))


def _in_words(section: str, name: str, value: Any) -> str:
    """Return a field with several parts as a list can show it: shortly."""
    if not isinstance(value, tuple):  # the areas of a role
        held = [(INNER[one.name].label, dict(INNER[one.name].choices).get(getattr(value, one.name), "").lower())
                for one in dataclasses.fields(value) if getattr(value, one.name) != one.default]  # fmt: skip
        return ", ".join(f"{label}: {level}" for label, level in held)
    if all(hasattr(item, "days") for item in value):
        called = dict(INNER["days"].choices)
        return "; ".join(f"{_span([called[day] for day in item.days])} {item.start}–{item.end}" for item in value)
    if all(hasattr(item, "first") for item in value):
        entries = ngettext("%(num)s entry", "%(num)s entries", len(value)) % {"num": len(value)}
        return ", ".join(item.name or item.first for item in value) if len(value) <= FEW else entries
    return told.shown(section, name, written(value))


FEW = 3
"""So many dates are named in a list; of more, only how many."""


def _span(days: list[str]) -> str:
    """Return days of the week shortly: three or more that follow each other as the first and the last of them."""
    week = [label for _day, label in INNER["days"].choices]
    places = sorted(week.index(day) for day in days)
    if len(places) > 2 and places[-1] - places[0] == len(places) - 1:
        return f"{week[places[0]]}–{week[places[-1]]}"
    return " ".join(week[place] for place in places)


LEADS = {"numbers": ("people", "/admin/number/"), "trunks": ("lines", "/admin/setting/trunks/")}
"""By what a field proposes: the area of what its values name, and the address that leads there."""


def cell_text(screen: Screen, name: str, row: Any) -> str:
    """Return what the list shows of one field, as text."""
    known, called = screen.section.fields[name], words(screen.section, name)
    value = known.of(row)
    if known.type is bool:
        return _("yes") if value else _("no")
    if known.spelled is not None:
        return known.spelled(value)
    if _has_parts(value):
        return _in_words(screen.name, name, value)
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(dict(called.choices).get(value, value) or "")
