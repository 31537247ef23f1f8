"""The area History: calls with everything about each, and statistics."""

from __future__ import annotations

from typing import Any

__all__ = ["urls"]


def urls() -> list[Any]:
    """Return the addresses of the area."""
    from django.urls import path

    from jackfield.console.web.history import call, listing, statistics

    return [
        path("admin/calls/", listing.calls),
        path("admin/calls/calls.csv", listing.table),
        path("admin/calls/<str:id>", call.one),
        path("admin/calls/<str:id>/call.pcap", call.pcap),
        path("admin/statistics/", statistics.statistics),
    ]
