"""The pages that show what goes on now, with a switch that answers as the real one."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from jackfield.console import live
from jackfield.console.web.live import _messages
from jackfield.control import ControlError, ControlServer
from jackfield.settings import Settings

from .conftest import As

NOW = time.time()
ANNA = {"number": "101", "name": "Anna", "extension": "101", "trunk": ""}
OUTSIDE = {"number": "05551234", "name": "", "extension": "", "trunk": "Provider"}
CALLS: list[dict[str, Any]] = [
    {
        "id": "k1", "from": OUTSIDE, "to": ANNA, "dialed": "5550101", "direction": "in", "state": "talking",
        "started": NOW - 70, "answered": NOW - 65, "seconds": 70.0,
        "legs": [
            {"party": "Provider", "codec": "pcma", "secure": False, "address": "UDP 192.0.2.1:5060", "held": False},
            {"party": "101", "codec": "opus", "secure": True, "address": "TLS 192.0.2.7:5061", "held": True},
        ],
    },
]  # fmt: skip
TRUNKS: list[dict[str, Any]] = [
    {"name": "Provider", "kind": "register", "state": "refused", "text": "password refused (403)", "hosts": [],
     "calls": 1, "since": NOW},
]  # fmt: skip
PHONES: list[dict[str, Any]] = [
    {
        "extension": "101", "name": "Anna", "line": "desk", "sip_username": "anna101", "model": "Yealink T46S",
        "user_agent": "Yealink SIP-T46S 66.86.0.15", "address": "192.0.2.7:5060", "transport": "UDP",
        "behind_nat": True, "nat_reason": "its Contact is another address", "latency_ms": 12.3, "reachable": True,
        "since": NOW - 600, "expires_in": 50.0, "says": "", "sip_alg": False, "keep_alive": None, "pinhole": None,
        "verdict": None,
    },
]  # fmt: skip


class Switch:
    """The control socket of a switch, served from a thread: the pages ask from theirs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.calls, self.trunks, self.phones = list(CALLS), list(TRUNKS), list(PHONES)
        self.sites: list[dict[str, Any]] = []
        self.ended: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.answer: Any = None
        verbs = ("calls", "trunks", "live", "registrations", "registered", "hangup", "route", "metrics", "prove")
        self._server = ControlServer(settings.files.switch_socket, {verb: getattr(self, verb + "_") for verb in verbs})
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    async def calls_(self, _: Any) -> Any:
        return self.calls

    async def trunks_(self, _: Any) -> Any:
        return self.trunks

    async def registrations_(self, _: Any) -> Any:
        return self.phones

    async def registered_(self, _: Any) -> Any:
        return {"101": 1}

    async def metrics_(self, _: Any) -> Any:
        return {"calls_active": 1}

    async def live_(self, _: Any) -> Any:
        return {"boot": "b", "now": NOW, "draining": False, "calls": self.calls, "trunks": self.trunks,
                "registered": len(self.phones), "phones": 1, "sites": self.sites}  # fmt: skip

    async def hangup_(self, request: Any) -> Any:
        if request["id"] != "k1":
            raise ControlError(f'no call "{request["id"]}" is in progress')
        self.ended.append(request["id"])
        return {"id": "k1"}

    async def prove_(self, request: Any) -> Any:
        if request["extension"] != "101":
            raise ControlError(f"there is no extension {request['extension']}")
        self.asked.append(request)
        return {"id": "k9", "phone": request["address"], "sip_username": request["line"]}

    async def route_(self, request: Any) -> Any:
        self.asked.append(request)
        return self.answer

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(5)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@pytest.fixture
def switch(company: Settings) -> Iterator[Switch]:
    running = Switch(company)
    running.start()
    yield running
    live.close()
    running.stop()


def text_of(answer: Any) -> str:
    """What somebody reads, without tags."""
    page = answer.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main") :]).split())


def test_calls_in_progress_show_both_sides_and_how_they_talk(admin: Client, switch: Switch):
    answer = admin.get("/admin/active/")
    text = text_of(answer)
    assert "05551234" in text
    assert "101 Anna" in text
    assert "dialled 5550101" in text
    assert "talking on hold" in text
    assert "pcma opus encrypted" in text
    assert '<a class="chip" href="/admin/number/101">' in answer.content.decode()


def test_a_call_past_the_system_is_shown_as_direct(admin: Client, switch: Switch):
    assert "directly" not in text_of(admin.get("/admin/active/"))
    switch.calls[0] = switch.calls[0] | {"direct": "proved"}
    assert "directly" in text_of(admin.get("/admin/active/"))


