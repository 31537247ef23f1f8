"""The directory in the vendors' XML: read back by a parser, walked as a phone walks it."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element, fromstring

import pytest

from jackfield.provisioning.phonebook.entries import Entry, ordered
from jackfield.provisioning.phonebook.vendor_xml import PER_PAGE, VENDORS, Labels, directory, read_wish

from .test_phonebook_entries import MULLER, WORKSHOP, entry

URL = "http://192.0.2.1:4021/phonebook/"
ODD = entry('<b>&"\x07é', ("work", "5"), key="odd")
HOUSE = ordered([MULLER, WORKSHOP, ODD])
MANY = ordered([entry(f"Firm {number:03}", ("work", f"08{number:03}")) for number in range(PER_PAGE * 2 + 1)])


def ask(vendor: str, entries: list[Entry], **query: str) -> Element:
    return fromstring(directory(vendor, entries, read_wish(URL, query), Labels()))


def texts(root: Element, tag: str) -> list[str]:
    return [element.text or "" for element in root.iter(tag)]


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendors_page_is_xml_with_all_names_whatever_is_in_them(vendor: str) -> None:
    query = {"command": "get_list"} if vendor == "gigaset" else {}
    said = " ".join(ask(vendor, HOUSE, **query).itertext())
    assert "Workshop" in said
    assert "0891234567" in said
    assert '<b>&"é' in said


def test_a_yealink_sees_what_kind_of_number_it_is() -> None:
    found = [(one.get("label", ""), one.text) for one in ask("yealink", HOUSE, q="müller").iter("Telephone")]
    assert found == [("", "0891234567"), ("Mobile", "01715550101")]


def test_a_grandstream_and_a_fanvil_have_a_place_for_each_kind() -> None:
    phones = ask("grandstream", HOUSE, q="muller").findall("Contact/Phone")
    assert [(one.get("type"), one.findtext("phonenumber")) for one in phones] == [
        ("Work", "0891234567"),
        ("Cell", "01715550101"),
    ]
    (one,) = ask("fanvil", HOUSE, q="muller")
    assert (one.findtext("Telephone"), one.findtext("Mobile"), one.find("Other")) == ("0891234567", "01715550101", None)


def test_a_polycom_is_shown_a_page_with_a_link_for_each_number_and_a_field_to_search() -> None:
    page = ask("polycom", HOUSE, q="muller")
    assert [(one.get("href"), one.text) for one in page.iter("a")] == [
        ("tel://0891234567", "Müller Straßenbau 0891234567"),
        ("tel://01715550101", "Müller Straßenbau (Mobile) 01715550101"),
    ]
    form = page.find("body/form")
    assert (form.get("action"), form.find("p/input").get("name")) == (URL, "q")
    assert "Nothing found" in "".join(ask("polycom", HOUSE, q="nobody at all").itertext())


def test_a_polycom_turns_the_pages_of_a_long_list() -> None:
    seen: list[str] = []
    query: dict[str, str] = {"q": "firm"}
    for _ in range(3):
        links = [one.get("href") or "" for one in ask("polycom", MANY, **query).iter("a")]
        seen += [link for link in links if link.startswith("tel://")]
        following = [link for link in links if "first=" in link]
        if not following:
            break
        query = dict(parse_qsl(urlsplit(following[0]).query))
    assert len(seen) == len(set(seen)) == len(MANY)


@pytest.mark.parametrize("vendor", ["snom", "cisco", "linksys"])
def test_a_small_screen_turns_the_pages_and_sees_everybody_once(vendor: str) -> None:
    seen: list[str] = []
    query: dict[str, str] = {"q": "firm"}
    for _ in range(3):
        root = ask(vendor, MANY, **query)
        names = [one.findtext("Name") or "" for one in root.iter("DirectoryEntry")]
        assert len(names) <= PER_PAGE
        seen += names
        (following,) = [url for url in texts(root, "URL") if "first=" in url] or [""]
        query = dict(parse_qsl(urlsplit(following).query))
    assert seen == [one.name for one in MANY]
    assert query == {}


@pytest.mark.parametrize(("vendor", "root_tag"), [("snom", "SnomIPPhoneInput"), ("cisco", "CiscoIPPhoneInput")])
def test_a_small_screen_asks_what_to_search_for(vendor: str, root_tag: str) -> None:
    (search,) = [url for url in texts(ask(vendor, HOUSE), "URL") if "typing" in url]
    form = ask(vendor, HOUSE, **dict(parse_qsl(urlsplit(search).query)))
    assert form.tag == root_tag
    field = form.findtext("InputItem/QueryStringParam") or ""
    answer = ask(vendor, HOUSE, **{field: "work"})
    assert [one.findtext("Name") for one in answer.iter("DirectoryEntry")] == ["Workshop"]


def test_a_search_without_result_says_so() -> None:
    assert "Nothing found" in list(ask("snom", HOUSE, q="zzz").itertext())
    assert "Nothing found" in list(ask("cisco", HOUSE, q="zzz").itertext())


def test_a_gigaset_searches_by_the_beginning_of_a_name_and_by_the_callers_number() -> None:
    named = ask("gigaset", HOUSE, command="get_list", type="pb", fn="*", ln="stra*", hm="*", first="1", count="16")
    assert (named.get("total"), named.get("first"), named.get("last")) == ("1", "1", "1")
    assert (named.findtext("entry/fn"), named.findtext("entry/hm")) == ("Müller", "0891234567")
    caller = ask("gigaset", HOUSE, command="get_list", type="pb", hm="01715550101", count="1")
    assert caller.findtext("entry/mb") == "01715550101"
    nobody = ask("gigaset", HOUSE, command="get_list", hm="999")
    assert (nobody.get("total"), nobody.get("notfound")) == ("0", "hm")


@pytest.mark.parametrize(
    "query", [{"first": "-1"}, {"first": "1e9"}, {"first": "9" * 50}, {"first": "٣"}, {"q": "x" * 9999}]
)
def test_odd_queries_are_no_fault(query: dict[str, str]) -> None:
    assert ask("snom", HOUSE, **query).tag == "SnomIPPhoneDirectory"
    assert ask("gigaset", HOUSE, command="get_list", **query).tag == "list"


def test_a_vendor_without_a_form_of_its_own_is_unknown() -> None:
    with pytest.raises(KeyError):
        ask("nobody", HOUSE)
