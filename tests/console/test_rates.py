"""The rate table: what carriers' files look like, and a word for each line that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from jackfield.console import rates
from jackfield.console.rates import compare, read_csv, to_csv
from jackfield.switch.limits import rates as tables
from jackfield.switch.limits.rates import Rate


def read(text: str, **more: object) -> rates.Reading:
    return read_csv(text.encode(), **more)  # type: ignore[arg-type]


def test_a_table_is_read_as_it_is_written_by_us():
    found = read("prefix,name,per_minute,per_call,first,next,trunk\n49,Germany,0.0125,0.05,30,6,\n")
    assert not found.problems
    assert found.entries == [("", "49", Rate("Germany", 50_000, 12_500, 30, 6))]


def test_carriers_name_their_columns_as_they_like():
    found = read("Destination;Dial Codes;Rate (EUR/min);Connect_Fee;Billing Increment\n"
                 "United Kingdom;44, 0044 20;0,0099;;1/1\nAustria mobile;+43 650-43 653;0,05;0,10;60/30\n")  # fmt: skip
    assert not found.problems
    assert found.columns["per_minute"] == "Rate (EUR/min)"
    assert [(prefix, rate.per_minute, rate.first, rate.next) for _, prefix, rate in found.entries] == [
        ("43650", 50_000, 60, 30), ("43651", 50_000, 60, 30), ("43652", 50_000, 60, 30), ("43653", 50_000, 60, 30),
        ("44", 9_900, 1, 1), ("4420", 9_900, 1, 1),
    ]  # fmt: skip


def test_each_wrong_line_is_told_with_the_mend():
    found = read(
        "prefix,per_minute,interval,trunk\n49,0.0x,60,\n,0.01,60,\nabc,0.01,60,\n44,0.01,often,\n44,-1,60,\n"
        "45,0.01,60,Nobody\n46,0.01,60,\n46,0.02,60,\n47,,60,\n48,20000,60,\n46,0.01,60,\n41-49999,1,60,\n50,1,0/0,\n"
    )
    assert found.problems == [
        'Line 2: "0.0x" is no price: write it as 0.0125 or 0,0125.',
        "Line 3: it has no beginning of a number; * stands for everything else.",
        'Line 4: "abc" is no beginning of a number: use digits with the country code, as in 4420.',
        'Line 5: "often" is no interval: give seconds, as in 60, or both as in 60/1.',
        'Line 6: "-1" is no price: it must be 0 or more.',
        'Line 7: there is no trunk "Nobody".',
        "Line 9: 46 has another price already, in line 8.",
        "Line 10: it has no price per minute.",
        'Line 11: "20000" is more than 1000 for a minute or a call: is it in another unit.',
        'Line 13: "41-49999" is no span of numbers: write it as 4470-4479, 1000 of them at most.',
        "Line 14: intervals of 0 and 0 seconds can't be counted: use 1 to 3600.",
    ]


def test_a_file_without_the_columns_says_which_it_has():
    assert read("Land;Tarif\nDE;1\n").problems == [
        "Line 1 names no column with the beginnings of numbers (prefix) and the price per minute (per_minute); its "
        "columns are: Land, Tarif."
    ]
    assert read_csv(b"PK\x03\x04 and so on").problems[0].startswith("This is a workbook")


def test_many_wrong_lines_are_counted():
    found = read("prefix,rate\n" + "x,1\n" * 70)
    assert len(found.problems) == rates.MAX_PROBLEMS
    assert found.more == 20


def test_a_table_goes_there_and_back(tmp_path: Path):
    text = "prefix,name,per_minute,per_call,first,next,trunk\n*,Rest,1,0,60,60,\n44,UK,0.000001,0.1,1,1,Odorik\n"
    found = read(text, trunks=frozenset({"Odorik"}))
    assert not found.problems
    tables.write(tmp_path / "rates.json", "EUR", 5.0, found.entries)
    table = tables.read(tmp_path / "rates.json")
    again = read_csv(to_csv(table), frozenset({"Odorik"}))
    assert again.entries == found.entries
    assert (table.currency, len(table)) == ("EUR", 2)
    of_trunk, rest = table.find("+442079460000", "Odorik"), table.find("+442079460000", "Other")
    assert of_trunk is not None
    assert rest is not None
    assert (of_trunk.name, rest.name) == ("UK", "Rest")


def test_the_longest_beginning_counts(tmp_path: Path):
    entries = [("", prefix, Rate(prefix, 0, 1)) for prefix in ("4", "44", "4420", "442079")]
    tables.write(tmp_path / "rates.json", "", 0.0, entries)
    table = tables.read(tmp_path / "rates.json")
    for number, wanted in (("+442079460000", "442079"), ("+442012", "4420"), ("+4420", "4420"), ("+442", "44")):
        found = table.find(number)
        assert found is not None
        assert found.name == wanted
    assert table.find("+1") is None
    assert table.find("") is None


def test_a_damaged_table_is_refused(tmp_path: Path):
    path = tmp_path / "rates.json"
    path.write_text('{"rows": [], "prefixes": {"": {"44": 3}}}')
    with pytest.raises(ValueError, match="rows that it does not have"):
        tables.read(path)
    assert len(tables.read(tmp_path / "none.json")) == 0


def test_two_tables_are_compared(tmp_path: Path):
    def entries(**prices: int) -> list[tuple[str, str, Rate]]:
        return [("", prefix[1:], Rate("", 0, price)) for prefix, price in prices.items()]

    tables.write(tmp_path / "rates.json", "", 0.0, entries(p1=10, p2=10, p3=10))
    found = compare(tables.read(tmp_path / "rates.json"), entries(p2=20, p3=5, p4=1))
    assert (found.added, found.removed, found.dearer, found.cheaper, found.otherwise) == (1, 1, 1, 1, 0)


def test_the_price_of_an_interval_is_rounded_up():
    rate = Rate("", 100, 100, 1, 1)
    assert rate.of(1) == 2
    assert rate.at_answer == 102
    assert Rate("", 0, 60_000, 60, 60).interval == 60_000
