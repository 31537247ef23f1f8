# ruff: noqa: E501 - a table reads best with one case per line
"""YAML as written: lines, scalars as they stand, and problems of form."""

from __future__ import annotations

import pytest

from jackfield.console.declarative import document, reading
from jackfield.console.declarative.difference import DocumentError, Problem
from jackfield.switch.snapshot import Rewrite, TimeRange


def read(text: str) -> reading.Document:
    return reading.read_document(document.load(text))


def problems(text: str) -> list[str]:
    try:
        return [str(problem) for problem in read(text).problems]
    except DocumentError as error:
        return [str(problem) for problem in error.problems]


def only(text: str, section: str = "extensions") -> dict:
    found = read(text)
    assert not found.problems
    return found.sections[section][0].values


def test_an_empty_document_wants_nothing():
    assert read("").sections == {}
    assert read("# only a remark\n").sections == {}
    assert read("extensions:\n").sections == {"extensions": []}


def test_numbers_keep_their_leading_zeros_and_codes_their_signs():
    assert only("extensions: [{number: 0201}]")["number"] == "0201"
    assert only("extensions: [{number: 201, forward_busy: +420123456789}]")["forward_busy"] == "+420123456789"
    assert only("services: [{number: '*43', kind: echo}]", "services")["number"] == "*43"


def test_words_that_yaml_takes_for_truth_or_time_stay_words():
    assert only("settings: {country: NO}", "settings")["country"] == "NO"
    assert only("extensions: [{number: 1, name: Yes}]")["name"] == "Yes"
    service = only(
        "services: [{number: 9, kind: schedule, time_ranges: [{name: n, days: [mon], start: 08:30, end: 24:00}]}]",
        "services",
    )
    assert service["time_ranges"] == (TimeRange(name="n", days=("mon",), start="08:30", end="24:00"),)


def test_a_country_may_be_written_small():
    assert only("settings: {country: cz}", "settings")["country"] == "CZ"


def test_lists_may_be_written_in_one_word_and_codecs_by_other_names():
    assert only("extensions: [{number: 1, codecs: 'PCMU, alaw,g.722'}]")["codecs"] == ("pcmu", "pcma", "g722")
    assert only("trunks: [{name: A, hosts: sip.example.com}]", "trunks")["hosts"] == ("sip.example.com",)


def test_truth_is_understood_in_its_usual_words():
    assert only("extensions: [{number: 1, do_not_disturb: on, enabled: No}]") == {
        "number": "1", "do_not_disturb": True, "enabled": False,
    }  # fmt: skip
    found = read("extensions: [{number: 1, behind_nat: yes}]").sections["extensions"][0]
    assert found.lines is not None
    assert found.lines[0].values == {"behind_nat": "always"}


def test_nothing_written_means_the_default():
    assert only("extensions: [{number: 1, ring_time: , name: ~, user: null}]") == {
        "number": "1", "ring_time": None, "name": "", "user": "",
    }  # fmt: skip
    assert only("settings:\n", "settings") == {}


def test_rules_are_read_into_the_snapshots_own_data():
    trunk = only("trunks: [{name: A, out_called: {strip: 2, prefix: '00'}, in_calling: }]", "trunks")
    assert trunk["out_called"] == Rewrite(strip=2, prefix="00")
    assert trunk["in_calling"] is None


