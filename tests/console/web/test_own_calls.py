"""The user's calls, and calling by a click."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jackfield.company.models import General
from jackfield.console import api, change
from jackfield.console.web.own.calls import own_calls
from jackfield.contacts.models import Contact, ContactNumber
from jackfield.contacts.numbers import house
from jackfield.control import ControlError, ControlServer
from jackfield.history.models import Call, Leg
from jackfield.people.models import User
from jackfield.settings import Settings

from .conftest import As
from .own_people import NOON, browser_of, call, page


@pytest.fixture
def anna(company: Settings) -> Client:
    """A browser of Anna, whose extension is 101."""
    return browser_of("anna")


def contact(name: str, number: str, owner: str = "") -> None:
    whose = User.objects.get(login=owner) if owner else None
    made = Contact.objects.create(name=name, owner=whose)
    ContactNumber.objects.create(contact=made, number=number, known_as=house().known_as(number))


def test_calls_have_names_marks_and_lengths(anna: Client):
    contact("Carla", "+49 171 5550101", "anna")
    call("out", "101", "102", by="102")
    call("in", "001715550101", "101", by="101", at=NOON + 100)
    call("missed", "001715550101", "101", at=NOON + 200)
    call("group", "102", "190", rang=("101", "102"), by="102", at=NOON + 300)
    text = page(anna.get("/me/"))
    assert text.count("<strong>Carla</strong>") == 2
    assert "0171 5550101 · missed" in text
    assert text.count('<li class="missed">') == 1
    assert "<strong>Bert</strong>" in text
    assert "1:03" in text
    assert "answered by 102" in text
    order = [text.index(mark) for mark in ("answered by somebody else", ">missed<", ">called me<", ">I called<")]
    assert order == sorted(order), "the newest first"


def test_only_calls_in_which_an_own_extension_took_part_are_shown(anna: Client):
    call("theirs", "102", "001715550199", rang=("001715550199",), by="001715550199")
    call("mine", "102", "101", by="101")
    text = page(anna.get("/me/"))
    assert "5550199" not in text
    assert text.count("<li>") == 1
    assert "5550199" not in page(anna.get("/me/", {"q": "5550199", "part": "1"}))


@pytest.mark.parametrize("role", ["user", "administrator"])
def test_even_an_administrator_sees_no_calls_of_others_among_his_own(signed_in: As, role: str):
    call("mine", "102", "101", by="101")
    assert "<li>" not in page(signed_in(role).get("/me/"))


def test_a_call_that_was_sent_on_without_ringing_is_listed_with_where_it_went(anna: Client):
    row = call("on", "102", "103", by="103")
    row.dialed = "101"
    row.save()
    text = page(anna.get("/me/"))
    assert "<strong>Bert</strong>" in text
    assert "sent on to 103" in text


def test_a_call_that_was_sent_on_to_the_outside_is_listed_with_where_it_went(anna: Client):
    row = call("on", "001715550199", "001715550101", by="001715550101")
    Leg.objects.create(call=row, position=9, role="callee", number="101", extension="101", status=302)
    text = page(anna.get("/me/"))
    assert text.count("<li>") == 1
    assert "sent on to 001715550101" in text


def test_a_call_that_was_not_to_disturb_is_missed_all_the_same(anna: Client):
    row = call("dnd", "102", "101")
    row.legs.filter(role="callee").delete()
    row.outcome = "busy"
    row.save()
    assert '<li class="missed">' in page(anna.get("/me/"))


def test_searching_by_name_of_a_contact_number_and_only_missed(anna: Client):
    contact("Carla", "0171 5550101")
    contact("Dora of Bert", "0171 5550107", "anna")
    call("carla", "001715550101", "101", by="101")
    call("dora", "001715550107", "101", at=NOON + 60)
    call("bert", "102", "101", by="101", at=NOON + 120)
    for query, found in (("carl", "Carla"), ("0171 5550107", "Dora of Bert"), ("5550107", "Dora of Bert")):
        text = page(anna.get("/me/", {"q": query, "part": "1"}))
        assert f"<strong>{found}</strong>" in text
        assert text.count("<li") == 1, query
        assert "<html" not in text
    text = page(anna.get("/me/", {"show": "missed"}))
    assert (text.count('<li class="missed">'), text.count("<strong>Carla")) == (1, 0)
    assert "No such call" in page(anna.get("/me/", {"q": "nobody"}))


def test_many_calls_come_in_pages_and_cost_as_few_queries_as_one(anna: Client):
    call("first", "101", "001715550100", rang=("001715550100",))
    with CaptureQueriesContext(connection) as one:
        anna.get("/me/")
    for number in range(60):
        call(f"c{number:02}", "101", f"00171555{number:04}", rang=("102",), at=NOON + number + 1)
    with CaptureQueriesContext(connection) as many:
        text = page(anna.get("/me/"))
    assert len(many) <= len(one) <= 14
    assert text.count('class="call-form"') == 50
    older = text.partition('href="/me/?before=')[2].partition('"')[0]
    text = page(anna.get("/me/", {"before": older}))
    assert text.count('class="call-form"') == 11
    assert "Older calls" not in text


def test_missed_calls_are_counted_until_somebody_looks_at_his_calls(anna: Client):
    now = time.time()
    call("old", "102", "101", at=now - 30 * 86400)
    call("answered", "102", "101", by="101", at=now - 60)
    call("mine", "101", "102", at=now - 50)
    assert anna.get("/me/missed").json() == {"count": 0, "words": "0 missed calls"}
    call("missed", "102", "101", at=now - 40)
    call("another", "001715550101", "101", at=now - 30)
    assert anna.get("/me/missed").json() == {"count": 2, "words": "2 missed calls"}
    anna.get("/me/", {"part": "1"})
    assert anna.get("/me/missed").json()["count"] == 2, "a part of the page is none that was opened"
    anna.get("/me/")
    assert anna.get("/me/missed").json()["count"] == 0
    call("later", "102", "101", at=time.time() + 1)
    assert anna.get("/me/missed").json() == {"count": 1, "words": "1 missed call"}


def test_a_hidden_number_can_not_be_called_back(anna: Client):
    call("hidden", "", "101")
    text = page(anna.get("/me/"))
    assert "Hidden number" in text
    assert 'class="call-form"' not in text


# --- calling ---------------------------------------------------------------------------------------------------------


class FakeSwitch:
    """What answers on the switch's socket."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.refusal = ""
        self.hung_up: list[str] = []

    async def originate(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.refusal:
            raise ControlError(self.refusal)
        self.asked.append(request)
        return {"id": "abc"}

    async def table(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        return self.calls

    async def hang_up(self, request: dict[str, Any]) -> dict[str, Any]:
        self.hung_up.append(request["id"])
        return {}

    async def transfer(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.refusal:
            raise ControlError(self.refusal)
        self.asked.append(request)
        return {"party": {"number": "102", "name": "Bert"}, "to": request["to"]}

    async def reload(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"version": 1}


@pytest.fixture
def switch(company: Settings) -> Iterator[FakeSwitch]:
    made = FakeSwitch()
    verbs: dict[str, Callable[..., Any]] = {
        "originate": made.originate, "calls": made.table, "hangup": made.hang_up, "reload": made.reload,
        "transfer": made.transfer,
    }  # fmt: skip
    loop = asyncio.new_event_loop()
    server = ControlServer(company.files.switch_socket, verbs)
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield made
    asyncio.run_coroutine_threadsafe(server.close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def live(number: str = "101", **more: Any) -> dict[str, Any]:
    return {
        "id": "abc",
        "from": {"number": number, "name": ""},
        "to": {"number": "102", "name": "Bert"},
        "state": "ringing",
        "legs": [{"codec": ""}],
    } | more


def test_a_click_rings_the_own_phone_first(anna: Client, switch: FakeSwitch):
    switch.calls = [live()]
    answer = anna.post("/me/call", {"number": "+49 171 5550101", "name": "Carla"}, follow=True)
    (asked,) = switch.asked
    assert asked == {"from": "101", "to": "001715550101", "name": "Carla", "user": "anna", "by": "Anna Bell"}
    assert answer.redirect_chain == [("/me/call/abc", 302)]
    assert "Your phone rings. Pick it up, and you are connected with Bert." in page(answer)


@pytest.mark.parametrize(
    ("row", "words", "over"),
    [
        (live(legs=[{"codec": "pcma"}, {"codec": ""}]), "It rings at Bert …", False),
        (live(state="talking"), "You talk with Bert.", False),
        (live("102"), "The call is over.", True),
    ],
)
def test_the_page_follows_the_call(anna: Client, switch: FakeSwitch, row: dict[str, Any], words: str, over: bool):
    switch.calls = [row]
    told = anna.get("/me/call/abc/state").json()
    assert (told["words"], told["over"]) == (words, over)


def test_how_it_ended_is_told_from_the_record(anna: Client, switch: FakeSwitch):
    call("abc", "101", "102")
    assert anna.get("/me/call/abc/state").json() == {
        "words": "They did not answer.", "over": True, "to": "102", "talking": False,
    }  # fmt: skip


def test_nobody_calls_from_the_phone_of_another(anna: Client, switch: FakeSwitch):
    anna.post("/me/call", {"number": "190", "from": "102"})
    assert [asked["from"] for asked in switch.asked] == ["101"]


def test_one_without_a_phone_of_his_own_can_not_call(signed_in: As, switch: FakeSwitch):
    answer = signed_in("administrator").post("/me/call", {"number": "101", "from": "101"}, follow=True)
    assert "No extension is yours yet" in page(answer)
    assert not switch.asked


def test_several_extensions_let_choose_and_remember(anna: Client, company: Settings, switch: FakeSwitch):
    api.apply(company, "extensions: [{number: 102, user: anna}]")
    anna.post("/me/call", {"number": "190", "from": "102"})
    anna.post("/me/call", {"number": "190"})
    assert [asked["from"] for asked in switch.asked] == ["102", "102"]
    assert '<option value="102" selected>' in page(anna.get("/me/"))


def test_only_ones_own_call_can_be_hung_up(anna: Client, switch: FakeSwitch):
    switch.calls = [live("102")]
    anna.post("/me/call/abc/hangup")
    assert not switch.hung_up
    switch.calls = [live()]
    anna.post("/me/call/abc/hangup")
    assert switch.hung_up == ["abc"]


def test_what_stands_in_the_way_of_a_call_is_told(anna: Client, switch: FakeSwitch):
    switch.refusal = "no phone of extension 101 is connected: there is nothing to ring first"
    answer = anna.post("/me/call", {"number": "102"}, follow=True)
    assert "None of your phones is connected, so none can ring first." in page(answer)


@pytest.mark.parametrize(
    ("number", "words"),
    [("101", "That is your own number."), ("777", "777 leads nowhere")],
)
def test_why_a_number_can_not_be_called_is_told_before_a_phone_rings(
    anna: Client, switch: FakeSwitch, number: str, words: str
):
    assert words in page(anna.post("/me/call", {"number": number}, follow=True))
    assert not switch.asked


REFUSED = [
    ("no phone of extension 101 is connected: there is nothing to ring first", "Keines Ihrer Telefone ist verbunden"),
    ("extension 101 is in 2 calls already: hang one up first", "Mehr Anrufe zugleich sind nicht möglich"),
    ("your phones already ring for another call: pick up, or wait until they stop", "Ihre Telefone klingeln schon"),
    ("10 calls in a minute are the limit: wait a moment", "in einer Minute viele Anrufe"),
    ("the system is stopping and takes no new calls", "Die Telefonanlage läuft gerade nicht."),
    ("the switch process does not answer: see its log, or restart Jackfield", "Die Telefonanlage läuft gerade nicht."),
    ("something new", "Die Telefonanlage hat das abgelehnt."),
]


@pytest.mark.parametrize(("refusal", "words"), REFUSED)
def test_what_the_switch_answers_is_told_in_the_users_language(
    anna: Client, switch: FakeSwitch, refusal: str, words: str
):
    User.objects.filter(login="anna").update(language="de")
    switch.refusal = refusal
    text = page(anna.post("/me/call", {"number": "102"}, follow=True))
    assert words in text
    assert refusal not in text


def test_without_a_running_switch_the_pages_say_so_and_work(anna: Client):
    assert "does not run just now" in page(anna.post("/me/call", {"number": "102"}, follow=True))
    assert "does not run just now" in page(anna.get("/me/call/abc"))
    assert anna.post("/me/call/abc/hangup").status_code == 302


TALKING = [
    {"extension": "102", "number": "102", "name": "Bert", "codec": "pcma", "answered": True},
    {"extension": "101", "number": "101", "name": "Anna", "codec": "pcma", "answered": True},
]


@pytest.mark.parametrize("began", ["101", "102"])
def test_a_call_of_ones_own_is_handed_on_whoever_has_begun_it(anna: Client, switch: FakeSwitch, began: str):
    switch.calls = [live(began, state="talking", legs=TALKING)]
    shown = page(anna.get("/me/call/abc"))
    assert "You talk with Bert." in shown
    assert "Transfer to" in shown
    answer = anna.post("/me/call/abc/transfer", {"number": "+49 171 5550101"}, follow=True)
    (asked,) = switch.asked
    assert asked == {"id": "abc", "to": "001715550101", "extension": "101", "by": "Anna Bell"}
    assert "Bert is being connected with 0171 5550101. If nobody answers there" in page(answer)


def test_what_stands_in_the_way_of_a_transfer_is_told(anna: Client, switch: FakeSwitch):
    switch.calls = [live(state="talking", legs=TALKING)]
    assert "Not transferred: 777 leads nowhere" in page(
        anna.post("/me/call/abc/transfer", {"number": "777"}, follow=True)
    )
    switch.refusal = "call abc is on hold: Bert has to take it back first"
    text = page(anna.post("/me/call/abc/transfer", {"number": "102"}, follow=True))
    assert "Not transferred: The call is on hold: take it back on your phone first." in text
    switch.calls = [live()]
    answer = anna.post("/me/call/abc/transfer", {"number": "103"}, follow=True)
    assert "The call is over, or nobody has answered it yet." in page(answer)
    assert not switch.asked


def test_a_call_of_others_is_not_handed_on(anna: Client, switch: FakeSwitch):
    switch.calls = [live("102", state="talking", legs=[TALKING[0], TALKING[1] | {"extension": "103"}])]
    anna.post("/me/call/abc/transfer", {"number": "104"})
    assert not switch.asked


def test_a_call_that_was_handed_on_is_over_for_who_did_it(anna: Client, switch: FakeSwitch):
    switch.calls = [live(state="talking", legs=[TALKING[0], TALKING[1] | {"extension": "103", "name": "Carl"}])]
    told = anna.get("/me/call/abc/state").json()
    assert (told["words"], told["over"]) == ("You have handed the call on.", True)


def test_who_hid_his_number_stays_hidden_and_is_not_found_by_it(anna: Client):
    call("hidden", "003012345678", "101", by="101")
    Call.objects.update(caller_hidden=True, caller_name="Mallory")
    for text in (page(anna.get("/me/")), page(anna.get("/me/?q=Mallory")), page(anna.get("/me/?q=3012345"))):
        assert "12345678" not in text
        assert "<strong>Mallory" not in text
    assert "Hidden number" in page(anna.get("/me/"))
    assert "Hidden number" not in page(anna.get("/me/?q=3012345"))


def test_who_gets_an_extension_does_not_see_the_calls_of_who_had_it(anna: Client, company: Settings):
    call("old", "001715550101", "101", by="101")
    api.apply(company, "users: [{login: max}]\nextensions: [{number: 101, user: max}]")
    call("new", "001715550202", "101", by="101", at=time.time())
    max_sees = own_calls(["101"], User.objects.get(login="max"), General.current())
    assert [one.id for one in max_sees] == ["new"]
    user = User.objects.get(login="anna")
    assert [one.id for one in own_calls(["101"], user, General.current())] == ["old"]

    api.apply(company, "extensions: [{number: 101, user: anna}]")  # and back: what was between stays Max's
    call("newest", "001715550303", "101", by="101", at=time.time() + 120)
    assert [one.id for one in own_calls(["101"], user, General.current())] == ["newest", "old"]


def test_a_number_of_another_extension_brings_no_calls_with_it(anna: Client, company: Settings):
    call("theirs", "001715550101", "102", by="102")
    change.save(company, [change.Removal("extensions", ("102",))], author=change.Author("a", "page"))
    change.save(company, [change.Wish("extensions", {"number": "102"}, ("101",))], author=change.Author("a", "page"))
    text = page(anna.get("/me/"))
    assert "5550101" not in text


def test_the_page_tells_of_own_calls_in_progress_and_leads_to_each(anna: Client, switch: FakeSwitch):
    talking = [{"codec": "pcmu", "answered": True, "extension": "101", "number": "101", "name": "Anna"},
               {"codec": "pcmu", "answered": True, "extension": "", "number": "0171", "name": "Carla"}]  # fmt: skip
    outside = {"number": "0171", "name": "Carla", "trunk": "Provider"}
    ringing = [{"codec": "", "answered": False, "extension": "101", "number": "101", "name": ""}]
    switch.calls = [
        live("0171", id="in-1", state="talking", **{"from": outside}, legs=talking),
        live("0172", id="in-2", **{"from": {"number": "", "name": "", "trunk": "Provider"}}, legs=ringing),
        live("102", id="theirs"),
    ]
    assert 'id="now"' in page(anna.get("/me/"))
    text = page(anna.get("/me/now"))
    assert "You talk with Carla." in text
    assert "a hidden number calls you" in text
    assert 'href="/me/call/in-1"' in text
    assert "theirs" not in text


def test_without_a_running_switch_no_call_is_in_progress(anna: Client):
    assert page(anna.get("/me/now")).strip() == ""


def test_a_call_that_comes_in_can_be_declined_and_one_that_was_begun_hung_up(anna: Client, switch: FakeSwitch):
    ringing = [{"codec": "", "answered": False, "extension": "101", "number": "101", "name": ""}]
    switch.calls = [live("102", legs=ringing)]
    coming = page(anna.get("/me/call/abc"))
    assert "<span data-until-talking>Decline</span>" in coming
    assert "<span data-while-talking hidden>Hang up</span>" in coming
    switch.calls = [live("102", state="talking", legs=TALKING)]
    talking = page(anna.get("/me/call/abc"))
    assert "<span data-until-talking hidden>Decline</span>" in talking
    switch.calls = [live()]
    assert "Decline" not in page(anna.get("/me/call/abc"))
