"""Lists and forms of everything that is configured, from its `Screen`: one set of views for all sections."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from jackfield.console import languages, links, sounds, welcome
from jackfield.console.change import Removal, Wish
from jackfield.console.declarative.checks import NUMBERED
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.declarative.merging import key_text
from jackfield.console.declarative.nodes import node
from jackfield.console.declarative.section import Field, Section
from jackfield.console.declarative.sections import LINES
from jackfield.console.declarative.values import Refused, read, written
from jackfield.console.presets import Preset
from jackfield.console.web import changes, conflicts, errors, firewall, providers, saving, told, webhooks
from jackfield.console.web.first_run import connecting
from jackfield.console.web.forms import FormField, by_field, form_field, posted, posted_fields
from jackfield.console.web.lists import listing
from jackfield.console.web.live_columns import live_column
from jackfield.console.web.rights import WRITE, gate, may
from jackfield.console.web.saving import author
from jackfield.console.web.screens import SCREENS, Screen
from jackfield.console.web.uses import instead, uses
from jackfield.console.web.words import INNER, words
from jackfield.network.firewall.rules import AUTOMATIC, EVERYONE
from jackfield.network.groups import LOCAL, VPN
from jackfield.numbers.schema import new_password as generated_password

__all__ = ["author", "create", "edit", "listing", "refilled", "remove", "suggestions", "urls"]

USES = 30
"""Uses of a thing that its form shows."""


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
        preset = providers.filled_in(section, row, request.GET.get("provider", "")) if screen.name == "trunks" else None
        return _form(request, screen, row, preset=preset)
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
    wishes: list[Wish | Removal] = [Wish(screen.name, values, about)]
    if about is not None and "follow" in request.POST:
        wishes += _following(request, screen, row, values)
    preview, opened = "preview" in request.POST, request.POST.get("opened", "")

    def guard() -> None:
        now = _row(screen, row.pk) if about is not None else None
        if now is not None and conflicts.is_stale(section, now, opened):
            raise conflicts.Stale

    on_trial = "trial" in request.POST and not preview
    try:
        difference = saving.save(request, wishes, dry_run=preview, guard=guard, trial=on_trial)
    except conflicts.Stale:
        now = _row(screen, row.pk)
        conflict = conflicts.changed_since(section, now, opened)
        return _form(request, screen, now, values=request.POST, conflict=conflict, status=409)
    except DocumentError as problem:
        own = f"{screen.name}[0]"
        found, _ = by_field([one for one in problem.problems if one.path.startswith(f"{own}.")], own)
        rest = [told.problem_words(one, wishes) for one in problem.problems if not one.path.startswith(f"{own}.")]
        trial = all(one.shut_out for one in problem.problems)
        return _form(request, screen, row, values=request.POST, problems=found, rest=rest, trial=trial, status=422)
    if on_trial and difference:
        return firewall.on_trial(request)
    if preview:
        warnings = [told.problem_words(one, wishes) for one in difference.warnings]
        return render(request, "preview.html", {"told": told.tell(difference), "warnings": warnings})
    notices = told.notices(difference, wishes)
    if "welcome" in request.POST:
        notices += welcome.welcome_created(difference)
    made = [one.key.partition("/")[2] for one in difference.changes if (one.section, one.action) == ("lines", "create")]
    if made:
        return _credentials(request, screen, made, notices, new=about is None)
    if screen.name == "webhooks" and about is None:
        return webhooks.made(request, str(values["name"]), notices)
    saving.notify(request, notices)
    if screen.name == "desk_phones" and about is None:  # what comes next is there: its address, what to type
        mac = next(one.key for one in difference.changes if (one.section, one.action) == ("desk_phones", "create"))
        return saving.onward(request, f"/admin/desk_phones/{screen.section.model().objects.get(mac=mac).pk}/now")
    return saving.onward(request, f"/admin/{screen.name}/")


def _following(request: HttpRequest, screen: Screen, row: Any, values: dict[str, Any]) -> list[Wish]:
    """Return what changes a number or a name where it is used too, as far as this person may."""
    name = screen.section.key[0] if screen.section.key else ""
    old, new = str(getattr(row, name, "")) if name in values else "", str(values.get(name) or "")
    if not new or old == new:
        return []
    found = [one for one in uses(screen.name, row) if not one.linked]
    return instead([one for one in found if may(request.user, saving.area_of(one.section), WRITE)], old, new)


def _credentials(
    request: HttpRequest, screen: Screen, names: list[str], notices: list[tuple[str, str]], *, new: bool
) -> HttpResponse:
    """Show, this once, what new phones sign in with."""
    lines = list(LINES.model().objects.select_related("extension").filter(sip_username__in=names))
    cards = [(line, connecting.card(request, line)) for line in lines]
    context = {"screen": screen, "row": lines[0].extension, "cards": cards, "notices": notices, "new": new}
    return render(request, "credentials.html", context)


def new_password(request: HttpRequest, screen: Screen, pk: int, line: int) -> HttpResponse:
    """Give one phone a new SIP password, and show it this once. What else the form holds is not saved."""
    if request.method != "POST":
        return redirect(f"/admin/{screen.name}/{pk}")
    row = _row(screen, pk)
    lines = [] if row is None else list(row.lines.all())
    if line not in [one.pk for one in lines]:
        return errors.missing(request, "This phone is not there any more: somebody removed it.")
    password = generated_password()
    wanted = [
        {"sip_username": one.sip_username} | ({"sip_password": password} if one.pk == line else {}) for one in lines
    ]
    try:
        difference = saving.save(request, [Wish(screen.name, {"lines": wanted}, screen.section.key_of(row))])
    except DocumentError as problem:
        rest = [told.problem_words(one) for one in problem.problems]
        return _form(request, screen, row, rest=rest, status=422)
    name = next(one.sip_username for one in lines if one.pk == line)
    return _credentials(request, screen, [name], told.notices(difference), new=False)


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


LINE_FIELDS = (
    "sip_username", "sip_password", "name", "behind_nat", "srtp", "dtmf", "max_contacts", "phones_from", "codecs",
)  # fmt: skip


def _form(
    request: HttpRequest,
    screen: Screen,
    row: Any,
    *,
    values: Any = None,
    problems: dict[str, list[str]] | None = None,
    rest: list[str] | None = None,
    conflict: conflicts.Conflict | None = None,
    preset: Preset | None = None,
    trial: bool = False,
    status: int = 200,
) -> HttpResponse:
    section, found = screen.section, problems or {}
    groups = []
    for group in screen.groups:
        fields = []
        for name in group.fields:
            known = section.fields[name]
            value = known.of(row) if values is None else refilled(section, row, values, known)
            if conflict is not None and conflict.then is not None and _same(value, conflict.then.get(name)):
                value = known.of(row)  # only the other one changed it
            fields.append(form_field(known, value, words(section, name), problems=found, inner=INNER))
        groups.append((group, fields))
    lines: list[tuple[Any, list[FormField]]] = []
    if screen.name == "extensions":
        kept = conflict is None or (conflict.then or {}).get("lines") == conflict.now["lines"]
        lines = _line_fields(row, values if kept else None, found)
    every = [one for _, fields in groups for field in fields for one in field.all()]
    every += [field for _, fields in lines for field in fields]
    if row.pk is None:
        for field in every:
            if field.kind == "password" and field.help.startswith("Leave empty to keep"):
                field.help = ""  # there is nothing to be kept yet
    if preset is not None and preset.username:
        next(field for field in every if field.name == "username").help = preset.username
    context = {
        "screen": screen,
        "row": row,
        "preset": preset,
        "providers": providers.offered() if screen.name == "trunks" and row.pk is None and values is None else (),
        "new": row.pk is None,
        "groups": groups,
        "lines": lines,
        "rest": rest or [],
        "wrong": [field for field in every if field.problems],
        "suggestions": suggestions(every),
        "uses": uses(screen.name, row)[:USES],
        "live": None if row.pk is None else live_column(screen.name, [row]),
        "opened": "" if row.pk is None else conflicts.digest(section, row),
        "conflict": conflict,
        "trial": trial,
        "welcome": ("welcome" in values if values is not None else welcome.wanted_by_default())
        if screen.name == "users" and row.pk is None
        else None,
        "hindrance": links.hindrance() if screen.name == "users" and row.pk is None else "",
        "changes_address": changes.address_of(screen.name, key_text(section.key_of(row))),
    }
    return render(request, "form.html", context, status=status)


def refilled(section: Section, row: Any, data: Any, known: Field) -> Any:
    """Return what somebody typed into a field, to be shown again beside what is wrong with it."""
    plain = posted(known, data, known.name)
    try:
        return read(node(plain), known.type, known.default)
    except Refused:
        return plain if not isinstance(plain, list | dict) else known.of(row)


def _same(value: Any, before: Any) -> bool:
    return (None if value is None else written(value)) == before


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


def suggestions(fields: list[FormField]) -> dict[str, list[tuple[str, str]]]:
    """Return the lists that browsers propose from, those that these fields need."""
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
    return [(name, "") for name in sorted(sounds.names(django_settings.JACKFIELD))]


def _time_zones() -> list[tuple[str, str]]:
    import zoneinfo

    return [(name, "") for name in sorted(zoneinfo.available_timezones()) if "/" in name]


def _network_cards() -> list[tuple[str, str]]:
    from jackfield.provisioning.dhcp_server import addresses_by_interface

    return sorted(addresses_by_interface().items())


def _events() -> list[tuple[str, str]]:
    from jackfield.webhooks.kinds import KINDS

    return [("*", ""), *((kind, str(label)) for kind, label in KINDS.items())]


def _named(section: str) -> Callable[[], list[tuple[str, str]]]:
    def names() -> list[tuple[str, str]]:
        return [(name, "") for name in SCREENS[section].section.model().objects.values_list("name", flat=True)]

    return names


def _open_to() -> list[tuple[str, str]]:
    return [(EVERYONE, ""), (AUTOMATIC, ""), *_address_groups()]


def _address_groups() -> list[tuple[str, str]]:
    return [(LOCAL, ""), (VPN, ""), *_named("address_groups")()]


def _languages() -> list[tuple[str, str]]:
    from jackfield.console.web import language_list

    return [(tag, language_list.name_of(tag)) for tag in sorted({*languages.LANGUAGES, *sounds.spoken()})]


def _countries() -> list[tuple[str, str]]:
    from jackfield.console.web.first_run import proposals

    return list(proposals.countries())


def _phone_template_files() -> list[tuple[str, str]]:
    from jackfield.desk_phones.schema import template_files

    return [(name, "") for name in template_files()]


SUGGESTED = {
    "phone_template_files": _phone_template_files,
    "languages": _languages, "countries": _countries,
    "address_groups": _address_groups,
    "open_to": _open_to,
    "time_ranges": _named("time_ranges"), "holidays": _named("holidays"), "permissions": _named("permissions"),
    "routes": _named("outbound"),
    "numbers": _numbers, "users": _users, "trunks": _trunks, "sounds": _sounds, "time_zones": _time_zones,
    "events": _events, "network_cards": _network_cards,
}  # fmt: skip


def remove(request: HttpRequest, screen: Screen, pk: int) -> HttpResponse:
    """Show what depends on a thing, and what may stand in its place there; remove it."""
    row = _row(screen, pk)
    if row is None:
        return errors.missing(request, f"This {screen.one} is not there any more.")
    really, key = request.method == "POST", screen.section.key_of(row)
    found = uses(screen.name, row)
    choice, other = request.POST.get("uses", "leave"), request.POST.get("other", "").strip()
    wishes: list[Wish | Removal] = [Removal(screen.name, key)]
    rest = []
    if choice == "out":
        wishes += instead(found, str(key[0]), "")
    elif choice == "other":
        wishes += instead(found, str(key[0]), other)
        rest = [] if other else ["Say what to put in its place."]
    context: dict[str, Any] = {
        "screen": screen, "row": row, "uses": found, "choice": choice, "other": other, "warnings": [],
        "problems": rest, "suggestions": [value for value in _proposed(screen.name) if value[0] != str(key[0])],
    }  # fmt: skip
    if rest:
        return render(request, "remove.html", context, status=422)
    try:
        difference = saving.save(request, wishes, dry_run=not really)
    except DocumentError as problem:
        context["problems"] = [told.problem_words(one, wishes) for one in problem.problems]
        return render(request, "remove.html", context, status=422 if really else 200)
    if not really:
        context["warnings"] = [told.problem_words(one, wishes) for one in difference.warnings]
        return render(request, "remove.html", context)
    notices = [notice for notice in told.notices(difference, wishes) if notice[0] != "good"]
    text = f"{str(row)[0].upper()}{str(row)[1:]} is removed. The history of changes can bring it back."
    saving.notify(request, [("good", text), *notices])
    return saving.onward(request, f"/admin/{screen.name}/")


def _proposed(section: str) -> list[tuple[str, str]]:
    return SUGGESTED[section]() if section in SUGGESTED else _numbers() if section in NUMBERED else []


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
        if screen.name == "extensions":
            found.append(path(f"{base}<int:pk>/password/<int:line>", writing(new_password), more))
    return found
