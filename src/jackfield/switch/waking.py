"""Phones that sleep: a call for one makes the console send a push, and rings the phone once it has registered anew.

RFC 8599 with Web Push (RFC 8030): the phone's Contact has pn-provider=webpush, and in pn-prid the name of its
subscription. The address and the keys of the subscription are the console's affair, and in no SIP message.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jackfield.switch.dial import PhoneDial
from jackfield.switch.ringing import Fork

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.contact import Contact
    from jackfield.switch.switch import Switch

__all__ = ["Waking"]

PATIENCE = 40.0
"""Seconds for a phone to wake up: phones that save power get a push late."""
HELD = 20.0
"""Seconds for which a question for pushes waits until there is one."""
STALE = 30.0
"""Seconds after which a push that nobody fetched is not worth sending any more."""


class Sleeper:
    """A phone that is being woken for a call."""

    __slots__ = ("call", "contact", "dial", "fork", "late")

    def __init__(self, call: Call, fork: Fork, dial: PhoneDial) -> None:
        self.call = call
        self.fork = fork
        self.dial = dial
        self.contact: Contact = dial.contact
        self.late: asyncio.TimerHandle | None = None


class Waking:
    """Wakes phones, and answers the verbs of the console, which sends the pushes."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._sleepers: list[Sleeper] = []
        self._pushes: deque[dict[str, Any]] = deque(maxlen=1000)
        self._count = 0
        self._news = asyncio.Event()
        switch.registrar.watchers.append(self._phone_changed)

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Verbs of the control socket."""
        return {"pushes": self.pushes, "push_failed": self.push_failed}

    # --- for calls

    def wake(self, call: Call, fork: Fork, dials: Sequence[PhoneDial]) -> None:
        """Wake the phones of these dials; each rings as part of the fork once it has registered."""
        loop = asyncio.get_running_loop()
        for dial in dials:
            sleeper = Sleeper(call, fork, dial)
            fork.expect(dial.extension.number)
            sleeper.late = loop.call_later(PATIENCE, self._stays, sleeper, "its phone did not wake up")
            self._sleepers.append(sleeper)
            call.note(f"{dial.extension.number}: its phone sleeps and is woken by a push")
            self._push("call", sleeper)

    def over(self, fork: Fork) -> None:
        """The round of ringing has ended: who was woken for it is told that it's too late."""
        for sleeper in [one for one in self._sleepers if one.fork is fork]:
            self._remove(sleeper)
            self._push("over", sleeper)

    def decline(self, call: CallBase, extension: str, why: str) -> bool:
        """End the waking of an extension's phones as if its user had refused the call there; False: none is woken."""
        found = [one for one in self._sleepers if one.call is call and one.dial.extension.number == extension]
        for sleeper in found:
            self._remove(sleeper)
            sleeper.fork.missing(extension, 603, why)
        return bool(found)

    def _phone_changed(self, contact: Contact) -> None:
        if not contact.push or not contact.reachable:
            return
        for sleeper in [one for one in self._sleepers if one.contact.push == contact.push]:
            self._remove(sleeper)
            sleeper.call.spawn(self._ring(sleeper, contact))

    async def _ring(self, sleeper: Sleeper, contact: Contact) -> None:
        await sleeper.call.ring_late(sleeper.fork, replace(sleeper.dial, contact=contact))
        sleeper.fork.came(sleeper.dial.extension.number)

    def _stays(self, sleeper: Sleeper, why: str) -> None:
        """A phone does not come."""
        self._remove(sleeper)
        self._push("over", sleeper)
        sleeper.fork.missing(sleeper.dial.extension.number, 480, why)

    def _remove(self, sleeper: Sleeper) -> None:
        self._sleepers.remove(sleeper)
        if sleeper.late is not None:
            sleeper.late.cancel()

    # --- for the console

    def _push(self, kind: str, sleeper: Sleeper) -> None:
        caller, done = sleeper.call.caller, sleeper.fork.done
        self._count += 1
        self._pushes.append({
            "number": self._count,
            "kind": kind,
            "push": sleeper.contact.push,
            "sip_username": sleeper.contact.username,
            "call": sleeper.call.id,
            "extension": sleeper.dial.extension.number,
            "caller": "" if caller.anonymous else caller.number,
            "caller_name": "" if caller.anonymous else caller.name,
            "answered": done.done() and not done.cancelled() and done.result() is not None,
            "at": self._switch.now(),
        })  # fmt: skip
        self._news.set()
        self._news = asyncio.Event()

    async def pushes(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the pushes to send behind the one with the number `after` of this `boot`; wait while there is none."""
        boot = self._switch.boot
        after = int(request.get("after", 0)) if request.get("boot") == boot else 0
        found = self._behind(after)
        if not found:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), HELD)
            found = self._behind(after)
        return {"boot": boot, "after": self._count, "pushes": found}

    def _behind(self, after: int) -> list[dict[str, Any]]:
        fresh = self._switch.now() - STALE
        return [push for push in self._pushes if push["number"] > after and push["at"] > fresh]

    async def push_failed(self, request: dict[str, Any]) -> None:
        """A push with the name `push` can't be delivered; `gone`: it never will be again."""
        name = str(request.get("push", ""))
        for sleeper in [one for one in self._sleepers if one.contact.push == name]:
            self._stays(sleeper, "no push reaches its phone")
        contact = self._switch.registrar.by_push(name)
        if contact is not None and contact.asleep and request.get("gone"):
            self._switch.registrar.forget(contact.username, "its push subscription has ended")
