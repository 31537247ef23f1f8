"""Passwords: how good one must be, changing one's own, and links by which somebody sets his first."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import base36_to_int, int_to_base36
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from jackfield.console.web import errors
from jackfield.console.web.account_log import note
from jackfield.console.web.attempts import forgive
from jackfield.console.web.password_advice import advice
from jackfield.console.web.rights import public
from jackfield.console.web.sign_in_rules import rules
from jackfield.people.models import User

__all__ = ["change_password", "link", "link_address", "set_password", "weakness"]

LONGEST = 200
STRONG = 3  # of zxcvbn's 0 to 4: more than 10^8 guesses
READ_BY_ZXCVBN = 72
LINK_DAYS = 3


def weakness(password: str, user: Any = None, *also: str) -> str:
    """Return why a password is not good enough, with the mend; "" where it is.

    `also`: words that others would try first, such as the company's name.
    """
    least = rules().password_length
    if len(password) < least:
        return _(
            "Too short: take at least %(least)s characters. Four or five words that have nothing in common are good."
        ) % {"least": least}
    if len(password) > LONGEST:
        return _("Too long: take at most %(most)s characters.") % {"most": LONGEST}
    from zxcvbn import zxcvbn  # its word lists take a moment

    known = [word for word in (*also, *((user.login, user.name, user.email) if user is not None else ())) if word]
    for word in list(known):
        parts = re.findall(r"\w+", word)
        known += [*parts, "".join(parts)]
    found = zxcvbn(password[:READ_BY_ZXCVBN], user_inputs=[*known, "jackfield"])
    if found["score"] >= STRONG:
        return ""
    return advice(found["feedback"])


def set_password(user: Any, password: str, *, but: str | None = None) -> None:
    """Give `user` a new password, and end all his sessions `but` the one with this key."""
    user.set_password(password)
    user.save(update_fields=["password"])
    user.sessions.exclude(session_key=but).delete()
    forgive(user)


class _Links(PasswordResetTokenGenerator):  # type: ignore[misc]  # Django has no types
    """Django's tokens: signed, with their time; the password and the last sign-in are in them, so they work once."""

    key_salt = "jackfield.console.web.passwords"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.login}{user.role}{user.enabled}"


_links = _Links()


def link(user: Any) -> str:
    """Return the path of a link by which `user` sets a password. It works once, for three days."""
    return f"/set-password/{int_to_base36(user.pk)}/{_links.make_token(user)}"


def link_address(request: HttpRequest, user: Any) -> str:
    """Return the whole address of such a link, under the name by which the console was reached."""
    return request.build_absolute_uri(link(user))


@sensitive_post_parameters("new", "again")
@public
def by_link(request: HttpRequest, who: str, token: str) -> HttpResponse:
    """Let somebody who was given a link set his password, and go on to sign in."""
    user = _linked(who, token)
    if user is None:
        text = _("This link was used already, or is older than three days. Ask an administrator for another one.")
        return errors.missing(request, text)
    if request.method != "POST":
        return render(request, "account/set_password.html", {"person": user, "least": rules().password_length})
    password, problem = new_password(request, user)
    if problem:
        context = {"person": user, "least": rules().password_length, "problem": problem}
        return render(request, "account/set_password.html", context, status=422)
    with transaction.atomic():  # two at the same moment: the second finds that the password has changed
        locked = User.objects.select_for_update().get(pk=user.pk)
        if not _links.check_token(locked, token):
            return errors.missing(request, _("This link was used a moment ago."))
        set_password(locked, password)
    note(request, "password_changed", locked)
    from jackfield.console.web.signing_in import proceed

    return proceed(request, locked, "")


def _linked(who: str, token: str) -> Any:
    try:
        user = User.objects.filter(pk=base36_to_int(who)).first()
    except (ValueError, OverflowError):
        return None
    return user if user is not None and user.is_active and _links.check_token(user, token) else None


def new_password(request: HttpRequest, user: Any) -> tuple[str, str]:
    """Return the password that a form brought, and what is wrong with it."""
    from jackfield.company.models import General

    new = request.POST.get("new", "")
    if new != request.POST.get("again", new):
        return "", _("The two are not the same: type the new password once more.")
    return new, weakness(new, user, General.current().company)


def change_password(request: HttpRequest, user: Any) -> str:
    """Change one's own password from a form with `old`, `new` and `again`; return what is wrong, or ""."""
    from django.contrib.auth import update_session_auth_hash

    from jackfield.console.web.signing_in import proves

    if not user.password:
        return _("Your password is not kept here: it is changed in your company's directory.")
    if problem := proves(request, user, request.POST.get("old", "")):
        return problem
    password, problem = new_password(request, user)
    if problem:
        return problem
    set_password(user, password, but=request.session.session_key)
    update_session_auth_hash(request, user)  # this session goes on, under a new key
    note(request, "password_changed", user)
    return ""
