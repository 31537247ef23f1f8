"""The hub: what becomes different in the switch reaches everybody who watches."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from jackfield.console.live import Event, Hub, Listener
from jackfield.control import ControlError, NotRunning

CALL = {
    "id": "k1",
    "from": {"number": "101", "name": "Anna", "extension": "101", "trunk": ""},
    "to": {"number": "102", "name": "Bert", "extension": "102", "trunk": ""},
    "state": "ringing",
    "seconds": 1.5,
    "legs": [],
}
PHONE = {
    "extension": "101",
    "sip_username": "anna101",
    "transport": "UDP",
    "address": "192.0.2.7:5060",
    "since": 1000.0,
    "expires_in": 60.0,
    "reachable": True,
}
TRUNK = {"name": "Provider", "state": "registered", "text": "", "calls": 0}


class FakeSwitch:
    """Answers as the switch's control socket does."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.trunks = [dict(TRUNK)]
        self.phones: list[dict[str, Any]] = []
        self.version = 0
        self.asked: list[str] = []
        self.problem: ControlError | None = None
        self.was_asked = threading.Event()

    def ask(self, socket: Path, do: str, timeout: float = 0) -> Any:
        self.asked.append(do)
        self.was_asked.set()
        if self.problem is not None:
            raise self.problem
        if do == "registrations":
            return copy.deepcopy(self.phones)
        found = {"boot": "b1", "now": 2000.0, "draining": False, "registered": len(self.phones), "phones": self.version}
        return copy.deepcopy(found | {"calls": self.calls, "trunks": self.trunks})


@pytest.fixture
def switch() -> FakeSwitch:
    return FakeSwitch()


@pytest.fixture
def hub(switch: FakeSwitch):
    made = Hub(Path("/nowhere"), ask=switch.ask, pause=0.01)
    yield made
    made.close()


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


def test_a_call_is_told_from_its_start_to_its_end(hub: Hub, switch: FakeSwitch):
    assert kinds(hub.look()) == ["switch", "trunk.changed"]
    switch.calls = [dict(CALL)]
    (started,) = hub.look()
    assert (started.kind, started.data["from"]["name"]) == ("call.started", "Anna")
    switch.calls = [CALL | {"seconds": 2.5}]
    assert hub.look() == [], "a second that passes is no news"
    switch.calls = [CALL | {"state": "talking"}]
    assert kinds(hub.look()) == ["call.changed"]
    switch.calls = []
    assert [(one.kind, one.data) for one in hub.look()] == [("call.ended", {"id": "k1"})]


def test_phones_are_asked_for_only_when_one_has_changed(hub: Hub, switch: FakeSwitch):
    hub.look()
    hub.look()
    assert switch.asked.count("registrations") == 1
    switch.phones, switch.version = [dict(PHONE)], 1
    came = hub.look()
    assert kinds(came) == ["phone.registered", "registered"]
    assert came[0].data["expires"] == 2060.0
    switch.phones, switch.version = [PHONE | {"expires_in": 59.0}], 2
    assert hub.look() == []
    switch.phones, switch.version = [PHONE | {"reachable": False}], 3
    assert kinds(hub.look()) == ["phone.changed"]
    switch.phones, switch.version = [], 4
    assert kinds(hub.look()) == ["phone.gone", "registered"]


def test_a_trunk_that_goes_down_or_away_is_told(hub: Hub, switch: FakeSwitch):
    hub.look()
    switch.trunks = [TRUNK | {"state": "down", "text": "no answer"}]
    (event,) = hub.look()
    assert (event.kind, event.data["state"]) == ("trunk.changed", "down")
    switch.trunks = []
    assert kinds(hub.look()) == ["trunk.removed"]


@pytest.mark.parametrize("problem", [NotRunning("no"), ControlError("no")])
def test_a_switch_that_stops_ends_everything_and_comes_back(hub: Hub, switch: FakeSwitch, problem: ControlError):
    switch.calls, switch.phones = [dict(CALL)], [dict(PHONE)]
    hub.look()
    switch.problem = problem
    gone = hub.look()
    assert kinds(gone) == ["switch", "call.ended", "trunk.removed", "phone.gone", "registered"]
    assert gone[0].data["running"] is False
    assert gone[0].data["problem"]
    switch.problem = None
    assert kinds(hub.look()) == ["switch", "call.started", "trunk.changed", "phone.registered", "registered"]