def test_a_call_is_hung_up_by_those_who_may(admin: Client, switch: Switch, signed_in: As):
    assert admin.post("/admin/active/hang-up", {"id": "k1"}).status_code == 302
    assert switch.ended == ["k1"]
    assert "The call is ended." in text_of(admin.get("/admin/active/"))
    admin.post("/admin/active/hang-up", {"id": "k2"})
    assert "This call is over already." in text_of(admin.get("/admin/active/"))

    reader = signed_in("reader")
    assert reader.post("/admin/active/hang-up", {"id": "k1"}).status_code == 403
    assert 'class="read-only"' in reader.get("/admin/active/").content.decode()


def test_an_address_opened_by_hand_ends_no_call(admin: Client, switch: Switch):
    assert admin.get("/admin/active/hang-up?id=k1").status_code == 302
    assert switch.ended == []


@pytest.mark.parametrize("page", ["", "active/", "phones/", "whatif/?to=101", "trunks/", "extensions/", "health/"])
def test_pages_work_while_the_switch_does_not_run_and_say_so(admin: Client, page: str):
    answer = admin.get(f"/admin/{page}")
    assert answer.status_code == 200
    if page not in ("trunks/", "extensions/"):
        assert "switch does not run" in text_of(answer)


def test_every_registered_phone_has_its_row(admin: Client, switch: Switch):
    text = text_of(admin.get("/admin/phones/"))
    for what in ("101 Anna", "anna101", "Yealink T46S", "192.0.2.7:5060", "UDP", "behind NAT", "12 ms",
                 " minutes ago", "in 0:50", "1 registered"):  # fmt: skip
        assert what in text
    assert "1 extension has no phone: 102" in text


def test_beside_a_phone_stands_whether_it_hears_and_what_to_do(admin: Client, switch: Switch):
    verdict = {
        "at": NOW - 60, "how": "call", "network": "192.0.2.7", "is_heard": False, "hears": False, "good": False,
        "nat": "symmetric", "kind": "symmetric",
        "codec": "opus", "delay_ms": 24.0, "lost_in": None, "lost_out": None, "transport": "tls",
    }  # fmt: skip
    says = "the desk phone hears nothing because the router at 192.0.2.7 blocks UDP 10000-20000"
    switch.phones = [PHONES[0] | {"verdict": verdict, "says": says, "sip_alg": False, "keep_alive": 56, "pinhole": 62}]
    text = text_of(admin.get("/admin/phones/"))
    for what in (says, "no audio", "opus, 24 ms, NAT: symmetric", "kept open every 56 s", "Test audio"):
        assert what in text
    assert "The audio of 1 phone is not right. What to do" in text
    assert says in text_of(admin.get("/admin/phones/?show=audio"))
    assert "remember it for 62 s at least" in admin.get("/admin/phones/").content.decode()
    good = verdict | {"good": True, "hears": True, "is_heard": True}
    switch.phones = [PHONES[0] | {"verdict": good, "sip_alg": True}]
    assert "SIP ALG" in text_of(admin.get("/admin/phones/"))
    switch.phones = [PHONES[0] | {"verdict": good}]
    assert "is not right" not in text_of(admin.get("/admin/phones/"))
    assert "Nothing fits" in text_of(admin.get("/admin/phones/?show=audio"))


def test_a_button_rings_a_phone_to_test_it(admin: Client, switch: Switch, signed_in: As):
    page = admin.get("/admin/phones/").content.decode()
    assert 'value="101 anna101 192.0.2.7:5060"' in page
    answer = admin.post("/admin/phones/prove", {"phone": "101 anna101 192.0.2.7:5060"}, follow=True)
    assert "The phone at 192.0.2.7:5060 rings now." in text_of(answer)
    assert {name: switch.asked[-1][name] for name in ("extension", "line", "address")} == {
        "extension": "101", "line": "anna101", "address": "192.0.2.7:5060",
    }  # fmt: skip
    assert "there is no extension 999" in text_of(admin.post("/admin/phones/prove", {"phone": "999"}, follow=True))
    assert "there is no extension" in text_of(admin.post("/admin/phones/prove", {}, follow=True))
    reader = signed_in("reader")
    assert reader.post("/admin/phones/prove", {"phone": "101"}).status_code == 403
    assert 'class="read-only"' in reader.get("/admin/phones/").content.decode()


def test_phones_are_searched_and_extensions_without_one_are_listed(admin: Client, switch: Switch):
    assert "anna101" in text_of(admin.get("/admin/phones/?q=yealink"))
    assert "Nothing fits this search." in text_of(admin.get("/admin/phones/?q=snom"))
    assert "Nothing fits" in text_of(admin.get("/admin/phones/?show=silent"))
    assert "anna101" in text_of(admin.get("/admin/phones/?show=nat"))
    assert "102 Bert none" in text_of(admin.get("/admin/phones/?show=missing"))
    switch.phones = []
    assert "No phone is registered." in text_of(admin.get("/admin/phones/"))


