"""How people sign in: what administrators do with the accounts of others, and everybody with his own.

Nobody touches the account of somebody who holds more than he does. A second factor is set up in a browser alone, where
its person sits.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse

from jackfield.company.models import General
from jackfield.console import links, queries, welcome
from jackfield.console.rest import answers, bodies, door, paging, problems, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.web import account_log, passwords, second_factor, sessions
from jackfield.console.web.account_log import note
from jackfield.console.web.attempts import forgive
from jackfield.console.web.rights import AREAS
from jackfield.console.web.signing_in import proves
from jackfield.people.levels import exceeds, levels_of
from jackfield.people.models import AccountEvent, User

__all__ = ["operations"]


def account(asked: Asked) -> HttpResponse:
    """Answer how somebody signs in."""
    return answers.json(_shown(asked, _person(asked)))


def _shown(asked: Asked, user: Any) -> dict[str, Any]:
    return {
        "login": user.login,
        "enabled": user.enabled,
        "password": bool(user.password),
        "app": hasattr(user, "authenticator"),
        "passkeys": user.passkeys.count(),
        "recovery_codes": user.recovery_codes.count(),
        "sessions": len(sessions.shown(asked.request, user)),
    }


def _person(asked: Asked) -> User:
    login = asked.path["login"]
    user: User | None = User.objects.filter(login=login).first()
    if user is None:
        raise problems.missing(f"user {login[:150]}")
    return user


def _within(asked: Asked) -> User:
    """Return the user, once it is sure that he reaches no further than the one who asks."""
    user = _person(asked)
    held = {area: door.held(asked.request, area) for area in AREAS if area != "own"}
    reach = {area: level for area, level in levels_of(user.role).items() if area != "own"}
    if exceeds(reach, held):
        raise Refusal(403, f"{user.login} may do more than you: with his account you could do so too.")
    return user


def _other(asked: Asked) -> User:
    user = _within(asked)
    if user == asked.user:
        raise Refusal(422, "This is your own account: change it on its page, or with the operations below /me.")
    return user


def make_link(asked: Asked) -> HttpResponse:
    """Make a link by which somebody sets a password, and answer with it this once."""
    user = _within(asked)
    if not user.is_active:
        raise Refusal(422, f"{user.login} is disabled or has no role, so no link would let him in.")
    note(asked.request, "link_made", user, by=asked.user)
    found = {"address": passwords.link_address(asked.request, user), "days": passwords.LINK_DAYS}
    return answers.json(found, 201)


def send_welcome(asked: Asked) -> HttpResponse:
    """Send users the welcome mail, with a link by which each sets a password."""
    wanted = bodies.checked(asked.request, WELCOME)["logins"]
    if why := links.hindrance():
        raise Refusal(422, why)
    sent: list[User] = []
    left: list[User] = []
    for login in dict.fromkeys(wanted):
        asked.path["login"] = login
        user = _within(asked)
        (sent if user.email and user.is_active else left).append(user)
    if sent and not asked.query["dry_run"]:
        welcome.queue(sent)
        for user in sent:
            note(asked.request, "link_sent", user, by=asked.user)
    found = {"sent": [user.login for user in sent], "left_out": [user.login for user in left]}
    return answers.json({"applied": not asked.query["dry_run"], **found})


def set_password(asked: Asked) -> HttpResponse:
    """Give somebody a password; he is signed out everywhere."""
    user = _other(asked)
    given = bodies.checked(asked.request, PASSWORD)
    _demand_good(given["password"], user)
    passwords.set_password(user, given["password"])
    note(asked.request, "password_changed", user, by=asked.user)
    return HttpResponse(status=204)


def _demand_good(password: str, user: Any, field: str = "password") -> None:
    if why := passwords.weakness(password, user, General.current().company):
        raise Refusal(422, why, [{"field": field, "message": why}])


def remove_factors(asked: Asked) -> HttpResponse:
    """Take app, passkeys and recovery codes off somebody who has lost them."""
    user = _other(asked)
    second_factor.remove_all(user)
    forgive(user)
    user.sessions.all().delete()
    note(asked.request, "authenticator_removed", user, by=asked.user)
    return HttpResponse(status=204)


# --- sessions --------------------------------------------------------------------------------------------------------


def _session(one: dict[str, Any]) -> dict[str, Any]:
    times = {name: queries._time(one[name]) for name in ("began", "seen")}
    return {name: one[name] for name in ("id", "browser", "address", "this")} | {"user": one["user"].login} | times


def all_sessions(asked: Asked) -> HttpResponse:
    """Answer with everybody's sessions, the most recent first."""
    return paging.page_of(asked, [_session(one) for one in sessions.shown(asked.request)])


