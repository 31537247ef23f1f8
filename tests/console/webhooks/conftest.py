"""A receiver, and a courier whose clock stands until a test moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jackfield.console.live import Hub
from jackfield.console.webhooks.courier import Courier
from jackfield.settings import Settings
from jackfield.webhooks import outbox, signing
from jackfield.webhooks.models import Webhook
from jackfield.webhooks.outbox import Happening

from ..test_live import FakeSwitch
from .receiver import Receiver, Running

NOW = 1_790_000_000.0


class Clock:
    """Time as a test has it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Running()
    yield running.receiver
    running.stop()


@pytest.fixture
def other() -> Iterator[Receiver]:
    running = Running()
    yield running.receiver
    running.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def switch() -> FakeSwitch:
    return FakeSwitch()


Start = Callable[[], Courier]


@pytest.fixture
def start(settings: Settings, clock: Clock, switch: FakeSwitch) -> Iterator[Start]:
    """Starts couriers: another one is what a restart of the console makes."""
    made: list[Courier] = []
    hubs: list[Hub] = []

    def begin() -> Courier:
        hub = Hub(Path("/nowhere"), ask=switch.ask, pause=0.01)
        hubs.append(hub)
        made.append(Courier(settings, hub=lambda: hub, clock=clock, chance=lambda: 0.5))
        return made[-1]

    yield begin
    for courier in made:
        courier.close()
    for hub in hubs:
        hub.close()


@pytest.fixture
def courier(start: Start) -> Courier:
    return start()


def hook(receiver: Receiver | str, *events: str, name: str = "CRM", **more: Any) -> Webhook:
    """Make a webhook, past the pages."""
    address = receiver if isinstance(receiver, str) else receiver.address
    chosen = events or ("configuration.changed", "notice.raised", "call.recorded")  # not live: no switch is asked
    made = Webhook(name=name, address=address, secret=signing.new_secret(), events=chosen, **more)
    made.save()
    return made


def tell(*texts: str, kind: str = "notice.raised", now: float = NOW) -> None:
    """Queue something for everybody."""
    outbox.add([Happening(kind, now, {"text": text}) for text in texts or ("hello",)], now)
