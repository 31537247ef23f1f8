"""People in front of their own pages, for the tests."""

from __future__ import annotations

from typing import Any

from django.test import Client

from jackfield.history.models import Call, Leg, Owned
from jackfield.numbers.models import Extension
from jackfield.people.models import User

from .conftest import PASSWORD

NOON = 1_700_000_000.0


def browser_of(login: str) -> Client:
    """A browser in which a user of the company is signed in, who has had his extensions all the time."""
    user = User.objects.get(login=login)
    Owned.objects.filter(user_id=user.pk, until=None).update(since=0)
    user.set_password(PASSWORD)
    user.save()
    client = Client()
    assert client.post("/sign-in", {"login": login, "password": PASSWORD}).status_code == 302
    return client


def pk(number: str) -> int:
    """The key of an extension."""
    return int(Extension.objects.get(number=number).pk)


def page(answer: Any) -> str:
    """The text of an answer, its white space evened out."""
    return " ".join(answer.content.decode().split())


def call(id: str, caller: str, called: str, *, rang: tuple[str, ...] = (), by: str = "", at: float = NOON) -> Call:
    """A call that rang at numbers and was answered `by` one of them, if any. Three digits are an extension."""
    inside = {number: number if len(number) == 3 else "" for number in (caller, called)}
    row = Call.objects.create(
        id=id,
        started=at,
        caller_number=caller,
        caller_extension=inside[caller],
        called_number=called,
        called_extension=inside[called],
        dialed=called,
        outcome="answered" if by else "no_answer",
        answered=at + 5 if by else None,
        ended=at + 68,
    )
    Leg.objects.create(call=row, position=0, role="caller", number=caller, extension=inside[caller], answered=at)
    for position, number in enumerate(rang or (called,), 1):
        Leg.objects.create(
            call=row,
            position=position,
            role="callee",
            number=number,
            extension=number if len(number) == 3 else "",
            answered=at + 5 if number == by else None,
        )
    return row