def end_any(asked: Asked) -> HttpResponse:
    """End one session of anybody who reaches no further than the one who asks."""
    id = asked.path["id"]
    found = next((one for one in sessions.shown(asked.request) if one["id"] == id), None)
    if found is None:
        raise problems.missing(f"session {id[:80]}")
    asked.path["login"] = found["user"].login
    _within(asked)
    sessions.end(asked.request, id)
    return HttpResponse(status=204)


def sessions_of(asked: Asked) -> HttpResponse:
    """Answer with the sessions of one user."""
    return answers.json({"items": [_session(one) for one in sessions.shown(asked.request, _within(asked))],
                         "next": None})  # fmt: skip


def end_of(asked: Asked) -> HttpResponse:
    """Sign somebody out everywhere."""
    sessions.end_others(asked.request, _within(asked))
    return HttpResponse(status=204)


def events(asked: Asked) -> HttpResponse:
    """Answer with what happened with accounts, the newest first."""
    rows = AccountEvent.objects.all()
    if asked.query["login"] is not None:
        rows = rows.filter(login=asked.query["login"])
    if asked.query["what"] is not None:
        rows = rows.filter(what=asked.query["what"])
    names = ("id", "what", "login", "by", "address", "user_agent")
    return paging.page(
        asked,
        rows,
        "-at",
        lambda found: [{"at": queries._time(row.at)} | {name: getattr(row, name) for name in names} for row in found],
    )


# --- one's own -------------------------------------------------------------------------------------------------------


def own_account(asked: Asked) -> HttpResponse:
    """Answer how I sign in."""
    return answers.json(_shown(asked, asked.user))


def own_password(asked: Asked) -> HttpResponse:
    """Change my own password; who does so must know the old one."""
    user, request = asked.user, asked.request
    given = bodies.checked(request, OWN_PASSWORD)
    if not user.password:
        raise Refusal(422, "Your password is not kept here: it is changed in your company's directory.")
    by_token = getattr(request, "token", None) is not None
    why = proves(request, user, given["old"])
    if by_token:
        request.session.modified = False  # a program has no browser that would be proved to be his
    if why:
        raise Refusal(422, why, [{"field": "old", "message": why}])
    _demand_good(given["new"], user, "new")
    passwords.set_password(user, given["new"], but=None if by_token else request.session.session_key)
    if not by_token:
        update_session_auth_hash(request, user)
    note(request, "password_changed", user)
    return HttpResponse(status=204)


def own_sessions(asked: Asked) -> HttpResponse:
    """Answer with my sessions."""
    return answers.json({"items": [_session(one) for one in sessions.shown(asked.request, asked.user)], "next": None})


def end_own(asked: Asked) -> HttpResponse:
    """End one of my sessions."""
    if sessions.end(asked.request, asked.path["id"], asked.user) is None:
        raise problems.missing(f"session {asked.path['id'][:80]} of yours")
    return HttpResponse(status=204)


def end_own_others(asked: Asked) -> HttpResponse:
    """End all my sessions but this one."""
    sessions.end_others(asked.request, asked.user)
    return HttpResponse(status=204)


# --- description -----------------------------------------------------------------------------------------------------