def test_anchors_and_merges_work():
    text = "extensions:\n- &a {number: 1, ring_time: 30}\n- {<<: *a, number: 2}\n- {<<: [*a, {name: X}], number: 3}"
    found = read(text).sections["extensions"]
    assert [(thing.values["number"], thing.values["ring_time"]) for thing in found] == [("1", 30), ("2", 30), ("3", 30)]
    assert found[2].values["name"] == "X"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("extensions: [", ["line 1: not YAML"]),
        ("- a", ["line 1: the document must have keys at its top"]),
        ("extensons: []", ['line 1: extensons: "extensons" is no section; did you mean "extensions"?']),
        ("zzz: []", ['line 1: zzz: "zzz" is no section; known: settings, sign_in, roles, users, holidays, time_ranges']),
        ("extensions: {number: 1}", ["line 1: extensions: must be a list"]),
        ("extensions:\n- 201", ["line 2: extensions[0]: must be a mapping, as in {number: …}"]),
        ("extensions:\n- {name: A}", ["line 2: extensions[0].number: must be given"]),
        ("extensions:\n- {number: ''}", ["line 2: extensions[0].number: must be given"]),
        ("extensions:\n- {number: }", ["line 2: extensions[0].number: must be given"]),
        ("services:\n- {number: 1, kind: }", ["line 2: services[0].kind: must be given"]),
        (
            "extensions:\n- number: 1\n  sip_pasword: x",
            ['line 3: extensions[0].sip_pasword: "sip_pasword" is not known here; did you mean "sip_password"?'],
        ),
        ("extensions:\n- {number: 1, number: 2}", ["line 2: extensions[0].number: is given twice, first in line 2"]),
        (
            "extensions:\n- number: 1\n- number: '1'",
            ["line 3: extensions[1]: extension 1 is in the document twice, first in line 2"],
        ),
        ("inbound: [{target: 1}, {target: 2}]", ["line 1: inbound[1]: incoming number (any) is in the document twice"]),
        ("extensions: [{number: 1, max_calls: many}]", ['line 1: extensions[0].max_calls: "many" must be a whole number']),
        ("extensions: [{number: 1, max_calls: 1_0}]", ['line 1: extensions[0].max_calls: "1_0" must be a whole number']),
        ("extensions: [{number: 1, max_calls: 99999999999}]", ["line 1: extensions[0].max_calls: 99999999999 is too large"]),
        ("extensions: [{number: 1, ring_time: .inf}]", ['line 1: extensions[0].ring_time: ".inf" must be a number']),
        ("extensions: [{number: 1, ring_time: inf}]", ['line 1: extensions[0].ring_time: "inf" must be a number']),
        ("extensions: [{number: 1, enabled: maybe}]", ['line 1: extensions[0].enabled: "maybe" must be true or false']),
        ("extensions: [{number: 1, name: [a]}]", ["line 1: extensions[0].name: must be a single value, not a list"]),
        ("extensions: [{number: 1, name: {a: b}}]", ["line 1: extensions[0].name: must be a single value, not a mapping"]),
        ('extensions: [{number: 1, name: "a\\0b"}]', ["line 1: extensions[0].name: has a NUL character"]),
        ("extensions: [{number: 1, codecs: {a: b}}]", ["line 1: extensions[0].codecs: must be a list"]),
        ("ring_groups: [{number: 1, members: [2, ]}]", []),
        ("ring_groups: [{number: 1, members: [2, ~]}]", ["line 1: ring_groups[0].members[1]: is empty"]),
        ("ring_groups: [{number: 1, strategy: al}]", ['line 1: ring_groups[0].strategy: "al" is not known here; did you mean']),
        ("trunks: [{name: A, out_called: 5}]", ["line 1: trunks[0].out_called: must be a mapping with strip, prefix"]),
        ("trunks: [{name: A, out_called: {stripe: 5}}]", ['line 1: trunks[0].out_called.stripe: "stripe" is not known']),
        ("trunks: [{name: A, out_called: {strip: x}}]", ['line 1: trunks[0].out_called.strip: "x" must be a whole number']),
        (
            "services:\n- number: 1\n  kind: schedule\n  time_ranges:\n  - {name: a, days: [mon]}\n  - {name: b, days: [noday]}",
            ['line 6: services[0].time_ranges[1].days[0]: "noday" is not known here'],
        ),
        ("services: [{number: 1, kind: schedule, time_ranges: [{name: a}]}]", ["time_ranges[0]: days must be given"]),
        ("services: [{number: 1, kind: plugin, options: [a]}]", ["services[0].options: must be a mapping"]),
        ("extensions: [{number: 1, lines: 5}]", ["extensions[0].lines: must be a list"]),
        ("extensions: [{number: 1, lines: [{pin: 5}]}]", ['extensions[0].lines[0].pin: "pin" is not known here']),
        ("? [a]\n: b", ["line 1: a key must be a word"]),
        ("extensions: [{<<: 5, number: 1}]", ["line 1: extensions[0]: << must be given a mapping"]),
        ("x: &a [*a]", ["line 1: x[0]: *a names nothing that stands before it"]),
        ("x: 1\n---\ny: 2", ["line 2: a second document begins here"]),
        ("[" * 50000, ["nested too deeply"]),
    ],
)  # fmt: skip
def test_a_problem_names_its_place_and_the_mend(text: str, found: list[str]):
    said = problems(text)
    assert len(said) == len([one for one in found if one])
    for one, expected in zip(said, found, strict=False):
        assert expected in one


def test_documents_that_multiply_themselves_are_refused():
    text = "a: &a [x, x, x, x, x, x, x, x]\n" + "\n".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 8)}]" for n in range(9)
    )
    assert "repeats itself too often" in problems(text)[0]
    assert "larger than 32 MB" in problems("#" * (33 << 20))[0]


def test_problems_are_told_in_the_order_of_the_lines_and_as_data():
    error = DocumentError([Problem("b", 9, "second"), Problem("a", 2, "first"), Problem("", 0, "whole")])
    assert str(error) == "whole\nline 2: a: first\nline 9: b: second"
    assert error.problems[1].to_dict() == {"path": "a", "line": 2, "message": "first"}


def test_lines_stand_on_the_extension_and_below_lines():
    found = read(
        "extensions:\n- number: 1\n  sip_username: a\n  codecs: [pcma]\n  srtp: required\n"
        "  lines:\n  - {name: mobile, codecs: [opus]}\n- {number: 2}\n- {number: 3, lines: }"
    ).sections["extensions"]
    first, second = found[0].lines or []
    assert first.first
    assert first.values == {"sip_username": "a", "srtp": "required"}
    assert found[0].values["codecs"] == ("pcma",)
    assert second.values == {"name": "mobile", "codecs": ("opus",)}
    assert second.path == "extensions[0].lines[0]"
    assert found[1].lines is None
    assert found[2].lines == []
