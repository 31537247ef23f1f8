"""Who a chip is and how he is now: the small card that a page shows while the pointer or the focus rests on it.

`/admin/card?of=…` takes the address that the chip leads to. What there is no card for, or what the person may not see,
is answered with nothing (204): a card is a comfort, the page behind the chip says the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.console.declarative.checks import NUMBERED
from jackfield.console.web.lists import cell_text
from jackfield.console.web.live_columns import LiveCell, live_column
from jackfield.console.web.rights import gate, may
from jackfield.console.web.screens import SCREENS, Screen
from jackfield.console.web.words import words
from jackfield.control import ControlError, ask_sync

__all__ = ["card", "urls"]

FACTS = 4
Card = dict[str, Any]


@gate("overview")
def card(request: HttpRequest) -> HttpResponse:
    """Answer with the card of what the address `of` leads to."""
    path = unquote(urlsplit(request.GET.get("of", "")[:300]).path)
    found: Card | None = None
    if call := re.fullmatch(r"/admin/calls/([0-9a-zA-Z-]+)", path):
        found = _call(call[1]) if may(request.user, "history") else None
    else:
        screen, row = _row(path)
        if screen is not None and row is not None and may(request.user, screen.area):
            found = _thing(screen, row)
    if found is None:
        return HttpResponse(status=204)
    answer = render(request, "card.html", {"states": [], "facts": []} | found)
    answer["Cache-Control"] = "no-store"
    return answer


def _row(path: str) -> tuple[Screen | None, Any]:
    """Return the row that an address leads to: by its own page, its number, or its name."""
    if found := re.fullmatch(r"/admin/number/(.+)", path):
        for section in NUMBERED:
            if row := SCREENS[section].section.model().objects.filter(number=found[1]).first():
                return SCREENS[section], row
        return None, None
    section, key, field = "", "", "pk"
    if found := re.fullmatch(r"/admin/setting/(trunks|extensions|users)/(.+)", path):
        section, key = found[1], found[2]
        field = {"trunks": "name", "extensions": "number", "users": "login"}[section]
    elif found := re.fullmatch(r"/admin/([a-z_]+)/(\d{1,9})", path):
        section, key = found[1], found[2]
    screen = SCREENS.get(section)
    if screen is None or not screen.section.key:
        return None, None
    return screen, screen.section.model().objects.filter(**{field: key}).first()


def _thing(screen: Screen, row: Any) -> Card:
    number, name = str(getattr(row, "number", "")), str(getattr(row, "name", ""))
    title = " ".join(part for part in (number, name) if part) or str(row)
    states = [cell for _key, cell in live.cells] if (live := live_column(screen.name, [row])) else []
    make = MORE.get(screen.name)
    more_states, facts = make(row) if make else ([], _columns(screen, row))
    return {"title": title, "kind": screen.one, "states": [*states, *more_states], "facts": facts}


def _columns(screen: Screen, row: Any) -> list[tuple[str, str]]:
    """Return what the list shows of a row, beside what its title says."""
    found = []
    for name in screen.columns:
        if name not in ("number", "name") and (text := cell_text(screen, name, row)):
            found.append((words(screen.section, name).label, text))
    return found[:FACTS]


More = tuple[list[LiveCell], list[tuple[str, str]]]


def _extension(row: Any) -> More:
    states = [] if row.enabled else [LiveCell(_("off"))]
    if row.do_not_disturb:
        states.append(LiveCell(_("do not disturb"), "warning"))
    facts = [(_("User"), row.user.shown_name)] if row.user else []
    if row.forward_always:
        facts.append((_("All calls go to"), row.forward_always))
    phones = [line.name or line.sip_username for line in row.lines.all()[: FACTS + 1]]
    facts.append((_("Phones"), ", ".join(phones)))
    return states, facts


def _user(row: Any) -> More:
    states = [] if row.enabled else [LiveCell(_("may not sign in"), "warning")]
    numbers = [f"{one.number} {one.name}".strip() for one in row.extensions.all()[:FACTS]]
    facts = [(_("Signs in as"), row.login), (_("E-mail"), row.email), (_("Extensions"), ", ".join(numbers))]
    return states, [(label, text) for label, text in facts if text]


def _ring_group(row: Any) -> More:
    from jackfield.numbers.models import Extension

    members = [str(one) for one in row.members]
    names = dict(Extension.objects.filter(number__in=members).values_list("number", "name"))
    shown = [f"{number} {names.get(number, '')}".strip() for number in members[:FACTS]]
    if len(members) > FACTS:
        more = len(members) - FACTS
        shown.append(ngettext("%(count)d more", "%(count)d more", more) % {"count": more})
    try:
        reachable = ask_sync(settings.JACKFIELD.files.switch_socket, "registered", timeout=1.0)
    except ControlError:
        return [], [(_("Members"), ", ".join(shown))]
    count = sum(1 for number in members if reachable.get(number))
    text = _("%(count)s of %(all)s have a phone") % {"count": count, "all": len(members)}
    return [LiveCell(text, "good" if count else "warning")], [(_("Members"), ", ".join(shown))]


MORE: dict[str, Callable[[Any], More]] = {"extensions": _extension, "users": _user, "ring_groups": _ring_group}


def _call(id: str) -> Card | None:
    import zoneinfo

    from jackfield.company.models import General
    from jackfield.console.web.history import telling
    from jackfield.console.web.history.listing import KINDS, outcome_words
    from jackfield.history.models import Call

    row = Call.objects.filter(id=id).first()
    if row is None:
        return None
    sentence = telling.sentence(row, zoneinfo.ZoneInfo(General.current().time_zone))
    kind = KINDS.get(row.outcome, "warning")
    state = LiveCell(outcome_words(row), "info" if kind == "information" else kind)
    return {"title": _("Call %(id)s") % {"id": row.id}, "kind": "", "states": [state], "facts": [("", f"{sentence}.")]}


def urls() -> list[Any]:
    """Return the address."""
    from django.urls import path

    return [path("admin/card", card)]