_SECRET = {"type": "string", "minLength": 1, "maxLength": passwords.LONGEST, "writeOnly": True}
PASSWORD = schemas.body({"password": _SECRET}, "password")
_LOGINS = {"type": "array", "items": {"type": "string", "maxLength": 150}, "minItems": 1, "maxItems": 5000}
WELCOME = schemas.body({"logins": _LOGINS}, "logins")
_WELCOMED = schemas.table(
    {"applied": "boolean", "sent": _LOGINS | {"minItems": 0}, "left_out": _LOGINS | {"minItems": 0}}
)
OWN_PASSWORD = schemas.body({"old": _SECRET, "new": _SECRET}, "old", "new")
_AT = {"type": ["string", "null"], "format": "date-time"}
_ACCOUNT = schemas.table(
    {"login": "string", "enabled": "boolean", "password": "boolean", "app": "boolean", "passkeys": "integer",
     "recovery_codes": "integer", "sessions": "integer"}
)  # fmt: skip
_SESSION = schemas.table(
    {"id": "string", "user": "string", "browser": "string", "address": "string", "began": _AT, "seen": _AT,
     "this": "boolean"}
)  # fmt: skip
_EVENT = schemas.table(
    {"id": "integer", "at": _AT, "what": {"type": "string", "enum": list(account_log.WORDS)}, "login": "string",
     "by": "string", "address": "string", "user_agent": "string"}
)  # fmt: skip


def operations() -> list[Operation]:
    """Return the operations on accounts and sessions."""
    people: dict[str, Any] = {"area": "people", "group": "accounts"}
    system: dict[str, Any] = {"area": "system", "group": "accounts"}
    own: dict[str, Any] = {"area": "own", "group": "me"}
    one = "/accounts/{login}"
    what = Parameter("what", "Only this.", {"type": "string", "enum": list(account_log.WORDS)})
    listed = schemas.listed(_SESSION)
    return [
        Operation("get_account", "GET", one, summary="How a user signs in", run=account, answer=_ACCOUNT, **people),
        Operation("make_password_link", "POST", f"{one}/link", summary="Make a link by which a user sets a password",
                  run=make_link, status=201, answer=schemas.table({"address": "string", "days": "integer"}),
                  about="It works once, for three days. For a first password, and for a forgotten one.", **people),
        Operation("send_welcome", "POST", "/welcome", summary="Send users the welcome mail", run=send_welcome,
                  body=WELCOME, parameters=(DRY_RUN,), answer=_WELCOMED, trial=_WELCOMED,
                  about="With a link by which each sets a password. Left out is who has no e-mail address, or may not "
                  "sign in.", **people),
        Operation("set_password", "PUT", f"{one}/password", summary="Give a user a password", run=set_password,
                  body=PASSWORD, status=204, about="He is signed out everywhere.", **people),
        Operation("remove_second_factor", "DELETE", f"{one}/second-factor",
                  summary="Take app, passkeys and recovery codes off a user", run=remove_factors, status=204,
                  about="For somebody who has lost his phone. He sets them up anew in his browser.", **people),
        Operation("list_sessions_of_user", "GET", f"{one}/sessions", summary="Where a user is signed in",
                  run=sessions_of, answer=listed, **people),
        Operation("end_sessions_of_user", "DELETE", f"{one}/sessions", summary="Sign a user out everywhere",
                  run=end_of, status=204, **people),
        Operation("list_sessions", "GET", "/sessions", summary="Who is signed in", run=all_sessions,
                  parameters=paging.PARAMETERS, answer=listed, **system),
        Operation("end_session", "DELETE", "/sessions/{id}", summary="End a session", run=end_any, status=204,
                  **system),
        Operation("list_account_events", "GET", "/account-events", summary="What happened with accounts",
                  run=events, parameters=(Parameter("login", "Only of this user."), what, *paging.PARAMETERS),
                  answer=schemas.listed(_EVENT), **system),
        Operation("get_own_account", "GET", "/me/account", summary="How I sign in", run=own_account, answer=_ACCOUNT,
                  **own),
        Operation("change_own_password", "PUT", "/me/password", summary="Change my password", run=own_password,
                  body=OWN_PASSWORD, status=204, about="My other browsers are signed out.", **own),
        Operation("list_own_sessions", "GET", "/me/sessions", summary="Where I am signed in", run=own_sessions,
                  answer=listed, **own),
        Operation("end_own_sessions", "DELETE", "/me/sessions", summary="Sign me out everywhere else",
                  run=end_own_others, status=204, **own),
        Operation("end_own_session", "DELETE", "/me/sessions/{id}", summary="End a session of mine", run=end_own,
                  status=204, **own),
    ]  # fmt: skip
