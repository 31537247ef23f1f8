"""Click to call: the own phone rings first, and whoever picks it up is connected; and may hand the call on."""

from __future__ import annotations

import contextlib
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from jackfield.console.web.limits import country_name
from jackfield.console.web.own import mine, obstacles
from jackfield.console.web.own.in_progress import began, is_own, numbers_of, own_extension, part_of, partner
from jackfield.console.web.rights import gate
from jackfield.contacts.numbers import House
from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.history.models import Call

__all__ = ["approve", "asked", "call", "going_on", "hand_on", "hang_up", "shown", "state"]

OVER = {
    "answered": gettext_lazy("The call is over."),
    "busy": gettext_lazy("They are busy."),
    "no_answer": gettext_lazy("They did not answer."),
    "unreachable": gettext_lazy("They can't be reached."),
    "rejected": gettext_lazy("They refused the call."),
    "cancelled": gettext_lazy("The call was given up."),
}


def asked(verb: str, **arguments: Any) -> Any:
    """Ask the running switch. Raises `ControlError` in words for users."""
    try:
        return ask_sync(django_settings.JACKFIELD.files.switch_socket, verb, **arguments)
    except NotRunning:
        raise ControlError(str(obstacles.NOT_RUNNING)) from None


@gate("own")
@require_POST
def call(request: HttpRequest) -> HttpResponse:
    """Ring the own phones, and then `number`; `from` names one of the own extensions where there are several."""
    rows = {row.number: row for row in mine.extensions(request)}
    wanted = request.POST.get("from") or request.session.get("calls_from", "")
    own = wanted if wanted in rows else next(iter(rows), "")
    if not own:
        mine.tell(request, _("No extension is yours yet, so there is no phone to call from."), "warning")
        return redirect("/me/")
    if request.POST.get("from") == own:
        request.session["calls_from"] = own
    found = mine.snapshot()
    house = House(found.general.country, found.general.outside_prefix)
    to = house.dialled(request.POST.get("number", "")[:60], found.numbers)
    if problem := obstacles.of_calling(found, rows[own], to):
        mine.tell(request, problem, "warning")
        return redirect("/me/")
    user: Any = request.user
    name = request.POST.get("name", "")[:100]
    try:
        started = asked("originate", **{"from": own}, to=to, name=name, user=user.login, by=user.shown_name)
    except ControlError as problem:
        mine.tell(request, obstacles.told(problem), "warning")
        return redirect("/me/")
    return redirect(f"/me/call/{started['id']}")


@gate("own")
def going_on(request: HttpRequest) -> HttpResponse:
    """Return the own calls in progress as a part of the page; nothing while there are none, or the switch is away."""
    numbers, found = numbers_of(request), []
    with contextlib.suppress(ControlError):
        found = [row for row in asked("calls") if is_own(row, numbers)] if numbers else []
    waiting: list[dict[str, Any]] = []
    with contextlib.suppress(ControlError):
        waiting = asked("approvals", extensions=sorted(numbers)) if numbers else []
    shown = [(row["id"], _words(row, numbers)) for row in found]
    return render(request, "own/now.html", {"calls": shown, "waiting": waiting, "country_name": country_name})


@gate("own")
@require_POST
def approve(request: HttpRequest) -> HttpResponse:
    """Let an own call go on that waits to be approved (`id`, `yes`), or refuse it."""
    user: Any = request.user
    yes, own = request.POST.get("yes") == "1", sorted(numbers_of(request))
    try:
        asked("approve", id=request.POST.get("id", ""), yes=yes, by=user.shown_name, extensions=own)
    except ControlError:
        mine.tell(request, _("This call does not wait any more."), "warning")
    else:
        said = _("The call goes on.") if yes else _("The call is refused. If it was not yours, tell an administrator.")
        mine.tell(request, said)
    return redirect("/me/")


@gate("own")
def shown(request: HttpRequest, id: str) -> HttpResponse:
    """Show how far a call is that was asked for here, or that comes in."""
    incoming = False
    with contextlib.suppress(ControlError):
        live = _live(request, id)
        incoming = live is not None and not began(live, numbers_of(request))
    return render(request, "own/call.html", {"id": id, "incoming": incoming, **_state(request, id)})


@gate("own")
def state(request: HttpRequest, id: str) -> HttpResponse:
    """Tell the page how far the call is."""
    return JsonResponse(_state(request, id))


