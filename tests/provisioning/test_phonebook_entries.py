"""Entries of the telephone directory: their attributes, and what of a keypad's letters and digits finds them."""

from __future__ import annotations

import pytest

from jackfield.provisioning.phonebook.entries import Entry, Number, found, ordered


def entry(name: str, *numbers: tuple[str, str], company: str = "", section: str = "company", key: str = "") -> Entry:
    kept = tuple(Number(kind, number) for kind, number in numbers)  # type: ignore[arg-type]
    return Entry(section, key or f"c{name}", name, kept, company=company)  # type: ignore[arg-type]


MULLER = entry("Müller Straßenbau", ("work", "0891234567"), ("mobile", "01715550101"), company="Bau Éclair")
WORKSHOP = entry("Workshop", ("work", "112"), section="extensions")


@pytest.mark.parametrize("search", ["müll", "MULLER", "strassen", "eclair", "bau mull", "0171", "089 123", "+", ""])
def test_what_is_typed_finds_somebody(search: str) -> None:
    if search == "+":
        assert found([MULLER], search) == []
    else:
        assert found([MULLER], search) == [MULLER]


def test_every_word_must_fit() -> None:
    assert found([MULLER, WORKSHOP], "müller workshop") == []


def test_attributes_are_those_of_the_standards() -> None:
    assert MULLER.attributes["cn"] == ("Müller Straßenbau",)
    assert MULLER.attributes["sn"] == ("Straßenbau",)
    assert MULLER.attributes["givenName"] == ("Müller",)
    assert MULLER.attributes["telephoneNumber"] == ("0891234567",)
    assert MULLER.attributes["mobile"] == ("01715550101",)
    assert "mail" not in MULLER.attributes


def test_who_has_a_mobile_phone_alone_has_a_number_all_the_same() -> None:
    assert entry("A", ("mobile", "0171")).attributes["telephoneNumber"] == ("0171",)


def test_they_are_ordered_as_people_look_for_them() -> None:
    assert [one.name for one in ordered([entry("Zoo"), entry("Äpfel"), entry("banane")])] == ["Äpfel", "banane", "Zoo"]
