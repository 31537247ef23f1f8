"""The night switch by the API, with the switch that the pages' tests play."""

from __future__ import annotations

from ..web.test_hours import Switch, switch
from .conftest import Make

__all__ = ["switch"]


def test_a_program_reads_the_hours_and_switches_them(program: Make, switch: Switch):
    (office,) = program().get("live/hours").json()["items"]
    assert (office["name"], office["state"], office["open"]) == ("Office", "automatic", True)
    answer = program().put("live/hours/Office", {"state": "closed", "until": "change"})
    assert answer.status_code == 200
    assert answer.json()["open"] is False
    assert switch.asked[0]["until"] == "change"


def test_what_can_t_be_done_is_a_problem_with_the_field(program: Make, switch: Switch):
    assert program().put("live/hours/Shop", {"state": "open"}).status_code == 404
    answer = program().put("live/hours/Office", {"state": "ajar", "until": 7, "for": "ever"})
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["for", "state", "until"]
    assert not switch.asked


def test_who_may_only_look_switches_nothing(program: Make, switch: Switch):
    assert program("reader").get("live/hours").status_code == 200
    assert program("reader").put("live/hours/Office", {"state": "open"}).status_code == 403


def test_without_a_switch_the_program_is_told_to_come_back(program: Make):
    assert program().get("live/hours").status_code == 503


def test_public_holidays_are_there_for_the_asking(program: Make):
    found = program().get("public_holidays/DE?region=BY&first=2026&last=2027").json()["items"]
    assert {"first": "2026-01-06", "name": "Epiphany"} in found
    assert {one["first"][:4] for one in found} == {"2026", "2027"}
    assert program().get("public_holidays/DE?first=2026&language=de").json()["items"][0]["name"] == "Neujahr"
    assert program().get("public_holidays/XX").status_code == 404


def test_permissions_and_time_ranges_are_things_like_others(program: Make):
    listed = program().get("permissions").json()["items"]
    assert listed[0]["rules"] == [{"calls": "national", "allow": True, "hours": "Office"}]
    path = "time_ranges/Office"
    answer = program().patch(path, {"weekly": [{"days": ["mon"], "start": "8", "end": "17:30"}]})
    assert answer.status_code == 200, answer.content
    assert program().get(path).json()["weekly"] == [{"days": ["mon"], "start": "08:00", "end": "17:30"}]
    wrong = program().patch(path, {"except_on": ["Nowhere"]})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"].startswith("except_on")
    assert program().delete(path).status_code in (409, 422), "it is used by a permission"
