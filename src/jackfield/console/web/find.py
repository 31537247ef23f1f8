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
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jackfield.console.searching import within
from jackfield.console.web import other_names
from jackfield.console.web.live import switch_says
from jackfield.console.web.menu import AREAS, PAGES
from jackfield.console.web.rights import NOTHING, READ, WRITE, Level, gate, may
from jackfield.console.web.screens import SCREENS, Screen
from jackfield.console.web.words import words

__all__ = ["Found", "everything", "urls"]

MOST = 24
OF_A_KIND = 8
ENOUGH = 6  # that fit by their own name: then those that fit by their help or their kind stay away
FURTHER = 3
OFFERED = 7  # after what has a name of its own: what could be done with a number
LEAST = 3  # letters or digits before phones and calls are looked through
ICONS = {
    "users": "user", "extensions": "phone", "ring_groups": "users", "services": "clock", "trunks": "cable",
    "inbound": "phone-incoming", "outbound": "phone-outgoing", "emergency_numbers": "shield", "sounds": "play",
}  # fmt: skip
FIRST = {"thing": 0, "action": 1, "page": 2, "setting": 3}
"""What comes first where two fit alike."""
NUMBER = re.compile(r"[+*#]?\d[\d\s()/.*#-]*")


@dataclass(frozen=True, slots=True)
class Found:
    """Something that fits: `kind` is thing, action, page or setting."""

    kind: str
    title: str
    detail: str
    address: str
    icon: str


@dataclass(frozen=True, slots=True)
class Action:
    """Something that people want to do, and the page where they do it."""

    area: str
    level: Level
    title: Any
    other_names: Any
    address: str
    icon: str


ACTIONS = (
    Action("overview", WRITE, gettext_lazy("Hang up a call"), gettext_lazy("end a call, terminate, drop"),
           "/admin/active/", "phone-off"),
    Action("people", WRITE, gettext_lazy("Import extensions from a table"), gettext_lazy("CSV, Excel, spreadsheet"),
           "/admin/extensions/import", "upload"),
    Action("people", WRITE, gettext_lazy("Import users from a table"), gettext_lazy("CSV, Excel, spreadsheet"),
           "/admin/users/import", "upload"),
    Action("lines", READ, gettext_lazy("See what happens if somebody dials a number"),
           gettext_lazy("test a route, simulate, why"), "/admin/whatif/", "route"),
    Action("history", READ, gettext_lazy("Download calls as a table"), gettext_lazy("CSV, export, CDR"),
           "/admin/calls/calls.csv", "download"),
    Action("history", WRITE, gettext_lazy("Undo a change"), gettext_lazy("take back, restore, revert"),
           "/admin/changes/", "undo-2"),
    Action("system", WRITE, gettext_lazy("Go through the first steps again"),
           gettext_lazy("wizard, set-up assistant, first run"), "/first-run/", "list-checks"),
    Action("own", NOTHING, gettext_lazy("Change my password"), gettext_lazy("my account, profile"),
           "/me/account", "key"),
    Action("own", NOTHING, gettext_lazy("Add a passkey or a second factor"),
           gettext_lazy("2FA, MFA, TOTP, authenticator"), "/me/account/second-factor", "shield"),
)  # fmt: skip


def everything(user: Any, text: str) -> list[Found]:
    """Return what fits `text` and `user` may see, the best first; without text, what people do most."""
    asked = [word.casefold() for word in text.split()]
    if not asked:
        return [*_making(user)][:6] + [*_pages(user)][:8]
    scored: list[tuple[int, int, int, Found]] = []
    for found, names, others, more in _candidates(user):
        score = _score(names, asked)
        if score is None and _begins((*names, *others), asked):
            score = 1
        if score is None and (further := _score((*names, *more), asked)) is not None:
            score = FURTHER + further
        if score is not None:
            scored.append((score, FIRST[found.kind], len(scored), found))
    for found, names in (*_things(user, asked), *_phones(user, text)):
        score = _score(names, asked)
        scored.append((FURTHER if score is None else score, FIRST["thing"], len(scored), found))
    for found in _with_number(user, text):
        scored.append((OFFERED, FIRST[found.kind], len(scored), found))
    scored.sort(key=lambda one: one[:3])
    near = [one for one in scored if one[0] < FURTHER or one[0] == OFFERED]
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


def _begins(names: Iterable[str], asked: list[str]) -> bool:
    """Tell whether words of names begin so: within a word of a name that only others use nobody means anything."""
    score = _score(names, asked)
    return score is not None and score < 2


