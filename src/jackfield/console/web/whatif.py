"""What happens if somebody dials a number, the house's numbers in order, and the way from a number to its page."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from jackfield.console.web import errors
from jackfield.console.web.live import switch_says
from jackfield.console.web.rights import gate
from jackfield.console.web.screens import SCREENS
from jackfield.numbers.plan import number_order

__all__ = ["dial_plan", "number", "setting", "urls", "what_if"]

PAGE = 200
KINDS = {
    "extensions": "extension",
    "ring_groups": "ring group",
    "services": "service",
    "speed_dials": "speed dial",
    "emergency_numbers": "emergency number",
    "outbound": "outgoing route",
    "settings": "outside line",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One number or prefix of the house. `href` leads to its page."""

    number: str
    section: str
    name: str
    href: str
    prefix: bool = False
    note: str = ""

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return KINDS[self.section]


@dataclass(frozen=True, slots=True)
class Free:
    """Numbers that nothing has, between two that something has."""

    first: str
    last: str
    count: int


MORE = {"extensions": ("enabled",), "services": ("kind", "hours__name"), "speed_dials": ("target",)}
"""What the dial plan shows beside number and name."""


def entries() -> list[Entry]:
    """Return all numbers and prefixes of the house, as people sort numbers."""
    from jackfield.company.models import General
    from jackfield.numbers.models import Extension, RingGroup, Service, SpeedDial
    from jackfield.trunks.models import EmergencyNumber, Outbound

    found = []
    models: tuple[tuple[str, Any], ...] = (
        ("extensions", Extension),
        ("ring_groups", RingGroup),
        ("services", Service),
        ("speed_dials", SpeedDial),
        ("emergency_numbers", EmergencyNumber),
    )
    for section, model in models:
        more = MORE.get(section, ())
        for row in model.objects.values("pk", "number", "name", *more):
            note = "off" if not row.get("enabled", True) else row.get("hours__name") or row.get("target") or ""
            href = f"/admin/{section}/{row['pk']}"
            found.append(Entry(row["number"], section, row["name"] or row.get("kind", ""), href, note=note))
    for row in Outbound.objects.values("pk", "name", "prefix", "enabled"):
        note = "" if row["enabled"] else "off"
        found.append(Entry(row["prefix"], "outbound", row["name"], f"/admin/outbound/{row['pk']}", True, note))
    if outside := General.current().outside_prefix:
        found.append(Entry(outside, "settings", "Before numbers outside", "/admin/settings/", True))
    found.sort(key=lambda one: (number_order(one.number), one.prefix, one.section))
    return found


def with_gaps(found: list[Entry], width: int) -> Iterator[Entry | Free]:
    """Go through the entries, with the free ranges between and behind those that have the usual number of digits."""
    prefixes = tuple(one.number for one in found if one.prefix and one.number)
    plain = [one for one in found if one.number.isdecimal() and len(one.number) == width and not one.prefix]
    usual, before = {id(one) for one in plain}, None
    for one in found:
        if id(one) in usual:
            if before is not None:
                yield from _between(int(before.number) + 1, int(one.number) - 1, width, prefixes)
            before = one
        yield one
        if plain and one is plain[-1]:
            yield from _between(int(one.number) + 1, 10**width - 1, width, prefixes)


def _between(first: int, last: int, width: int, prefixes: tuple[str, ...]) -> Iterator[Free]:
    """Give the numbers from first to last as free, without those that a prefix at their end or beginning takes."""
    for prefix in prefixes:
        low = int(prefix.ljust(width, "0")) if prefix.isdecimal() and len(prefix) < width else -1
        high = int(prefix.ljust(width, "9")) if low >= 0 else -1
        if low <= first <= high:
            first = high + 1
        if low <= last <= high:
            last = low - 1
        if first < low and high < last:
            yield from _between(first, low - 1, width, prefixes)
            first = high + 1
    if first <= last:
        yield Free(str(first).zfill(width), str(last).zfill(width), last - first + 1)


@gate("people")
def dial_plan(request: HttpRequest) -> HttpResponse:
    """Show every number of the house in order, with what is free between them."""
    from jackfield.company.models import General

    found = entries()
    search, kind = request.GET.get("q", "").strip(), request.GET.get("kind", "")
    rows: list[Entry | Free] = []
    if search or kind in KINDS:
        wanted = search.casefold()
        rows += [
            one for one in found
            if (kind not in KINDS or one.section == kind)
            and (one.number.startswith(search) or wanted in one.name.casefold())
        ]  # fmt: skip
    else:
        rows += with_gaps(found, len(General.current().first_number))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(isinstance(one, Free), one) for one in page.object_list],
        "count": len(found),
        "kinds": KINDS,
        "kind": kind,
        "search": search,
        "query": urlencode({name: value for name, value in (("q", search), ("kind", kind)) if value}),
    }
    return render(request, "live/dialplan.html", context)


# --- from a number or a setting to its page ---------------------------------------------------------------------


@gate("people")
def number(request: HttpRequest, number: str) -> HttpResponse:
    """Lead to the page of whatever has this number: a thing of the house, or what would happen if it were dialled."""
    owner = next((one for one in entries() if one.number == number and not one.prefix), None)
    return redirect(owner.href if owner else f"/admin/whatif/?{urlencode({'to': number})}")


