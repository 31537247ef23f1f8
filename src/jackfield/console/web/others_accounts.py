"""What administrators do with the accounts of others: a first password, a lost phone, a forgotten browser.

Nobody touches the account of somebody who holds more than he does: he could take it over.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from jackfield.company.models import General
from jackfield.console import links, welcome
from jackfield.console.web import account_log, errors, passwords, second_factor, sessions
from jackfield.console.web.account_log import note
from jackfield.console.web.attempts import forgive
from jackfield.console.web.rights import gate, held, may
from jackfield.console.web.saving import notify
from jackfield.console.web.sign_in_rules import rules
from jackfield.people.levels import WRITE, exceeds, levels_of
from jackfield.people.models import AccountEvent, User

__all__ = ["all_sessions", "of_user", "urls"]

EVENTS = 100


def reaches_further(user: Any, actor: Any) -> bool:
    """Tell whether `user` holds more than `actor`, who then must not touch his account."""
    return exceeds(levels_of(user.role), held(actor))


@sensitive_post_parameters("new")
@gate("people")
def of_user(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how somebody signs in; set a password, make a link, take factors away, end sessions."""
    user = User.objects.filter(pk=pk).first()
    if user is None:
        return errors.missing(request, "This user is not there any more: somebody removed it.")
    further = reaches_further(user, request.user)
    problem, address = "", ""
    if request.method == "POST":
        if further:
            return errors.forbidden(request, "people", WRITE)
        doing = request.POST.get("do", "")
        if doing == "link":
            note(request, "link_made", user, by=request.user)
            address = passwords.link_address(request, user)
        else:
            problem = _do(request, user, doing)
            if not problem:
                return redirect(f"/admin/users/{pk}/account")
    context = {
        "person": user,
        "further": further,
        "writable": may(request.user, "people", WRITE) and not further,
        "own": user == request.user,
        "problem": problem,
        "address": address,
        "days": passwords.LINK_DAYS,
        "hindrance": links.hindrance(),
        "least": rules().password_length,
        "app": hasattr(user, "authenticator"),
        "passkeys": user.passkeys.count(),
        "sessions": [] if further else sessions.shown(request, user),
        "events": [] if further else account_log.shown(user.account_events.all()[:20]),
        "zone": General.current().time_zone,
    }
    return render(request, "account/of_user.html", context, status=422 if problem else 200)


def _do(request: HttpRequest, user: Any, doing: str) -> str:
    if doing == "mail":
        found = welcome.queue([user])
        if any(kind == "good" for kind, _text in found):
            note(request, "link_sent", user, by=request.user)
        notify(request, found)
    elif doing == "password":
        if user == request.user:
            return "Your own password is changed on the page of your account, where the old one is asked for."
        new, problem = passwords.new_password(request, user)
        if problem:
            return problem
        passwords.set_password(user, new)
        note(request, "password_changed", user, by=request.user)
        _say(request, f"{user.shown_name} has a new password, and is signed out everywhere.")
    elif doing == "factors":
        if user == request.user:
            return "Your own second factor is changed on the page of your account."
        second_factor.remove_all(user)
        forgive(user)
        user.sessions.all().delete()
        note(request, "authenticator_removed", user, by=request.user)
        _say(request, f"{user.shown_name} signs in with the password alone now, and can set a second factor up anew.")
    elif doing == "end":
        sessions.end(request, request.POST.get("session", ""), user)
    elif doing == "end-all":
        sessions.end_others(request, user)
    return ""


@gate("system")
def all_sessions(request: HttpRequest) -> HttpResponse:
    """Show who is signed in, and what happened with accounts; end a session."""
    if request.method == "POST":
        name = request.POST.get("session", "")
        found = next((one for one in sessions.shown(request) if one["id"] == name), None)
        if found is not None and reaches_further(found["user"], request.user):
            return errors.forbidden(request, "system", WRITE)
        if found is not None:
            sessions.end(request, name)
            _say(request, f"{found['user'].shown_name} is signed out there.")
        return redirect("/admin/sessions")
    search = request.GET.get("q", "").strip()
    events = AccountEvent.objects.all()
    if search:
        events = events.filter(login__icontains=search) | events.filter(address__startswith=search)
    context = {
        "sessions": sessions.shown(request),
        "search": search,
        "events": account_log.shown(events[:EVENTS]),
        "writable": may(request.user, "system", WRITE),
        "zone": General.current().time_zone,
    }
    return render(request, "account/sessions.html", context)


def _say(request: HttpRequest, text: str) -> None:
    notify(request, [("good", text)])


def urls() -> list[Any]:
    """Return the addresses."""
    from django.urls import path

    return [path("admin/users/<int:pk>/account", of_user), path("admin/sessions", all_sessions)]
