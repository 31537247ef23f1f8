"""What clients send, read before anybody works on it: not too much of it, and not too slowly.

A body that trickles in holds up nothing but its own connection. A large one is taken only from somebody who has signed
in, or who comes with a token that there is: a cookie that is made up opens no disk to strangers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

__all__ = ["LARGEST_BODY", "LARGEST_OF_STRANGERS", "Received", "TooLarge", "is_known", "limited"]

LARGEST_BODY, LARGEST_OF_STRANGERS = 64 << 20, 1 << 20
"""Bytes: a body is written to the disk before any view sees it. Views have narrower limits of their own."""
PATIENCE = 30.0
SLOWEST = 16 << 10
"""A body may take so many seconds, and one more for each so many bytes."""

Receive = Callable[[], Awaitable[Any]]


class TooLarge(Exception):
    """More is sent than is taken from whoever sends it."""


class Received:
    """A `receive` whose body has been read already: what comes after it is whether the client is still there."""

    __slots__ = ("_receive", "body")

    def __init__(self, body: Any, receive: Receive) -> None:
        self.body = body
        self._receive = receive

    async def __call__(self) -> Any:
        """Wait until the client leaves."""
        return await self._receive()


def limited(receive: Receive, is_known: Callable[[], Awaitable[bool]]) -> Receive:
    """Return a `receive` that is read until the body's end.

    It raises `TooLarge`, and `TimeoutError` when the body takes too long. `is_known`: asked once, when more comes than
    strangers may send.
    """
    loop = asyncio.get_running_loop()
    due, got, most = loop.time() + PATIENCE, 0, LARGEST_OF_STRANGERS

    async def next_part() -> Any:
        nonlocal got, most
        async with asyncio.timeout_at(due + got / SLOWEST):
            message = await receive()
        got += len(message.get("body", b""))
        if got > most == LARGEST_OF_STRANGERS and await is_known():
            most = LARGEST_BODY
        if got > most:
            raise TooLarge
        return message

    return next_part


def is_known(headers: list[tuple[bytes, bytes]]) -> bool:
    """Tell whether a request comes from somebody who is signed in, or with a token that there is. Asks the database."""
    from django.utils import timezone

    from jackfield.console.rest.tokens import is_token
    from jackfield.people.models import Session

    given = dict(headers)
    kind, _, token = given.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind:
        return kind.lower() == "bearer" and is_token(token.strip())
    try:
        cookie = SimpleCookie(given.get(b"cookie", b"").decode("latin-1")).get("jackfield_session")
    except CookieError:
        return False
    if cookie is None:
        return False
    rows = Session.objects.filter(session_key=cookie.value, user__isnull=False, expire_date__gt=timezone.now())
    return bool(rows.exists())
