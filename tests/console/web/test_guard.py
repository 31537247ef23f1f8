"""The guard's page: who is blocked and why, lifting, blocking by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from jackfield.console import api
from jackfield.console.web import guard as page
from jackfield.control import NotRunning
from jackfield.settings import Settings

BLOCK = {
    "service": "sip", "source": "203.0.113.5", "since": 1_700_000_000.0, "until": 1_700_000_600.0, "times": 2,
    "reason": '10 failures in 60 s, for "anna101"', "evidence": ['REGISTER for "anna101": wrong password'],
    "spared": ["bert102"], "by_hand": False,
}  # fmt: skip
HERE = {"REMOTE_ADDR": "192.0.2.9"}


class Process:
    """The network process, as far as it is asked."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, Any]] = [BLOCK]
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.runs = True

    def __call__(self, _socket: object, verb: str, *, timeout: float, **more: Any) -> Any:
        if not self.runs:
            raise NotRunning("The network process does not run.")
        self.asked.append((verb, more))
        return self.blocks if verb == "guard" else any(one["source"] == more["source"] for one in self.blocks)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    found = Process()
    monkeypatch.setattr(page, "ask_sync", found)
    return found


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("&#34;", '"').split())


def test_the_page_shows_who_is_blocked_why_and_who_is_heard_all_the_same(admin: Client, process: Process):
    text = words(admin.get("/admin/guard/now"))
    assert "203.0.113.5" in text
    assert 'REGISTER for "anna101": wrong password' in text
    assert "block 2 in a row" in text
    assert '<span class="chip">102</span>' in text


def test_nobody_blocked_and_nobody_there_to_ask(admin: Client, company: Settings, process: Process):
    process.blocks = []
    assert "Nobody is blocked." in words(admin.get("/admin/guard/now"))
    process.runs = False
    assert "The network process does not run." in words(admin.get("/admin/guard/now"))
    assert admin.post("/admin/guard/change", {"do": "lift", "source": "203.0.113.5"}).status_code == 503
    api.apply(company, "guard: {enabled: false}")
    assert "the guard is switched off" in words(admin.get("/admin/guard/now"))


def test_lifting_and_blocking(admin: Client, process: Process):
    def post(**values: str) -> str:
        return words(admin.post("/admin/guard/change", values, follow=True, **HERE))

    assert "203.0.113.5 is heard again." in post(do="lift", source="203.0.113.5")
    assert "was not blocked any more" in post(do="lift", source="203.0.113.6")
    assert "198.51.100.0/24 is blocked." in post(do="block", source="198.51.100.0/24", hours="48")
    verb, more = next(one for one in process.asked if one[0] == "guard_block")
    assert (verb, more["source"], more["seconds"]) == ("guard_block", "198.51.100.0/24", 48 * 3600)


@pytest.mark.parametrize(
    ("source", "hours", "said"),
    [
        ("reception", "24", "neither an address nor a network"),
        ("0.0.0.0/0", "24", "too large a network"),
        ("192.0.2.0/24", "24", "You are at 192.0.2.9 yourself."),
        ("198.51.100.7", "0", "Give hours from 1"),
        ("198.51.100.7", "ever", "Give hours from 1"),
    ],
)
def test_what_can_not_be_blocked_is_said(admin: Client, process: Process, source: str, hours: str, said: str):
    answer = admin.post("/admin/guard/change", {"do": "block", "source": source, "hours": hours}, **HERE)
    assert answer.status_code == 422
    assert said in words(answer)
    assert not [one for one in process.asked if one[0] == "guard_block"]


def test_the_api_lists_blocks_and_lifts(admin: Client, process: Process):
    (row,) = admin.get("/api/v1/guard/blocks").json()["items"]
    assert (row["source"], row["until"], row["spared"]) == ("203.0.113.5", "2023-11-14T22:23:20.000+00:00", ["bert102"])

    def post(path: str, **values: Any) -> Any:
        return admin.post(f"/api/v1/guard/{path}", json.dumps(values), content_type="application/json", **HERE)

    assert post("lift", source="203.0.113.5").json() == {"ok": True}
    assert post("blocks", source="198.51.100.7", hours=2).json() == {"ok": True}
    assert post("blocks", source="192.0.2.9", hours=2).status_code == 422
    process.runs = False
    assert admin.get("/api/v1/guard/blocks").status_code == 503


def test_a_group_that_there_is_not_can_not_be_spared(admin: Client, company: Settings):
    form = {"enabled": "yes", "tries": "10", "window": "60", "minutes": "5", "longest_hours": "24"}
    answer = admin.post("/admin/guard/", form | {"never": "Offcie"})
    assert answer.status_code == 422
    assert "There is no address group" in words(answer)
    assert admin.post("/admin/guard/", form | {"never": "Office, local networks"}).status_code == 302
