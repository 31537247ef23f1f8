"""A call whose far side is scripted: what destinations do with it is written down."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from company import MONDAY_TEN

from jackfield.switch.contact import Contact
from jackfield.switch.dial import Dial, PhoneDial
from jackfield.switch.events import HangUp, Redirect, Ringing
from jackfield.switch.party import Party
from jackfield.switch.route import FromExtension, Plan, RouteRequest, route
from jackfield.switch.snapshot import Line, Outbound, Site, Snapshot, Trunk

ANSWERED = ("answered", 200)
BUSY = ("busy", 486)
NO_ANSWER = ("no_answer", 408)
UNREACHABLE = ("unreachable", 480)
REJECTED = ("rejected", 603)
FAILED = ("failed", 503)


@dataclass
class FakeLeg:
    party: Party


@dataclass
class FakeTrunks:
    down: set[str] = field(default_factory=set)
    full: set[str] = field(default_factory=set)
    route_full: bool = False
    held: int = 0

    def usable(self, trunk: Trunk) -> bool:
        return trunk.name not in self.down

    def has_room(self, trunk: Trunk) -> bool:
        return trunk.name not in self.full

    @contextmanager
    def route_slot(self, route: Outbound) -> Any:
        self.held += 1
        yield not self.route_full
        self.held -= 1


class FakeRegistrar:
    """Every line has one phone, except those that are `away`."""

    def __init__(self) -> None:
        self.away: set[str] = set()
        self.more: dict[str, int] = {}

    def contacts(self, line: Line) -> list[Contact]:
        if line.sip_username in self.away:
            return []
        return [
            Contact(n, line.sip_username, f"sip:{n}@{line.sip_username}")
            for n in range(self.more.get(line.sip_username, 1))
        ]

    def asleep(self, line: Line) -> list[Contact]:
        return []


@dataclass
class FakeRecord:
    address: str = "UDP 10.0.0.101:5060"


@dataclass
class FakeAnchor:
    record: FakeRecord = field(default_factory=FakeRecord)


class FakeLimits:
    """Limits that let everything through."""

    async def admits(self, call: Any, dial: Any) -> bool:
        return True


class FakeSwitch:
    def __init__(self) -> None:
        self.emitted: list[tuple[str, str, dict[str, Any]]] = []
        self.registrar = FakeRegistrar()
        self.trunks = FakeTrunks()
        self.plugins: Any = None
        self.memory: dict[str, Any] = {}
        self.random = random.Random(7)
        self.busy: dict[str, int] = {}
        self.limits = FakeLimits()

    def emit(self, kind: str, id: str, data: dict[str, Any]) -> None:
        self.emitted.append((kind, id, data))

    def calls_of(self, number: str) -> int:
        return self.busy.get(number, 0)

    def local_time(self, snapshot: Snapshot) -> datetime:
        return MONDAY_TEN


class FakeCall:
    """See the module. `outcomes` are those of each ring in turn; the last one holds for all further ones."""

    def __init__(
        self,
        snapshot: Snapshot,
        *outcomes: tuple[str, int],
        switch: FakeSwitch | None = None,
        caller: Party | None = None,
        at: datetime = MONDAY_TEN,
    ) -> None:
        self.id = "call-1"
        self.only_phone = None
        self.anchor = FakeAnchor()
        self.site: Site | None = None
        self.snapshot = snapshot
        self.switch = switch or FakeSwitch()
        self.caller = caller or Party("777", "Karel")
        self.outcomes = list(outcomes) or [NO_ANSWER]
        self.at = at
        self.plan: Plan = route(snapshot, RouteRequest("*", FromExtension("101")), at)
        self.did: list[str] = []
        self.notes: list[str] = []
        self.rung: list[list[str]] = []
        self.prefixes: set[str] = set()
        self.timeouts: list[float | None] = []
        self.slept = 0.0
        self.hang_ups_after: int | None = None

    def now(self) -> float:
        return self.at.astimezone(UTC).timestamp() + self.slept

    def note(self, text: str, link: str = "") -> None:
        self.notes.append(text)

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds

    async def answer(self) -> None:
        self.did.append("answer")

    def can_say(self, name: str) -> bool:
        return name in {sound.name for sound in self.snapshot.sounds}

    async def play(self, *sounds: str, loop: bool = False) -> None:
        self.did.append(f"play {' '.join(sounds)}")

    @asynccontextmanager
    async def music(self, name: str = "") -> AsyncIterator[None]:
        self.did.append(f"music {name or 'of the company'}")
        yield
        self.did.append("music ends")

    async def talk_alone(self) -> None:
        self.did.append("waits")

    async def echo(self) -> None:
        self.did.append("echo")

    async def ring(self, dials: Sequence[Dial], *, timeout: float | None) -> Ringing:
        assert dials, "nobody to ring"
        self.rung.append([_name(dial) for dial in dials])
        self.prefixes |= {dial.caller_prefix for dial in dials if isinstance(dial, PhoneDial)}
        self.timeouts.append(timeout)
        outcome, status = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        self.slept += timeout or 0 if outcome == "no_answer" else 1
        leg: Any = None
        if outcome == "answered":
            first = dials[0]
            number = first.extension.number if isinstance(first, PhoneDial) else ""
            leg = FakeLeg(Party(number, extension=number))
        return Ringing(leg, outcome, status, f"said {status}")  # type: ignore[arg-type]

    async def bridge(self, leg: Any) -> None:
        self.did.append(f"talks to {leg.party.number or 'the outside'}")

    async def go(self, number: str, *, why: str, cause: str = "") -> NoReturn:
        raise Redirect(number, why)

    async def hang_up(self, status: int = 0, *, reason: str = "") -> NoReturn:
        raise HangUp(status or 480, reason)


def _name(dial: Dial) -> str:
    if isinstance(dial, PhoneDial):
        return f"{dial.line.sip_username}/{dial.contact.id}" if dial.contact.id else dial.line.sip_username
    return f"{dial.trunk.name}:{dial.number}"


async def run(destination: Any, call: FakeCall, entry: Any) -> str:
    """Run a destination and say how it ended: "talks to 102", "goes to 201", "486", or what it did last."""
    try:
        await destination(call, entry)
    except HangUp as end:
        call.did.append(f"hangs up: {end.reason}")
        return str(end.status)
    except Redirect as redirect:
        call.did.append(f"goes on: {redirect.why}")
        return f"goes to {redirect.number}"
    return call.did[-1] if call.did else "returns"
