"""Phones of an extension: the first on the extension itself, more under `lines`."""

from __future__ import annotations

import pytest

from jackfield.console import api
from jackfield.numbers.models import Line
from jackfield.settings import Settings


def names(number: str = "201") -> list[str]:
    return [line.sip_username for line in Line.objects.filter(extension__number=number)]


def apply(settings: Settings, fields: str, *, prune: bool = False) -> api.Difference:
    return api.apply(settings, f"extensions: [{{number: 201, {fields}}}]", prune=prune)


def test_the_first_line_and_more_of_them(settings: Settings):
    apply(settings, "sip_username: desk, lines: [{sip_username: mobile, behind_nat: always}]")
    assert names() == ["desk", "mobile"]
    assert Line.objects.get(sip_username="mobile").behind_nat == "always"


def test_all_lines_may_stand_below_lines(settings: Settings):
    apply(settings, "lines: [{sip_username: a, name: desk}, {sip_username: b}]")
    assert names() == ["a", "b"]


def test_an_extension_may_have_no_phone(settings: Settings):
    apply(settings, "lines: [], forward_always: 202")
    assert names() == []
    assert apply(settings, "name: Anna").counts["create"] == 0
    assert names() == []


def test_another_name_on_the_extension_renames_its_first_line(settings: Settings):
    apply(settings, "sip_username: old, sip_password: keep-this-one")
    difference = apply(settings, "sip_username: new")
    assert "sip_username: old → new" in difference.text
    line = Line.objects.get()
    assert (line.sip_username, line.sip_password) == ("new", "keep-this-one")


def test_another_name_below_lines_is_another_line(settings: Settings):
    apply(settings, "lines: [{sip_username: a}]")
    apply(settings, "lines: [{sip_username: b}]")
    assert sorted(names()) == ["a", "b"]
    difference = apply(settings, "lines: [{sip_username: b}]", prune=True)
    assert names() == ["b"]
    assert "- lines 201/a" in difference.text


def test_a_line_is_found_by_its_own_name(settings: Settings):
    apply(settings, "lines: [{name: desk}, {name: mobile}]")
    first, second = names()
    apply(settings, "lines: [{name: mobile, max_contacts: 1}, {name: desk}]")
    assert names() == [second, first]
    assert Line.objects.get(sip_username=second).max_contacts == 1


def test_a_line_is_found_by_its_place(settings: Settings):
    apply(settings, "lines: [{dtmf: info}, {dtmf: inband}]")
    before = names()
    difference = apply(settings, "lines: [{dtmf: auto}, {}]")
    assert names() == before
    assert difference.counts == {"create": 0, "change": 1, "remove": 0}


def test_two_lines_may_swap_their_names(settings: Settings):
    api.apply(settings, "extensions: [{number: 201, sip_username: a}, {number: 202, sip_username: b}]")
    api.apply(settings, "extensions: [{number: 201, sip_username: b}, {number: 202, sip_username: a}]")
    assert (names("201"), names("202")) == (["b"], ["a"])


def test_the_order_of_lines_is_that_of_the_document(settings: Settings):
    apply(settings, "lines: [{sip_username: a}, {sip_username: b}, {sip_username: c}]")
    difference = apply(settings, "lines: [{sip_username: c}, {sip_username: a}]")
    assert names() == ["c", "a", "b"]
    assert "lines: [a, b, c] → [c, a, b]" in difference.text
    assert not apply(settings, "lines: [{sip_username: c}, {sip_username: a}]")


def test_with_prune_only_the_lines_that_are_named_stay(settings: Settings):
    apply(settings, "sip_username: a, srtp: required, lines: [{sip_username: b}]")
    apply(settings, "name: Anna", prune=True)
    assert names() == ["a"]
    assert Line.objects.get().srtp == "offered"


def test_a_line_problem_names_its_place(sqlite: Settings):
    with pytest.raises(api.DocumentError) as error:
        apply(sqlite, "lines: [{sip_username: a}, {sip_username: a}, {sip_username: 'b c', max_contacts: 0}]")
    assert [problem.path for problem in error.value.problems] == [
        "extensions[0].lines[2].sip_username",
        "extensions[0].lines[2].max_contacts",
        "extensions[0].lines[1].sip_username",
    ]
