"""The card of a chip: who it is, and how he is now; and states of rows that change by themselves."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from django.test import Client

from jackfield.console import live
from jackfield.console.web.live import _messages
from jackfield.history.models import Call
from jackfield.numbers.models import Extension

from .conftest import As
from .test_live import CALLS, Switch, switch  # noqa: F401 - a fixture


def card(browser: Client, of: str) -> str:
    answer = browser.get("/admin/card", {"of": of})
    assert answer.status_code == 200, of
    return answer.content.decode()


@pytest.mark.parametrize(
    ("of", "texts"),
    [
        ("/admin/number/101", ["101 Anna", "extension", "Anna Bell", "anna101"]),
        ("/admin/number/190", ["190 Sales", "ring group", "101 Anna, 102 Bert"]),
        ("/admin/setting/trunks/Provider", ["Provider", "trunk", "sip.example.net"]),
        ("/admin/setting/users/anna", ["Anna Bell", "101 Anna"]),
        ("/admin/inbound/1", ["5550101", "Leads to", "101"]),
        ("/admin/number/%2A43", ["*43", "service"]),
    ],
)
def test_a_card_says_who_a_chip_is(admin: Client, of: str, texts: list[str]):
    found = card(admin, of)
    assert [text for text in texts if text not in found] == []
    assert "not-to-be-shown" not in found


def test_a_card_says_how_somebody_is_now(admin: Client, switch: Switch):  # noqa: F811
    assert "in a call" in card(admin, "/admin/number/101")
    switch.calls = []
    assert "registered" in card(admin, "/admin/number/101")
    assert "1 of 2 have a phone" in card(admin, "/admin/number/190")
    assert "refused" in card(admin, "/admin/setting/trunks/Provider")
    Extension.objects.filter(number="102").update(enabled=False, do_not_disturb=True, forward_always="190")
    found = card(admin, "/admin/number/102")
    assert [word for word in ("off", "do not disturb", "All calls go to", "190", "no phone") if word not in found] == []


def test_a_card_of_a_call_is_its_sentence(admin: Client):
    Call.objects.create(id="abc1", boot="b", started=time.time() - 60, ringing=time.time() - 59, ended=time.time(),
                        direction="internal", outcome="no_answer", caller_number="101", caller_extension="101",
                        called_number="102", called_extension="102", dialed="102", sip_status=480)  # fmt: skip
    assert "102" in card(admin, "/admin/calls/abc1")


def test_what_there_is_no_card_for_is_answered_with_nothing(admin: Client):
    for of in ("", "/admin/", "/admin/number/999", "/admin/extensions/999", "/admin/settings/", "/admin/calls/none",
               "/admin/nothing/1", "https://elsewhere.example/admin/x"):  # fmt: skip
        assert admin.get("/admin/card", {"of": of}).status_code == 204, of


def test_nobody_gets_the_card_of_what_he_may_not_see(signed_in: As):
    browser = signed_in("Reception")  # people and history, not lines
    assert browser.get("/admin/card?of=/admin/setting/trunks/Provider").status_code in (204, 403)
    assert signed_in("user").get("/admin/card?of=/admin/number/101").status_code == 403


def test_cells_of_lists_lead_to_what_they_name(admin: Client):
    page = admin.get("/admin/ring_groups/").content.decode()
    assert '<a class="chip" href="/admin/number/101">101</a>' in page
    page = admin.get("/admin/outbound/").content.decode()
    assert '<a class="chip" href="/admin/setting/trunks/Provider">Provider</a>' in page


def test_the_lists_name_the_state_of_each_row(admin: Client, switch: Switch):  # noqa: F811
    page = admin.get("/admin/extensions/").content.decode()
    assert (
        '<td data-live-cell="extensions" data-key="101"><span class="chip info" title="with 05551234">in a call' in page
    )
    assert '<td data-live-cell="extensions" data-key="102"><span class="chip ">no phone' in page
    page = admin.get("/admin/trunks/").content.decode()
    assert 'data-key="Provider"><span class="chip bad" title="password refused (403)">refused' in page


def test_states_come_whole_at_first_and_then_what_changed(company: object, switch: Switch):  # noqa: F811
    async def follow() -> list[dict[str, object]]:
        hub, said = live.hub(), []
        async for message in _messages(hub, frozenset(("extensions", "trunk_states"))):
            for part in message.decode().split("\n\n"):
                if part.startswith("event: states"):
                    said.append(json.loads(part.partition("data: ")[2]))
            if len(said) == 2:
                switch.calls = []
            if len(said) >= 3:
                return said
        return said

    said = asyncio.run(asyncio.wait_for(follow(), 20))
    by_part = {str(one["part"]): one for one in said[:2]}
    assert by_part["extensions"]["all"]
    assert by_part["extensions"]["states"] == {"101": {"text": "in a call", "kind": "info", "more": "with 05551234"}}
    assert by_part["trunk_states"]["states"]["Provider"]["kind"] == "bad"  # type: ignore[index]
    assert said[2]["states"] == {"101": {"text": "registered", "kind": "good", "more": ""}}
    assert not said[2]["all"]
    assert CALLS
