"""Time ranges, holidays and permissions on pages: edited in rows, switched by hand, filled by country, kept in use."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from jackfield.company.models import Holidays, TimeRange
from jackfield.console import api
from jackfield.control import ControlError, ControlServer
from jackfield.numbers.models import Extension, Permission
from jackfield.settings import Settings
from jackfield.switch.snapshot import Day, PermissionRule, WeeklyHours
from jackfield.switch.snapshot import read as read_snapshot

from .conftest import As
from .test_live import text_of
from .test_things import form_of

OFFICE: dict[str, Any] = {
    "name": "Office", "open": True, "why": "", "state": "automatic", "until": None, "by": "", "open_by_hours": True,
    "next_change": 1_795_446_000.0,
}  # fmt: skip


class Switch:
    """What of the switch these pages ask, on its control socket."""

    def __init__(self, settings: Settings) -> None:
        self.rows = [dict(OFFICE)]
        self.asked: list[dict[str, Any]] = []
        verbs = {"time_ranges": self.time_ranges, "switch_hours": self.switch_hours}
        self.server = ControlServer(settings.files.switch_socket, verbs)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    async def time_ranges(self, request: Any) -> Any:
        return self.rows

    async def switch_hours(self, request: Any) -> Any:
        self.asked.append(request)
        if request["name"] != "Office":
            raise ControlError(f'there is no time range "{request["name"]}"')
        opened = request["state"] != "closed"
        self.rows = [OFFICE | {"state": request["state"], "open": opened, "by": request["by"]}]
        return self.rows[0]

    def wait(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(5)


@pytest.fixture
def switch(company: Settings) -> Iterator[Switch]:
    made = Switch(company)
    made.thread.start()
    made.wait(made.server.start())
    yield made
    made.wait(made.server.close())
    made.loop.call_soon_threadsafe(made.loop.stop)
    made.thread.join(5)
    made.loop.close()


def pk_of(name: str) -> int:
    return int(TimeRange.objects.get(name=name).pk)


# --- editing ----------------------------------------------------------------------------------------------------------


def test_hours_are_rows_of_days_and_times_that_need_no_script(admin: Client):
    address = f"/admin/time_ranges/{pk_of('Office')}"
    page = admin.get(address).content.decode()
    assert page.count('name="weekly.0.days" value="') == 7
    assert len(re.findall(r'name="weekly.0.days" value="\w+" checked', page)) == 5
    form = form_of(page) | {"weekly.1.days": ["sat"], "weekly.1.start": ["9"], "weekly.1.end": ["2:30"]}
    assert admin.post(address, form).status_code == 302
    row = TimeRange.objects.get(name="Office")
    assert row.weekly[1] == WeeklyHours(days=("sat",), start="09:00", end="02:30"), "over midnight"
    form = form_of(admin.get(address).content.decode()) | {"weekly.0.remove": ["yes"]}
    assert admin.post(address, form).status_code == 302
    assert [one.days for one in TimeRange.objects.get(name="Office").weekly] == [("sat",)]


def test_what_is_wrong_with_hours_is_told_in_words(admin: Client):
    address = f"/admin/time_ranges/{pk_of('Office')}"
    form = form_of(admin.get(address).content.decode())
    answer = admin.post(address, form | {"weekly.0.start": ["morning"]})
    assert answer.status_code == 422
    assert "is no time of day: write it as 08:30" in text_of(answer)
    answer = admin.post(address, form | {"except_on": ["No such list"]})
    assert "There is no list of holidays" in text_of(answer)
    assert TimeRange.objects.get(name="Office").weekly[0].start == "08:00"


def test_a_permission_s_rules_are_edited_and_reach_the_switch(admin: Client, company: Settings):
    address = f"/admin/permissions/{Permission.objects.get(name='Hall').pk}"
    form = form_of(admin.get(address).content.decode())
    more = {"rules.1.calls": ["route"], "rules.1.only": ["Outside"], "rules.1.allow": ["yes"]}
    assert admin.post(address, form | more).status_code == 302
    assert Permission.objects.get(name="Hall").rules[1] == PermissionRule(calls="route", only="Outside", allow=True)
    wrong = admin.post(address, form | more | {"rules.1.only": ["Elsewhere"]})
    assert "There is no outgoing route" in text_of(wrong)
    extension = Extension.objects.get(number="101")
    address = f"/admin/extensions/{extension.pk}"
    form = form_of(admin.get(address).content.decode())
    form |= {"permission": ["Hall"], "hours": ["Office"], "forward_closed": ["102"]}
    assert admin.post(address, form).status_code == 302
    found = read_snapshot(company.files.snapshot)
    assert found.numbers["101"].permission == "Hall"
    assert found.numbers["101"].forward_closed == "102"
    assert found.numbering.country_code == "49"
    assert "15" in {one[:2] for one in found.numbering.mobile}


def test_what_is_in_use_is_not_removed_and_says_by_whom(admin: Client, company: Settings):
    api.apply(company, "extensions: [{number: 101, hours: Office, forward_closed: 102, permission: Hall}]")
    for section, pk, users in (
        ("time_ranges", pk_of("Office"), ("extension 101", "permission Hall")),
        ("holidays", Holidays.objects.get().pk, ("time range Office",)),
        ("permissions", Permission.objects.get().pk, ("extension 101",)),
    ):
        page = text_of(admin.get(f"/admin/{section}/{pk}/remove"))
        for user in users:
            assert user in page, (section, user)
        answer = admin.post(f"/admin/{section}/{pk}/remove", {"uses": "leave"})
        assert answer.status_code == 422
        assert "is to be removed, but is used here" in text_of(answer)
        assert admin.get(f"/admin/{section}/{pk}").status_code == 200


def test_another_name_is_followed_and_another_thing_takes_its_place(admin: Client, company: Settings):
    api.apply(
        company,
        "time_ranges: [{name: Shop, weekly: [{days: [sat], start: '09:00', end: '12:00'}]}]\n"
        "outbound: [{name: Outside, hours: Office}]",
    )
    address = f"/admin/holidays/{Holidays.objects.get().pk}"
    form = form_of(admin.get(address).content.decode()) | {"name": ["Bavaria"], "follow": ["yes"]}
    assert admin.post(address, form).status_code == 302
    assert TimeRange.objects.get(name="Office").except_on == ("Bavaria",)
    answer = admin.post(f"/admin/time_ranges/{pk_of('Office')}/remove", {"uses": "other", "other": "Shop"})
    assert answer.status_code == 302, text_of(answer)
    assert Permission.objects.get().rules[0].hours == "Shop"
    assert api.export(company).count("hours: Shop") == 2


def test_an_undone_change_brings_hours_back(admin: Client, company: Settings):
    from jackfield.changes.models import Revision
    from jackfield.console.change import Author, undo

    before = api.export(company, secrets=True)
    api.apply(company, "time_ranges: [{name: Office, except_on: []}, {name: Late, weekly: [{days: [mon]}]}]")
    assert api.export(company, secrets=True) != before
    undo(company, Revision.objects.latest("pk"), author=Author("a test", "undo"))
    assert api.export(company, secrets=True) == before


def test_explanations_lead_to_hours_and_permissions_and_the_dial_plan_names_them(admin: Client, company: Settings):
    assert admin.get("/admin/setting/time_ranges/Office")["Location"] == f"/admin/time_ranges/{pk_of('Office')}"
    permission = Permission.objects.get().pk
    assert admin.get("/admin/setting/permissions/Hall")["Location"] == f"/admin/permissions/{permission}"
    api.apply(company, "services: [{number: '*28', kind: night, name: Night, hours: Office}]")
    assert "*28 service Office Night" in text_of(admin.get("/admin/dialplan/"))


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_the_overview_shows_what_is_open_and_closes_it_by_one_button(admin: Client, switch: Switch):
    page = admin.get("/admin/").content.decode()
    assert f'<a href="/admin/time_ranges/{pk_of("Office")}">Office</a>' in page
    assert "Close now" in page
    form = {"name": "Office", "state": "closed", "until": "change", "back": "overview"}
    answer = admin.post("/admin/hours/switch", form)
    assert answer["Location"] == "/admin/"
    assert switch.asked == [{"name": "Office", "state": "closed", "until": "change", "by": "the-administrator"}]
    page = text_of(admin.get("/admin/"))
    assert "Office is closed now." in page
    assert "Switched by the-administrator, until it is switched back" in page
    admin.post("/admin/hours/switch", {"name": "Office", "state": "automatic"})
    assert "Office goes by its hours again." in text_of(admin.get("/admin/hours/"))


def test_it_can_be_switched_until_a_time(admin: Client, switch: Switch):
    form = {"name": "Office", "state": "open", "until": "time", "at": ""}
    admin.post("/admin/hours/switch", form)
    assert "say until when" in text_of(admin.get("/admin/hours/"))
    admin.post("/admin/hours/switch", form | {"at": "2026-11-23T18:00"})
    assert [one["until"] for one in switch.asked] == ["2026-11-23T18:00"]
    admin.post("/admin/hours/switch", form | {"name": "Shop", "until": ""})
    assert "there is no time range" in text_of(admin.get("/admin/hours/"))
    assert admin.get("/admin/hours/switch").status_code == 302


def test_who_only_looks_has_no_buttons_and_without_a_switch_the_page_says_so(signed_in: As, switch: Switch):
    reader = signed_in("reader")
    page = reader.get("/admin/hours/").content.decode()
    assert "Office" in page
    assert "Close now" not in page
    assert reader.post("/admin/hours/switch", {"name": "Office", "state": "closed"}).status_code == 403
    assert not switch.asked


def test_without_a_switch_the_page_says_so(admin: Client):
    assert "The switch does not run" in text_of(admin.get("/admin/hours/"))


# --- holidays ---------------------------------------------------------------------------------------------------------


def test_a_list_is_filled_with_the_holidays_of_a_country_s_part(admin: Client):
    row = Holidays.objects.get()
    address = f"/admin/holidays/{row.pk}/fill"
    asked = {"country": "DE", "region": "BY", "first": "2026", "last": "2028"}
    page = text_of(admin.get(address, asked))
    assert "2026-01-06" in page, "a holiday of Bavaria, not of all Germany"
    assert "Bayern" in page
    answer = admin.post(address, asked | {"add": "yes"})
    assert answer["Location"] == f"/admin/holidays/{row.pk}"
    found = Holidays.objects.get()
    firsts = [one.first for one in found.dates]
    assert firsts == sorted(firsts)
    assert {"2026-01-06", "2027-10-03", "2028-11-01"} <= set(firsts)
    assert Day(first="2026-12-25", last="2026-12-26", yearly=True, name="Christmas") in found.dates, "what was there"
    again = admin.get(address, asked).content.decode()
    assert 'value="yes" disabled' in again, "there is nothing more to add"


def test_a_new_list_is_made_and_years_must_make_sense(admin: Client):
    assert "2026" in text_of(admin.get("/admin/holidays/fill?country=CZ&first=2026&last=2026"))
    form = {"country": "CZ", "first": "2026", "last": "2026", "name": "Czech", "add": "yes"}
    assert admin.post("/admin/holidays/fill", form).status_code == 302
    assert len(Holidays.objects.get(name="Czech").dates) == 13
    for wrong in ({"last": "2099"}, {"first": "2030"}, {"country": "XX"}):
        answer = admin.post("/admin/holidays/fill", form | {"name": "Other"} | wrong)
        assert answer.status_code == 422, wrong
        assert "There are no such holidays" in text_of(answer)
    assert admin.post("/admin/holidays/fill", form | {"name": "\x00"}).status_code == 422
    assert admin.get("/admin/holidays/999/fill").status_code == 404