def test_the_overview_shows_what_goes_on_and_what_is_wrong(admin: Client, switch: Switch):
    text = text_of(admin.get("/admin/"))
    assert "Calls now 1 1 of them talking" in text
    assert "Phones 1 registered" in text
    assert "Trunks 0 of 1 ready" in text
    assert "password refused (403)" in text


def test_a_new_system_teaches_the_first_steps(admin: Client, switch: Switch):
    text = text_of(admin.get("/admin/"))
    assert "First steps" in text
    assert "Add a trunk (done)" in text
    assert "Make a test call" in text


async def read(parts: set[str], batches: int) -> str:
    """What a browser gets that watches these parts."""
    messages = _messages(live.hub(), frozenset(parts))
    found = "".join([(await anext(messages)).decode() for _ in range(batches)])
    await messages.aclose()
    return found


async def test_the_stream_sends_finished_rows(switch: Switch):
    found = await read({"calls", "trunks", "phones", "counts"}, 1)
    assert found.startswith("event: put\ndata: ")
    assert '"part":"calls","id":"k1","html":"<tr data-key=' in found
    assert "Yealink T46S" in found
    assert "password refused (403)" in found
    assert '"calls":1,"talking":1,"registered":1,"trunks":1,"trunks_up":0' in found
    assert 'event: all\ndata: {"part":"calls","ids":["k1"]}' in found
    assert found.endswith("\n\n")


async def test_the_stream_sends_only_what_was_asked_for(switch: Switch):
    found = await read({"counts"}, 1)
    assert "<tr" not in found
    assert "event: counts" in found


async def test_a_list_of_sites_follows_what_their_lines_carry(switch: Switch):
    switch.sites = [{"name": "Brno", "limit_up": 200, "limit_down": 0, "up": 160.0, "calls": 2}]
    said = await read({"site_states"}, 1)
    assert '"Brno":{"text":"160 of 200 kbit/s","kind":"warning","more":"2 calls"}' in said


async def test_a_call_that_ends_leaves_the_pages_that_show_it(switch: Switch):
    messages = _messages(live.hub(), frozenset({"calls", "counts"}))
    await anext(messages)
    switch.calls = []
    found = (await anext(messages)).decode()
    assert 'event: gone\ndata: {"part":"calls","id":"k1"}' in found
    assert '"calls":0' in found
    await messages.aclose()


async def test_the_stream_ends_when_the_server_does(switch: Switch):
    messages = _messages(live.hub(), frozenset({"calls"}))
    await anext(messages)
    await asyncio.to_thread(live.close)
    assert [one async for one in messages] == []


def test_only_those_who_may_see_phones_watch_them(signed_in: As, switch: Switch):
    reader = signed_in("reader")
    answer = reader.get("/admin/live?for=phones,calls", headers={"accept": "text/event-stream"})
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert reader.get("/admin/live?for=phones,calls").status_code == 406
    assert signed_in("user").get("/admin/live?for=phones").status_code == 403


def test_lists_show_the_state_of_trunks_and_phones(admin: Client, switch: Switch):
    page = admin.get("/admin/trunks/").content.decode()
    assert '<span class="chip bad" title="password refused (403)">refused</span>' in page
    assert "in a call" in text_of(admin.get("/admin/extensions/"))
    switch.calls = []
    text = text_of(admin.get("/admin/extensions/"))
    assert "registered" in text
    assert "no phone" in text


def test_a_list_says_when_the_state_is_not_known(admin: Client):
    assert "not known" in text_of(admin.get("/admin/trunks/"))


@pytest.mark.parametrize(
    ("page", "most"), [("", 16), ("active/", 4), ("phones/", 6), ("dialplan/", 12), ("whatif/", 7), ("health/", 6)]
)
def test_pages_ask_the_database_little(admin: Client, switch: Switch, page: str, most: int):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    admin.get(f"/admin/{page}")
    with CaptureQueriesContext(connection) as queries:
        admin.get(f"/admin/{page}")
    assert len(queries) <= most, [one["sql"][:90] for one in queries]


async def test_who_comes_back_while_the_console_stops_is_let_go_at_once(switch: Switch):
    try:
        live.end()
        async with asyncio.timeout(10):
            assert len([batch async for batch in live.hub().events()]) == 1
    finally:
        live._over.clear()
        live.close()
