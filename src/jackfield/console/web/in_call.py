"""One call in progress: who talks in it, and what can be done in the middle of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jackfield.console.web import saving
from jackfield.console.web.live import switch_says
from jackfield.console.web.own import mine
from jackfield.console.web.rights import gate
from jackfield.numbers.models import Extension

__all__ = ["digits", "play", "shown", "stop", "transfer", "urls"]

TONES = {
    "tone:beep": gettext_lazy("Beep"),
    "tone:busy": gettext_lazy("Busy tone"),
    "tone:congestion": gettext_lazy("Congestion tone"),
    "tone:dial": gettext_lazy("Dial tone"),
    "tone:hold": gettext_lazy("Holding tone"),
    "tone:ringback": gettext_lazy("Ringing tone"),
}
OFTEN = {
    "1": gettext_lazy("once"),
    "2": gettext_lazy("twice"),
    "3": gettext_lazy("three times"),
    "10": gettext_lazy("ten times"),
    "0": gettext_lazy("until it is stopped"),
}


@gate("overview")
def shown(request: HttpRequest, id: str) -> HttpResponse:
    """Show a call in progress with forms for a transfer, a sound, digits. One that is over leads to the list."""
    calls, problem = switch_says("calls")
    row = next((one for one in calls or () if one["id"] == id), None)
    if row is None:
        saving.notify(request, [("warning", problem or _("This call is over already."))])
        return redirect("/admin/active/")
    parties = [leg for leg in row["legs"] if leg["answered"]]
    outside = [leg for leg in parties if not leg["extension"]]
    context = {
        "call": row,
        "parties": parties,
        "talking": row["state"] == "talking" and 1 <= len(parties) == len(row["legs"]) <= 2,
        "goes": (outside or parties[1:] or [{"id": ""}])[0]["id"],
        "others": [one for one in calls or () if one["id"] != id and one["state"] == "talking"],
        "extensions": list(Extension.objects.filter(enabled=True).order_by("number").values_list("number", "name")),
        "sounds": sorted({sound.name for sound in mine.snapshot().sounds}),
        "tones": TONES,
        "often": OFTEN,
    }
    return render(request, "live/call.html", context)


@gate("overview", write=True)
def transfer(request: HttpRequest, id: str) -> HttpResponse:
    """Connect `party` with the number `to`, or with the party `with_party` of another `call`; the other one leaves."""
    if request.method != "POST":
        return redirect(_page(id))
    given = {name: request.POST.get(name, "").strip()[:100] for name in ("party", "to", "call", "with_party")}
    found, problem = _ask(request, "transfer", id, **given)
    if found is None:
        return _back(request, id, "bad", _("Not transferred: %(why)s") % {"why": problem})
    names = {"name": _who(found["party"]), "other": _who(found["leaves"]) if found["leaves"] else ""}
    if not found["leaves"]:
        text = _("%(name)s is being connected with %(number)s.") % {**names, "number": found["to"]}
    elif given["call"]:
        text = _("%(name)s is being connected with the other call; %(other)s leaves.") % names
    else:
        text = _("%(name)s is being connected with %(number)s; %(other)s leaves when somebody has answered there.")
        text %= names | {"number": found["to"]}
    saving.notify(request, [("good", text)])
    return redirect("/admin/active/")


@gate("overview", write=True)
def play(request: HttpRequest, id: str) -> HttpResponse:
    """Play `sound` to `party` (both, where it is empty), `times` times."""
    if request.method != "POST":
        return redirect(_page(id))
    times = request.POST.get("times", "1")
    found, problem = _ask(
        request, "play", id, sound=request.POST.get("sound", "")[:200], party=request.POST.get("party", "")[:100],
        times=int(times) if times in OFTEN else 1,
    )  # fmt: skip
    if found is None:
        return _back(request, id, "bad", _("Nothing is played: %(why)s") % {"why": problem})
    names = ", ".join(_who(leg) for leg in found["parties"])
    return _back(request, id, "good", _("It is heard now by %(names)s.") % {"names": names})


@gate("overview", write=True)
def stop(request: HttpRequest, id: str) -> HttpResponse:
    """Stop what is played."""
    if request.method != "POST":
        return redirect(_page(id))
    found, problem = _ask(request, "stop_play", id)
    if found is None:
        return _back(request, id, "bad", problem)
    return _back(request, id, "good", _("It is stopped.") if found["parties"] else _("Nothing was played."))


@gate("overview", write=True)
def digits(request: HttpRequest, id: str) -> HttpResponse:
    """Send `digits` to `party`."""
    if request.method != "POST":
        return redirect(_page(id))
    given = {name: request.POST.get(name, "").strip()[:100] for name in ("digits", "party")}
    found, problem = _ask(request, "digits", id, **given)
    if found is None:
        return _back(request, id, "bad", _("Nothing is sent: %(why)s") % {"why": problem})
    return _back(request, id, "good", _("The digits are sent to %(name)s.") % {"name": _who(found["party"])})


def _ask(request: HttpRequest, verb: str, id: str, **given: Any) -> tuple[Any, str]:
    return switch_says(verb, id=id, by=saving.author(request).name, **given)


def _back(request: HttpRequest, id: str, kind: str, text: str) -> HttpResponse:
    saving.notify(request, [(kind, text)])
    return redirect(_page(id))


def _page(id: str) -> str:
    return f"/admin/active/call/{id}"


def _who(leg: dict[str, Any]) -> str:
    return str(leg["name"] or leg["number"] or _("hidden number"))


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    from django.urls import path

    return [
        path("admin/active/call/<str:id>", shown),
        path("admin/active/call/<str:id>/transfer", transfer),
        path("admin/active/call/<str:id>/play", play),
        path("admin/active/call/<str:id>/stop", stop),
        path("admin/active/call/<str:id>/digits", digits),
    ]
