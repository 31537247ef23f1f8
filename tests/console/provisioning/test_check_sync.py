"""Phones that are told to fetch: when, by which event, and what came of it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from jackfield.console import api
from jackfield.console.provisioning import check_sync, links
from jackfield.control import NotRunning
from jackfield.desk_phones.models import CheckSync, CheckSyncPhone, DeskPhone, Standing
from jackfield.numbers.models import Line
from jackfield.settings import Settings
from jackfield.sip.digest import ha1

from .conftest import MAC, NOW, OTHER, ask, ask_outside

SNOM = "000413aabbcc"


class Switch:
    """A switch that notes what it is asked, and answers what a test wants."""

    def __init__(self, **statuses: int) -> None:
        self.statuses = statuses
        self.orders: list[dict[str, str]] = []
        self.used: list[str] = []
        self.realm = ""  # of phones that ask for their line's password

    def __call__(self, _socket: object, verb: str, *, timeout: float, **more: Any) -> Any:
        if verb == "line_secrets":
            return self.used
        assert verb == "notify"
        self.orders += more["lines"]
        return [self.answer(one) for one in more["lines"]]

    def answer(self, one: dict[str, Any]) -> dict[str, Any]:
        status = self.statuses.get(one["sip_username"], 480)
        asked = [f"MD5 {self.realm}"] if self.realm and "ha1" not in one else []
        return {"sip_username": one["sip_username"], "status": 401 if asked else status, "asked": asked}


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
    found = check_sync.outcome(one, NOW + 10)
    assert (found.all, found.fetched, found.waiting, found.coming) == (3, 1, 0, 1)
    assert [mac for mac, _last in found.silent] == [SNOM]
    later = check_sync.outcome(one, NOW + 600)
    assert {mac for mac, _last in later.silent} == {OTHER, SNOM}
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
    assert [mac for mac, _last in check_sync.outcome(one, NOW).silent] == [MAC]


def test_a_phone_that_asks_for_its_password_in_a_realm_of_its_own_gets_the_proof(company: Settings):
    line = Line.objects.get(sip_username="anna101")
    line.previous_password = "the one before"
    line.save()
    switch = Switch(anna101=200)
    switch.realm = "PolycomSPIP"
    check_sync.order([MAC], reboot=False, due=NOW, by="Anna", now=NOW)
    assert check_sync.run_due(company, NOW, switch) == 1
    assert switch.orders[-1]["ha1"] == [
        {"MD5 PolycomSPIP": ha1("anna101", "PolycomSPIP", password)}
        for password in (line.sip_password, "the one before")
    ]


def test_who_refuses_is_told_apart_from_who_is_silent(company: Settings):
    three_phones(company)
    one = check_sync.order([MAC, OTHER], reboot=False, due=NOW, by="Anna", now=NOW)
    check_sync.run_due(company, NOW, Switch(anna101=489))
    found = check_sync.outcome(one, NOW)
    assert found.refused == ((MAC, 489),)
    assert [mac for mac, _last in found.silent] == [OTHER]


def test_a_phone_that_was_away_and_comes_by_itself_has_fetched_all_the_same(company: Settings):
    one = check_sync.order([MAC], reboot=False, due=NOW, by="Anna", now=NOW)
    check_sync.run_due(company, NOW, Switch())
    waiting = check_sync.order([MAC], reboot=False, due=NOW + 9999, by="Anna", now=NOW)
    assert [mac for mac, _last in check_sync.outcome(one, NOW).silent] == [MAC]
    assert ask(now=NOW + 600).status == 200
    assert (check_sync.outcome(one, NOW).fetched, check_sync.outcome(one, NOW).silent) == (1, ())
    assert check_sync.outcome(waiting, NOW).waiting == 1


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

    def unread(after: float) -> bool:
        phones = list(DeskPhone.objects.all())
        return states(company, phones, now=NOW + after, ask=lambda *_, **__: [asdict(row)])[0].unread

    assert ask().status == 200
    assert (unread(60), unread(7200)) == (False, True), "an hour later it still has the password of before"
    Line.objects.update(previous_password="")
    assert not unread(7200)


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


def test_a_file_without_accounts_leaves_the_passwords_that_the_phone_just_got(company: Settings):
    """A Polycom fetches its configuration and its directory one after the other."""
    polycom = "0004f2aabbcc"
    api.apply(company, f"desk_phones: [{{mac: {polycom}, model: polycom-vvx-450, extensions: [102]}}]")
    link = links.new(DeskPhone.objects.get(mac=polycom), hours=1, now=NOW)
    base = f"/provision/{link}/{polycom}"
    told = ask_outside(path=f"{base}-jackfield.cfg").body.decode()
    given = Line.objects.get(sip_username="bert102").sip_password
    own = Standing.objects.get(phone__mac=polycom).password
    assert given in told
    assert ask_outside(path=f"{base}-directory.xml").status == 200
    line = Line.objects.get(sip_username="bert102")
    assert (line.sip_password, line.previous_password) == (given, "first-password-102")
    assert Standing.objects.get(phone__mac=polycom).password == own
