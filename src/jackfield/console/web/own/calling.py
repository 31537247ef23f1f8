"""Click to call: the own phone rings first, and whoever picks it up is connected."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from jackfield.console.web.own import mine
from jackfield.console.web.rights import gate
from jackfield.contacts.numbers import House
from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.history.models import Call

__all__ = ["asked", "call", "hang_up", "shown", "state"]

NOT_RUNNING = "The telephone system does not run just now. Try again in a moment, or tell an administrator."
OVER = {
    "answered": "The call is over.",
    "busy": "They are busy.",
    "no_answer": "They did not answer.",
    "unreachable": "They can't be reached.",
    "rejected": "They refused the call.",
    "cancelled": "The call was given up.",
}


def asked(verb: str, **arguments: Any) -> Any:
    """Ask the running switch. Raises `ControlError` in words for users."""
    try:
        return ask_sync(django_settings.JACKFIELD.files.switch_socket, verb, **arguments)
    except NotRunning:
        raise ControlError(NOT_RUNNING) from None


@gate("own")
@require_POST
def call(request: HttpRequest) -> HttpResponse:
    """Ring the own phones, and then `number`; `from` names one of the own extensions where there are several."""
    rows = {row.number: row for row in mine.extensions(request)}
    wanted = request.POST.get("from") or request.session.get("calls_from", "")
    own = wanted if wanted in rows else next(iter(rows), "")
    if not own:
        mine.tell(request, "No extension is yours yet, so there is no phone to call from.", "warning")
        return redirect("/me/")
    if request.POST.get("from") == own:
        request.session["calls_from"] = own
    found = mine.snapshot()
    house = House(found.general.country, found.general.outside_prefix)
    user: Any = request.user
    try:
        started = asked(
            "originate",
            **{"from": own},
            to=house.dialled(request.POST.get("number", "")[:60], found.numbers),
            name=request.POST.get("name", "")[:100],
            user=user.login,
            by=user.shown_name,
        )
    except ControlError as problem:
        text = str(problem)
        mine.tell(request, f"No call: {text[:1].lower() + text[1:] if text != NOT_RUNNING else text}", "warning")
        return redirect("/me/")
    return redirect(f"/me/call/{started['id']}")


@gate("own")
def shown(request: HttpRequest, id: str) -> HttpResponse:
    """Show how far a call is that was asked for here."""
    return render(request, "own/call.html", {"id": id, **_state(request, id)})


@gate("own")
def state(request: HttpRequest, id: str) -> HttpResponse:
    """Tell the page how far the call is."""
    return JsonResponse(_state(request, id))


@gate("own")
@require_POST
def hang_up(request: HttpRequest, id: str) -> HttpResponse:
    """End an own call."""
    try:
        if _live(request, id) is not None:
            asked("hangup", id=id)
    except ControlError:
        pass  # it is over already
    return redirect("/me/")


def _live(request: HttpRequest, id: str) -> dict[str, Any] | None:
    """Return a call in progress that one of the own extensions has begun."""
    numbers = {row.number for row in mine.extensions(request)}
    for row in asked("calls"):
        if row["id"] == id and row["from"]["number"] in numbers and not row["from"].get("trunk"):
            return dict(row)
    return None


def _state(request: HttpRequest, id: str) -> dict[str, Any]:
    """Return how far a call is, in words. Of a call that is not one's own it says no more than that it is over."""
    try:
        live = _live(request, id)
    except ControlError as problem:
        return {"words": str(problem), "over": True, "to": ""}
    if live is not None:
        to = live["to"]["name"] or live["to"]["number"]
        if live["state"] == "talking":
            return {"words": f"You talk with {to}.", "over": False, "to": to}
        if any(leg["codec"] for leg in live["legs"]):  # somebody has picked up here
            return {"words": f"It rings at {to} …", "over": False, "to": to}
        return {"words": f"Your phone rings. Pick it up, and you are connected with {to}.", "over": False, "to": to}
    numbers = [row.number for row in mine.extensions(request)]
    past = Call.objects.filter(pk=id, caller_extension__in=numbers).first()
    if past is None:
        return {"words": OVER["answered"], "over": True, "to": ""}  # its record may still be on its way
    return {"words": OVER.get(past.outcome, "The call failed."), "over": True, "to": past.called_name or past.dialed}
