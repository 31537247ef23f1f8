"""The pages of sites: what a line carries now, and what calls would take of one."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from jackfield.console import live
from jackfield.console.asgi import STREAMS
from jackfield.console.web import live_columns, sites
from jackfield.control import ControlError, NotRunning

PHONE = {
    "extension": "101", "name": "Anna", "model": "Yealink T46U", "user_agent": "", "address": "203.0.113.7:5060",
    "transport": "UDP", "reachable": True,
}  # fmt: skip
NOW: dict[str, Any] = {
    "name": "Brno", "limit_up": 200, "limit_down": 2000, "up": 160.0, "down": 160.0, "calls": 2, "direct": 2,
    "codecs": {"pcma": 2}, "refused": 3, "smaller": 5, "phones": [PHONE],
}  # fmt: skip


def words(answer: Any) -> str:
    """The page as people read it."""
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return said


def site_page(admin: Client) -> Any:
    from jackfield.sites.models import Site

    return admin.get(f"/admin/sites/{Site.objects.get().pk}/now")


def test_the_planner_says_what_calls_take_and_how_many_fit(admin: Client) -> None:
    answer = admin.get("/admin/sites/bandwidth?calls=20&security=80&line=1000")
    said = words(answer)
    assert "20 calls at once" in said
    assert re.search(r"G.711 A-law 210 84,0 1.680,0 11 too few", said)
    assert re.search(r"GSM full rate 83 33,2 664,0 30 ", said)


def test_codecs_that_have_no_such_packets_are_left_out_and_named(admin: Client) -> None:
    said = words(admin.get("/admin/sites/bandwidth?ptime=30"))
    assert "Not with packets of 30 ms: GSM full rate, Speex." in said
    assert "iLBC 90" in said


@pytest.mark.parametrize(("query", "problem"), [
    ("calls=many", "Calls at once: give a number from 1 to 100000"), ("line=-1", "Line: give a number"),
    ("layer=atm", "is no layer"), ("security=rot13", "is no encryption"), ("ptime=25", "25 ms is not a multiple"),
    ("opus=1", "Opus: give a number from 6 to 510"),
    ("ip=5", "no version 5 of IP"),
])  # fmt: skip
def test_what_can_not_be_reckoned_is_told(admin: Client, query: str, problem: str) -> None:
    answer = admin.get(f"/admin/sites/bandwidth?{query}")
    assert answer.status_code == 422
    assert problem in words(answer)


def test_the_site_shows_what_it_uses_beside_what_fits(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "switch_says", lambda verb, **more: ([NOW], ""))
    answer = site_page(admin)
    said = words(answer)
    assert "160,0 of 200" in said
    assert "80 % of the line is in use" in said
    assert "G.711 A-law: 2" in said
    assert "directly, without the line: 2" in said
    assert "Refused today 3" in said
    assert "Smaller codec today 5" in said
    assert re.search(r"G.711 A-law 80,0 84,0 2 0 ", said), "two calls fit, none more now"
    assert re.search(r"GSM full rate 29,2 33,2 6 1 ", said)
    assert "Yealink T46U" in said
    assert 'href="/admin/number/101"' in answer.content.decode()


def test_the_plan_stands_there_while_the_switch_does_not_run(admin: Client) -> None:
    said = words(site_page(admin))
    assert "The switch does not run" in said
    assert "GSM full rate 29,2" in said


def test_a_site_that_is_gone_is_said_to_be(admin: Client) -> None:
    assert "somebody removed it" in words(admin.get("/admin/sites/99999/now"))


async def said_in_time(row: sites.Shown, answers: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a browser that watches is sent while the switch answers so, one after another."""

    async def ask(socket: Path, verb: str, **more: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [answer]

    async def at_once(_: float) -> None:
        return None

    class Hub:
        def listen(self) -> Any:
            listener = live.Listener(lambda: None)
            listener.ended = False
            return contextlib.nullcontext(listener)

    monkeypatch.setattr(sites, "ask", ask)
    monkeypatch.setattr(asyncio, "sleep", at_once)
    monkeypatch.setattr(live, "hub", Hub)
    said = sites._messages(row, Path("nowhere"), "en")
    return [(await anext(said)).decode() for _ in range(len(answers))]


def test_a_page_that_is_watched_shows_what_changes_and_a_switch_that_stops(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = sites.Shown(1, "Brno", 200, "ip", (), 0)
    over = NOW | {"up": 240.0, "measured_up": 151.3}
    removed = ControlError('there is no site "Brno"')
    first, same, more, gone, back, lost = asyncio.run(
        said_in_time(row, [NOW, NOW, over, NotRunning("no"), over, removed], monkeypatch)
    )
    assert "This site is not there any more: somebody removed or renamed it." in lost
    assert first.startswith("event: site\ndata: ")
    assert "80 % of the line" in first
    assert "measured" not in first.partition("What fits")[0]
    assert same == ": still here\n\n"
    assert "120 % of the line" in more
    assert "more than it carries" in more
    assert "measured: 151" in more
    assert "The switch does not run" in gone
    assert '"html":""' in gone, "what was known stays"
    assert "120 % of the line" in back


def test_only_programs_that_take_events_get_the_stream_of_a_site(admin: Client) -> None:
    from jackfield.sites.models import Site

    address = f"/admin/sites/live?site={Site.objects.get().pk}"
    assert admin.get(address).status_code == 406
    page = site_page(admin).content.decode()
    assert f'data-site="{address}"' in page
    assert address.partition("?")[0] in STREAMS, "else it would take a thread away from other pages, for good"
    for none in ("99999", "", "x", "9" * 99):
        assert admin.get(f"/admin/sites/live?site={none}", headers={"accept": "text/event-stream"}).status_code == 204


def test_the_list_shows_how_full_each_line_is(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_columns, "ask_sync", lambda *_, **more: [NOW])
    answer = admin.get("/admin/sites/").content.decode()
    assert '<span class="chip warning" title="2 calls">160 of 200 kbit/s</span>' in answer


def test_extensions_choose_among_the_sites_that_there_are(admin: Client) -> None:
    from jackfield.numbers.models import Extension

    page = admin.get(f"/admin/extensions/{Extension.objects.first().pk}").content.decode()
    assert '<option value="Brno"' in page


def test_a_line_without_a_limit_is_said_to_have_none(admin: Client) -> None:
    from jackfield.sites.models import Site

    Site.objects.update(bandwidth_up=0)
    said = words(admin.get("/admin/sites/"))
    assert "no limit" in said
    assert " 0 kbit/s" not in said.replace("Uses now", "")


def test_the_planner_knows_the_newer_addresses_and_draws_the_line(admin: Client) -> None:
    answer = admin.get("/admin/sites/bandwidth?ip=6&line=1000&calls=10")
    assert re.search(r"G.711 A-law 220 88,0 880,0 11 ", words(answer))
    assert 'data-mark="1000" data-mark-label="Line, 1000 kbit/s"' in answer.content.decode()
