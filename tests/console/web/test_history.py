"""The call history: what is found, how it is shown, and what a table of it holds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jackfield.console.web.history import search
from jackfield.history.models import Call, Party
from jackfield.settings import Settings

from .history_records import DAY, MONDAY, call, incoming, keep, one, party, read

Keep = Callable[..., None]


def shown(page: str) -> list[str]:
    """Return the ids of the calls on a page, in their order."""
    return re.findall(r'<tr data-href="/admin/calls/(\w+)"', page)


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
