"""The history of the configuration: who changed what, from what to what; and taking changes back."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast, Length
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode

from jackfield.changes.models import Item, Revision
from jackfield.company.models import General
from jackfield.console import change
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.web import errors, saving, told
from jackfield.console.web.rights import WRITE, gate, may
from jackfield.console.web.screens import SCREENS

__all__ = ["THROUGH", "address_of", "record", "urls"]

PAGE = 50
FEW = 5
"""Things of a change that the list shows; its own page shows all, up to `MOST`."""
MOST = 1000
LARGE = 50_000
"""Characters of a summary that the list still reads."""
THROUGH = {
    "page": "on these pages",
    "own pages": "on the own pages",
    "api": "by API",
    "import": "from a table",
    "document": "from a document",
    "undo": "by undoing",
    "first run": "when setting up",
    "export": "by exporting",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One change as the pages show it."""

    revision: Any
    told: list[told.Told]
    more: int  # things that are not in `told`
    through: str
    note: str
    hidden: bool  # something in it belongs to an area that the reader may not see
    undone: Any  # the revision that took it back, or None


def address_of(section: str, key: str) -> str:
    """Return the address of the history of one thing."""
    return f"/admin/changes/?{urlencode({'section': section, 'key': key})}"


def record(request: HttpRequest, text: str) -> None:
    """Note in the history something that changed nothing and is to be known nevertheless."""
    import logging
    import time

    who = saving.author(request, "export")
    logging.getLogger(__name__).warning("%s (%s): %s", who.name, who.address, text)
    Revision.objects.create(
        at=time.time(),
        user=who.user,
        author=who.name,
        through="export",
        address=who.address,
        summary={"changes": [], "note": text},
    )


def _readable(user: Any) -> set[str]:
    return {name for name in SECTIONS if may(user, saving.area_of(name))}


def _shown(revision: Any, readable: Collection[str], most: int, known: told.Known | None = None) -> Shown:
    summary: Mapping[str, Any] = revision.summary
    changes = [one for one in summary.get("changes", ()) if _section(one["section"]) in readable]
    undoing = list(revision.undone_by.all())
    return Shown(
        revision,
        told.tell({"changes": changes[:most]}, known),
        summary.get("many", 0) or max(0, len(changes) - most),
        THROUGH.get(revision.through, revision.through),
        summary.get("note", ""),
        len(changes) < len(summary.get("changes", ())),
        undoing[0] if undoing else None,
    )


def _section(name: str) -> str:
    return "extensions" if name == "lines" else name


@gate("history")
def index(request: HttpRequest) -> HttpResponse:
    """Show the changes, the newest first, those before `before` (the number of a change)."""
    readable = _readable(request.user)
    zone = General.current().time_zone
    asked = {
        name: request.GET.get(name, "").strip() for name in ("section", "key", "thing", "person", "since", "until")
    }
    rows = _found(asked, readable, zone)
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    page = _page(rows)
    kept = {name: value for name, value in asked.items() if value}
    older = urlencode(kept | {"before": page[PAGE - 1].pk}) if len(page) > PAGE else ""
    of = told.thing(asked["section"], asked["key"]) if asked["key"] and asked["section"] in SECTIONS else ""
    known: told.Known = {}
    context = {
        "changes": [_shown(revision, readable, FEW, known) for revision in page[:PAGE]],
        "sections": [(name, SCREENS[name].title) for name in SECTIONS if name in readable and name in SCREENS],
        "asked": asked,
        "of": of,
        "older": older,
        "newest": urlencode(kept) if before else None,
        "zone": zone,
    }
    return render(request, "changes.html", context)


def _page(rows: QuerySet[Revision]) -> list[Any]:
    """Return one revision more than a page shows. Of those that touched thousands of things the summary stays out."""
    size = Length(Cast("summary", TextField()))
    page = list(rows.defer("summary").annotate(size=size).prefetch_related("undone_by")[: PAGE + 1])
    small = [revision.pk for revision in page if revision.size <= LARGE]
    summaries = dict(Revision.objects.filter(pk__in=small).values_list("pk", "summary"))
    for revision in page:
        revision.summary = summaries.get(revision.pk, {})
        if revision.size > LARGE:
            revision.summary = {"changes": [], "many": revision.items.count()}
    return page


