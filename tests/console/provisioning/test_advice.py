"""A phone whose network needs TLS gets it with its next settings."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield.console import api
from jackfield.console.provisioning import configuring, moving
from jackfield.console.provisioning.advice import FRESH, Advice
from jackfield.control import NotRunning
from jackfield.desk_phones.models import CheckSync, DeskPhone, Standing
from jackfield.settings import Settings

from .conftest import MAC, NOW, ask, lines_in


class Switch:
    """Says which lines had better use which transport."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}
        self.asked = 0
        self.runs = True

    def __call__(self, socket: Any, verb: str, **_: Any) -> dict[str, str]:
        assert verb == "transports"
        self.asked += 1
        if not self.runs:
            raise NotRunning("the switch does not run")
        return self.told


def test_the_switch_is_asked_seldom_and_what_it_said_last_holds_while_it_is_away(company: Settings) -> None:
    now, switch = [0.0], Switch()
    advice = Advice(lambda: now[0])
    assert not advice.wants_tls(company, ["anna101"], switch)
    switch.told = {"anna101": "tls", "bert102": "udp"}
    assert not advice.wants_tls(company, ["anna101"], switch)
    now[0] += FRESH
    assert advice.wants_tls(company, ["carl103", "anna101"], switch)
    assert not advice.wants_tls(company, ["bert102"], switch)
    assert switch.asked == 2
    switch.told = {"bert102": "tls"}
    advice.forget()
    assert advice.wants_tls(company, ["bert102"], switch), "it was just told to fetch"
    switch.told = {"anna101": "tls"}
    advice.forget()
    assert advice.wants_tls(company, ["anna101"], switch)
    now[0] += FRESH
    switch.runs = False
    assert advice.wants_tls(company, ["anna101"], switch)
    assert not advice.wants_tls(company.model_copy(update={"sip_tls_port": 0}), ["anna101"], switch)


def test_a_phone_behind_a_router_that_changes_sip_is_given_tls(
    company: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = Switch()
    advice = Advice()
    monkeypatch.setattr(Advice.port, "__defaults__", (switch,))
    monkeypatch.setattr(configuring, "advice", advice)
    before = lines_in(ask(way="https").body)
    switch.told = {"anna101": "tls"}
    advice._until = 0.0
    after = lines_in(ask(way="https").body)
    transports = {key for key, value in after.items() if before.get(key) != value}
    assert "account.1.sip_server.1.transport_type" in transports
    assert after["account.1.sip_server.1.port"] == str(company.sip_tls_port)
    assert lines_in(ask().body)["account.1.sip_server.1.port"] == str(company.sip_port), (
        "who fetches by HTTP has never shown that it accepts our certificate"
    )


@pytest.mark.parametrize(("second", "port"), [(443, 443), (0, 5061)])
def test_where_audio_is_blocked_the_second_port_is_the_better_one(company: Settings, second: int, port: int) -> None:
    settings = company.model_copy(update={"sip_tls_port": 5061, "sip_tls_second_port": second})
    switch = Switch()
    switch.told = {"anna101": "tls second", "bert102": "tls"}
    found = Advice()
    assert found.port(settings, ["anna101"], switch) == port
    assert found.port(settings, ["bert102"], switch) == 5061
    assert found.port(settings, ["carl103"], switch) == 0


def test_a_phone_that_needs_tls_is_told_to_fetch_by_itself_once_a_day(company: Settings) -> None:
    def switch(_socket: Any, verb: str, **_: Any) -> Any:
        assert verb == "to_be_moved"
        return ["anna101"]

    assert ask(now=NOW).status == 200
    assert moving.move(company, NOW, switch) == [], (
        "it has fetched by HTTP: whether it accepts our certificate, nobody knows"
    )
    assert ask(way="https", now=NOW).status == 200
    assert moving.move(company, NOW, switch) == [MAC]
    assert moving.move(company, NOW + 3600, switch) == []
    (made,) = CheckSync.objects.all()
    assert (made.reboot, made.by) == (False, moving.BY)
    assert moving.move(company, NOW + 90_000, switch) == [MAC]
    assert moving.move(company, NOW + 200_000, away) == []


def away(*_: object, **__: object) -> Any:
    raise NotRunning("it does not run")


def test_a_model_without_tls_is_left_alone(company: Settings) -> None:
    old = "000e08aabbcc"
    api.apply(
        company,
        f"""
extensions: [{{number: 103, sip_username: carol103}}]
desk_phones: [{{mac: {old}, model: linksys-spa942, extensions: [103]}}]
""",
    )
    Standing.objects.create(phone=DeskPhone.objects.get(mac=old), way="https", last_fetch=NOW)
    assert moving.move(company, NOW, lambda *_, **__: ["carol103"]) == []
