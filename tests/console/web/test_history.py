"""The call history: what is found, how it is shown, and what a table of it holds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jackfield.console.web.history import search, statistics
from jackfield.history.models import Call, Party
from jackfield.history.storing import store
from jackfield.settings import Settings

from ..records import record

MONDAY = datetime(2026, 11, 16, 10, 2, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
MINUTE, DAY = 60.0, 86400.0

Keep = Callable[..., None]


def party(number: str, name: str = "", *, trunk: str = "", extension: str = "") -> dict[str, str]:
    return {"number": number, "name": name, "extension": extension, "trunk": trunk}


def keep(*calls: dict[str, Any]) -> None:
    """Put records into the history as the importer does."""
    store([{"kind": "call", "id": call["id"], "data": call} for call in calls], MONDAY)


def call(id: str, at: float = MONDAY, **more: Any) -> dict[str, Any]:
    """Return a record as the switch writes it: 101 talks with 102 for a minute, unless said otherwise."""
    return record(id, started=at).to_dict() | more


def incoming(id: str, number: str, name: str = "", at: float = MONDAY, **more: Any) -> dict[str, Any]:
    return call(
        id, at, direction="in", caller=party(number, name, trunk="Provider"), dialed="49305550101",
        called=party("101", "Anna", extension="101"), **more,
    )  # fmt: skip


def shown(page: str) -> list[str]:
    """Return the ids of the calls on a page, in their order."""
    return re.findall(r'<tr data-href="/admin/calls/(\w+)"', page)


def read(admin: Client, query: str = "") -> str:
    answer = admin.get(f"/admin/calls/{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_calls_are_listed_by_day_in_the_companys_zone_the_newest_first(admin: Client):
    keep(call("first", MONDAY), call("late", MONDAY + 13.5 * 3600), call("next", MONDAY + 14 * 3600))
    page = read(admin)
    assert shown(page) == ["next", "late", "first"]
    assert page.index("Tuesday, 17 November 2026") < page.index(">00:02:00<") < page.index("Monday, 16 November 2026")
    assert ">23:32:00<" in page
    assert "3 calls" in page
    assert shown(read(admin, "?sort=started")) == ["first", "late", "next"]


def test_who_called_whom_stands_in_chips_that_lead_to_the_extension_and_the_trunk(admin: Client):
    keep(incoming("one", "+4930123456", "Clara <b>"))
    page = read(admin)
    assert '<a class="chip" href="/admin/number/101">101 <small>Anna</small></a>' in page
    assert "+4930123456 <small>Clara &lt;b&gt;</small>" in page
    assert 'href="/admin/setting/trunks/Provider"' in page
    assert "Answered" in page
    assert ">1:00<" in page
    assert "From outside" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=%2B4930123456", "outside"),
        ("q=030%2F123-456", "outside"),
        ("q=0049 30 123456", "outside"),
        ("q=clara", "outside"),
        ("q=MÜLL", "outside"),
        ("q=muller", "outside"),
        ("q=49305550101", "outside"),
        ("q=101", "internal outside"),
        ("q=nobody", ""),
        ("direction=in", "outside"),
        ("outcome=busy", "busy"),
        ("outcome=missed", "busy"),
        ("extension=101", "internal outside"),
        ("trunk=Provider", "outside"),
        ("least=61", "long"),
        ("since=2026-11-17", "long"),
        ("until=2026-11-16", "internal outside busy"),
        ("since=2026-11-17&until=2026-11-16", ""),
        ("extension=101&direction=in&q=clara&outcome=answered&trunk=Provider", "outside"),
        ("q=102&extension=101", "internal"),
    ],
)
def test_each_filter_finds_what_it_names_alone_and_with_others(admin: Client, query: str, expected: str):
    long = call("long", MONDAY + DAY, caller=party("103", "Dora", extension="103"))
    keep(
        call("internal"),
        incoming("outside", "+4930123456", "Clara Müller"),
        call(
            "busy", caller=party("104", extension="104"), called=party("105"), dialed="105", outcome="busy",
            answered=None,
        ),
        long | {"called": party("106", extension="106"), "dialed": "106", "ended": MONDAY + DAY + 300},
    )  # fmt: skip
    page = read(admin, f"?{query}")
    assert set(shown(page)) == set(expected.split())
    if not expected:
        assert "No call fits this search" in page


def test_pages_lead_on_and_back_without_a_call_lost_or_shown_twice(admin: Client, monkeypatch: pytest.MonkeyPatch):
    keep(*(call(f"c{index:03d}", MONDAY + index // 3) for index in range(120)))  # three begin at the same moment
    for query in ("", "?q=102", "?extension=101", "?direction=internal", "?sort=started&trunk="):
        page, seen, back = read(admin, query), [], ""
        while True:
            seen += shown(page)
            step = re.search(r'rel="next" href="([^"]*)"', page)
            if step is None:
                break
            page = read(admin, step[1].replace("&amp;", "&"))
        assert sorted(seen) == [f"c{index:03d}" for index in range(120)], query
        back = re.search(r'rel="prev" href="([^"]*)"', page)[1].replace("&amp;", "&")
        assert shown(read(admin, back)) == seen[50:100], query


def test_a_search_that_no_index_answers_says_how_far_it_has_looked(admin: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search, "REACH", 10)
    keep(*(call(f"c{index:03d}", MONDAY + index * DAY, outcome="busy" if index == 2 else "answered")
           for index in range(25)))  # fmt: skip
    page, steps = read(admin, "?outcome=busy"), 0
    assert "Nothing fits among the calls since Monday, 30 November 2026" in page
    while not shown(page):
        page = read(admin, re.search(r'rel="next" href="([^"]*)"', page)[1].replace("&amp;", "&"))
        steps += 1
    assert shown(page) == ["c002"]
    assert steps == 2


def test_a_day_that_does_not_exist_is_said_and_left_out(admin: Client):
    keep(call("one"))
    page = read(admin, "?since=2026-02-30&least=x&at=nonsense")
    assert "is no day that exists" in page
    assert "is no number of seconds" in page
    assert shown(page) == ["one"]


def test_an_empty_history_teaches_how_to_make_the_first_call(admin: Client):
    assert "Connect a phone" in read(admin)


def test_a_page_takes_few_questions_to_the_database_however_many_calls(admin: Client):
    keep(*(call(f"c{index:03d}", MONDAY + index) for index in range(60)))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        read(admin, "?q=101&direction=internal")
    assert len(asked) <= 12


def test_the_table_holds_all_that_fits_and_nothing_that_a_spreadsheet_would_run(admin: Client):
    keep(incoming("one", "+4930123456", '=HYPERLINK("http://x")'), call("two"), call("three", MONDAY + 1))
    answer = admin.get("/admin/calls/calls.csv?q=%2B4930123456")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == ["one"]
    assert rows[0]["caller_number"] == "'+4930123456"
    assert rows[0]["caller_name"] == '\'=HYPERLINK("http://x")'
    assert rows[0]["started"] == "2026-11-16T10:02:00+01:00"
    assert rows[0]["talked_seconds"] == "60.0"
    assert list(rows[0]) == re.findall(r"<dt><code>(\w+)</code>", read(admin))
    every = b"".join(admin.get("/admin/calls/calls.csv").streaming_content).decode()
    assert every.count("\r\n") == 4


def test_who_has_been_in_calls_is_forgotten_with_the_calls(company: Settings):
    from jackfield.history.retention import clean

    keep(incoming("old", "+49301", at=MONDAY - 400 * DAY), incoming("new", "+49302"))
    assert {"+49301", "+49302"} <= set(Party.objects.values_list("number", flat=True))
    clean(MONDAY)
    assert Call.objects.count() == 1
    assert "+49301" not in Party.objects.values_list("number", flat=True)


# --- one call -------------------------------------------------------------------------------------------------------


def one(admin: Client, id: str = "one") -> str:
    answer = admin.get(f"/admin/calls/{id}")
    assert answer.status_code == 200
    return str(answer.content.decode())


BERT = party("102", "Bert", extension="102")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"ringing": MONDAY + 1, "answered": MONDAY + 9, "ended": MONDAY + 209, "hung_up_by": "callee"},
            "Anna (101) called Bert (102) on Monday, 16 November 2026 at 10:02, it rang for 8 s, they talked for 3:20, "
            "Bert hung up.",
        ),
        ({"answered": None, "outcome": "busy", "ringing": None}, "at 10:02, Bert was busy."),
        ({"answered": None, "outcome": "no_answer"}, "it rang for 1:02, nobody answered."),
        ({"answered": None, "outcome": "cancelled", "ended": MONDAY + 6}, "it rang for 5 s, Anna gave up."),
        ({"answered": None, "outcome": "unreachable", "ringing": None}, "no phone of Bert was reachable."),
        ({"answered": None, "outcome": "rejected", "ringing": None}, "Bert refused the call."),
        ({"answered": None, "outcome": "failed", "ringing": None, "reason": "no line"}, "the call failed: no line."),
        ({"outcome": "interrupted", "hung_up_by": "system"}, "the system stopped meanwhile."),
        ({"hung_up_by": "system", "reason": "hung up by the administrator"}, "(hung up by the administrator)."),
        ({"caller": party("", "")}, "Somebody with a hidden number called Bert (102)"),
        (
            {"caller": party("+4930123456", trunk="Provider"), "direction": "in", "dialed": "49305550101"},
            "+4930123456 called Bert (102) on Monday, 16 November 2026 at 10:02 under 49305550101",
        ),
    ],
)  # fmt: skip
def test_a_call_is_told_in_one_sentence(admin: Client, changes: dict[str, Any], told: str):
    keep(call("one", called=BERT) | changes)
    sentence = re.search(r'<p class="told">(.*?)</p>', one(admin))[1]
    assert told in sentence


def test_a_call_that_goes_on_leads_to_where_it_can_be_watched(admin: Client):
    begun = {"id": "one", "kind": "call_started", "data": record("one", started=MONDAY).beginning()}
    store([begun], MONDAY)
    page = one(admin)
    assert "and the call goes on." in page
    assert 'href="/admin/active/"' in page
    assert "Going on" in read(admin)


def test_the_journal_is_told_with_links_to_the_settings_it_names(admin: Client):
    journal = [
        {"at": MONDAY, "text": "101 dials 102", "link": ""},
        {"at": MONDAY + 0.25, "text": "102 is extension 102 <Bert>", "link": "extensions/102"},
        {"at": MONDAY + 0.5, "text": "the caller is shown as 5", "link": "inbound"},
        {"at": MONDAY + 1, "text": "something new", "link": "unheard-of/1"},
    ]
    keep(call("one", journal=journal))
    page = one(admin)
    assert "10:02:00.250" in page
    chip = '<a class="chip" href="/admin/setting/extensions/102">extension 102</a>'
    assert f"102 is extension 102 &lt;Bert&gt; {chip}" in page
    assert '<a class="chip" href="/admin/setting/inbound">Incoming' in page
    assert "unheard-of" not in page


def test_each_leg_is_shown_with_its_phone_and_the_quality_in_words(admin: Client):
    made = call("one", called=BERT)
    fine = {"packets_in": 1000, "packets_out": 1000, "lost": 0, "jitter_ms": 3.0, "rtt_ms": 20.0, "mos": 4.3}
    poor = {
        "packets_in": 950, "packets_out": 1000, "lost": 50, "lost_out": 20, "jitter_ms": 61.0, "jitter_out_ms": 30.0,
        "rtt_ms": 400.0, "mos": 2.4,
    }  # fmt: skip
    made["legs"][0] |= {
        "media": fine,
        "user_agent": "Yealink SIP-T46S",
        "address": "TLS 192.0.2.7:5061",
        "name": "Anna",
    }
    made["legs"][1] |= {"media": poor, "secure": True, "codec": "opus", "name": "Bert"}
    keep(made)
    page = one(admin)
    first, second = page.split('aria-label="Caller: Anna"')[1].split('aria-label="Called: Bert"')
    assert "good quality" in first
    assert "Yealink SIP-T46S" in first
    assert "signalling encrypted" in first
    assert "bad quality" in second
    assert "opus, encrypted" in second
    for figure in ("5.0 %", "2.0 %", "61.0 ms", "400 ms", "2.4 of 4.5"):
        assert figure in second
    assert "parts of what was said were missing" in second


def test_a_party_of_whom_nothing_was_heard_is_pointed_out(admin: Client):
    made = call("one", called=BERT)
    made["legs"][1] |= {"name": "Bert", "media": {"packets_in": 0, "packets_out": 500, "mos": 0}}
    keep(made)
    assert "nothing of what Bert said arrived here" in one(admin)


def test_the_timeline_has_a_bar_for_each_part_and_a_table_that_says_the_same(admin: Client):
    made = call("one", called=BERT)
    made["legs"][1] |= {"invited": MONDAY, "ringing": MONDAY + 1, "answered": MONDAY + 3, "ended": MONDAY + 63}
    keep(made)
    picture = re.search(r'<svg[^>]*class="timeline">.*?</svg>', one(admin), re.DOTALL)[0]
    assert re.findall(r'<rect class="(\w+)"', picture) == ["wait", "talk", "wait", "ring", "talk"]
    assert "<td>1 s</td><td>2 s</td><td>1:00</td>" in one(admin)


INVITE = (
    b"INVITE sip:102@host SIP/2.0\r\nCall-ID: c1\r\nCSeq: 2 INVITE\r\nAuthorization: Digest response=secret1\r\n"
    b"Content-Type: application/sdp\r\n\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret2\r\n"
)


def traced(monkeypatch: pytest.MonkeyPatch, kept: bool = True) -> None:
    """Let the pages ask a switch that still has the messages of the call "one"."""
    import asyncio
    from collections import namedtuple
    from pathlib import Path
    from types import SimpleNamespace

    import msgspec

    from jackfield.capture import Recorder
    from jackfield.console.web.history import call as view
    from jackfield.switch.commands import Commands

    flow = namedtuple("flow", "transport local remote")
    anna, bert = (flow("UDP", ("192.0.2.1", 5060), (f"192.0.2.{number}", 5060)) for number in (7, 8))
    recorder = Recorder(1 << 20, now=iter([MONDAY, MONDAY + 0.02, MONDAY + 0.5]).__next__)
    if kept:
        recorder.record(INVITE, anna, "in")
        recorder.record(INVITE.replace(b"c1", b"c2"), bert, "out")
        recorder.record(b"SIP/2.0 486 Busy Here\r\nCall-ID: c2\r\nCSeq: 1 INVITE\r\n\r\n", bert, "in")
    phones = SimpleNamespace(watchers=[])
    switch: Any = SimpleNamespace(calls={}, recent=[("one", {"c1": "101", "c2": "102"})], registrar=phones)
    commands = Commands(switch, recorder, stop=lambda: None, path=Path())

    def ask(socket: Path, do: str, *, timeout: float, **request: Any) -> Any:
        answer = msgspec.json.encode(asyncio.run(getattr(commands, do)(request)))
        return msgspec.json.decode(answer)

    monkeypatch.setattr(view, "ask_sync", ask)


@pytest.mark.plain_python
def test_the_ladder_shows_who_sent_what_without_what_could_be_used_again(
    admin: Client, monkeypatch: pytest.MonkeyPatch
):
    traced(monkeypatch)
    keep(call("one"))
    page = one(admin)
    assert page.count("marker-end=") == 3
    assert "after 0.000 s, 101 to Jackfield: INVITE" in page
    assert "after 0.500 s, 102 to Jackfield: 486 Busy Here (INVITE)" in page
    assert "secret1" not in page
    assert "secret2" not in page
    answer = admin.get("/admin/calls/one/call.pcap")
    assert answer.content.startswith(b"\xd4\xc3\xb2\xa1")
    assert b"486 Busy Here" in answer.content


@pytest.mark.plain_python
def test_who_may_only_read_gets_no_file_with_keys(signed_in: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch):
    traced(monkeypatch)
    keep(call("one"))
    reader = signed_in("reader")
    assert "call.pcap" not in one(reader)
    assert reader.get("/admin/calls/one/call.pcap").status_code == 403


@pytest.mark.plain_python
def test_messages_that_are_not_kept_any_more_are_said_to_be_gone(admin: Client, monkeypatch: pytest.MonkeyPatch):
    keep(call("one"))
    assert "because the switch is not running" in one(admin)
    traced(monkeypatch, kept=False)
    assert "are not kept any more" in one(admin)
    assert admin.get("/admin/calls/one/call.pcap").status_code == 404


def test_a_call_that_is_not_there_is_said_to_be_gone(admin: Client):
    answer = admin.get("/admin/calls/unknown")
    assert answer.status_code == 404
    assert "older than calls are kept" in answer.content.decode()


# --- statistics -----------------------------------------------------------------------------------------------------


def cells(page: str, table: str) -> dict[str, list[str]]:
    """Return the rows of a table by their first cell."""
    inner = re.search(rf'id="{table}"(.*?)</table>', page, re.DOTALL)[1]
    found = {}
    for row in re.findall(r"<tr>(<th scope=\"row\".*?)</tr>", inner, re.DOTALL):
        texts = [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        found[texts[0]] = texts[1:]
    return found


def figures(admin: Client, query: str) -> str:
    answer = admin.get(f"/admin/statistics/?{query}")
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def week() -> None:
    """Four calls from Monday to Wednesday."""
    statistics._known.clear()
    missed = {"answered": None, "outcome": "no_answer"}
    keep(
        call("a"),
        call("b", MONDAY + 60, **missed),
        incoming("c", "+4930123456", at=MONDAY + 2 * DAY),
        call("d", MONDAY + 13.9 * 3600, called=party("+4930", trunk="Provider"), direction="out", dialed="004930"),
    )


def test_calls_are_counted_by_day_and_hour_of_the_companys_zone(admin: Client, week: None):
    page = figures(admin, "since=2026-11-16&until=2026-11-18")
    by_day = cells(page, "over-time-table")
    assert by_day["Mon 16 Nov"] == ["3", "2", "1", "3,0 s", "1:00"]
    assert by_day["Tue 17 Nov"] == ["0", "0", "0", "–", "–"]
    assert by_day["Wed 18 Nov"][0] == "1"
    by_hour = cells(page, "by-hour-table")
    assert {hour: row[0] for hour, row in by_hour.items() if row[0] != "0"} == {"10:00": "3", "23:00": "1"}
    assert "<dd>4</dd>" in page
    assert "75 %" in page


def test_one_day_is_told_by_the_hour(admin: Client, week: None):
    by_hour = cells(figures(admin, "since=2026-11-16&until=2026-11-16"), "over-time-table")
    assert len(by_hour) == 24
    assert by_hour["10:00"][:3] == ["2", "1", "1"]


def test_a_long_time_is_told_by_the_month(admin: Client, week: None):
    by_month = cells(figures(admin, "since=2025-01-01&until=2026-12-31"), "over-time-table")
    assert len(by_month) == 24
    assert by_month["November 2026"][0] == "4"


def test_extensions_and_trunks_are_told_with_what_they_made_and_got(admin: Client, week: None):
    page = figures(admin, "since=2026-11-16&until=2026-11-18")
    extensions = cells(page, "extensions")
    assert extensions["101 Anna"] == ["", "3", "1", "1", "0", "3,0 s", "3:00"]
    assert extensions["102 Bert"] == ["", "0", "2", "1", "1", "3,0 s", "1:00"]
    assert cells(page, "trunks")["Provider"] == ["", "1", "100 %", "1", "100 %", "2:00"]
    assert "/admin/calls/?extension=101&since=2026-11-16&until=2026-11-18" in page
    assert cells(page, "ends")["No answer"] == ["1", "25,0 %"]


def test_a_time_without_calls_and_days_that_make_no_sense_are_said(admin: Client, week: None):
    assert "There were no calls in this time" in figures(admin, "since=2020-01-01&until=2020-01-02")
    assert "The first day must come before" in figures(admin, "since=2026-02-01&until=2026-01-01")
    assert "Days are written as" in figures(admin, "since=x")
    assert 'href="?period=today"' in figures(admin, "period=today")


def test_figures_are_the_same_on_every_database(settings: Settings):
    import datetime

    from jackfield.console.web.history.figures import figures as added_up

    keep(call("a"), call("b", MONDAY + 1500), incoming("c", "+49301", at=MONDAY + DAY))
    found = added_up(datetime.date(2026, 11, 16), datetime.date(2026, 11, 17), ZoneInfo("Asia/Kolkata"))
    assert [(label, tally.calls) for label, tally in found.over_time if tally.calls] == [
        ("Mon 14:00", 2), ("Tue 14:00", 1),
    ]  # fmt: skip
    assert [(number, ends.made.calls, ends.got.calls) for number, ends in found.extensions] == [
        ("101", 2, 1), ("102", 0, 2),
    ]  # fmt: skip


def test_calls_are_found_on_every_database(settings: Settings):
    keep(*(call(f"c{index}", MONDAY + index) for index in range(5)), incoming("in", "+4930123456", "Clara Müller"))
    for given, expected in (
        ({"q": "muller"}, ["in"]),
        ({"extension": "102"}, ["c4", "c3", "c2", "c1", "c0"]),
        ({"least": "60", "direction": "in"}, ["in"]),
        ({"trunk": "Provider", "since": "2026-11-16"}, ["in"]),
    ):
        looked = search.Search.read(given, "Europe/Berlin")
        assert [row.id for row in looked.page().rows] == expected
        assert looked.count() == (len(expected), True)


def test_numbers_of_contacts_have_their_names_for_one_question_more(admin: Client):
    from jackfield.contacts.models import Contact, ContactNumber

    admin.post("/admin/settings/", {})
    keep(incoming("one", "001715550101", "NETWORK NAME"), call("two"))
    with CaptureQueriesContext(connection) as without:
        assert "NETWORK NAME" in read(admin)
    carla = Contact.objects.create(name="Carla Dorn")
    ContactNumber.objects.create(contact=carla, number="0171 5550101", known_as="+491715550101")
    with CaptureQueriesContext(connection) as named:
        page = read(admin)
    assert "Carla Dorn" in page
    assert "NETWORK NAME" not in page
    assert len(named) <= len(without)
    assert sum("contactnumber" in one["sql"] for one in named) == 1
    assert "Carla Dorn (001715550101) called Anna (101)" in one(admin, "one")


def test_who_hid_his_number_is_told_as_hidden(admin: Client):
    caller = party("001715550101", "Carla", trunk="Provider") | {"anonymous": True}
    keep(incoming("one", "") | {"caller": caller}, incoming("two", "001715550102") | {"caller": party("", "")})
    page = read(admin)
    assert page.count("hidden number") == 2
    assert "5550101" not in page.replace("49305550101", "")
    assert "Somebody with a hidden number called Anna (101)" in one(admin, "one")
    answer = admin.get("/admin/calls/calls.csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text))}
    assert (rows["one"]["caller_hidden"], rows["two"]["caller_hidden"]) == ("True", "False")