def _found(asked: Mapping[str, str], readable: Collection[str], zone: str) -> QuerySet[Revision]:
    rows = Revision.objects.all()
    items = Item.objects.all()
    if len(readable) < len(SECTIONS):
        rows = rows.filter(pk__in=items.filter(section__in=readable).values("revision"))
    if asked["section"] in SECTIONS:
        items = items.filter(section=asked["section"])
        if asked["key"]:
            names = _names(asked["section"], asked["key"])
            items = items.filter(Q(key__in=names) | Q(new_key__in=names))
    if asked["thing"]:
        items = items.filter(Q(key__icontains=asked["thing"]) | Q(new_key__icontains=asked["thing"]))
    if asked["section"] in SECTIONS or asked["thing"]:
        rows = rows.filter(pk__in=items.filter(section__in=readable).values("revision"))
    if asked["person"]:
        rows = rows.filter(Q(author__icontains=asked["person"]) | Q(user__login__iexact=asked["person"]))
    since, until = (_day(asked[name], zone) for name in ("since", "until"))
    if since is not None:
        rows = rows.filter(at__gte=since.timestamp())
    if until is not None:
        rows = rows.filter(at__lt=(until + datetime.timedelta(days=1)).timestamp())
    return rows


def _names(section: str, key: str) -> set[str]:
    """Return what a thing was called before, too."""
    names, fresh = {key}, {key}
    for _ in range(20):
        found = Item.objects.filter(section=section, new_key__in=fresh).values_list("key", flat=True)
        fresh = set(found) - names
        if not fresh:
            break
        names |= fresh
    return names


def _day(text: str, zone: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.combine(datetime.date.fromisoformat(text), datetime.time(), zoneinfo.ZoneInfo(zone))
    except (ValueError, OverflowError):
        return None


def _revision(pk: int) -> Any:
    return Revision.objects.prefetch_related("undone_by").select_related("undoes").filter(pk=pk).first()


def _may_undo(request: HttpRequest, revision: Any) -> bool:
    sections = set(revision.items.values_list("section", flat=True))
    return bool(sections) and all(may(request.user, saving.area_of(name), WRITE) for name in sections)


@gate("history")
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one change with all that it touched."""
    revision = _revision(pk)
    readable = _readable(request.user)
    if revision is None or not _any_readable(revision, readable):
        return errors.missing(request, "There is no such change in the history.")
    context = {
        "change": _shown(revision, readable, MOST),
        "undoable": may(request.user, "history", WRITE) and _may_undo(request, revision),
        "zone": General.current().time_zone,
    }
    return render(request, "change.html", context)


def _any_readable(revision: Any, readable: Collection[str]) -> bool:
    sections = set(revision.items.values_list("section", flat=True))
    return bool(sections & set(readable)) or len(readable) == len(SECTIONS)


@gate("history", write=True)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what taking a change back would do, or why it can't be; do it."""
    revision = _revision(pk)
    readable = _readable(request.user)
    if revision is None or not _any_readable(revision, readable):
        return errors.missing(request, "There is no such change in the history.")
    if not revision.items.exists():
        return errors.missing(request, "This entry of the history changed nothing: there is nothing to take back.")
    really = request.method == "POST"
    context: dict[str, Any] = {"change": _shown(revision, readable, FEW), "zone": General.current().time_zone}
    if not _may_undo(request, revision):
        context["problems"] = ["It changed things that your role does not allow you to change."]
        return render(request, "undo.html", context | {"told": [], "warnings": []}, status=422)
    wishes: list[change.Wish | change.Removal] = []
    try:
        wishes = change.undoing(revision)
        difference = saving.save(request, wishes, through="undo", undoes=revision.pk, dry_run=not really)
    except DocumentError as problem:
        context["problems"] = [told.problem_words(one, wishes) for one in problem.problems]
        return render(request, "undo.html", context | {"told": [], "warnings": []}, status=422 if really else 200)
    if not really:
        context["warnings"] = [told.problem_words(one, wishes) for one in difference.warnings]
        context["warnings"] += [
            f"{wish.values['login']} can't sign in until somebody gives this user a new password."
            for wish in wishes
            if isinstance(wish, change.Wish) and wish.section == "users" and wish.about is None
        ]
        return render(request, "undo.html", context | {"told": told.tell(difference), "problems": []})
    saving.notify(request, [("good", "Taken back."), *told.notices(difference, wishes)[1 if not difference else 0 :]])
    newest = Revision.objects.filter(undoes=revision).first()
    return redirect(f"/admin/changes/{newest.pk if newest else revision.pk}")


def urls() -> list[Any]:
    """Return the addresses of the history."""
    from django.urls import path

    return [
        path("admin/changes/", index),
        path("admin/changes/<int:pk>", one),
        path("admin/changes/<int:pk>/undo", undo),
    ]
