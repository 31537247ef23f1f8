"""Lists and forms of everything that is configured, from its `Screen`: one set of views for all sections."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from jackfield.console import change
from jackfield.console.change import Removal, Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.declarative.sections import LINES
from jackfield.console.web import errors
from jackfield.console.web.forms import FormField, by_field, form_field, posted_fields
from jackfield.console.web.lists import listing
from jackfield.console.web.rights import gate
from jackfield.console.web.saving import author
from jackfield.console.web.screens import SCREENS, Screen
from jackfield.console.web.words import INNER, words

__all__ = ["author", "create", "edit", "listing", "remove", "urls"]


def create(request: HttpRequest, screen: Screen) -> HttpResponse:
    """Show the form of a new thing, with the next free number; make it."""
    section = screen.section
    if request.method != "POST":
        row = section.model()()
        for name in section.fields:
            if name in request.GET and not section.fields[name].reference:
                setattr(row, name, request.GET[name])
        if "number" in section.fields and screen.area == "people" and not row.number:
            row.number = proposed_number(screen)
        return _form(request, screen, row)
    return _save(request, screen, section.model()(), None)


def proposed_number(screen: Screen) -> str:
    """Return the next free number for a thing of this kind."""
    from jackfield.company.models import General
    from jackfield.numbers.plan import DialPlan

    last = screen.section.model().objects.filter(number__regex=r"^\d+$").order_by("-number").first()
    start = General.current().first_number
    if screen.name == "ring_groups" and last is None:
        start = start[:-2] + "90" if len(start) > 2 else start
    return DialPlan.current().next_free(start if last is None or screen.name == "extensions" else last.number)


def edit(request: HttpRequest, screen: Screen, pk: int = 1) -> HttpResponse:
    """Show the form of one thing; save it."""
    row = _row(screen, pk)
    if row is None:
        return errors.missing(request, f"This {screen.one} is not there any more: somebody removed it.")
    if request.method != "POST":
        return _form(request, screen, row)
    return _save(request, screen, row, screen.section.key_of(row))


def _row(screen: Screen, pk: int) -> Any:
    model = screen.section.model()
    return model.current() if not screen.section.key else model.objects.filter(pk=pk).first()


def _save(request: HttpRequest, screen: Screen, row: Any, about: tuple[Any, ...] | None) -> HttpResponse:
    section = screen.section
    values = posted_fields([section.fields[name] for group in screen.groups for name in group.fields], request.POST)
    if screen.name == "extensions":
        values["lines"] = _posted_lines(request, about is None)
    preview = "preview" in request.POST
    try:
        difference = change.save(
            django_settings.JACKFIELD, [Wish(screen.name, values, about)], author=author(request), dry_run=preview
        )
    except DocumentError as problem:
        found, rest = by_field(problem.problems, f"{screen.name}[0]" if section.key else screen.name)
        return _form(request, screen, row, values=request.POST, problems=found, rest=rest, status=422)
    if preview:
        return render(request, "preview.html", {"difference": difference})
    if about is None and screen.name == "extensions":
        made = section.model().objects.get(number=values["number"])
        return render(request, "credentials.html", {"screen": screen, "row": made, "lines": made.lines.all(),
                                                    "warnings": difference.warnings})  # fmt: skip
    response = redirect(f"/admin/{screen.name}/")
    _tell(request, f"Saved: {_words_of(difference)}" if difference else "Nothing was changed.")
    for warning in difference.warnings:
        _tell(request, str(warning), "warning")
    return response


def _words_of(difference: Any) -> str:
    changed = [f"{one.key or one.section}" for one in difference.changes]
    return ", ".join(dict.fromkeys(changed)) + "."


def _tell(request: HttpRequest, text: str, kind: str = "good") -> None:
    """Keep a notice for the next page."""
    request.session["notices"] = [*request.session.get("notices", []), [kind, text]]


def _posted_lines(request: HttpRequest, new: bool) -> list[dict[str, Any]]:
    numbers = sorted({int(found[1]) for key in request.POST if (found := re.match(r"lines\.(\d{1,3})\.", key))})
    fields = [LINES.fields[name] for name in LINE_FIELDS]
    lines: list[dict[str, Any]] = []
    for number in numbers:
        prefix = f"lines.{number}."
        if f"{prefix}remove" in request.POST:
            continue
        values = posted_fields(fields, request.POST, prefix=prefix)
        if not values.get("sip_username"):
            if not values.get("name") and not (new and not lines):
                continue
            values["sip_username"] = None  # one is made
        lines.append(values)
    return lines


LINE_FIELDS = ("sip_username", "sip_password", "name", "behind_nat", "srtp", "dtmf", "max_contacts")


def _form(
    request: HttpRequest,
    screen: Screen,
    row: Any,
    *,
    values: Any = None,
    problems: dict[str, list[str]] | None = None,
    rest: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    section, found = screen.section, problems or {}
    shown = _Refilled(section, row, values) if values is not None else None
    groups = []
    for group in screen.groups:
        fields = []
        for name in group.fields:
            known = section.fields[name]
            value = known.of(row) if shown is None else shown.value(known)
            fields.append(form_field(known, value, words(section, name), problems=found, inner=INNER))
        groups.append((group, fields))
    lines: list[tuple[Any, list[FormField]]] = []
    if screen.name == "extensions":
        lines = _line_fields(row, values, found)
    every = [one for _, fields in groups for field in fields for one in field.all()]
    every += [field for _, fields in lines for field in fields]
    context = {
        "screen": screen,
        "row": row,
        "new": row.pk is None,
        "groups": groups,
        "lines": lines,
        "rest": rest or [],
        "wrong": [field for field in every if field.problems],
        "suggestions": _suggestions(every),
    }
    return render(request, "form.html", context, status=status)


class _Refilled:
    """What somebody typed, shown again beside what is wrong with it."""

    def __init__(self, section: Any, row: Any, data: Any) -> None:
        self.section, self.row, self.data = section, row, data

    def value(self, known: Any) -> Any:
        from jackfield.console.declarative.nodes import node
        from jackfield.console.declarative.values import Refused, read
        from jackfield.console.web.forms import posted

        plain = posted(known, self.data, known.name)
        try:
            return read(node(plain), known.type, known.default)
        except Refused:
            return plain if not isinstance(plain, list | dict) else known.of(self.row)


def _line_fields(row: Any, values: Any, problems: dict[str, list[str]]) -> list[tuple[Any, list[FormField]]]:
    rows = [] if row.pk is None else list(row.lines.all())
    found = []
    for number, line in enumerate([*rows, LINES.model()()]):
        fields = []
        for name in LINE_FIELDS:
            known, full = LINES.fields[name], f"lines.{number}.{name}"
            value = known.of(line) if values is None or full not in values else values[full]
            fields.append(form_field(known, value, words(LINES, name), name=full, problems=problems))
            fields[-1].required = False
        found.append((line, fields))
    return found


def _suggestions(fields: list[FormField]) -> dict[str, list[tuple[str, str]]]:
    wanted = {field.suggestions for field in fields if field.suggestions}
    return {name: SUGGESTED[name]() for name in sorted(wanted)}


def _numbers() -> list[tuple[str, str]]:
    from jackfield.numbers.plan import DialPlan

    return list(DialPlan.current())


def _users() -> list[tuple[str, str]]:
    return list(SCREENS["users"].section.model().objects.values_list("login", "name"))


def _trunks() -> list[tuple[str, str]]:
    return [(name, "") for name in SCREENS["trunks"].section.model().objects.values_list("name", flat=True)]


def _sounds() -> list[tuple[str, str]]:
    from jackfield.console import sounds

    return [(name, "") for name in sorted(sounds.names(django_settings.JACKFIELD))]


def _time_zones() -> list[tuple[str, str]]:
    import zoneinfo

    return [(name, "") for name in sorted(zoneinfo.available_timezones()) if "/" in name]


SUGGESTED = {
    "numbers": _numbers, "users": _users, "trunks": _trunks, "sounds": _sounds, "time_zones": _time_zones
}  # fmt: skip


def remove(request: HttpRequest, screen: Screen, pk: int) -> HttpResponse:
    """Show what depends on a thing; remove it."""
    row = _row(screen, pk)
    if row is None:
        return errors.missing(request, f"This {screen.one} is not there any more.")
    removal = Removal(screen.name, screen.section.key_of(row))
    really = request.method == "POST"
    context = {"screen": screen, "row": row, "warnings": [], "problems": []}
    try:
        difference = change.save(django_settings.JACKFIELD, [removal], author=author(request), dry_run=not really)
    except DocumentError as problem:
        context["problems"] = [str(one) for one in problem.problems]
        return render(request, "remove.html", context, status=422 if really else 200)
    if not really:
        context["warnings"] = [str(one) for one in difference.warnings]
        return render(request, "remove.html", context)
    _tell(request, f"{str(row)[0].upper()}{str(row)[1:]} is removed. The history of changes can bring it back.")
    return redirect(f"/admin/{screen.name}/")


def urls() -> list[Any]:
    """Return the addresses of all screens, each behind the gate of its area."""
    from django.urls import path

    found = []
    for screen in SCREENS.values():
        base, reading, writing = f"admin/{screen.name}/", gate(screen.area), gate(screen.area, write=True)
        more = {"screen": screen}
        if not screen.section.key:
            found.append(path(base, reading(edit), more))
            continue
        found += [
            path(base, reading(listing), more),
            path(f"{base}new", writing(create), more),
            path(f"{base}<int:pk>", reading(edit), more),
            path(f"{base}<int:pk>/remove", writing(remove), more),
        ]
    return found
