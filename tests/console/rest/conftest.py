"""A program that talks to the API with a token, on the small company of the pages' tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from jackfield.settings import Settings

from ..web.conftest import COMPANY, company, person, signed_in  # noqa: F401


class Program:
    """Sends requests with a token, JSON in and out."""

    def __init__(self, token: str = "") -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def send(self, method: str, path: str, content: Any = None, **headers: str) -> HttpResponse:
        named = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        more = {}
        if content is not None:
            import json

            text = content if isinstance(content, str | bytes) else json.dumps(content)
            more = {"data": text, "content_type": named.pop("Content-Type", "application/json")}
        address = path if path.startswith("/") else f"/api/v1/{path}"
        return self.client.generic(method, address, headers=named, **more)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.send("GET", path, **headers)

    def post(self, path: str, content: Any = None, **headers: str) -> HttpResponse:
        return self.send("POST", path, {} if content is None else content, **headers)

    def patch(self, path: str, content: Any, **headers: str) -> HttpResponse:
        return self.send("PATCH", path, content, **headers)

    def put(self, path: str, content: Any, **headers: str) -> HttpResponse:
        return self.send("PUT", path, content, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        return self.send("DELETE", path, **headers)


Make = Callable[..., Program]


@pytest.fixture
def program(company: Settings) -> Make:  # noqa: F811
    """Makes programs whose token has these scopes, all by default, of a user of this role."""
    from jackfield.console.rest import tokens
    from jackfield.people.models import User

    def make(role: str = "administrator", scopes: Any = tokens.SCOPES, expires: float | None = None) -> Program:
        user = User.objects.filter(login=f"the-{role}").first() or person(role)
        return Program(tokens.make_token(user, "a script", scopes, expires)[1])

    return make


@pytest.fixture
def api(program: Make) -> Program:
    """A program that may do everything."""
    return program()
