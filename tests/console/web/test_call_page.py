"""One call of the history: its sentence, journal, legs, timeline and ladder."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from jackfield.history.storing import store

from ..records import record
from .history_records import BERT, MONDAY, call, keep, one, party, read


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
