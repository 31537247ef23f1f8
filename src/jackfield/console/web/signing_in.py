"""Signing in and out with a password, with a limit on attempts per account and per address."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.hashers import check_password, make_password
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from jackfield.console.web.rights import may, public
from jackfield.people.models import Failure, User

__all__ = ["Passwords", "home", "sign_in", "sign_out"]

FREE_TRIES = {"account": 5, "address": 20}
LONGEST_WAIT = 900.0
FORGOTTEN_AFTER = 86400.0
_UNKNOWN = "argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$0000000000000000000000"


class Passwords:
    """Accounts of our own, with their password (Django's authentication backend)."""

    def authenticate(self, request: HttpRequest | None, login: str = "", password: str = "") -> User | None:
        """Return the user whose password this is and who may sign in."""
        user = User.objects.filter(login__iexact=login).first()
        if user is None or not user.password:
            make_password(password)  # as long as a real check takes: the time must not tell who has an account
            return None
        if not check_password(password, user.password, setter=lambda raw: _rehash(user, raw)):
            return None
        return user if user.is_active else None

    def get_user(self, pk: Any) -> User | None:
        """Return the user of a session."""
        return User.objects.filter(pk=pk).first()


def _rehash(user: User, raw: str) -> None:
    user.password = make_password(raw)
    user.save(update_fields=["password"])


@sensitive_post_parameters("password")
@public
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form; sign in and go on to where the person wanted to."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = ""
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect(target or home(request.user))
        return render(request, "sign_in.html", {"next": target})
    name, password = request.POST.get("login", "").strip(), request.POST.get("password", "")
    address = request.META.get("REMOTE_ADDR", "")
    counters = (f"account:{name.lower()[:200]}", f"address:{address}")
    now = time.time()
    if (wait := max(_wait(who, now) for who in counters)) > 0:
        minutes = int(wait // 60) + 1
        text = f"Too many attempts that failed. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
        return render(request, "sign_in.html", {"next": target, "login": name, "problem": text}, status=429)
    user = authenticate(request, login=name, password=password)
    if user is None:
        for who in counters:
            _failed(who, now)
        text = "The name or the password is not right. Mind capital letters in the password."
        return render(request, "sign_in.html", {"next": target, "login": name, "problem": text}, status=422)
    Failure.objects.filter(who=counters[0]).delete()
    begin(request, user)
    return redirect(target or home(user))


def begin(request: HttpRequest, user: User) -> None:
    """Begin a session of `user`, under a new key."""
    login(request, user, backend="jackfield.console.web.signing_in.Passwords")
    now = time.time()
    request.session["began"] = request.session["seen"] = now
    request.session["address"] = request.META.get("REMOTE_ADDR", "")
    request.session["user_agent"] = request.headers.get("User-Agent", "")


@public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("/sign-in")


def home(user: Any) -> str:
    """Return the address of the first page of someone."""
    return "/admin/" if may(user, "overview") else "/"


def _wait(who: str, now: float) -> float:
    """Return the seconds until this account or address may try again: none at first, then twice as long each time."""
    row = Failure.objects.filter(who=who).first()
    if row is None or now - row.last > FORGOTTEN_AFTER:
        return 0.0
    over = row.count - FREE_TRIES[who.partition(":")[0]]
    return row.last + min(LONGEST_WAIT, 15.0 * 2 ** min(over, 10)) - now if over >= 0 else 0.0


def _failed(who: str, now: float) -> None:
    Failure.objects.filter(who=who, last__lt=now - FORGOTTEN_AFTER).delete()
    Failure.objects.get_or_create(who=who)
    Failure.objects.filter(who=who).update(count=F("count") + 1, last=now)
