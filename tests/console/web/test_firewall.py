"""The firewall's pages: what is open, what an address may, trials that take themselves back, panic, rehearsals."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from jackfield.changes.models import Revision
from jackfield.console import api, clients, firewall_trial
from jackfield.console.firewall_trial import SECONDS, Trial, TrialKeeper
from jackfield.console.web import firewall as page
from jackfield.desk_phones.models import DeskPhone, Standing
from jackfield.firewall.models import Firewall
from jackfield.network.firewall import table
from jackfield.network.firewall.keeper import Standing as Holds
from jackfield.network.firewall.services import NAMES
from jackfield.settings import Settings

OUTSIDE, INSIDE = {"REMOTE_ADDR": "203.0.113.5"}, {"REMOTE_ADDR": "192.0.2.9"}
FORM = dict.fromkeys(NAMES, "automatic")
CLOSED = FORM | {"administration": "Office", "api": "Office"}


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("&#39;", "'").split())


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "standing", lambda: Holds("kernel", "jackfield"))


def test_the_page_says_what_is_open_to_whom_and_where_that_holds(admin: Client, company: Settings):
    api.apply(company, "firewall: {sip_tls: [Office], stun: []}")
    text = words(admin.get("/admin/firewall/now"))
    assert "These rules hold in the kernel" in text
    assert "UDP 5060, TCP 5060" in text
    assert '<span class="chip">Office</span>' in text
    assert '<span class="chip">nobody</span>' in text


def test_it_says_what_an_address_may_and_why(admin: Client, company: Settings):
    api.apply(company, "firewall: {sip_tls: [Office]}")
    text = words(admin.get("/admin/firewall/now?from=203.0.113.5"))
    assert "SIP over TLS: open to Office, and 203.0.113.5 is not among them" in text
    assert "SIP over UDP and TCP: open to everyone" in text
    answer = admin.get("/admin/firewall/now?from=reception")
    assert answer.status_code == 422
    assert "“reception” is no IP address" in words(answer)


def test_who_would_shut_himself_out_can_try_it_and_keep_it_while_he_still_gets_in(admin: Client, company: Settings):
    answer = admin.post("/admin/firewall/", CLOSED, **OUTSIDE)
    assert answer.status_code == 422
    assert "this would shut you out yourself" in words(answer)
    assert "Try it for 60 seconds" in words(answer)
    assert Firewall.current().administration == ("automatic",)

    answer = admin.post("/admin/firewall/", CLOSED | {"trial": "yes"}, **OUTSIDE)
    assert answer.headers["Location"] == "/admin/firewall/trial"
    assert Firewall.current().administration == ("Office",)
    assert admin.get("/admin/firewall/trial", **OUTSIDE).status_code == 403
    assert "on trial until" in words(admin.get("/admin/firewall/trial", **INSIDE))
    assert "is on trial until" in words(admin.get("/admin/firewall/now", **INSIDE))
    assert admin.post("/admin/firewall/trial", {"do": "keep"}, **INSIDE).status_code == 302
    assert not TrialKeeper(company, lambda: time.time() + 10 * SECONDS).look()
    assert Firewall.current().administration == ("Office",)


def test_a_trial_that_nobody_keeps_takes_itself_back(admin: Client, company: Settings):
    admin.post("/admin/firewall/", CLOSED | {"trial": "yes"}, **OUTSIDE)
    trial = firewall_trial.current(company)
    assert trial is not None
    assert not TrialKeeper(company, lambda: trial.until - 1).look()
    assert admin.get("/admin/", **OUTSIDE).status_code == 403
    assert TrialKeeper(company, lambda: trial.until).look()
    assert Firewall.current().administration == ("automatic",)
    assert admin.get("/admin/", **OUTSIDE).status_code == 200
    assert Revision.objects.latest("pk").undoes_id == trial.revision
    assert firewall_trial.current(company) is None
    assert not TrialKeeper(company, lambda: trial.until + 1).look()
    assert "the time was over" in words(admin.post("/admin/firewall/trial", {"do": "keep"}, follow=True))


def test_a_trial_can_be_taken_back_at_once(admin: Client, company: Settings):
    admin.post("/admin/firewall/", CLOSED | {"trial": "yes"}, **OUTSIDE)
    assert "Taken back." in words(admin.post("/admin/firewall/trial", {"do": "back"}, follow=True, **INSIDE))
    assert Firewall.current().administration == ("automatic",)


def test_what_was_changed_again_meanwhile_is_not_taken_back_and_the_trial_ends(admin: Client, company: Settings):
    admin.post("/admin/firewall/", CLOSED | {"trial": "yes"}, **OUTSIDE)
    api.apply(company, "firewall: {administration: [everyone]}")
    trial = firewall_trial.current(company)
    assert trial is not None
    assert "was changed again since" in firewall_trial.take_back(company, trial)
    assert Firewall.current().administration == ("everyone",)
    assert firewall_trial.current(company) is None


def test_a_damaged_file_is_no_trial(company: Settings):
    company.files.firewall_trial.write_text("{")
    assert firewall_trial.current(company) is None
    firewall_trial.begin(company, Trial(1, 2.0, "Anna"))
    assert firewall_trial.keep(company) == Trial(1, 2.0, "Anna")
    assert firewall_trial.keep(company) is None


def test_panic_is_shown_and_refused_to_whom_it_would_shut_out(
    admin: Client, company: Settings, monkeypatch: pytest.MonkeyPatch
):
    asked: list[bool] = []
    monkeypatch.setattr(page, "ask_sync", lambda _socket, _verb, *, on, timeout: asked.append(on))
    answer = admin.post("/admin/firewall/panic", {"panic": "on"}, **OUTSIDE)
    assert answer.status_code == 422
    assert "this would shut you out yourself" in words(answer)
    assert asked == []
    assert admin.post("/admin/firewall/panic", {"panic": "on"}, REMOTE_ADDR="192.168.1.4").status_code == 302
    table.save(company.files.firewall, table.Known(panic=time.time()))
    assert "Panic: everything is closed" in words(admin.get("/admin/firewall/now", REMOTE_ADDR="192.168.1.4"))
    assert admin.get("/admin/", **INSIDE).status_code == 403
    admin.post("/admin/firewall/panic", {"panic": "off"}, REMOTE_ADDR="192.168.1.4")
    assert asked == [True, False]


def test_a_rehearsal_names_those_who_came_lately_and_would_be_shut_out(
    admin: Client, company: Settings, monkeypatch: pytest.MonkeyPatch
):
    phones = [
        {"transport": "TLS", "address": "203.0.113.77:5061", "extension": "101"},
        {"transport": "TLS", "address": "192.0.2.8:5061", "extension": "102"},
        {"transport": "UDP", "address": "203.0.113.78:5060", "extension": "103"},
    ]
    monkeypatch.setattr(clients, "ask_sync", lambda *_a, **_k: phones)
    desk = DeskPhone.objects.create(mac="00:04:13:00:00:01", model="snom-d785", name="Workshop")
    Standing.objects.create(phone=desk, last_fetch=time.time(), address="203.0.113.79", way="https")
    wanted = FORM | {"sip_tls": "Office", "provisioning": "Office", "preview": "yes"}
    text = words(admin.post("/admin/firewall/", wanted))
    assert "extension 101 (203.0.113.77)" in text
    assert "Workshop (203.0.113.79)" in text
    assert "extension 102" not in text
    assert "extension 103" not in text
    assert Firewall.current().sip_tls == ("automatic",)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("everyone, Office", "stands alone"),
        ("Offcie", "There is no address group"),
        ("192.0.2.300", "There is no address group"),
    ],
)
def test_what_the_firewall_can_not_mean_is_refused(admin: Client, company: Settings, given: str, said: str):
    answer = admin.post("/admin/firewall/", FORM | {"sip": given})
    assert answer.status_code == 422
    assert said in words(answer)


def test_the_api_tells_tests_and_panics(admin: Client, company: Settings, monkeypatch: pytest.MonkeyPatch):
    api.apply(company, "firewall: {sip_tls: [Office]}")
    found = admin.get("/api/v1/firewall/now").json()
    assert found["way"] == "kernel"
    rows = {row["service"]: row for row in found["services"]}
    assert rows["sip_tls"]["open_to"] == ["Office"]
    assert rows["sip"]["automatic"]
    (row,) = admin.get("/api/v1/firewall/test?from=203.0.113.5&service=sip_tls").json()["items"]
    assert not row["open"]
    assert "firewall open sip_tls 203.0.113.5" in row["mend"]
    assert admin.get("/api/v1/firewall/test?from=x").status_code == 422
    asked: list[bool] = []
    monkeypatch.setattr(page, "ask_sync", lambda _socket, _verb, *, on, timeout: asked.append(on))
    body = {"data": {"on": True}, "content_type": "application/json"}
    assert admin.post("/api/v1/firewall/panic", **body, REMOTE_ADDR="10.0.0.1").json() == {"on": True}
    assert admin.post("/api/v1/firewall/panic", **body, **OUTSIDE).status_code == 422
    assert asked == [True]
