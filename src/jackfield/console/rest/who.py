"""Whom the history names for a change that came by the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from jackfield.console.change import Author

__all__ = ["author"]


def author(request: HttpRequest, undoes: int | None = None) -> Author:
    """Return who makes a change: the user, and by which of his tokens."""
    user: Any = request.user
    token = getattr(request, "token", None)
    name = user.shown_name if token is None else f"{user.shown_name} ({token.name})"
    scopes = None if token is None else tuple(token.scopes)
    return Author(name[:200], "api", user, request.META.get("REMOTE_ADDR") or "", undoes, scopes)
