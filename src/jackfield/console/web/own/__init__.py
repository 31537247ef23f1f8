"""The user's own pages, made for a phone's screen first: calls, contacts, where calls go, devices, and the person."""

from __future__ import annotations

from typing import Any

from django.urls import path

__all__ = ["urls"]


def urls() -> list[Any]:
    """Return the addresses of all of them."""
    from jackfield.console.web.own import rules

    return [
        path("me/rules/", rules.listing),
        path("me/rules/<int:pk>", rules.edit),
        path("me/rules/<int:pk>/disturb", rules.disturb),
        path("me/rules/<int:pk>/preview", rules.preview),
    ]
