"""Extensions lent for a minute: `jackfield selftest` calls between two of them, so that no real phone rings.

They live in this process only, are in no database and no file, and vanish by themselves.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jackfield.sip.digest import ha1
from jackfield.switch.snapshot import Extension, Line, Snapshot, SrtpMode

if TYPE_CHECKING:
    from jackfield.switch.switch import Switch

__all__ = ["Lending"]

FIRST_NUMBER = 999_901  # longer than the numbers of any company's own plan
LONGEST = 300.0  # seconds
MOST = 10


@dataclass(frozen=True, slots=True)
class Lent:
    """One lent extension with its account."""

    number: str
    username: str
    password: str
    srtp: SrtpMode

    def extension(self, realm: str) -> Extension:
        """As a snapshot has it whose realm is this."""
        hashes = [ha1(self.username, realm, self.password, name) for name in ("MD5", "SHA-256")]
        line = Line(sip_username=self.username, ha1_md5=hashes[0], ha1_sha256=hashes[1], srtp=self.srtp)
        return Extension(number=self.number, name=f"Self-test {self.number[-2:]}", lines=(line,), outside_calls=False)


class Lending:
    """Lends extensions and takes them back. They outlive a new configuration, which knows nothing of them."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._lent: dict[str, Lent] = {}  # by number

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verbs of the control socket."""
        return {"lend_extensions": self.lend, "return_extensions": self.take_back}

    def added_to(self, snapshot: Snapshot) -> Snapshot:
        """Return a new configuration with what is lent; a number that it has itself is lent no longer."""
        for number in self._lent.keys() & snapshot.numbers.keys():
            del self._lent[number]
        if not self._lent:
            return snapshot
        realm = snapshot.general.realm
        lent = (one.extension(realm) for one in self._lent.values())
        return dataclasses.replace(snapshot, extensions=(*snapshot.extensions, *lent))

    async def lend(self, request: dict[str, Any]) -> list[dict[str, str]]:
        """Add `count` extensions for `seconds`, with `srtp` as of a line; returns their numbers and SIP accounts."""
        count = max(1, min(int(request.get("count", 2)), MOST))
        seconds = max(1.0, min(float(request.get("seconds", 60)), LONGEST))
        srtp: SrtpMode = "required" if request.get("srtp") == "required" else "offered"
        switch, snapshot = self._switch, self._switch.snapshot
        taken = snapshot.numbers.keys()
        free = (str(number) for number in itertools.count(FIRST_NUMBER) if str(number) not in taken)
        made = [
            Lent(number, f"lent{secrets.token_hex(6)}", secrets.token_urlsafe(18), srtp)
            for number in itertools.islice(free, count)
        ]
        new = {one.number: one for one in made}
        self._lent |= new
        extensions = (*snapshot.extensions, *(one.extension(snapshot.general.realm) for one in made))
        switch.snapshot = dataclasses.replace(snapshot, extensions=extensions)
        asyncio.get_running_loop().call_later(seconds, self._remove, new)
        return [{"number": one.number, "sip_username": one.username, "sip_password": one.password} for one in made]

    async def take_back(self, request: dict[str, Any]) -> None:
        """Remove the lent extensions in `numbers`."""
        numbers = {str(number) for number in request.get("numbers", ())}
        self._remove({number: one for number, one in self._lent.items() if number in numbers})

    def _remove(self, lent: dict[str, Lent]) -> None:
        gone = {number for number, one in lent.items() if self._lent.get(number) is one}
        if not gone:
            return
        for number in gone:
            del self._lent[number]
        switch = self._switch
        kept = tuple(extension for extension in switch.snapshot.extensions if extension.number not in gone)
        switch.snapshot = dataclasses.replace(switch.snapshot, extensions=kept)
        switch.registrar.reload()