@gate("own")
@require_POST
def hang_up(request: HttpRequest, id: str) -> HttpResponse:
    """End an own call; one that rings here and is not answered is declined, and may go on at others."""
    try:
        row, numbers = _live(request, id), numbers_of(request)
        if row is not None and is_own(row, numbers):
            user: Any = request.user
            asked("hangup", id=id, by=user.shown_name, extension=part_of(row, numbers))
    except ControlError:
        pass  # it is over already
    return redirect("/me/")


@gate("own")
@require_POST
def hand_on(request: HttpRequest, id: str) -> HttpResponse:
    """Connect whom one talks with in an own call with another number, by the right of the own extension."""
    found = mine.snapshot()
    house = House(found.general.country, found.general.outside_prefix)
    user: Any = request.user
    to = house.dialled(request.POST.get("number", "")[:60], found.numbers)
    try:
        row = _live(request, id)
        if row is None or not (extension := own_extension(row, numbers_of(request))):
            mine.tell(request, _("The call is over, or nobody has answered it yet."), "warning")
        elif problem := obstacles.of_calling(found, _row(request, extension), to):
            mine.tell(request, _("Not transferred: %(why)s") % {"why": problem}, "warning")
        else:
            told = asked("transfer", id=id, to=to, extension=extension, by=user.shown_name)
            names = {"name": told["party"]["name"] or told["party"]["number"], "number": house.shown(told["to"])}
            text = _("%(name)s is being connected with %(number)s. If nobody answers there, the call is yours again.")
            mine.tell(request, text % names)
    except ControlError as problem:
        mine.tell(request, _("Not transferred: %(why)s") % {"why": obstacles.told(problem)}, "warning")
    return redirect(f"/me/call/{id}")


def _row(request: HttpRequest, number: str) -> Any:
    return next(row for row in mine.extensions(request) if row.number == number)


def _live(request: HttpRequest, id: str) -> dict[str, Any] | None:
    """Return a call in progress that one of the own extensions has begun, or in which it takes part."""
    numbers = numbers_of(request)
    for row in asked("calls"):
        if row["id"] == id and (began(row, numbers) or is_own(row, numbers)):
            return dict(row)
    return None


def _state(request: HttpRequest, id: str) -> dict[str, Any]:
    """Return how far a call is, in words. Of a call that is not one's own it says no more than that it is over."""
    try:
        live = _live(request, id)
    except ControlError as problem:
        return _told(obstacles.told(problem), over=True)
    numbers = numbers_of(request)
    if live is not None:
        to = live["to"]["name"] or live["to"]["number"]
        if live["state"] == "talking":
            if any(leg.get("answered") for leg in live["legs"]) and not own_extension(live, numbers):
                return _told(_("You have handed the call on."), partner(live, numbers), over=True)
            to = partner(live, numbers) or to
            return _told(_("You talk with %(name)s.") % {"name": to}, to, talking=True)
        if not began(live, numbers):
            caller = live["from"]["name"] or live["from"]["number"] or _("a hidden number")
            return _told(_words(live, numbers), caller)
        if any(leg["codec"] for leg in live["legs"]):  # somebody has picked up here
            return _told(_("It rings at %(name)s …") % {"name": to}, to)
        text = _("Your phone rings. Pick it up, and you are connected with %(name)s.")
        return _told(text % {"name": to}, to)
    past = Call.objects.filter(pk=id, caller_extension__in=numbers).first()
    if past is None:
        return _told(str(OVER["answered"]), over=True)  # its record may still be on its way
    words = OVER.get(past.outcome) or _("The call failed.")
    return _told(str(words), past.called_name or past.dialed, over=True)


def _words(row: dict[str, Any], numbers: set[str]) -> str:
    """Say in a few words what one's call in progress is."""
    own = began(row, numbers)
    other = row["to"] if own else row["from"]
    name = partner(row, numbers) or other["name"] or other["number"] or _("a hidden number")
    if row["state"] == "talking":
        return _("You talk with %(name)s.") % {"name": name}
    return (_("You call %(name)s …") if own else _("%(name)s calls you …")) % {"name": name}


def _told(words: str, to: str = "", *, over: bool = False, talking: bool = False) -> dict[str, Any]:
    return {"words": words, "over": over, "to": to, "talking": talking}
