"""Finding anything by what people call it: numbers, people, trunks, pages, settings, actions; and free numbers.

`/admin/find?q=…` answers with JSON to the palette of the pages, and as a page to a browser without scripts. Nobody
finds what his role may not see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from jackfield.console.web.menu import AREAS, PAGES
from jackfield.console.web.rights import WRITE, gate, may
from jackfield.console.web.screens import SCREENS, Screen
from jackfield.console.web.words import words

__all__ = ["Found", "everything", "urls"]

MOST = 24
OF_A_KIND = 8
ENOUGH = 6  # that fit by their own name: then those that fit by their help or their kind stay away
FURTHER = 3
ICONS = {
    "users": "user", "extensions": "phone", "ring_groups": "users", "services": "clock", "trunks": "cable",
    "inbound": "phone-incoming", "outbound": "phone-outgoing", "emergency_numbers": "shield", "sounds": "play",
}  # fmt: skip
FIRST = {"thing": 0, "action": 1, "page": 2, "setting": 3}
"""What comes first where two fit alike."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that fits: `kind` is thing, action, page or setting."""

    kind: str
    title: str
    detail: str
    address: str
    icon: str


def everything(user: Any, text: str) -> list[Found]:
    """Return what fits `text` and `user` may see, the best first; without text, what people do most."""
    asked = [word.casefold() for word in text.split()]
    if not asked:
        return [*_actions(user)][:6] + [*_pages(user)][:8]
    scored: list[tuple[int, int, int, Found]] = []
    for found, names, more in _candidates(user):
        score = _score(names, asked)
        if score is None and (further := _score((*names, *more), asked)) is not None:
            score = FURTHER + further
        if score is not None:
            scored.append((score, FIRST[found.kind], len(scored), found))
    for found, names in _things(user, text, asked):
        score = _score(names, asked)
        scored.append((FURTHER if score is None else score, FIRST["thing"], len(scored), found))
    scored.sort(key=lambda one: one[:3])
    near = [one for one in scored if one[0] < FURTHER]
    return [one[3] for one in (near if len(near) >= ENOUGH else scored)[:MOST]]


def _score(names: Iterable[str], asked: list[str]) -> int | None:
    """Return how well names fit: 0 is the whole of one, 1 the beginning of words, 2 within; None is not at all."""
    known = [name.casefold() for name in names if name]
    whole = " ".join(asked)
    if whole in known:
        return 0
    joined = " ".join(known)
    if not all(word in joined for word in asked):
        return None
    parts = re.split(r"[\s_/,.()-]+", joined)
    return 1 if all(any(part.startswith(word) for part in parts) for word in asked) else 2


def _candidates(user: Any) -> Iterator[tuple[Found, tuple[str, ...], tuple[str, ...]]]:
    """Everything but rows: what is found, its own names, and words that lie further off."""
    for found in (*_actions(user), *_pages(user)):
        yield found, (found.title,), (found.detail if found.kind == "page" else "add create",)
    for screen in SCREENS.values():
        if may(user, screen.area):
            yield from _settings(screen)


def _actions(user: Any) -> Iterator[Found]:
    for screen in SCREENS.values():
        if screen.section.key and may(user, screen.area, WRITE):
            yield Found("action", f"New {screen.one}", "", f"/admin/{screen.name}/new", "plus")


def _pages(user: Any) -> Iterator[Found]:
    for page in PAGES:
        if may(user, page.area):
            title, icon = AREAS[page.area]
            yield Found("page", page.title, title if title != page.title else "", page.address, icon)


def _settings(screen: Screen) -> Iterator[tuple[Found, tuple[str, ...], tuple[str, ...]]]:
    """Settings of the company, each at its field; of what there is many of, on their list."""
    for group in screen.groups:
        for name in group.fields:
            shown = words(screen.section, name)
            if screen.section.key:
                address, detail = f"/admin/{screen.name}/", f"of each {screen.one}"
            else:
                address, detail = f"/admin/{screen.name}/#f-{name}", screen.title
            found = Found("setting", shown.label, detail, address, "settings")
            own = (shown.label, name.replace("_", " "), name)
            yield found, own, (shown.help, screen.one, group.title)


def _things(user: Any, text: str, asked: list[str]) -> Iterator[tuple[Found, tuple[str, ...]]]:
    """Rows of every list that the person may read; each word must be somewhere in one."""
    for screen in SCREENS.values():
        if not screen.section.key or not may(user, screen.area):
            continue
        wanted = Q()
        for word in asked:
            either = Q()
            for lookup in screen.searched:
                either |= Q(**{f"{lookup}__icontains": word})
            wanted &= either
        for row in screen.section.model().objects.filter(wanted).distinct()[:OF_A_KIND]:
            number = str(getattr(row, "number", "") or getattr(row, "login", ""))
            name = str(getattr(row, "name", ""))
            title = f"{number} {name}".strip() or screen.one.capitalize()
            address = f"/admin/{screen.name}/{row.pk}"
            yield Found("thing", title, screen.one, address, ICONS.get(screen.name, "phone")), (number, name)


@gate("overview")
def find(request: HttpRequest) -> HttpResponse:
    """Answer with what fits `q`."""
    text = request.GET.get("q", "")[:100].strip()
    found = everything(request.user, text)
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"found": [asdict(one) for one in found]})
    return render(request, "find.html", {"text": text, "found": found})


@gate("people")
def number(request: HttpRequest) -> HttpResponse:
    """Tell whether `number` is free; `besides` names what has it now, as `extensions/7`."""
    from jackfield.numbers.plan import DialPlan

    asked = request.GET.get("number", "")[:50].strip()
    section, _, pk = request.GET.get("besides", "").partition("/")
    screen = SCREENS.get(section)
    row = screen.section.model().objects.filter(pk=pk).first() if screen and pk.isdecimal() else None
    plan = DialPlan.current(row)
    clash = plan.clash(asked) if asked else ""
    said = f"{clash[0].upper()}{clash[1:]}." if clash else ""
    return JsonResponse({"free": not clash, "text": said, "next": plan.next_free(asked) if clash else asked})


def urls() -> list[Any]:
    """Return the addresses."""
    from django.urls import path

    return [path("admin/find", find), path("admin/find/number", number)]
