"""vCards as phones, mail programs and address books write them."""

from __future__ import annotations

import pytest

from jackfield.contacts.vcard import Card, decoded, read, write

APPLE = """BEGIN:VCARD\r
VERSION:3.0\r
PRODID:-//Apple Inc.//iPhone OS 17.0//EN\r
N:Bell;Anna;;Dr.;\r
FN:Dr. Anna Bell\r
ORG:Bell & Sons\\, Ltd;Sales\r
item1.TEL;type=CELL;type=VOICE;type=pref:+49 171 5550101\r
item1.X-ABLabel:_$!<Mobile>!$_\r
TEL;type=WORK;type=FAX:030 5550199\r
EMAIL;type=INTERNET:anna@example.com\r
NOTE:met in Prag\r
 ue\\, likes\\ntea\r
END:VCARD\r
"""
FOUR = """BEGIN:VCARD
VERSION:4.0
FN:Bert
TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+1-555-555-5555;ext=5555
TEL;TYPE="cell;odd":tel:+420-601-555-010
END:VCARD
"""
OLD = (
    "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=\n=B6rg;;;\n"
    "TEL;CELL;PREF:0171 5550102\nTEL;HOME:030 1234567\nEND:VCARD\n"
)


def test_a_card_of_a_telephone_is_read():
    assert read(APPLE) == [
        Card(
            "Dr. Anna Bell",
            "Bell & Sons, Ltd",
            "anna@example.com",
            "met in Prague, likes\ntea",
            (("mobile", "+49 171 5550101"), ("fax", "030 5550199")),
        )
    ]


def test_version_4_has_its_numbers_as_uris():
    (card,) = read(FOUR)
    assert card.numbers[0] == ("home", "+1-555-555-5555")
    assert card.numbers[1][1] == "+420-601-555-010"


def test_version_2_1_of_old_telephones_is_read_too():
    (card,) = read(OLD)
    assert card == Card("Jörg Müller", numbers=(("mobile", "0171 5550102"), ("home", "030 1234567")))


def test_several_cards_in_one_file_and_rubbish_between_them():
    text = f"rubbish\n{APPLE}\n:::\nBEGIN:VCARD\nEND:VCARD\n{FOUR}\nBEGIN:VCARD\nFN:cut off"
    assert [card.name for card in read(text)] == ["Dr. Anna Bell", "Bert"]


def test_a_firm_without_a_person_has_the_name_of_the_firm():
    assert read("BEGIN:VCARD\nORG:Taxi;Berlin\nTEL:030 111\nEND:VCARD") == [
        Card("Taxi", numbers=(("other", "030 111"),))
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_whatever_it_was_written_in_umlauts_survive(encoding: str):
    text = "BEGIN:VCARD\nFN:Jörg Größe\nTEL:1\nEND:VCARD"
    assert read(decoded(text.encode(encoding)))[0].name == "Jörg Größe"


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_what_is_written_can_be_read_again(version: str):
    cards = [
        Card("Anna; the \\ first", "Bell, & Sons", "a@example.com", "one\ntwo", (("mobile", "+49171"), ("fax", "030"))),
        Card("Ж" * 90, numbers=(("home", "1"), ("work", "2"), ("other", "3"))),
    ]
    text = write(cards, version=version)
    assert read(text) == cards
    assert f"VERSION:{version}\r\n" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
