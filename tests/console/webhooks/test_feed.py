"""What happens live becomes events for webhooks: from now on, with what is gone, and nothing that only seems to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jackfield.console.live import Hub
from jackfield.console.webhooks.feed import Feed
from jackfield.control import NotRunning
from jackfield.webhooks import outbox
from jackfield.webhooks.models import Delivery, Standing
from jackfield.webhooks.outbox import Happening

from ..test_live import CALL, PHONE, TRUNK, FakeSwitch
from .conftest import NOW, hook


@pytest.fixture
def hub(switch: FakeSwitch) -> Iterator[Hub]:
    made = Hub(Path("/nowhere"), ask=switch.ask, pause=3600)  # after the first time it looks when a test wants
    yield made
    made.close()


@pytest.fixture
def feed(hub: Hub) -> Iterator[Feed]:
    made = Feed(lambda: hub)
    yield made
    made.follow(False)


def seen(hub: Hub, feed: Feed) -> list[Happening]:
    hub.look()
    return feed.take(NOW)


def kinds(found: list[Happening]) -> list[str]:
    return [one.kind for one in found]


def phone(name: str = "anna101", extension: str = "101") -> dict:
    return PHONE | {"sip_username": name, "extension": extension}


def test_what_is_so_already_is_no_event(hub: Hub, feed: Feed, switch: FakeSwitch):
    switch.calls, switch.phones, switch.version = [dict(CALL)], [phone()], 1
    feed.follow(True)
    assert feed.take(NOW) == []
    assert seen(hub, feed) == []


def test_a_call_is_told_from_its_start_to_its_end(hub: Hub, feed: Feed, switch: FakeSwitch):
    feed.follow(True)
    switch.calls = [CALL | {"answered": None}]
    (started,) = seen(hub, feed)
    assert (started.kind, started.about, started.at) == ("call.started", "k1", NOW)
    assert {"101", "102"} <= set(started.numbers)
    switch.calls = [CALL | {"answered": 5.0, "state": "talking"}]
    assert kinds(seen(hub, feed)) == ["call.answered"]
    switch.calls = [CALL | {"answered": 5.0, "state": "on hold"}]
    assert kinds(seen(hub, feed)) == ["call.changed"]
    switch.calls = []
    (ended,) = seen(hub, feed)
    assert (ended.kind, ended.data["from"]["number"]) == ("call.ended", "101")
    assert {"101", "102"} <= set(ended.numbers)


def test_phones_and_trunks_are_told(hub: Hub, feed: Feed, switch: FakeSwitch):
    feed.follow(True)
    switch.phones, switch.version = [phone()], 1
    switch.trunks = [TRUNK | {"state": "down"}]
    assert sorted(kinds(seen(hub, feed))) == ["phone.registered", "trunk.changed"]
    switch.phones, switch.version = [], 2
    (gone,) = seen(hub, feed)
    assert (gone.kind, gone.data["sip_username"], gone.numbers) == ("phone.gone", "anna101", {"101"})
    switch.trunks = []
    assert kinds(seen(hub, feed)) == ["trunk.removed"]


def test_a_switch_that_is_started_anew_does_not_take_all_phones_along(hub: Hub, feed: Feed, switch: FakeSwitch):
    switch.phones, switch.version = [phone(), phone("bert102", "102")], 1
    feed.follow(True)
    switch.problem = NotRunning("it does not run")
    (stopped,) = seen(hub, feed)
    assert (stopped.kind, stopped.data["running"]) == ("switch.changed", False)
    switch.problem, switch.phones = None, [phone()]
    found = seen(hub, feed)
    assert kinds(found) == ["switch.changed", "phone.gone"]
    assert found[1].data["sip_username"] == "bert102"
    assert seen(hub, feed) == []


def test_nobody_listens_when_it_is_not_wanted(hub: Hub, feed: Feed, switch: FakeSwitch):
    feed.follow(False)
    assert not feed.listening
    assert switch.asked == []
    feed.follow(True)
    assert feed.listening
    feed.follow(False)
    assert not feed.listening
    assert feed.take(NOW) == []


def test_live_events_reach_a_webhook_that_wants_them_by_number(settings, start, switch, receiver):
    hook(receiver, "call.started", "call.ended", numbers=("101",), name="mine")
    hook(receiver, "call.*", numbers=("999",), name="others")
    courier = start()
    courier.step()
    assert courier.feed.listening
    switch.calls = [dict(CALL)]
    while not Delivery.objects.exists():
        outbox.filled.wait(5)
        courier.step()
    courier.work_off()
    assert receiver.kinds == ["call.started"]
    assert receiver.got[0].content["data"]["id"] == "k1"


def changed(number: int, call: str = "k1") -> Happening:
    return Happening("call.changed", NOW, {"id": call, "number": number}, call)


def test_for_one_that_is_far_behind_a_change_takes_the_place_of_the_one_before(settings, receiver, monkeypatch):
    monkeypatch.setattr(outbox, "BEHIND", 3)
    hook(receiver, "call.*")
    for number in range(10):
        outbox.add([changed(number), changed(number, "k2")], NOW)
    rows = Delivery.objects.order_by("pk")
    assert rows.count() <= 5
    assert '"number":9' in rows.filter(about="k1").last().body
    outbox.add([Happening("call.ended", NOW, {"id": "k1"}, "k1")], NOW)
    assert [row.kind for row in Delivery.objects.filter(about="k1")] == ["call.ended"]


def test_beyond_a_limit_live_events_are_left_out_and_records_never(settings, receiver, monkeypatch):
    monkeypatch.setattr(outbox, "BEHIND", 2)
    monkeypatch.setattr(outbox, "MOST_LIVE", 4)
    hook(receiver, "*")
    outbox.add([Happening("call.started", NOW, {"id": f"k{number}"}, f"k{number}") for number in range(10)], NOW)
    assert Delivery.objects.count() == 4
    assert Standing.objects.get().left_out == 6
    outbox.add([Happening("call.recorded", NOW, None, "k1", unique="k1")], NOW)
    assert Delivery.objects.filter(kind="call.recorded").count() == 1
