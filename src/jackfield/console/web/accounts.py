"""The page of one's own account: password, language, second factor, passkeys, sessions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters

from jackfield.company.models import General
from jackfield.console import change
from jackfield.console.change import Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.languages import reading_in, with_company
from jackfield.console.web import account_log, others_accounts, passkeys, passwords, second_factor, sessions
from jackfield.console.web.account_log import note
from jackfield.console.web.rights import gate
from jackfield.console.web.saving import author, notify
from jackfield.console.web.sign_in_rules import rules
from jackfield.console.web.signing_in import PROVED_SECONDS, proves
from jackfield.people.models import Authenticator

__all__ = ["account", "factors", "urls"]

EVENTS = 15


@sensitive_post_parameters("old", "new", "again")
@gate("own")
def account(request: HttpRequest) -> HttpResponse:
    """Show one's account; change what one may change oneself."""
    user: Any = request.user
    problems = {}
    if request.method == "POST":
        doing = request.POST.get("do", "")
        action = ACTIONS.get(doing)
        if action is not None:
            problem = action(request, user)
            if not problem:
                return redirect("/me/account")
            problems[doing] = problem
    context: dict[str, Any] = {
        "problems": problems,
        "least": rules().password_length,
        "languages": with_company(_("The company's")),
        "app": hasattr(user, "authenticator"),
        "passkeys": user.passkeys.count(),
        "sessions": sessions.shown(request, user),
        "events": account_log.shown(user.account_events.all()[:EVENTS]),
        "zone": General.current().time_zone,
    }
    return render(request, "account/account.html", context, status=422 if problems else 200)


def _password(request: HttpRequest, user: Any) -> str:
    problem = passwords.change_password(request, user)
    if not problem:
        _say(request, _("Your new password counts from now on. Other browsers are signed out."))
    return problem


def _language(request: HttpRequest, user: Any) -> str:
    # Not by `saving.save`, which asks for rights over users: this field everybody has over himself.
    wish = Wish("users", {"language": request.POST.get("language", "")}, (user.login,))
    try:
        change.save(django_settings.JACKFIELD, [wish], author=author(request))
    except DocumentError as problem:
        return "; ".join(one.message for one in problem.problems)
    with reading_in(request.POST.get("language", "")):  # at once, as the next page
        _say(request, _("Your language is saved."))
    return ""


def _end(request: HttpRequest, user: Any) -> str:
    if sessions.end(request, request.POST.get("session", ""), user) is not None:
        _say(request, _("That browser is signed out."))
    return ""


def _end_others(request: HttpRequest, user: Any) -> str:
    count = sessions.end_others(request, user)
    text = ngettext("%(count)s other browser is signed out.", "%(count)s other browsers are signed out.", count)
    _say(request, text % {"count": count} if count else _("No others."))
    return ""


Action = Callable[[HttpRequest, Any], str]
"""Does what a form asks for, and returns what is wrong with it, or ""."""

ACTIONS: dict[str, Action] = {
    "password": _password, "language": _language, "end": _end, "end-others": _end_others
}  # fmt: skip


@sensitive_post_parameters("password", "code")
@gate("own")
def factors(request: HttpRequest) -> HttpResponse:
    """Set up and remove what one proves oneself by beside the password."""
    user: Any = request.user
    problem, codes = "", None
    needed = user.role in rules().second_factor
    if request.method == "POST":
        problem = "" if _proved(request) else proves(request, user, request.POST.get("password", ""))
        doing = request.POST.get("do", "")
        if not problem and doing in ("app", "recovery"):
            codes, problem = _ADDING[doing](request, user)
        elif not problem and doing in FACTOR_ACTIONS:
            problem = FACTOR_ACTIONS[doing](request, user)
        if not problem and codes is None:
            return redirect("/me/account/second-factor")
    app = Authenticator.objects.filter(user=user).first()
    if codes is not None:
        shown = {"codes": codes, "home": "/me/account/second-factor"}
        return render(request, "account/recovery_codes.html", shown)
    secret = "" if app is not None else request.session.setdefault("authenticator", second_factor.new_secret())
    context: dict[str, Any] = {
        "problem": problem,
        "needed": needed and not request.session.get("factor"),
        "app": app,
        "codes_left": user.recovery_codes.count(),
        "secret": secret,
        "picture": second_factor.qr(second_factor.uri(secret, user, General.current().company)) if secret else "",
        "passkeys": user.passkeys.all(),
        "passkey_options": passkeys.creation_options(request),
        "ask": not _proved(request),
    }
    return render(request, "account/factors.html", context, status=422 if problem else 200)


