"""A new password for somebody who forgot his: a link by e-mail, to the address that stands in the account.

Who asks is told the same whether there is such an account or not, and much the same is done: so nobody learns here who
has one.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings as django_settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jackfield.console import links, welcome
from jackfield.console.database import database_errors
from jackfield.console.web import attempts
from jackfield.console.web.account_log import note
from jackfield.console.web.rights import public
from jackfield.console.web.sign_in_rules import rules
from jackfield.notices.models import Notices
from jackfield.people.models import User

__all__ = ["forgotten"]

MOST = 5
"""Accounts with one e-mail address that are helped at once."""


@public
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for the name or the e-mail address; send a link."""
    ready = not links.hindrance() and bool(Notices.current().forgotten_password)
    context: dict[str, Any] = {"ready": ready, "sent": False, "wait": "", "login": ""}
    if request.method != "POST" or not ready:
        return render(request, "forgotten.html", context)
    name = request.POST.get("login", "").strip()[:254].replace("\0", "")
    if not name:
        return render(request, "forgotten.html", context)
    with database_errors(django_settings.JACKFIELD):
        if (wait := attempts.begun(_counters(request, name))) > 0:
            context |= {"wait": attempts.wait_text(wait), "login": name}
            return render(request, "forgotten.html", context, status=429)
        with transaction.atomic():
            users = _named(name)
            note(request, "forgotten", users[0] if users else None, login=name)
            for user in users:
                welcome.forgotten(user, time.time())
    return render(request, "forgotten.html", context | {"sent": True})


def _counters(request: HttpRequest, name: str) -> list[attempts.Counter]:
    """Every request counts, for the name that was given and for the address it came from."""
    rule = rules()
    address = attempts.network(request.META.get("REMOTE_ADDR", ""))
    return [(f"forgotten:{name.casefold()[:200]}", rule.tries), (f"forgotten at:{address}", rule.address_tries)]


def _named(name: str) -> list[Any]:
    from jackfield.console.web.signing_in import named

    by_login = named(name)
    if by_login is not None:
        return [by_login]
    return list(User.objects.filter(email__iexact=name).order_by("login")[:MOST]) if "@" in name else []