@gate("overview")
def setting(request: HttpRequest, setting: str) -> HttpResponse:
    """Lead to the page behind a reference as the switch's explanations have it: "extensions/101", "settings"."""
    found = setting_href(setting)
    return redirect(found) if found else errors.missing(request, f"The setting {setting} is not there any more.")


def setting_href(setting: str) -> str:
    """Return the address of the page of a setting, "" when there is none (any more)."""
    section, _slash, key = setting.partition("/")
    screen = SCREENS.get(section)
    if screen is None:
        return ""
    if not screen.section.key or not key:
        return f"/admin/{section}/"
    rows = screen.section.model().objects
    for field in ("number", "name", "prefix", "login"):
        if field in screen.section.fields and (row := rows.filter(**{field: key}).first()):
            return f"/admin/{section}/{row.pk}"
    return f"/admin/{section}/" if section in ("inbound", "outbound") else ""


# --- what happens if ----------------------------------------------------------------------------------------------

CALLERS = {"extension": "an extension", "trunk": "outside, by a trunk", "anonymous": "a stranger on the internet"}


@gate("lines")
def what_if(request: HttpRequest) -> HttpResponse:
    """Show the way of a call that nobody makes: each decision, with the setting behind it."""
    from jackfield.company.models import General
    from jackfield.numbers.models import Extension
    from jackfield.trunks.models import Trunk

    asked = {name: request.GET.get(name, "").strip() for name in ("from", "extension", "trunk", "number", "to", "at")}
    extensions = list(Extension.objects.order_by("number").values_list("number", "name"))
    trunks = list(Trunk.objects.order_by("name").values_list("name", flat=True))
    if asked["from"] not in CALLERS:
        asked["from"] = "extension"
    if not asked["extension"] and extensions:
        asked["extension"] = extensions[0][0]
    found, problem = None, ""
    if asked["from"] == "extension" and asked["extension"] not in dict(extensions):
        problem = _("There is no extension %(number)s.") % {"number": asked["extension"]} if asked["to"] else ""
    elif asked["to"]:
        found, problem = switch_says("route", **{"from": _who(asked), "to": asked["to"], "at": _at(asked["at"])})
    context = {
        "asked": asked,
        "callers": CALLERS,
        "extensions": extensions[:2000],
        "trunks": trunks,
        "found": found,
        "verdict": verdict(found) if found else "",
        "steps": steps(found, asked["trunk"]) if found else [],
        "problem": problem,
        "zone": General.current().time_zone,
        "now": datetime.datetime.now().strftime("%Y-%m-%dT%H:%M"),
    }
    return render(request, "live/whatif.html", context)


def _who(asked: dict[str, str]) -> str:
    if asked["from"] == "trunk":
        return f"trunk:{asked['trunk']}" + (f":{asked['number']}" if asked["number"] else "")
    return "anonymous" if asked["from"] == "anonymous" else asked["extension"]


def _at(text: str) -> str | None:
    return text.replace(" ", "T") or None


LEADS = {
    "extension": "It rings {number}{name}.",
    "ringgroup": "It rings the ring group {number}{name}.",
    "service": "The service {number}{name} answers.",
    "outbound": "It goes to the outside by the route{name}.",
    "emergency": "It is an emergency call: every trunk that can carry it is tried.",
}


def verdict(found: dict[str, Any]) -> str:
    """Return what comes of the call, in a sentence."""
    if found["refused"]:
        return f"The call is refused: {found['refused']['text']}."
    leads = found["leads_to"]
    if leads is None:
        return "The call leads nowhere."
    name = f' "{leads["name"]}"' if leads["name"] else ""
    return LEADS.get(leads["kind"], "It reaches {number}{name}.").format(number=leads["number"], name=name)


def steps(found: dict[str, Any], trunk: str = "") -> list[dict[str, Any]]:
    """Return the decisions with the link to each setting; a refusal is marked."""
    return [
        {
            "text": _sentence(re.sub(r"^refused \(\d+\): ", "", one["text"])),
            "href": _rule_href(one["text"], trunk) or f"/admin/setting/{one['setting']}" if one["setting"] else "",
            "setting": _setting_words(one["setting"]),
            "refused": one["text"].startswith("refused"),
        }
        for one in found["trace"]
    ]


def _rule_href(text: str, trunk: str) -> str:
    """Return the address of the incoming number that a step names, "" when it names none, or one of several."""
    from jackfield.trunks.models import Inbound

    if not (named := re.match(r'incoming rule "(.+)" fits: ', text)):
        return ""
    rules = Inbound.objects.filter(Q(trunk__name=trunk) | Q(trunk=None)).filter(Q(name=named[1]) | Q(number=named[1]))
    keys = list(rules.values_list("pk", flat=True)[:2])
    return f"/admin/inbound/{keys[0]}" if len(keys) == 1 else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def _setting_words(setting: str) -> str:
    section, _slash, key = setting.partition("/")
    screen = SCREENS.get(section)
    if screen is None:
        return setting
    return f"{screen.one[:1].upper()}{screen.one[1:]} {key}" if key else screen.title


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    from django.urls import path

    return [
        path("admin/whatif/", what_if),
        path("admin/dialplan/", dial_plan),
        path("admin/number/<str:number>", number),
        path("admin/setting/<path:setting>", setting),
    ]
