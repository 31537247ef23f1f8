"""Calls in the history, as the switch would have written them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.test import Client

from jackfield.history.storing import store

from ..records import record

MONDAY = datetime(2026, 11, 16, 10, 2, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
MINUTE, DAY = 60.0, 86400.0


def party(number: str, name: str = "", *, trunk: str = "", extension: str = "") -> dict[str, str]:
    return {"number": number, "name": name, "extension": extension, "trunk": trunk}


def keep(*calls: dict[str, Any]) -> None:
    """Put records into the history as the importer does."""
    store([{"kind": "call", "id": call["id"], "data": call} for call in calls], MONDAY)


def call(id: str, at: float = MONDAY, **more: Any) -> dict[str, Any]:
    """Return a record as the switch writes it: 101 talks with 102 for a minute, unless said otherwise."""
    return record(id, started=at).to_dict() | more


def incoming(id: str, number: str, name: str = "", at: float = MONDAY, **more: Any) -> dict[str, Any]:
    return call(
        id, at, direction="in", caller=party(number, name, trunk="Provider"), dialed="49305550101",
        called=party("101", "Anna", extension="101"), **more,
    )  # fmt: skip


BERT = party("102", "Bert", extension="102")


def read(admin: Client, query: str = "") -> str:
    answer = admin.get(f"/admin/calls/{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def one(admin: Client, id: str = "one") -> str:
    answer = admin.get(f"/admin/calls/{id}")
    assert answer.status_code == 200
    return str(answer.content.decode())