def _proved(request: HttpRequest) -> bool:
    """Tell whether it was shown a moment ago that the right person sits here: a browser left open is not enough."""
    return bool(time.time() - request.session.get("proved", 0) < PROVED_SECONDS)


def _added(request: HttpRequest, user: Any, what: str) -> None:
    note(request, what, user)
    request.session["factor"] = True
    sessions.end_others(request, user)  # they were begun with less


def _add_app(request: HttpRequest, user: Any) -> tuple[list[str] | None, str]:
    secret = request.session.get("authenticator", "")
    step = second_factor.matching_step(secret, request.POST.get("code", ""), time.time()) if secret else 0
    if not step:
        return None, _("This code is not right. Mind that the phone's clock is, and take the next one.")
    second_factor.add(user, secret, step)
    del request.session["authenticator"]
    _added(request, user, "authenticator_added")
    return second_factor.new_recovery_codes(user), ""


def _recovery(request: HttpRequest, user: Any) -> tuple[list[str] | None, str]:
    if not second_factor.has(user):
        return None, _("Set up an app or a passkey first.")
    note(request, "recovery_made", user)
    return second_factor.new_recovery_codes(user), ""


_ADDING: dict[str, Callable[[HttpRequest, Any], tuple[list[str] | None, str]]] = {
    "app": _add_app, "recovery": _recovery
}  # fmt: skip


def _remove_app(request: HttpRequest, user: Any) -> str:
    if user.role in rules().second_factor and not user.passkeys.exists():
        return _("Your role needs a second factor: add a passkey first.")
    Authenticator.objects.filter(user=user).delete()
    _removed(request, user, "authenticator_removed")
    return ""


def _add_passkey(request: HttpRequest, user: Any) -> str:
    key = passkeys.make(request, request.POST.get("credential", ""), request.POST.get("name", ""))
    if key is None:
        return _("The browser did not make a passkey that can be used here. Try once more.")
    _added(request, user, "passkey_added")
    _say(request, _("The passkey “%(name)s” is added: you can sign in with it.") % {"name": key.name})
    return ""


def _remove_passkey(request: HttpRequest, user: Any) -> str:
    number = request.POST.get("passkey", "")
    key = user.passkeys.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 18 else None
    if key is None:
        return ""
    last = user.passkeys.count() == 1 and not hasattr(user, "authenticator")
    if last and user.role in rules().second_factor:
        return _("Your role needs a second factor: set up an app first.")
    key.delete()
    _removed(request, user, "passkey_removed")
    return ""


def _removed(request: HttpRequest, user: Any, what: str) -> None:
    note(request, what, user)
    if not second_factor.has(user):
        user.recovery_codes.all().delete()
        request.session["factor"] = False
    sessions.end_others(request, user)


FACTOR_ACTIONS: dict[str, Action] = {
    "remove-app": _remove_app, "passkey": _add_passkey, "remove-passkey": _remove_passkey
}  # fmt: skip


def _say(request: HttpRequest, text: str) -> None:
    notify(request, [("good", text)])


def urls() -> list[Any]:
    """Return the addresses of accounts: one's own, and those of others for administrators."""
    from django.urls import path

    return [
        path("me/account", account),
        path("me/account/second-factor", factors),
        *others_accounts.urls(),
    ]