Candidate = tuple[Found, tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def _candidates(user: Any) -> Iterator[Candidate]:
    """Everything but rows: what is found, its own names, those that others use, and words that lie further off."""
    for found in _making(user):
        yield found, (found.title,), (), (_("add create"),)
    for action in ACTIONS:
        if may(user, action.area, action.level):
            found = Found("action", str(action.title), "", action.address, action.icon)
            yield found, (found.title,), tuple(str(action.other_names).split(", ")), ()
    for found in _pages(user):
        yield found, (found.title,), other_names.of_page(found.address), (found.detail,)
    for screen in SCREENS.values():
        if may(user, screen.area):
            yield from _settings(screen)


def _making(user: Any) -> Iterator[Found]:
    for screen in sorted(SCREENS.values(), key=lambda one: one.area != "people"):  # what is made most, first
        if screen.section.key and may(user, screen.area, WRITE):
            title = _("New %(thing)s") % {"thing": screen.one}
            yield Found("action", title, "", f"/admin/{screen.name}/new", "plus")


def _pages(user: Any) -> Iterator[Found]:
    for page in PAGES:
        if may(user, page.area):
            title, icon = AREAS[page.area]
            yield Found("page", page.title, title if title != page.title else "", page.address, icon)


def _settings(screen: Screen) -> Iterator[Candidate]:
    """Settings of the company, each at its field; of what there is many of, on their list."""
    for group in screen.groups:
        for name in group.fields:
            shown = words(screen.section, name)
            if screen.section.key:
                address, detail = f"/admin/{screen.name}/", _("of each %(thing)s") % {"thing": screen.one}
            else:
                address, detail = f"/admin/{screen.name}/#f-{name}", screen.title
            found = Found("setting", shown.label, detail, address, "settings")
            own, others = (shown.label, name.replace("_", " "), name), other_names.of_setting(screen.name, name)
            yield found, own, others, (shown.help, screen.one, group.title)


def _things(user: Any, asked: list[str]) -> Iterator[tuple[Found, tuple[str, ...]]]:
    """Rows of every list that the person may read; each word must be somewhere in one."""
    for screen in SCREENS.values():
        if not screen.section.key or not may(user, screen.area):
            continue
        wanted = Q()
        for word in asked:
            either = Q()
            for lookup in screen.searched:
                either |= within(screen.section.fields.get(lookup), lookup, word)
            wanted &= either
        for row in screen.section.model().objects.filter(wanted).distinct()[:OF_A_KIND]:
            number = str(getattr(row, "number", "") or getattr(row, "login", ""))
            name = str(getattr(row, "name", ""))
            title = f"{number} {name}".strip() or screen.one.capitalize()
            address = f"/admin/{screen.name}/{row.pk}"
            yield Found("thing", title, screen.one, address, ICONS.get(screen.name, "phone")), (number, name)


def _phones(user: Any, text: str) -> Iterator[tuple[Found, tuple[str, ...]]]:
    """Phones that are registered, by model, SIP name, address, or a MAC address with or without its colons."""
    if len(text) < LEAST or not may(user, "phones"):
        return
    rows, _problem = switch_says("registrations")
    wanted, plain, shown = text.casefold(), _plain(text), 0
    for row in rows or ():
        said = f"{row['model']} {row['user_agent']} {row['sip_username']} {row['line']} {row['address']}".casefold()
        if wanted in said or (len(plain) > 5 and plain in _plain(said)):
            title = _("%(model)s of %(number)s %(name)s") % {
                "model": row["model"] or row["user_agent"] or _("Phone"), "number": row["extension"],
                "name": row["name"],
            }  # fmt: skip
            address = f"/admin/phones/?{urlencode({'q': row['sip_username']})}"
            detail = _("phone at %(address)s") % {"address": row["address"]}
            yield Found("thing", title.strip(), detail, address, "smartphone"), (row["sip_username"], row["model"])
            if (shown := shown + 1) == OF_A_KIND:
                return


def _plain(text: str) -> str:
    """Return text without what people write between the pairs of a MAC address."""
    return re.sub(r"[:.\s-]+", "", text.casefold())


def _with_number(user: Any, text: str) -> Iterator[Found]:
    """What can be done with a number: see its calls, see what would happen, give it to somebody."""
    if not NUMBER.fullmatch(text) or len(digits := re.sub(r"[\s()/.-]+", "", text)) < 2:
        return
    if len(digits) >= LEAST and may(user, "history"):
        yield from _calls(text)
    if may(user, "lines"):
        title = _("See what happens if somebody dials %(number)s") % {"number": digits}
        yield Found("action", title, "", f"/admin/whatif/?{urlencode({'to': digits})}", "route")
    if digits.isdecimal() and len(digits) < 6 and may(user, "people", WRITE):
        from jackfield.numbers.plan import DialPlan

        if not DialPlan.current().clash(digits):
            title = _("New extension %(number)s") % {"number": digits}
            yield Found("action", title, "", f"/admin/extensions/new?{urlencode({'number': digits})}", "plus")


def _calls(text: str) -> Iterator[Found]:
    """Those who have such a number and were in calls, the latest first, each with their calls."""
    from jackfield.history.models import Party
    from jackfield.history.parties import wanted

    for party in Party.objects.filter(number__contains=wanted(text)).order_by("-last")[:FURTHER]:
        address = f"/admin/calls/?{urlencode({'q': party.number})}"
        title = _("Calls with %(number)s") % {"number": f"{party.number} {party.name}".strip()}
        yield Found("page", title, "", address, "history")


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
    section, _slash, pk = request.GET.get("besides", "").partition("/")
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
