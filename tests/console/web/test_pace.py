"""Whoever asks too often is told to wait; nobody else notices."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jackfield.console.web import pace

from ..rest.conftest import Make, Program, program  # noqa: F401
from .conftest import As


@pytest.fixture
def hurried(unhurried: None, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Rates as they are, on a clock that the test turns."""
    now = [1000.0]
    for one, rate in ((pace.TOKENS, 20.0), (pace.SESSIONS, 50.0), (pace.STRANGERS, 10.0)):
        monkeypatch.setattr(one, "rate", rate)
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


def test_a_token_may_ask_sixty_times_at_once_and_then_twenty_times_a_second(
    program: Make,  # noqa: F811
    hurried: list[float],
):
    api = program()
    found = [api.get("me").status_code for _ in range(62)]  # the first counts for the address: nobody knew the token
    assert found == [200] * 61 + [429] or found == [200] * 60 + [429] * 2
    refused = api.get("me")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["Retry-After"] == "1"
    assert refused.json()["status"] == 429
    other = program("reader")
    assert other.get("me").status_code == 200
    hurried[0] += 1.0
    assert [api.get("me").status_code for _ in range(21)] == [200] * 20 + [429]


def test_made_up_tokens_and_sessions_gain_nobody_anything(company: Any, hurried: list[float]):
    found = [Client().get("/sign-in", headers={"Cookie": f"jackfield_session=made-up-{n}"}) for n in range(101)]
    assert [one.status_code for one in found] == [200] * 100 + [429]
    assert Program("jf_made_up").get("me").status_code == 429


def test_a_browser_is_told_in_words_and_without_a_question_to_the_database(company: Any, hurried: list[float]):
    for _ in range(100):
        Client().get("/sign-in")
    with CaptureQueriesContext(connection) as asked:
        answer = Client().get("/sign-in")
    assert not asked.captured_queries
    assert answer.status_code == 429
    assert "Wait a moment" in answer.content.decode()
    assert int(answer.headers["Retry-After"]) > 0
    assert Client().get("/health").status_code != 429


def test_people_at_their_pages_are_not_slowed_down_by_strangers_of_the_same_address(
    signed_in: As, hurried: list[float]
):
    anna = signed_in("administrator")
    assert anna.get("/me/").status_code == 200
    while Client().get("/sign-in").status_code != 429:
        pass
    assert [anna.get("/me/rules/").status_code for _ in range(150)] == [200] * 150


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pace, "MOST", 10)
    one = pace.Pace(10.0, 5)
    for number in range(100):
        assert one.take(f"caller {number}", now=number / 1000) == 0.0
    assert len(one.due) <= 10
