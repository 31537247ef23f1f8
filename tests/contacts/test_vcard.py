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


def test_apples_own_labels_say_what_a_number_is_and_its_marks_of_direction_go():
    text = (
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;;;;\r\nFN:\r\nORG:Taxi;\r\nTEL;type=MAIN;type=pref:030 202020\r\n"
        "TEL;type=IPHONE;type=CELL:\u202d+49 171 5550101\u202c\r\nitem2.TEL:030 5550102\r\n"
        "item2.X-ABLabel:_$!<HomeFAX>!$_\r\nitem3.TEL:030 5550103\r\nitem3.X-ABLabel:Büro Ost\r\nEND:VCARD\r\n"
    )
    (card,) = read(text)
    assert card.name == "Taxi"
    assert card.numbers == (
        ("work", "030 202020"), ("mobile", "+49 171 5550101"), ("fax", "030 5550102"), ("work", "030 5550103"),
    )  # fmt: skip


def test_google_writes_pictures_that_fill_many_lines():
    picture = "\r\n ".join(["PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD=", *["QkFTRTY0" * 9] * 400])
    text = f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Jörg\r\n{picture}\r\nTEL;TYPE=CELL:+49 171 5550101\r\nEND:VCARD\r\n"
    assert read(text) == [Card("Jörg", numbers=(("mobile", "+49 171 5550101"),))]


@pytest.mark.parametrize(("name", "page"), [("Jörg Größe", "Windows-1252"), ("Žaneta Říhová", "windows-1250")])
def test_outlook_writes_in_the_code_page_of_its_machine(name: str, page: str):
    given, family = name.split()
    text = (
        f"BEGIN:VCARD\r\nVERSION:2.1\r\nN;LANGUAGE=de;CHARSET={page}:{family};{given};;Dr.;\r\n"
        f"FN;CHARSET={page}:Dr. {name}\r\nTEL;WORK;VOICE:+49 (30) 5550-101\r\nTEL;WORK;FAX:+49 (30) 5550-102\r\n"
        "NOTE;ENCODING=QUOTED-PRINTABLE:One=0D=0A=\r\nTwo\r\n"
        "PHOTO;TYPE=JPEG;ENCODING=BASE64:\r\n /9j/4AAQ\r\n AB==\r\n\r\n"
        'X-MS-OL-DESIGN;CHARSET=utf-8:<card xmlns="http://x" ver="1.0"/>\r\nEND:VCARD\r\n'
    )
    (card,) = read(decoded(text.encode(page)))
    numbers = (("work", "+49 (30) 5550-101"), ("fax", "+49 (30) 5550-102"))
    assert card == Card(f"Dr. {name}", note="One\nTwo", numbers=numbers)


def test_old_androids_quote_names_over_several_lines():
    text = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=44=76=6F=C5=99=C3=A1=6B;=41=6E=\r\n"
        "=74=6F=6E=C3=AD=6E;;;\r\nTEL;CELL:601-555-010\r\nTEL;X-Chata:+420601555012\r\nEND:VCARD\r\n"
    )
    (card,) = read(text)
    assert card == Card("Antonín Dvořák", numbers=(("mobile", "601-555-010"), ("other", "+420601555012")))


def test_nextcloud_exports_groups_which_are_nobody():
    text = (
        'BEGIN:VCARD\nVERSION:4.0\nFN:Élodie\nTEL;TYPE="HOME,VOICE":01 99 00 11 08\nEND:VCARD\n'
        "BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:Family\nMEMBER:urn:uuid:1\nEND:VCARD\n"
        "BEGIN:VCARD\nVERSION:3.0\nX-ADDRESSBOOKSERVER-KIND:group\nFN:Work\nEND:VCARD\n"
    )
    assert read(text) == [Card("Élodie", numbers=(("home", "01 99 00 11 08"),))]


def test_an_agent_within_a_card_is_not_taken_for_it():
    text = (
        "BEGIN:VCARD\nN:Outer;Otto\nTEL:123\nAGENT:\nBEGIN:VCARD\nN:Inner;Ida\nTEL:999\nEND:VCARD\n"
        "EMAIL:o@example.com\nEND:VCARD\n"
    )
    assert read(text) == [Card("Otto Outer", email="o@example.com", numbers=(("other", "123"),))]


def test_a_file_of_windows_without_a_mark_of_its_encoding_is_read():
    assert read(decoded("BEGIN:VCARD\r\nFN:Jörg\r\nTEL:1\r\nEND:VCARD\r\n".encode("utf-16-le")))[0].name == "Jörg"


@pytest.mark.parametrize(
    "content",
    [
        "FN;ENCODING=QUOTED-PRINTABLE:" + "=41=\n" * 200_000 + "\n",
        "FN;" + "A=b;" * 200_000 + ":Anna\n",
        "FN:A\n" + " x\n" * 200_000,
        "FN;CHARSET=punycode;ENCODING=QUOTED-PRINTABLE:" + "a" * 500_000 + "\n",
        "FN;CHARSET=undefined;ENCODING=QUOTED-PRINTABLE:Anna\n",
        'FN;X="' + ";" * 500_000 + '":Anna\n',
    ],
    ids=["soft breaks", "parameters", "folds", "a slow charset", "a charset that fails", "quotes"],
)
def test_what_is_made_to_take_long_is_read_at_once(content: str):
    """With work that grew with the square of the length, each would take minutes."""
    cards = read(f"BEGIN:VCARD\n{content}END:VCARD\nBEGIN:VCARD\nFN:Bert\nEND:VCARD\n")
    assert cards[-1].name == "Bert"


def test_a_head_may_be_folded():
    (card,) = read("BEGIN:VCARD\nFN;ENCODING=QUOTED-\n PRINTABLE;CHARSET=ISO-8859-\n 1:M=FCll=\ner\nEND:VCARD\n")
    assert card.name == "Müller"
