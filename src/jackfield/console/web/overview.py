"""The first pages: where everybody begins, and the administration's overview."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from jackfield.console import monitoring, volume, watching
from jackfield.console.provisioning.alarms import alarms
from jackfield.console.web import hours
from jackfield.console.web.live import live_rows, switch_says
from jackfield.console.web.rights import gate
from jackfield.console.web.saving import notify
from jackfield.console.web.signing_in import home
from jackfield.notices.choices import Kind

__all__ = ["HREFS", "Alert", "alerts", "away", "front", "observed", "overview"]

MOST_CALLS = 8
MOST_RANGES = 6


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that somebody should look at; `kind` is "bad" or "warning"."""

    text: str
    href: str
    kind: str = "bad"


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps with a new system."""

    text: str
    why: str
    href: str
    button: str
    done: bool


@gate("own")
def front(request: HttpRequest) -> HttpResponse:
    """Lead everybody to the pages that are his."""
    target = home(request.user)
    return redirect(target if target != "/" else "/me/")


@gate("overview")
def overview(request: HttpRequest) -> HttpResponse:
    """Show what goes on."""
    from jackfield.company.models import General
    from jackfield.numbers.models import Line

    now, zone = time.time(), General.current().time_zone
    state, problem = switch_says("live")
    state = state or {"calls": [], "trunks": [], "registered": 0}
    trunks = [one for one in state["trunks"] if one["state"] != "disabled"]
    context = {
        "problem": problem,
        "calls": state["calls"][::-1][:MOST_CALLS],
        "count": len(state["calls"]),
        "talking": sum(one["state"] == "talking" for one in state["calls"]),
        "registered": state["registered"],
        "lines": Line.objects.filter(extension__enabled=True).count(),
        "trunks": state["trunks"],
        "trunks_on": len(trunks),
        "trunks_up": sum(one["state"] in ("registered", "up") for one in trunks),
        "alerts": alerts(),
        "steps": first_steps(state) if not put_away() else [],
        "unfinished": unfinished(request),
        "today": volume.today(now, zone),
        "hours": volume.last_day(now),
        "quality": volume.quality(),
        "sounded": volume.sounded(now),
        "zone": zone,
        "rows": live_rows(),
        "ranges": hours.rows()[0][:MOST_RANGES],
    }
    return render(request, "overview.html", context)


AWAY = "first steps"


def put_away() -> bool:
    """Tell whether the first steps were put away: nobody sees them on the overview any more."""
    from jackfield.company.models import State

    return State.objects.filter(key=AWAY).exists()


def unfinished(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the steps of the first run, name and title, that are not done; nothing for those whom it is not for."""
    from jackfield.company.models import General
    from jackfield.console.web.first_run.draft import admitted
    from jackfield.console.web.first_run.steps import STEPS
    from jackfield.notices.models import Mail
    from jackfield.people.models import User
    from jackfield.trunks.models import Trunk

    if not admitted(request) or put_away():
        return []
    done = {
        "company": bool(General.current().company),
        "mail": bool(Mail.current().host),
        "trunk": Trunk.objects.exists(),
        "people": User.objects.count() > 1,
    }
    return [(step.name, step.title) for step in STEPS if not done.get(step.name, True)]


@gate("system", write=True)
def away(request: HttpRequest) -> HttpResponse:
    """Put the first steps away. They stay within reach of the palette."""
    from jackfield.company.models import State

    if request.method == "POST":
        State.objects.get_or_create(key=AWAY)
        notify(request, [("good", _("The first steps are put away. Ctrl-K finds them again."))])
    return redirect("/admin/")


HREFS = {"switch": "/admin/health/", "media": "/admin/health/", "database": "/admin/health/",
         "records": "/admin/health/", "disk": "/admin/health/", "trunks": "/admin/trunks/"}  # fmt: skip


SEEN_BY_CHECKS = (Kind.TRUNK_DOWN, Kind.SYSTEM, Kind.DISK_LOW)
HREFS_OF_KINDS = {Kind.CERTIFICATE: "/admin/certificates/", Kind.DIRECTORY_FAILED: "/admin/directory/",
                  Kind.PUBLISH_FAILED: "/admin/health/", Kind.ROUTER: "/admin/phones/?show=audio"}  # fmt: skip


def alerts() -> list[Alert]:
    """Return what is not well, in words, the worst first."""
    found = observed()
    checks = monitoring.health(found)["checks"]
    told = [
        Alert(_sentence(_in_short(name, check["problem"], len(found.trunks))), HREFS.get(name, "/admin/health/"))
        for name, check in checks.items()
        if not check["ok"]
    ]
    if checks["trunks"]["ok"]:
        told += [
            Alert(_sentence(f'trunk "{one["name"]}" is {one["state"]}: {one.get("text") or "see Trunks"}'),
                  f"/admin/setting/trunks/{quote(one['name'], safe='')}", "warning")
            for one in found.trunks
            if one["state"] in monitoring.UNUSABLE
        ]  # fmt: skip
    told += [
        Alert(str(one.text), HREFS_OF_KINDS.get(one.kind, "/admin/messages/"), "warning")
        for one in watching.standing
        if one.kind not in SEEN_BY_CHECKS
    ]
    told += [Alert(text, href, kind) for text, href, kind in alarms(time.time())]
    return list({one.text: one for one in told}.values())


def _in_short(name: str, problem: str, trunks: int) -> str:
    """Return what is the matter; of several trunks without what each says of itself, which stands at the trunks."""
    return problem.partition(': "')[0] if name == "trunks" and trunks > 1 else problem


def observed() -> monitoring.Observation:
    """Return what all parts of the system say, a few seconds old at most."""
    return volume.kept(5, ("observation",), _observe)


def _observe() -> monitoring.Observation:
    from jackfield.console import views

    return asyncio.run(monitoring.observe(settings.JACKFIELD, views.importer))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def first_steps(state: dict[str, Any]) -> list[Step]:
    """Return what a new system needs before it is of use; nothing once a call has been made."""
    from jackfield.history.models import Call
    from jackfield.numbers.models import Extension
    from jackfield.trunks.models import Inbound, Trunk

    if Call.objects.exists():
        return []
    extension = Extension.objects.order_by("number").values_list("pk", flat=True).first()
    to_phone = f"/admin/extensions/{extension}" if extension else "/admin/extensions/new"
    return [
        Step("Add an extension", "A number inside the house, for each person or room.",
             "/admin/extensions/new", "New extension", extension is not None),
        Step("Connect a phone", "Plug a desk phone in: it sets itself up. The extension's page has what others need.",
             to_phone, "Open the extension", bool(state["registered"])),
        Step("Add a trunk", "Your provider's account leads to the telephone network.",
             "/admin/trunks/new", "New trunk", Trunk.objects.exists()),
        Step("Say where calls from outside go", "To a person, a group, or by opening hours.",
             "/admin/inbound/new", "New incoming number", Inbound.objects.exists()),
        Step("Make a test call", "Dial one extension from another, and watch it here.",
             "/admin/active/", "Calls in progress", False),
    ]  # fmt: skip
