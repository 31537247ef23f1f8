"""What happens if, the dial plan, and the way from a number to its page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jackfield.console.web.whatif import Entry, Free, with_gaps
from jackfield.numbers.models import Extension, RingGroup
from jackfield.trunks.models import Trunk

from .test_live import Switch, switch, text_of

__all__ = ["switch"]

OUT: dict[str, Any] = {
    "dialed": "005551234", "number": "005551234", "through": [],
    "leads_to": {"kind": "outbound", "number": "005551234", "name": "Outside",
                 "attempts": [{"trunk": "Provider", "number": "05551234", "caller": "+49301"}]},
    "refused": None, "caller_shown": {"number": "101", "name": "Anna"},
    "trace": [{"text": "the route Outside fits", "setting": "outbound/Outside"}],
}  # fmt: skip
REFUSED = OUT | {
    "leads_to": None,
    "refused": {"status": 403, "reason": "Forbidden", "text": "extension 101 may not call outside"},
    "trace": [{"text": "refused (403): extension 101 may not call outside", "setting": "extensions/101"}],
}


def test_a_call_to_the_outside_is_followed_with_a_link_to_each_setting(admin: Client, switch: Switch):
    switch.answer = OUT
    answer = admin.get("/admin/whatif/?from=extension&extension=101&to=005551234&at=2026-11-23T14:30")
    assert switch.asked == [{"from": "101", "to": "005551234", "at": "2026-11-23T14:30"}]
    text = text_of(answer)
    assert "It goes to the outside by the route &#34;Outside&#34;." in text
    assert "first Provider as 05551234, showing +49301" in text
    assert "The route Outside fits." in text
    assert 'href="/admin/setting/outbound/Outside"' in answer.content.decode()


def test_a_refusal_says_why(admin: Client, switch: Switch):
    switch.answer = REFUSED
    text = text_of(admin.get("/admin/whatif/?from=extension&extension=101&to=005551234"))
    assert "The call is refused: extension 101 may not call outside." in text


def test_callers_from_outside_and_strangers_can_be_asked_about(admin: Client, switch: Switch):
    switch.answer = OUT
    admin.get("/admin/whatif/?from=trunk&trunk=Provider&number=030123&to=5550101")
    admin.get("/admin/whatif/?from=anonymous&to=101")
    assert [one["from"] for one in switch.asked] == ["trunk:Provider:030123", "anonymous"]


def test_nothing_is_asked_before_there_is_a_number(admin: Client, switch: Switch):
    assert admin.get("/admin/whatif/").status_code == 200
    assert switch.asked == []


def test_the_dial_plan_has_every_number_and_what_is_free(admin: Client):
    text = text_of(admin.get("/admin/dialplan/"))
    for what in ("101 extension Anna", "190 ring group Sales", "112 emergency number", "*43 service echo",
                 "0… outgoing route Outside", "103–111 free, 9 numbers", "113–189 free, 77 numbers"):  # fmt: skip
        assert what in text, what
    assert text.index("101") < text.index("190") < text.index("*43")


def test_the_dial_plan_is_searched(admin: Client):
    text = text_of(admin.get("/admin/dialplan/?q=sales"))
    assert "190 ring group" in text
    assert "extension Anna" not in text
    assert "extension Anna" in text_of(admin.get("/admin/dialplan/?q=10&kind=extensions"))
    assert "Nothing fits" in text_of(admin.get("/admin/dialplan/?q=nobody"))


def test_numbers_behind_a_prefix_are_not_free():
    found = [Entry("200", "extensions", "", ""), Entry("21", "outbound", "", "", prefix=True),
             Entry("202", "extensions", "", ""), Entry("299", "extensions", "", ""),
             Entry("3", "outbound", "", "", prefix=True)]  # fmt: skip
    gaps = [one for one in with_gaps(found, 3) if isinstance(one, Free)]
    assert gaps == [Free("201", "201", 1), Free("203", "209", 7), Free("220", "298", 79), Free("400", "999", 600)]


@pytest.mark.parametrize(("number", "model"), [("101", Extension), ("190", RingGroup)])
def test_a_number_leads_to_what_has_it(admin: Client, number: str, model: Any):
    section = {Extension: "extensions", RingGroup: "ring_groups"}[model]
    expected = f"/admin/{section}/{model.objects.get(number=number).pk}"
    assert admin.get(f"/admin/number/{number}").headers["Location"] == expected


def test_a_number_that_nothing_has_leads_to_what_would_happen(admin: Client):
    assert admin.get("/admin/number/0555").headers["Location"] == "/admin/whatif/?to=0555"


def test_a_setting_leads_to_its_page(admin: Client):
    trunk = Trunk.objects.get()
    for setting, address in (
        ("trunks/Provider", f"/admin/trunks/{trunk.pk}"),
        ("settings", "/admin/settings/"),
        ("outbound/4711", "/admin/outbound/"),
        ("inbound/5550101", None),
        ("extensions/4711", 404),
        ("nonsense/1", 404),
    ):
        answer = admin.get(f"/admin/setting/{setting}")
        if address == 404:
            assert answer.status_code == 404
        elif address:
            assert answer.headers["Location"] == address
        else:
            assert answer.headers["Location"].startswith("/admin/inbound/")


def test_speed_dials_are_in_the_dial_plan_and_their_chips_lead_to_them(admin: Client):
    text = text_of(admin.get("/admin/dialplan/?kind=speed_dials"))
    assert "70 speed dial" in text
    assert "Taxi" in text
    assert admin.get("/admin/number/70")["Location"].startswith("/admin/speed_dials/")


def test_who_asks_about_an_extension_that_is_not_there_is_told_so_plainly(admin: Client, switch: Switch):
    text = text_of(admin.get("/admin/whatif/?from=extension&extension=9&to=101"))
    assert "There is no extension 9." in text
    assert "trunk:NAME" not in text


def test_the_rule_that_takes_a_call_from_outside_is_linked_itself(admin: Client, switch: Switch):
    from jackfield.trunks.models import Inbound

    step = {"text": 'incoming rule "5550101" fits: 5550101 becomes 101', "setting": "inbound"}
    switch.answer = OUT | {"trace": [step]}
    page = admin.get("/admin/whatif/?from=trunk&trunk=Provider&to=5550101").content.decode()
    assert f'href="/admin/inbound/{Inbound.objects.get(number="5550101").pk}"' in page
