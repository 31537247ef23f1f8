"""Phones that are told to fetch: when, by which event, and what came of it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from jackfield.console import api
from jackfield.console.provisioning import check_sync
from jackfield.control import NotRunning
from jackfield.desk_phones.models import CheckSync, CheckSyncPhone
from jackfield.numbers.models import Line
from jackfield.settings import Settings
from jackfield.sip.digest import ha1

from .conftest import MAC, NOW, OTHER, ask

SNOM = "000413aabbcc"


class Switch:
    """A switch that notes what it is asked, and answers what a test wants."""

    def __init__(self, **statuses: int) -> None:
        self.statuses = statuses
        self.orders: list[dict[str, str]] = []
        self.used: list[str] = []

    def __call__(self, _socket: object, verb: str, *, timeout: float, **more: Any) -> Any:
        if verb == "line_secrets":
            return self.used
        assert verb == "notify"
        self.orders += more["lines"]
        return [
            {"sip_username": one["sip_username"], "status": self.statuses.get(one["sip_username"], 480)}
            for one in more["lines"]
        ]


def away(*_: object, **__: object) -> Any:
    raise NotRunning("it does not run")


def three_phones(settings: Settings) -> None:
    api.apply(
        settings,
        f"""
extensions: [{{number: 103, sip_username: carol103}}]
desk_phones:
  - {{mac: {OTHER}, model: yealink-t46u, extensions: [102]}}
  - {{mac: {SNOM}, model: snom-d385, extensions: [103]}}
""",
    )


def test_each_phone_gets_the_event_of_its_vendor_and_who_fetches_is_counted(company: Settings):
    three_phones(company)
    switch = Switch(anna101=200, bert102=200)
    one = check_sync.order([MAC, OTHER, SNOM], reboot=False, due=NOW, by="Anna", now=NOW)
    assert check_sync.run_due(company, NOW, switch) == 2
    events = {row["sip_username"]: row["event"] for row in switch.orders}
    assert events["anna101"] == "check-sync;reboot=false"
    assert events["carol103"].startswith("check-sync")
    assert ask(now=NOW + 5).status == 200
    found = check_sync.outcome(one)
    assert (found.all, found.fetched, found.waiting) == (3, 1, 0)
    assert {mac for mac, _last in found.silent} == {OTHER, SNOM}
    assert CheckSyncPhone.objects.get(mac=SNOM).answered == "unreachable"


def test_a_restart_is_another_event(company: Settings):
    switch = Switch(anna101=200)
    check_sync.order([MAC], reboot=True, due=NOW, by="Anna", now=NOW)
    check_sync.run_due(company, NOW, switch)
    assert switch.orders == [{"sip_username": "anna101", "event": "check-sync;reboot=true"}]


def test_what_is_meant_for_the_night_waits_for_it_and_outlives_a_restart(company: Settings):
    at = check_sync.night("02:00", "Europe/Berlin", NOW)
    local = datetime.datetime.fromtimestamp(at, datetime.timezone(datetime.timedelta(hours=2)))
    assert (local.hour, local.minute) == (2, 0)
    assert NOW < at < NOW + 86400
    check_sync.order([MAC], reboot=False, due=at, by="Anna", now=NOW)
    switch = Switch(anna101=200)
    assert check_sync.run_due(company, at - 1, switch) == 0
    assert check_sync.run_due(company, at + 1, switch) == 1
    assert check_sync.run_due(company, at + 2, switch) == 0  # once


def test_a_night_that_was_slept_through_is_not_made_up_for_at_noon(company: Settings):
    switch = Switch(anna101=200)
    check_sync.order([MAC], reboot=True, due=NOW, by="Anna", now=NOW)
    assert check_sync.run_due(company, NOW + 4 * 3600, switch) == 0
    assert switch.orders == []
    assert CheckSyncPhone.objects.get().answered == "unreachable"


def test_without_the_switch_nobody_is_told_and_that_is_seen(company: Settings):
    one = check_sync.order([MAC], reboot=False, due=NOW, by="Anna", now=NOW)
    assert check_sync.run_due(company, NOW, away) == 0
    assert [mac for mac, _last in check_sync.outcome(one).silent] == [MAC]


def test_rounds_are_kept_for_a_while_only(company: Settings):
    for number in range(check_sync.KEPT + 5):
        check_sync.order([MAC], reboot=False, due=NOW + number, by="Anna", now=NOW)
    assert CheckSync.objects.count() == check_sync.KEPT


def test_the_password_of_before_ends_when_the_switch_says_that_the_new_one_is_used(company: Settings):
    assert ask().status == 200
    line = Line.objects.get(sip_username="anna101")
    assert line.previous_password == "first-password-101"
    switch = Switch()
    caller = check_sync.Caller(company, switch, lambda: NOW)
    caller.step()
    line.refresh_from_db()
    assert line.previous_password
    switch.used = [ha1("anna101", "jackfield", line.sip_password)]
    check_sync.Caller(company, switch, lambda: NOW).step()
    line.refresh_from_db()
    assert line.previous_password == ""


def test_a_password_set_by_hand_ends_the_one_before(company: Settings):
    assert ask().status == 200
    api.apply(company, "extensions: [{number: 101, sip_username: anna101, sip_password: set-by-hand-4711}]")
    line = Line.objects.get(sip_username="anna101")
    assert (line.sip_password, line.previous_password) == ("set-by-hand-4711", "")


def test_a_phone_is_registered_when_the_switch_says_so_of_one_of_its_lines(company: Settings):
    from dataclasses import asdict

    from jackfield.console.provisioning.standing import states
    from jackfield.desk_phones.models import DeskPhone
    from jackfield.switch.locations import PhoneRow

    row = PhoneRow(
        extension="101", name="Anna", line="", sip_username="anna101", model="", user_agent="", address="192.0.2.7:1",
        transport="UDP", behind_nat=False, nat_reason="", latency_ms=None, reachable=True, since=0.0, expires_in=60.0,
    )  # fmt: skip
    phones = list(DeskPhone.objects.all())
    assert [one.kind for one in states(company, phones, ask=lambda *_, **__: [asdict(row)])] == ["registered"]
    assert [one.kind for one in states(company, phones, ask=away)] == ["made"]


def test_what_a_phone_has_used_counts_on_when_it_gets_its_next_password(
    company: Settings, monkeypatch: pytest.MonkeyPatch
):
    from jackfield.console.provisioning import rotation

    assert ask().status == 200
    first = Line.objects.get(sip_username="anna101").sip_password
    monkeypatch.setattr(rotation, "ask_sync", away)
    used = [ha1("anna101", "jackfield", first)]
    monkeypatch.setattr("jackfield.console.provisioning.giving.in_use", lambda *_: frozenset(used))
    assert ask(now=NOW + 200).status == 200
    line = Line.objects.get(sip_username="anna101")
    assert line.previous_password == first
    used.clear()  # the next one is never used
    assert ask(now=NOW + 400).status == 200
    line.refresh_from_db()
    assert line.previous_password == first
