"""Extensions lent for a minute: `jackfield selftest` calls between two of them, so that no real phone rings.

They live in this process only, are in no database and no file, and vanish by themselves.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from jackfield.sip.digest import ha1
from jackfield.switch.snapshot import Extension, Line, SrtpMode

if TYPE_CHECKING:
    from jackfield.switch.switch import Switch

__all__ = ["Lending"]

FIRST_NUMBER = 999_901  # longer than the numbers of any company's own plan
LONGEST = 300.0  # seconds
MOST = 10


class Lending:
    """Lends extensions and takes them back."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._lent: set[str] = set()  # numbers

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verbs of the control socket."""
        return {"lend_extensions": self.lend, "return_extensions": self.take_back}

    async def lend(self, request: dict[str, Any]) -> list[dict[str, str]]:
        """Add `count` extensions for `seconds`, with `srtp` as of a line; returns their numbers and SIP accounts."""
        count = max(1, min(int(request.get("count", 2)), MOST))
        seconds = max(1.0, min(float(request.get("seconds", 60)), LONGEST))
        srtp: SrtpMode = "required" if request.get("srtp") == "required" else "offered"
        switch, snapshot = self._switch, self._switch.snapshot
        taken = snapshot.numbers.keys()
        free = (str(number) for number in itertools.count(FIRST_NUMBER) if str(number) not in taken)
        made, told = [], []
        for number in itertools.islice(free, count):
            username, password = f"lent{secrets.token_hex(6)}", secrets.token_urlsafe(18)
            hashes = [ha1(username, snapshot.general.realm, password, name) for name in ("MD5", "SHA-256")]
            line = Line(sip_username=username, ha1_md5=hashes[0], ha1_sha256=hashes[1], srtp=srtp)
            made.append(Extension(number=number, name=f"Self-test {number[-2:]}", lines=(line,), outside_calls=False))
            told.append({"number": number, "sip_username": username, "sip_password": password})
        numbers = {extension.number for extension in made}
        self._lent |= numbers
        switch.snapshot = dataclasses.replace(snapshot, extensions=(*snapshot.extensions, *made))
        asyncio.get_running_loop().call_later(seconds, self._remove, numbers)
        return told

    async def take_back(self, request: dict[str, Any]) -> None:
        """Remove the lent extensions in `numbers`."""
        self._remove({str(number) for number in request.get("numbers", ())})

    def _remove(self, numbers: set[str]) -> None:
        gone = numbers & self._lent
        self._lent -= gone
        switch = self._switch
        kept = tuple(extension for extension in switch.snapshot.extensions if extension.number not in gone)
        if len(kept) != len(switch.snapshot.extensions):
            switch.snapshot = dataclasses.replace(switch.snapshot, extensions=kept)
            switch.registrar.reload()
