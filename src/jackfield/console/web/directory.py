"""The directory's pages: trying what is set, importing now; and signing in with the directory's passwords."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path

from jackfield.console.web.rights import gate
from jackfield.directory.models import Directory
from jackfield.directory.person import DirectoryAway, DirectoryError
from jackfield.people.models import User

__all__ = ["DirectoryPasswords", "people", "urls"]

log = logging.getLogger(__name__)

AWAY_SECONDS = 20.0
"""So long nobody who signs in waits for a directory that did not answer: strangers try too, and threads are few."""
_away: dict[tuple[str, ...], float] = {}


class DirectoryPasswords:
    """Passwords that the directory checks, each time anew (Django's authentication backend)."""

    def authenticate(self, request: HttpRequest | None, login: str = "", password: str = "") -> User | None:
        """Return the user, imported now if need be, where the directory takes the password."""
        from jackfield.console import directory, importing  # ldap3 takes 5 MB, which those without a directory save

        config = Directory.current()
        if not config.enabled or not login or not password:
            return None
        known = User.objects.filter(login__iexact=login).first()
        if known is not None and known.password:
            return None  # has a password of our own
        if _away.get(config.hosts, 0.0) > time.monotonic():
            return None
        if config.hosts in _away:  # it did not answer the last time: one finds out whether it does now
            _away[config.hosts] = time.monotonic() + AWAY_SECONDS
        try:
            person = directory.find(config, login)
            _away.pop(config.hosts, None)
            if person is None or person.disabled or not directory.check_password(config, person, password):
                return None
            user: User | None = importing.import_one(django_settings.JACKFIELD, config, person)
        except DirectoryError as problem:
            if isinstance(problem, DirectoryAway):
                _away[config.hosts] = time.monotonic() + AWAY_SECONDS
            log.warning("nobody of the directory can sign in: %s", problem)
            return None
        return user if user is not None and user.is_active else None

    def get_user(self, pk: Any) -> User | None:
        """Return the user of a session."""
        return User.objects.filter(pk=pk).first()


@gate("system")
def people(request: HttpRequest) -> HttpResponse:
    """Show what an import would do; by POST, do it."""
    from jackfield.console import importing

    config = Directory.current()
    context: dict[str, Any] = {"config": config, "outcome": None, "problem": "", "done": False}
    if not config.hosts or not config.base:
        return render(request, "directory/people.html", context)
    really = request.method == "POST"
    if really and not config.enabled:
        return redirect("/admin/directory/")
    if really or "try" in request.GET:
        try:
            context["outcome"] = importing.bring_in_step(django_settings.JACKFIELD, dry_run=not really)
            context["done"] = really
        except DirectoryError as problem:
            context["problem"] = str(problem)
    return render(request, "directory/people.html", context)


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [path("admin/directory/people", people)]
