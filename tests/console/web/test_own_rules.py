"""Where calls go: what a user sees and changes of his own extensions, and that he reaches nobody else's."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from jackfield.changes.models import Revision
from jackfield.console import api
from jackfield.console.web.own.sentences import Rule, sentence, steps, timeline
from jackfield.numbers.models import Extension
from jackfield.settings import Settings
from jackfield.switch import snapshot as snapshots

from .conftest import As, person
from .own_people import browser_of, page, pk


@pytest.fixture
def anna(company: Settings) -> Client:
    """A browser of Anna, whose extension is 101."""
    return browser_of("anna")


FORM = {
    "ring_time": "20",
    "forward_no_answer": "",
    "forward_busy": "",
    "forward_unreachable": "",
    "forward_always": "",
    "call_waiting": "yes",
}


def test_one_extension_leads_straight_to_its_form(anna: Client):
    answer = anna.get("/me/rules/", follow=True)
    assert answer.redirect_chain[-1][0] == f"/me/rules/{pk('101')}"
    text = page(answer)
    assert (
        "Your phones ring for 25 s, then the caller hears that nobody answers; when busy, the caller hears busy."
        in text
    )
    assert '<ol class="timeline"' in text


def test_a_change_is_in_force_at_once_and_in_the_history(anna: Client, company: Settings):
    form = FORM | {"forward_no_answer": "0 0171 555-0101", "forward_busy": "102"}
    answer = anna.post(f"/me/rules/{pk('101')}", form, follow=True)
    assert "Your phones ring for 20 s, then 0171 5550101; when busy, Bert (102)." in page(answer)
    (extension,) = [one for one in snapshots.read(company.files.snapshot).extensions if one.number == "101"]
    assert (extension.ring_time, extension.forward_no_answer, extension.forward_busy) == (20, "001715550101", "102")
    revision = Revision.objects.first()
    assert (revision.author, revision.user.login, revision.through) == ("Anna Bell", "anna", "page")


def test_an_international_number_gets_the_outside_line_by_itself(anna: Client):
    anna.post(f"/me/rules/{pk('101')}", FORM | {"forward_always": "+49 171 5550101"})
    assert Extension.objects.get(number="101").forward_always == "001715550101"


def test_do_not_disturb_is_one_switch(anna: Client):
    where = f"/me/rules/{pk('101')}/disturb"
    text = page(anna.post(where, {"to": "on"}, follow=True))
    assert 'aria-checked="true"' in text
    assert "You are not disturbed: your phones stay silent and callers hear busy." in text
    assert Extension.objects.get(number="101").do_not_disturb
    anna.post(where, {"to": "on"})
    assert Extension.objects.get(number="101").do_not_disturb, "twice is once"
    assert 'aria-checked="false"' in page(anna.post(where, {"to": "off"}, follow=True))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("forward_busy", "777", "777 leads nowhere: no one in the house has it"),
        ("forward_busy", "777", "Outside numbers begin with 0 here"),
        ("forward_always", "101", "That is this number itself"),
        ("forward_no_answer", "my mobile", "leads nowhere"),
        ("ring_time", "soon", "f-ring_time"),
        ("ring_time", "0", "1 to 3600 seconds"),
    ],
)
def test_what_can_not_be_is_told_at_its_field_and_nothing_is_lost(anna: Client, field: str, value: str, told: str):
    answer = anna.post(f"/me/rules/{pk('101')}", FORM | {"forward_unreachable": "102", field: value})
    assert answer.status_code == 422
    text = page(answer)
    assert told in text
    assert f'value="{value}"' in text
    assert 'aria-invalid="true"' in text
    assert Extension.objects.get(number="101").forward_unreachable == ""


def test_one_who_may_not_call_outside_may_not_send_calls_there(anna: Client, company: Settings):
    api.apply(company, "extensions: [{number: 101, outside_calls: false}]")
    answer = anna.post(f"/me/rules/{pk('101')}", FORM | {"forward_busy": "001715550101"})
    assert answer.status_code == 422
    assert "numbers of the house only" in page(answer)
    assert anna.post(f"/me/rules/{pk('101')}", FORM | {"forward_busy": "102"}).status_code == 302


def test_the_preview_computes_and_changes_nothing(anna: Client):
    before = Revision.objects.count()
    answer = anna.get(f"/me/rules/{pk('101')}/preview", {"ring_time": "12", "forward_no_answer": "102"})
    assert "Your phones ring for 12 s, then Bert (102)" in page(answer)
    assert Revision.objects.count() == before
    assert anna.get(f"/me/rules/{pk('101')}/preview", {"ring_time": "x"}).status_code == 200


@pytest.mark.parametrize("role", ["user", "reader", "telephony", "administrator"])
def test_nobody_reaches_the_rules_of_another(signed_in: As, role: str):
    browser, other = signed_in(role), pk("101")
    before = Revision.objects.count()
    assert browser.get(f"/me/rules/{other}").status_code == 404
    assert browser.get(f"/me/rules/{other}/preview").status_code == 404
    assert browser.post(f"/me/rules/{other}", FORM | {"forward_always": "102"}).status_code == 404
    assert browser.post(f"/me/rules/{other}/disturb", {"to": "on"}).status_code == 404
    row = Extension.objects.get(number="101")
    assert (row.forward_always, row.do_not_disturb) == ("", False)
    assert Revision.objects.count() == before
    assert "101" not in page(browser.get("/me/rules/"))


def test_fields_that_are_not_the_users_are_not_taken_from_a_form(anna: Client):
    more = {"outside_calls": "", "number": "999", "user": "", "caller_id": "112", "max_calls": "99", "enabled": ""}
    anna.post(f"/me/rules/{pk('101')}", FORM | more)
    row = Extension.objects.get(number="101")
    assert (row.outside_calls, row.caller_id, row.max_calls, row.enabled) == (True, "", 4, True)
    assert not Extension.objects.filter(number="999").exists()


def test_the_door_to_changes_refuses_other_fields_and_other_people(company: Settings):
    from django.test import RequestFactory

    from jackfield.console.web.own import mine

    request = RequestFactory().post("/me/rules/1")
    request.user = person("administrator")
    with pytest.raises(ValueError, match="not one's own"):
        mine.save(request, Extension.objects.get(number="101"), {"do_not_disturb": True})
    row = Extension.objects.get(number="101")
    request.user = row.user
    with pytest.raises(ValueError, match="not one's own"):
        mine.save(request, row, {"outside_calls": True})


def test_one_without_an_extension_is_told_who_can_help(signed_in: As):
    assert "No extension is yours yet" in page(signed_in("user").get("/me/rules/"))


def test_several_extensions_are_listed_each_with_its_sentence(anna: Client, company: Settings):
    api.apply(company, "extensions: [{number: 102, user: anna, do_not_disturb: true}]")
    text = page(anna.get("/me/rules/"))
    assert "Your phones ring for 25 s" in text
    assert "You are not disturbed" in text
    assert text.count('role="switch"') == 2


def say(number: str) -> str:
    return f"<{number}>"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            Rule(20),
            "Your phones ring for 20 s, then the caller hears that nobody answers; when busy, the caller hears busy.",
        ),
        (Rule(20, always="9", busy="8"), "All calls go straight to <9>; your phones stay silent."),
        (
            Rule(20, do_not_disturb=True, busy="8"),
            "You are not disturbed: your phones stay silent and calls go to <8>.",
        ),
        (
            Rule(20, busy="8", no_answer="8", unreachable="8"),
            "Your phones ring for 20 s, then <8>; the same when you are busy or no phone is connected.",
        ),
        (
            Rule(7.5, busy="8", no_answer="9", unreachable="7"),
            "Your phones ring for 7.5 s, then <9>; when busy, <8>; when no phone is connected, <7>.",
        ),
        (Rule(20, phones=0), "You have no phone yet, so nothing rings."),
        (Rule(20, phones=0, unreachable="7"), "You have no phone yet: calls go to <7>."),
    ],
)
def test_every_rule_is_one_sentence_and_one_picture(rule: Rule, words: str):
    assert sentence(rule, say) == words
    rows = steps(rule, say)
    picture = str(timeline(rows))
    assert picture.count("<li") == len(rows)
    assert "&lt;" in picture or "<9>" not in picture, "names are escaped"


def test_outside_of_hours_calls_go_straight_on(anna: Client, company: Settings):
    form = FORM | {"forward_no_answer": "001715550101", "hours": "Office", "forward_closed": "102"}
    answer = anna.get(f"/me/rules/{pk('101')}/preview", form)
    assert "Outside of “Office”, calls go straight to Bert (102)." in page(answer)
    answer = anna.post(f"/me/rules/{pk('101')}", form, follow=True)
    text = "Your phones ring for 20 s, then 0171 5550101; when busy, the caller hears busy. Outside of “Office”"
    assert text in page(answer)
    extension = snapshots.read(company.files.snapshot).numbers["101"]
    assert (extension.hours, extension.forward_closed) == ("Office", "102")
    anna.post(f"/me/rules/{pk('101')}", FORM)
    assert Extension.objects.get(number="101").forward_closed == "102", "a form without the field leaves it alone"
    anna.post(f"/me/rules/{pk('101')}", form | {"forward_closed": "", "hours": ""})
    row = Extension.objects.get(number="101")
    assert (row.forward_closed, row.hours) == ("", None)


def test_hours_are_needed_for_what_is_outside_of_them(anna: Client):
    answer = anna.post(f"/me/rules/{pk('101')}", FORM | {"hours": "", "forward_closed": "102"})
    assert answer.status_code == 422
    assert "f-hours" in page(answer)
    assert 'value="102"' in page(answer)


def test_where_an_extension_may_not_call_it_may_not_send_calls(anna: Client, company: Settings):
    api.apply(company, "permissions: [{name: Hall, default: deny}]\nextensions: [{number: 101, permission: Hall}]")
    answer = anna.post(f"/me/rules/{pk('101')}", FORM | {"forward_busy": "0004420123456"})
    assert answer.status_code == 422
    assert "may not call that number" in page(answer)


def test_a_form_that_was_open_for_long_leaves_what_was_changed_elsewhere(anna: Client):
    address = f"/me/rules/{pk('101')}"
    shown = page(anna.get(address))
    was = dict(re.findall(r'name="(was\.[a-z_]+)" value="([^"]*)"', shown))
    anna.post(address, FORM | was | {"forward_busy": "102"})
    anna.post(address, FORM | was | {"forward_busy": "", "forward_no_answer": "102"})
    row = Extension.objects.get(number="101")
    assert (row.forward_busy, row.forward_no_answer) == ("102", "102")
