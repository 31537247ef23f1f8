"""Signing in and out: with a password and, where there is one, a second factor; or with a passkey alone."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from jackfield.console.web import attempts, passkeys, second_factor
from jackfield.console.web.account_log import KEPT_DAYS, note, note_new_browser
from jackfield.console.web.doors import at_own_door
from jackfield.console.web.rights import may, public
from jackfield.console.web.sign_in_rules import rules
from jackfield.people.models import AccountEvent, Session, User

__all__ = ["Passwords", "begin", "home", "proceed", "proves", "sign_in", "sign_out", "urls"]

PENDING_SECONDS = 600
PROVED_SECONDS = 600.0
WRONG = gettext_lazy("The name or the password is not right. Mind capital letters in the password.")


class Passwords:
    """Accounts of our own, with their password (Django's authentication backend)."""

    def authenticate(self, request: HttpRequest | None, login: str = "", password: str = "") -> User | None:
        """Return the user whose password this is and who may sign in."""
        user = named(login)
        if user is None or not user.password:
            make_password(password)  # as long as a real check takes: the time must not tell who has an account
            return None
        if not check_password(password, user.password, setter=lambda raw: _rehash(user, raw)):
            return None
        return user if user.is_active else None

    def get_user(self, pk: Any) -> User | None:
        """Return the user of a session."""
        return User.objects.filter(pk=pk).first()


def named(name: str) -> User | None:
    """Return the user who signs in with this name; capitals do not count, unless two differ in them only."""
    found = list(User.objects.filter(login__iexact=name)[:2]) if "\0" not in name else []
    return next((user for user in found if user.login == name), found[0] if found else None)


def _rehash(user: User, raw: str) -> None:
    user.password = make_password(raw)
    user.save(update_fields=["password"])


@sensitive_post_parameters("password")
@public
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form; sign in and go on to where the person wanted to."""
    target = _target(request)
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect(target or home(request.user))
        if not User.objects.exists() and not at_own_door(request):  # a fresh installation: say how one gets in
            return redirect("/first-run")
        return render(request, "sign_in.html", {"next": target})
    name, password = request.POST.get("login", "").replace("\0", "\ufffd").strip(), request.POST.get("password", "")

    def refused(text: str, status: int) -> HttpResponse:
        return render(request, "sign_in.html", {"next": target, "login": name, "problem": text}, status=status)

    account = named(name)
    counters = attempts.counters_for(request, account, name)
    if (wait := attempts.begun(counters)) > 0:
        return refused(attempts.wait_text(wait), 429)
    user: Any = authenticate(request, login=name, password=password)
    if user is None:
        note(request, "blocked" if attempts.just_blocked(counters) else "failed", account, login=name)
        return refused(str(WRONG), 422)
    attempts.succeeded(counters)
    return proceed(request, user, target)


def _target(request: HttpRequest) -> str:
    target = request.POST.get("next") or request.GET.get("next") or ""
    return target if target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None) else ""


def proceed(request: HttpRequest, user: Any, target: str) -> HttpResponse:
    """Go on after the password was right: to the second factor, or into the console."""
    if not second_factor.has(user):
        return _enter(request, user, target, factor=False)
    request.session.flush()  # a new key: what was known before the password proves nothing
    request.session["pending"] = [user.pk, user.get_session_auth_hash(), time.time(), target]
    request.session.set_expiry(PENDING_SECONDS)
    return redirect("/sign-in/second")


def _pending(request: HttpRequest) -> tuple[Any, str]:
    """Return who has shown his password a moment ago, and where he wants to; None, where nobody has."""
    kept = request.session.get("pending")
    if kept is None or time.time() - kept[2] > PENDING_SECONDS:
        return None, ""
    user: Any = User.objects.filter(pk=kept[0]).first()
    if user is None or not user.is_active or user.get_session_auth_hash() != kept[1]:
        return None, ""
    return user, kept[3]


@public
def second(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor."""
    user, target = _pending(request)
    if user is None:
        return redirect("/sign-in")

    def page(text: str = "", status: int = 200) -> HttpResponse:
        context = {
            "problem": text,
            "app": hasattr(user, "authenticator"),
            "passkey_options": passkeys.request_options(request, user) if user.passkeys.exists() else "",
        }
        return render(request, "account/second.html", context, status=status)

    if request.method != "POST":
        return page()
    counters = attempts.second_counters(request, user)
    if (wait := attempts.begun(counters)) > 0:
        return page(attempts.wait_text(wait), 429)
    if credential := request.POST.get("credential"):
        how = "passkey" if passkeys.used(request, credential, user) is not None else ""
    else:
        how = second_factor.takes(user, request.POST.get("code", ""))
    if not how:
        note(request, "blocked" if attempts.just_blocked(counters) else "failed", user)
        return page(_("This code is not right, or was used already. Wait for the next one, and mind the clock."), 422)
    attempts.succeeded(counters)
    if how == "recovery":
        note(request, "recovery_used", user)
    return _enter(request, user, target, factor=True)


@public
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """Give the browser what it needs to sign in with a passkey; asked for when somebody wants to."""
    if not request.user.is_authenticated:
        request.session.set_expiry(PENDING_SECONDS)
    return JsonResponse({"options": passkeys.request_options(request)})


@public
@require_POST
def by_passkey(request: HttpRequest) -> HttpResponse:
    """Sign in with a passkey alone: the device has asked for a finger, a face or a PIN."""
    target = _target(request)
    counters = attempts.counters_for(request, None, "")[1:]  # nobody guesses a key: only the address counts
    wait = attempts.begun(counters)
    user = passkeys.used(request, request.POST.get("credential", "")) if not wait else None
    if user is None or not user.is_active:
        if not wait:
            note(request, "failed", user)
        text = attempts.wait_text(wait) if wait else "This passkey is not known here. Sign in with your password."
        context = {"next": target, "problem": text}
        return render(request, "sign_in.html", context, status=429 if wait else 422)
    attempts.succeeded(counters)
    return _enter(request, user, target, factor=True)


def _enter(request: HttpRequest, user: Any, target: str, *, factor: bool) -> HttpResponse:
    before = user.last_login
    begin(request, user, factor=factor)
    if before is not None and not attempts.is_known(request, user):  # the first time is no news
        note_new_browser(request, user)
    response = redirect(target or home(user))
    attempts.remember_browser(response, user)
    return response


def begin(request: HttpRequest, user: Any, *, factor: bool = False) -> None:
    """Begin a session of `user`, under a new key and with nothing of what was in the old one.

    `factor`: a second factor was shown, or one has just been set up.
    """
    request.session.flush()
    login(request, user, backend="jackfield.console.web.signing_in.Passwords")
    now = time.time()
    session = request.session
    session["began"] = session["seen"] = session["proved"] = now
    session["factor"] = factor
    session["address"] = request.META.get("REMOTE_ADDR", "")
    session["user_agent"] = request.headers.get("User-Agent", "")
    session.set_expiry(rules().longest_hours * 3600)
    note(request, "signed_in", user)
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    AccountEvent.objects.filter(at__lt=now - KEPT_DAYS * 86400).delete()


def proves(request: HttpRequest, user: Any, password: str) -> str:
    """Return what is wrong with the password by which somebody who is signed in proves that it is still he; or ""."""
    counters = [(f"proof:{user.pk}", rules().tries)]
    if (wait := attempts.begun(counters)) > 0:
        return attempts.wait_text(wait)
    found: Any = authenticate(request, login=user.login, password=password)
    if found is None or found.pk != user.pk:
        return _("Your password is not right.")
    attempts.succeeded(counters)
    request.session["proved"] = time.time()
    return ""


@public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if request.user.is_authenticated:
        note(request, "signed_out", request.user)
    logout(request)
    return redirect("/sign-in")


def home(user: Any) -> str:
    """Return the address of the first page of someone."""
    return "/admin/" if may(user, "overview") else "/"


def urls() -> list[Any]:
    """Return the addresses of signing in and out."""
    from django.urls import path

    from jackfield.console.web import forgotten, passwords

    return [
        path("sign-in", sign_in),
        path("sign-in/second", second),
        path("sign-in/passkey", by_passkey),
        path("sign-in/passkey/options", passkey_options),
        path("sign-out", sign_out),
        path("forgot-password", forgotten.forgotten),
        path("set-password/<str:who>/<str:token>", passwords.by_link),
    ]