def test_nobody_is_asked_while_nobody_listens(hub: Hub, switch: FakeSwitch):
    assert not switch.asked
    with hub.listen():
        assert switch.was_asked.wait(5)
        thread = hub._thread
    assert thread is not None
    thread.join(5)
    assert not thread.is_alive()
    with hub.listen():  # and again for the next one
        switch.was_asked.clear()
        assert switch.was_asked.wait(5)


def test_one_who_does_not_take_its_events_is_let_go(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jackfield.console.live.MOST_WAITING", 2)
    woken: list[int] = []
    listener = Listener(lambda: woken.append(1))
    listener.put([Event(1, "switch", {}), Event(2, "switch", {})])
    assert not listener.ended
    listener.put([Event(3, "switch", {})])
    assert listener.ended
    assert len(woken) == 2


async def test_a_watcher_gets_the_state_first_and_then_what_changes(hub: Hub, switch: FakeSwitch):
    switch.calls = [dict(CALL)]
    batches = hub.events(every=5)
    assert kinds(await anext(batches)) == ["switch", "call.started", "trunk.changed", "registered"]
    switch.calls = []
    assert kinds(await anext(batches)) == ["call.ended"]
    await batches.aclose()
    assert not hub._listeners


async def test_one_who_comes_back_gets_what_it_missed_and_nothing_twice(hub: Hub, switch: FakeSwitch):
    switch.calls = [dict(CALL)]
    batches = hub.events(after="")
    first = await anext(batches)
    assert kinds(first) == ["stream", "switch", "call.started", "trunk.changed", "registered"]
    assert first[0].data == {"resumed": False}
    last = hub.mark(first[0])
    await batches.aclose()
    hub._thread.join(5)
    switch.calls = [CALL | {"id": "k2"}]
    for _ in range(2):  # whoever did not take it gets it again
        batches = hub.events(after=last)
        missed = await anext(batches)
        assert kinds(missed) == ["stream", "call.ended", "call.started"]
        assert missed[0].data == {"resumed": True}
        assert [event.number for event in missed[1:]] == [missed[0].number - 1, missed[0].number]
        await batches.aclose()
        hub._thread.join(5)
    batches = hub.events(after=hub.mark(missed[-1]))
    assert kinds(await anext(batches)) == ["stream"]
    await batches.aclose()


async def test_a_call_that_nobody_saw_since_the_last_one_left_for_a_moment_is_told_to_him(switch: FakeSwitch):
    hub = Hub(Path("/nowhere"), ask=switch.ask, pause=0.01, linger=60)
    try:
        batches = hub.events(after="")
        last = hub.mark((await anext(batches))[0])
        await batches.aclose()
        for calls in ([dict(CALL)], []):
            switch.calls = calls
            switch.was_asked.clear()
            for _ in range(3):  # the question that is under way may have been answered before
                await asyncio.to_thread(switch.was_asked.wait, 5)
                switch.was_asked.clear()
        batches = hub.events(after=last)
        assert kinds(await anext(batches)) == ["stream", "call.started", "call.ended"]
        await batches.aclose()
    finally:
        hub.close()


@pytest.mark.parametrize("after", ["other-3", "hub-999", "hub-", "7", "hub-²", "\0"])
async def test_one_who_was_away_too_long_or_comes_from_elsewhere_gets_the_state(hub: Hub, after: str):
    batches = hub.events(after=after)
    assert [event.kind for event in await anext(batches)][:2] == ["stream", "switch"]
    await batches.aclose()


async def test_what_is_not_kept_any_more_is_not_taken_for_nothing(hub: Hub, switch: FakeSwitch):
    hub._past = deque(maxlen=2)
    hub.look()
    early = f"{hub.name}-1"
    for number in range(3):
        switch.calls = [CALL | {"id": f"k{number}"}]
        hub.look()
    batches = hub.events(after=early)
    assert (await anext(batches))[0].data == {"resumed": False}
    await batches.aclose()


async def test_silence_is_an_empty_batch_and_closing_ends_it(hub: Hub):
    batches = hub.events(every=0.02)
    await anext(batches)
    assert await anext(batches) == []
    await asyncio.to_thread(hub.close)
    rest = [batch async for batch in batches]
    assert all(batch == [] for batch in rest)
    assert [kinds(batch) async for batch in hub.events()] == [["switch", "trunk.changed", "registered"]]


async def test_a_stream_ends_after_its_time(hub: Hub):
    assert len([batch async for batch in hub.events(every=5, until=0.05)]) <= 2
