"""What belongs to whoever is signed in: his extensions and nobody else's. Every own page gets at them through here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest

from jackfield.console import change, publish
from jackfield.console.change import Author, Wish
from jackfield.console.declarative.difference import Difference
from jackfield.console.web.saving import notify
from jackfield.numbers.models import Extension
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import Snapshot

__all__ = ["CHANGEABLE", "extension", "extensions", "save", "snapshot", "tell"]

CHANGEABLE = frozenset({
    "do_not_disturb", "ring_time", "call_waiting", "lines",
    "forward_always", "forward_busy", "forward_no_answer", "forward_unreachable",
    "forward_closed", "hours",
})  # fmt: skip
"""Fields of an extension that its own user may change."""


def extensions(request: HttpRequest) -> list[Any]:
    """Return the extensions of the person, by number, with their lines."""
    user: Any = request.user
    return list(
        Extension.objects.filter(user_id=user.pk).select_related("hours").prefetch_related("lines").order_by("number")
    )


def extension(request: HttpRequest, pk: int) -> Any:
    """Return one of the person's own extensions; None for everybody else's, as if it did not exist."""
    return next((one for one in extensions(request) if one.pk == pk), None)


def save(request: HttpRequest, row: Any, values: Mapping[str, Any]) -> Difference:
    """Change fields of an own extension. Raises as `change.save` does, `ValueError` for what is not his to change."""
    user: Any = request.user
    if row.user_id != user.pk or not CHANGEABLE.issuperset(values):
        raise ValueError("not one's own to change")
    author = Author(user.shown_name, "page", user, request.META.get("REMOTE_ADDR", ""))
    return change.save(django_settings.JACKFIELD, [Wish("extensions", values, (row.number,))], author=author)


def snapshot() -> Snapshot:
    """Return the configuration that is in force, for questions to the dial plan."""
    settings = django_settings.JACKFIELD
    try:
        return snapshots.read(settings.files.snapshot)
    except (OSError, ValueError):  # not published yet
        return publish.build(settings)


def tell(request: HttpRequest, text: str, kind: str = "good") -> None:
    """Keep a notice for the next page."""
    notify(request, [(kind, text)])
