"""Somebody dials an emergency number: those who look after the house are told at once, with the address."""

from __future__ import annotations

from typing import Any

import pytest

from jackfield.console.importer import Importer
from jackfield.history.models import Event
from jackfield.notices.models import Mail, Notice, Notices
from jackfield.settings import Settings
from jackfield.spool import Spool

NOW = 1_700_001_000.0
CALL: dict[str, Any] = {
    "kind": "emergency", "at": NOW - 2, "call": "c1", "number": "112", "name": "Emergency", "caller": "Reception (101)",
    "extension": "101", "phone": "UDP 192.0.2.7:5060", "site": "Brno", "address": "Street 1, Brno",
}  # fmt: skip


@pytest.fixture
def importer(settings: Settings) -> Importer:
    Mail(pk=1, host="mail.example.com", sender="pbx@example.com").save()
    Notices(pk=1, recipients=("it@example.com",)).save()
    return Importer(settings, clock=lambda: NOW, active=lambda: None)


def told(importer: Importer, settings: Settings, *calls: dict[str, Any]) -> list[Notice]:
    spool = Spool(settings.files.spool)
    for number, call in enumerate(calls):
        spool.append("event", f"e{number}", call)
    spool.close()
    while importer.step():
        pass
    return list(Notice.objects.all())


def test_the_notice_says_who_where_and_when(importer: Importer, settings: Settings):
    (notice,) = told(importer, settings, CALL)
    assert notice.recipient == "it@example.com"
    assert notice.kind == "emergency_call"
    assert notice.subject == "Emergency call to 112 from Reception (101)"
    assert "from the site Brno. Help has to come to: Street 1, Brno." in notice.text
    assert Event.objects.count() == 1


@pytest.mark.parametrize(("changed", "said"), [
    ({"address": ""}, "from the site Brno, whose address is not known here."),
    ({"address": "", "site": ""}, "from the phone at UDP 192.0.2.7:5060, which belongs to no site."),
])  # fmt: skip
def test_it_says_as_much_as_is_known(importer: Importer, settings: Settings, changed: dict[str, str], said: str):
    (notice,) = told(importer, settings, CALL | changed)
    assert said in notice.text


def test_every_call_is_told_of_but_not_those_of_yesterday(importer: Importer, settings: Settings):
    found = told(importer, settings, CALL, CALL | {"call": "c2"}, CALL | {"call": "c3", "at": NOW - 86400})
    assert sorted(notice.cause for notice in found) == ["emergency c1", "emergency c2"]


def test_it_can_be_switched_off(importer: Importer, settings: Settings):
    Notices.objects.update(emergency_call=False)
    assert told(importer, settings, CALL) == []
