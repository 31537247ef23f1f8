"""Every address with every role: nobody reaches what his role does not hold, and no view has been forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from jackfield.console.web.rights import AREAS, NOTHING, READ, ROLES, WRITE, Level

from .conftest import As

PUBLIC = {"health", "metrics", "static/<str:digest>/<path:name>", "sign-in", "sign-out"}
PUBLIC |= {
    "sign-in/second",
    "sign-in/passkey",
    "sign-in/passkey/options",
    "forgot-password",
    "set-password/<str:who>/<str:token>",
}
PUBLIC |= {"sign-in/openid", "sign-in/openid/back", "language"}
PUBLIC |= {"me/phone-worker.js", "me/phone-offline"}
PUBLIC |= {"first-run", "first-run/", "first-run/finish", "first-run/phones", "first-run/strength"}
PUBLIC |= {"first-run/<str:name>", "phone/<str:token>", "phone/<str:token>/linphone.xml"}
PUBLIC |= {"phone/<str:token>/groundwire.xml", "phone/<str:token>/zoiper.xml", "phone/zoiper"}


def addresses(resolver: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def filled(route: str) -> str:
    """Put something into the address: what it names need not exist, since the gate comes first."""
    import re

    return "/" + re.sub(r"<(\w+:)?\w+>", lambda found: "1" if found[1] in ("int:", None) else "x", route)


def test_every_view_says_who_may_reach_it():
    for route, view in addresses():
        assert hasattr(view, "area"), f"{route} has no gate: decorate its view with gate() or public()"
        assert (view.area == "") == (route in PUBLIC), route
        assert view.area in ("", *AREAS), route


@pytest.mark.timeout(240)  # all pages there are
@pytest.mark.parametrize("role", ["nobody", *ROLES])
def test_each_role_reaches_what_it_holds_and_nothing_else(role: str, signed_in: As, company: Any):
    browser = Client() if role in ("nobody", "none") else signed_in(role)
    browser.raise_request_exception = False
    for route, view in addresses():
        if not view.area:
            continue
        held: Level = ROLES.get(role, {}).get(view.area, NOTHING)
        for method, least in (("get", WRITE if view.write else READ), ("post", WRITE)):
            answer = getattr(browser, method)(filled(route))
            refused = answer.status_code in (401, 403) or answer.headers.get("Location", "").startswith("/sign-in")
            assert refused is (held < least), f"{role} {method} {route}: {answer.status_code}"
