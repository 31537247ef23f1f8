"""Several rows of a list at once: the same field set for all of them, all removed, or one moved up or down."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from jackfield.console.change import Removal, Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.declarative.merging import key_text, stored
from jackfield.console.web import errors, saving, told
from jackfield.console.web.forms import form_field, posted_fields
from jackfield.console.web.lists import find
from jackfield.console.web.rights import gate
from jackfield.console.web.screens import SCREENS, Screen
from jackfield.console.web.words import INNER, words

__all__ = ["chosen", "urls"]

MOST = 5000
NAMED = 40
"""Things that the page names one by one."""
OWN = frozenset({"name", "email", "user", "caller_id_name"})
"""Fields that belong to one thing alone."""


def fields_of(screen: Screen) -> list[str]:
    """Return the fields that can be set for several things of a section."""
    section = screen.section
    fields = [name for group in screen.groups for name in group.fields]
    return [name for name in fields if name not in section.key and name not in OWN and not section.fields[name].secret]


def chosen(screen: Screen, asked: QueryDict) -> list[Any]:
    """Return the rows that were marked in a list, or all that it has found."""
    if "all" in asked:
        return list(find(screen, asked).rows[:MOST])
    pks = [int(pk) for pk in asked.getlist("pk") if pk.isdecimal() and len(pk) < 19]
    return list(screen.section.model().objects.filter(pk__in=pks[:MOST]))


def edit(request: HttpRequest, screen: Screen) -> HttpResponse:
    """Show the fields that can be set for all chosen things; set those that were chosen."""
    asked = request.POST if request.method == "POST" else request.GET  # a link may propose what is to be set
    rows = chosen(screen, asked)
    if not rows:
        return errors.missing(request, f"No {screen.one} was chosen: go back and mark some in the list.")
    names = [name for name in asked.getlist("set") if name in fields_of(screen)]
    if request.method != "POST":
        return _form(request, screen, rows, names)
    section = screen.section
    values = posted_fields([section.fields[name] for name in names], _posted(screen, request.POST))
    if not values:
        return _form(request, screen, rows, names, rest=["Choose at least one field by its box."], status=422)
    wishes = [Wish(screen.name, values, section.key_of(row)) for row in rows]
    preview = "preview" in request.POST
    try:
        difference = saving.save(request, wishes, dry_run=preview)
    except DocumentError as error:
        rest = list(dict.fromkeys(told.problem_words(one, wishes) for one in error.problems))
        return _form(request, screen, rows, names, rest=rest, status=422)
    if preview:
        return _form(request, screen, rows, names, difference=difference)
    saving.notify(request, told.notices(difference, wishes))
    return redirect(f"/admin/{screen.name}/")


def _posted(screen: Screen, data: QueryDict) -> QueryDict:
    """Return what was posted as other forms post it: a truth that is "no" is not there."""
    found = data.copy()
    for name, known in screen.section.fields.items():
        if known.type is bool and found.get(name) == "no":
            del found[name]
    return found


def _form(
    request: HttpRequest,
    screen: Screen,
    rows: list[Any],
    names: list[str],
    *,
    rest: list[str] | None = None,
    difference: Any = None,
    status: int = 200,
) -> HttpResponse:
    from jackfield.console.web.things import refilled, suggestions

    section = screen.section
    fields = []
    for name in fields_of(screen):
        known = section.fields[name]
        if name in names:
            value = refilled(section, rows[0], _posted(screen, request.POST), known)
        else:
            values = [known.of(row) for row in rows]
            value = values[0] if all(one == values[0] for one in values) else known.default
        made = form_field(known, value, words(section, name), inner=INNER)
        made.required = False
        fields.append((made, name in names))
    context = {
        "screen": screen,
        "rows": rows,
        "named": [key_text(section.key_of(row)) for row in rows[:NAMED]],
        "fields": fields,
        "rest": (rest or [])[:NAMED],
        "told": None if difference is None else told.tell(difference)[:200],
        "warnings": [] if difference is None else [told.problem_words(one) for one in difference.warnings[:20]],
        "suggestions": suggestions([one for field, _ in fields for one in field.all()]),
    }
    return render(request, "several.html", context, status=status)


def remove(request: HttpRequest, screen: Screen) -> HttpResponse:
    """Show what depends on the chosen things; remove them."""
    really = request.method == "POST"
    rows = chosen(screen, request.POST if really else request.GET)
    if not rows:
        return errors.missing(request, f"No {screen.one} was chosen: go back and mark some in the list.")
    section = screen.section
    removals = [Removal(screen.name, section.key_of(row)) for row in rows]
    context: dict[str, Any] = {"screen": screen, "rows": rows, "warnings": [], "problems": []}
    context["named"] = [key_text(section.key_of(row)) for row in rows[:NAMED]]
    try:
        difference = saving.save(request, removals, dry_run=not really)
    except DocumentError as error:
        context["problems"] = [told.problem_words(one) for one in error.problems[:NAMED]]
        return render(request, "several_remove.html", context, status=422 if really else 200)
    if not really:
        context["warnings"] = [told.problem_words(one) for one in difference.warnings[:NAMED]]
        return render(request, "several_remove.html", context)
    saving.notify(request, told.notices(difference)[:3])
    saving.notify(request, [("good", "The history of changes can bring back what was removed.")])
    return redirect(f"/admin/{screen.name}/")


def move(request: HttpRequest, screen: Screen, pk: int) -> HttpResponse:
    """Put one row of an ordered list one place up or down."""
    if request.method != "POST":
        return redirect(f"/admin/{screen.name}/")
    section = screen.section
    keys = [(row.pk, section.key_of(row)) for row in stored(section)]
    place = next((place for place, (found, _) in enumerate(keys) if found == pk), None)
    if place is None:
        return errors.missing(request, f"This {screen.one} is not there any more: somebody removed it.")
    other = place + (1 if request.POST.get("to") == "down" else -1)
    if 0 <= other < len(keys):
        keys[place], keys[other] = keys[other], keys[place]
        wishes = [Wish(screen.name, {}, key) for _, key in keys]
        try:
            difference = saving.save(request, wishes)
        except DocumentError as error:
            saving.notify(request, [("bad", told.problem_words(one, wishes)) for one in error.problems[:3]])
            return redirect(f"/admin/{screen.name}/")
        saving.notify(request, told.notices(difference, wishes)[:1])
    return redirect(f"/admin/{screen.name}/")


def urls() -> list[Any]:
    """Return the addresses for several things of each list."""
    from django.urls import path

    found = []
    for screen in SCREENS.values():
        if not screen.section.key:
            continue
        base, writing, more = f"admin/{screen.name}/", gate(screen.area, write=True), {"screen": screen}
        found += [
            path(f"{base}several", writing(edit), more),
            path(f"{base}several/remove", writing(remove), more),
        ]
        if screen.section.ordered:
            found.append(path(f"{base}<int:pk>/move", writing(move), more))
    return found
