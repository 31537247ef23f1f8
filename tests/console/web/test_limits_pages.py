"""The pages of limits on calls: what is used and was refused, opening with one click, the rate table, approving."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jackfield.console import limit_notices, rates
from jackfield.console.importer import Importer
from jackfield.console.web import limits
from jackfield.console.web.own import calling
from jackfield.control import ControlError
from jackfield.notices.models import Mail, Notice, Notices
from jackfield.settings import Settings
from jackfield.spool import Spool

from .conftest import PASSWORD, As

USE = {"whose": "", "calls": 3, "at_once": 1, "seconds": 90.0, "money_hour": 1.5, "money_day": 2.0, "money_month": 9.0}
NOW = {
    "rules": [{"name": "Abroad", "enabled": True, "used": [USE]}], "currency": "EUR", "prefixes": 1200, "hour_ends": 0,
    "day_ends": 0, "month_ends": 0,
}  # fmt: skip
WAITS = {
    "id": "w1", "at": 0, "until": 60, "call": "c1", "rule": "Abroad", "text": "", "dialed": "900442079460000",
    "number": "+442079460000", "country": "GB", "extension": "101", "user": "anna",
}  # fmt: skip
REFUSED = {
    "at": time.time() - 60, "did": "refused", "rule": "Abroad", "action": "block", "whose": "", "what": "always",
    "text": 'limit "Abroad": these calls are closed', "call": "c1", "opens": None, "dialed": "9011442079460000",
    "number": "+442079460000", "kind_of_number": "international", "country": "GB", "extension": "101", "user": "",
}  # fmt: skip


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def abroad(company: Settings) -> Any:
    from jackfield.limits.models import CallLimit

    return CallLimit.objects.create(
        name="Abroad", applies_to="listed", kinds=("international",), always=True, calls_per_hour=3
    )


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []

    def says(verb: str, **more: Any) -> tuple[Any, str]:
        asked.append({"verb": verb, **more})
        return {"limits": NOW, "approvals": [WAITS], "call_habits": []}.get(verb, {}), ""

    monkeypatch.setattr(limits, "switch_says", says)
    return asked


def refuse(**more: Any) -> None:
    from jackfield.history.models import Event

    Event.objects.create(id=f"e{Event.objects.count()}", kind="call_limit", at=REFUSED["at"], data=REFUSED | more)


def test_the_page_shows_what_is_used_and_what_was_refused(admin: Client, abroad: Any, switch: Any) -> None:
    refuse()
    refuse(extension="102")  # the same matter
    refuse(kind_of_number="premium", number="+4490912345")
    refuse(action="pin", whose="102", country="FR", text="the PIN was not given")  # nothing that could be opened
    answer = admin.get("/admin/call_limits/now")
    said = words(answer)
    assert re.search(r"all 3 of 3 used up 1 1,5 2,00 Count anew", said)
    assert "these calls are closed" in said
    assert said.count("Open United Kingdom") == 1
    assert "Open +4490912345" in said
    assert "the PIN was not given" in said
    assert "Open France" not in said
    assert "Extension 101 calls +442079460000 (United Kingdom)" in said


def test_one_click_opens_what_was_refused(admin: Client, abroad: Any, switch: Any) -> None:
    refuse()
    assert admin.get("/admin/call_limits/open").status_code == 302  # a link in a message changes nothing
    abroad.refresh_from_db()
    assert abroad.opened == ()
    answer = admin.post("/admin/call_limits/open", {"rule": "Abroad", "what": "GB"}, follow=True)
    abroad.refresh_from_db()
    assert abroad.opened == ("GB",)
    assert "Calls to United Kingdom are open now" in words(answer)
    assert "open now" in words(answer)
    answer = admin.post("/admin/call_limits/open", {"rule": "Gone", "what": "GB"}, follow=True)
    assert "somebody removed it" in words(answer)


def test_who_may_only_look_has_no_buttons(signed_in: As, abroad: Any, switch: Any) -> None:
    refuse()
    reader = signed_in("reader")
    assert "Open United Kingdom" not in words(reader.get("/admin/call_limits/now"))
    assert reader.post("/admin/call_limits/open", {"rule": "Abroad", "what": "GB"}).status_code == 403


def test_counts_begin_anew_and_calls_are_approved(admin: Client, abroad: Any, switch: Any) -> None:
    admin.post("/admin/call_limits/clear", {"name": "Abroad", "whose": ""})
    admin.post("/admin/call_limits/approve", {"id": "w1", "yes": "0"})
    told = [{key: value for key, value in one.items() if key != "by"} for one in switch if one["verb"] != "limits"]
    assert {"verb": "clear_limit", "name": "Abroad", "whose": ""} in told
    assert {"verb": "approve", "id": "w1", "yes": False} in told


def test_users_approve_calls_of_their_own_phones_only(company: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def says(verb: str, **more: Any) -> Any:
        asked.append({"verb": verb, **more})
        if verb == "approve" and more["id"] != "w1":
            raise ControlError("this call does not wait any more")
        return [WAITS] if verb == "approvals" else []

    monkeypatch.setattr(calling, "asked", says)
    from jackfield.people.models import User

    anna, row = Client(), User.objects.get(login="anna")
    row.set_password(PASSWORD)
    row.save()
    anna.post("/sign-in", {"login": "anna", "password": PASSWORD})
    said = words(anna.get("/me/now"))
    assert "A call from your number 101 to +442079460000 waits until you approve it. United Kingdom." in said
    assert {"verb": "approvals", "extensions": ["101"]} in asked
    assert "The call goes on." in words(anna.post("/me/approve", {"id": "w1", "yes": "1"}, follow=True))
    assert asked[-1]["verb"] != "approve" or asked[-1]["extensions"] == ["101"]
    assert "does not wait any more" in words(anna.post("/me/approve", {"id": "x", "yes": "1"}, follow=True))


def test_a_rate_table_is_tried_imported_asked_and_handed_out(admin: Client, company: Settings) -> None:
    def file(text: str) -> Any:
        return SimpleUploadedFile("prices.csv", text.encode())

    good = "prefix,name,rate\n44,United Kingdom,0.0125\n*,Rest,1\n"
    answer = admin.post("/admin/rates/", {"file": file("prefix,rate\n44,often\n")})
    assert answer.status_code == 422
    assert "Line 2: “often” is no price" in words(answer).replace("&#34;", "“").replace("“ is", "” is")
    answer = admin.post("/admin/rates/", {"file": file(good), "try": "1"})
    assert "new: 2" in words(answer)
    assert not len(rates.current(company))
    answer = admin.post("/admin/rates/", {"file": file(good), "currency": "eur"}, follow=True)
    assert "2 beginnings of numbers have a price now." in words(answer)
    said = words(admin.get("/admin/rates/?number=00442079460000"))
    assert "+442079460000: United Kingdom – 0,0125 per minute" in said
    assert b"44,United Kingdom,0.0125,0,60,60," in admin.get("/admin/rates/rates.csv").content
    assert words(admin.post("/admin/rates/", {})).count("Choose the file") == 1


def test_administrators_are_told_of_a_refusal_with_the_way_to_open_it(company: Settings) -> None:
    Mail(pk=1, host="mail.example.com", sender="pbx@example.com", links="https://pbx.example.com").save()
    Notices(pk=1, recipients=("it@example.com",)).save()
    spool = Spool(company.files.spool)
    spool.append("call_limit", "e1", REFUSED)
    spool.append("call_limit", "e2", REFUSED | {"at": REFUSED["at"] - limit_notices.WITHIN - 60, "number": "+1"})
    spool.append("call_limit", "e3", {"did": "unusual", "at": REFUSED["at"], "extension": "101", "what": "hour",
                                      "number": "+442079460000", "text": "calls at 03:00 were not made"})  # fmt: skip
    spool.close()
    importer = Importer(company, active=lambda: None)
    while importer.step():
        pass
    found = {notice.kind: notice for notice in Notice.objects.all()}
    assert set(found) == {"call_limit", "unusual_call"}
    assert found["call_limit"].subject == "A call to +442079460000 was refused by a limit"
    assert "Extension 101 called +442079460000" in found["call_limit"].text
    assert "these calls are closed" in found["call_limit"].text
    assert found["unusual_call"].subject == "Extension 101 calls unlike before"
