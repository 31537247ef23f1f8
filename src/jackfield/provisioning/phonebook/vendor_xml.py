"""The telephone directory as each vendor's phones read it over HTTP: one page of XML for one wish.

Small screens (Snom, Cisco, Polycom) get pages with a way to the next one and to searching; phones that keep a copy
(Yealink, Grandstream, Fanvil) get everything at once; Gigaset's bases search by a protocol of their own. The forms are
those of the vendors' manuals, named at each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element, SubElement, tostring

from jackfield.provisioning.phonebook.entries import Entry, Number, folded, found, only_digits

__all__ = ["CONTENT_TYPE", "CONTENT_TYPES", "VENDORS", "Labels", "Wish", "directory", "read_wish"]

CONTENT_TYPE = "text/xml; charset=utf-8"
CONTENT_TYPES = {"polycom": "text/html; charset=utf-8"}
"""Of vendors whose phones are shown pages."""
PER_PAGE = 32  # entries of a CiscoIPPhoneDirectory at most; enough for any other screen
MOST_AT_ONCE = 2000
LONGEST_SEARCH = 60


@dataclass(frozen=True, slots=True)
class Labels:
    """Texts on the phone's screen, in its language."""

    title: str = "Directory"
    search: str = "Search"
    search_for: str = "Name or number"
    following: str = "More"
    nothing: str = "Nothing found"
    mobile: str = "Mobile"
    home: str = "Home"
    fax: str = "Fax"
    other: str = "Other"

    def of(self, number: Number) -> str:
        """Return what stands beside a number; nothing at the usual one."""
        return "" if number.kind == "work" else str(getattr(self, number.kind))


@dataclass(frozen=True, slots=True)
class Wish:
    """What a phone asks for."""

    url: str
    """The directory's own address, complete but for its query: phones follow whole addresses only."""
    search: str = ""
    first: int = 0
    """Entries that come before this page."""
    count: int = PER_PAGE
    typing: bool = False
    """The phone is to ask what to search for."""
    by_field: Mapping[str, str] | None = None
    """Gigaset: what each of some fields must begin with."""

    def address(self, **query: object) -> str:
        """Return an address with this query."""
        return f"{self.url}?{urlencode(query)}" if query else self.url


def read_wish(url: str, query: Mapping[str, str]) -> Wish:
    """Read the query of a request: ours (q, first, typing), and that of Gigaset's bases. Odd values count as none."""
    if query.get("command"):
        fields = {name: query[name].rstrip("*")[:LONGEST_SEARCH] for name in GIGASET if query.get(name, "*") != "*"}
        return Wish(
            url, first=max(0, _number(query, "first", 1) - 1), count=_number(query, "count", 16), by_field=fields
        )
    return Wish(url, query.get("q", "")[:LONGEST_SEARCH], _number(query, "first", 0), typing="typing" in query)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else default


def directory(vendor: str, entries: Sequence[Entry], wish: Wish, labels: Labels) -> bytes:
    """Return a page of the directory. `entries`: all that this phone may see, ordered. `KeyError`: no such vendor."""
    write = VENDORS[vendor]
    page: bytes = tostring(write(found(entries, wish.search), wish, labels), encoding="utf-8", xml_declaration=True)
    return page


def _text(parent: Element, name: str, text: str, **attributes: str) -> Element:
    element = SubElement(parent, name, attributes)
    element.text = "".join(c for c in text if c.isprintable())  # XML 1.0 has no control characters, escaped or not
    return element


def _flat(entries: Sequence[Entry], labels: Labels) -> Iterator[tuple[str, str]]:
    """Yield (name, number) for phones whose entries have one number each."""
    for entry in entries:
        for number in entry.numbers:
            label = labels.of(number)
            yield (f"{entry.name} ({label})" if label else entry.name), number.number


def _yealink(entries: Sequence[Entry], wish: Wish, labels: Labels) -> Element:
    """Remote phone book (Yealink, Administrator's Guide, "Remote Phone Book")."""
    root = Element("YealinkIPPhoneDirectory")
    for entry in entries[:MOST_AT_ONCE]:
        one = SubElement(root, "DirectoryEntry")
        _text(one, "Name", entry.name)
        for number in entry.numbers[:3]:
            label = labels.of(number)
            _text(one, "Telephone", number.number, **({"label": label} if label else {}))
    return root


def _fanvil(entries: Sequence[Entry], wish: Wish, labels: Labels) -> Element:
    """Remote phone book (Fanvil, "XML Phonebook")."""
    root = Element("FanvilIPPhoneDirectory")
    for entry in entries[:MOST_AT_ONCE]:
        one = SubElement(root, "DirectoryEntry")
        _text(one, "Name", entry.name)
        mobile = [number.number for number in entry.numbers if number.kind == "mobile"]
        fixed = [number.number for number in entry.numbers if number.kind not in ("mobile", "fax")]
        for tag, values in (("Telephone", fixed[:1]), ("Mobile", mobile[:1]), ("Other", [*fixed[1:], *mobile[1:]][:1])):
            if values:
                _text(one, tag, values[0])
    return root


def _grandstream(entries: Sequence[Entry], wish: Wish, labels: Labels) -> Element:
    """`phonebook.xml` (Grandstream, "XML Based Downloadable Phonebook Guide")."""
    types = {"work": "Work", "mobile": "Cell", "home": "Home", "fax": "Fax", "other": "Work"}
    root = Element("AddressBook")
    _text(root, "version", "1")
    for entry in entries[:MOST_AT_ONCE]:
        one = SubElement(root, "Contact")
        given, _, last = entry.name.rpartition(" ")
        _text(one, "LastName", last)
        _text(one, "FirstName", given)
        for number in entry.numbers:
            phone = SubElement(one, "Phone", {"type": types[number.kind]})
            _text(phone, "phonenumber", number.number)
            _text(phone, "accountindex", "1")
    return root


def _polycom(entries: Sequence[Entry], wish: Wish, labels: Labels) -> Element:
    """A page of the phone's browser in XHTML (Polycom, "Web Application for Polycom Phones", Developer Guide)."""
    root = Element("html")
    _text(SubElement(root, "head"), "title", labels.title)
    body = SubElement(root, "body")
    form = SubElement(body, "form", {"method": "get", "action": wish.address()})
    asking = SubElement(form, "p")
    asking.text = f"{labels.search_for}: "
    SubElement(asking, "input", {"type": "text", "name": "q", "value": ""})
    SubElement(asking, "input", {"type": "submit", "value": labels.search})
    rows, more = _portion(entries, wish)
    for name, number in _flat(rows, labels):
        _text(SubElement(body, "p"), "a", f"{name} {number}", href=f"tel://{quote(number, safe='+*')}")
    if not rows:
        _text(body, "p", labels.nothing)
    if more:
        address = wish.address(q=wish.search, first=wish.first + len(rows))
        _text(SubElement(body, "p"), "a", labels.following, href=address)
    return root


def _snom(entries: Sequence[Entry], wish: Wish, labels: Labels) -> Element:
    """SnomIPPhoneDirectory and SnomIPPhoneInput (Snom, "XML Minibrowser")."""
    if wish.typing:
        root = Element("SnomIPPhoneInput")
        _text(root, "Title", labels.search)
        _text(root, "Prompt", labels.search)
        _text(root, "URL", wish.address())
        item = SubElement(root, "InputItem")
        for tag, text in (("DisplayName", labels.search_for), ("QueryStringParam", "q"), ("DefaultValue", "")):
            _text(item, tag, text)
        _text(item, "InputFlags", "a")
        return root
    root = Element("SnomIPPhoneDirectory")
    _text(root, "Title", labels.title)
    _text(root, "Prompt", labels.search)
    rows, more = _portion(entries, wish)
    for name, number in _flat(rows, labels) if rows else [(labels.nothing, "")]:
        one = SubElement(root, "DirectoryEntry")
        _text(one, "Name", name)
        _text(one, "Telephone", number)
    keys = [("F1", labels.search, wish.address(typing=1))]
    if more:
        keys.append(("F4", labels.following, wish.address(q=wish.search, first=wish.first + len(rows))))
    for key, label, url in keys:
        one = SubElement(root, "SoftKeyItem")
        for tag, text in (("Name", key), ("Label", label), ("URL", url)):
            _text(one, tag, text)
    return root


def _cisco(entries: Sequence[Entry], wish: Wish, labels: Labels) -> Element:
    """CiscoIPPhoneDirectory and CiscoIPPhoneInput (Cisco, "IP Phone Services Application Development Notes")."""
    if wish.typing:
        root = Element("CiscoIPPhoneInput")
        _text(root, "Title", labels.search)
        _text(root, "Prompt", labels.search_for)
        _text(root, "URL", wish.address())
        item = SubElement(root, "InputItem")
        for tag, text in (("DisplayName", labels.search_for), ("QueryStringParam", "q"), ("InputFlags", "A"),
                          ("DefaultValue", "")):  # fmt: skip
            _text(item, tag, text)
        return root
    root = Element("CiscoIPPhoneDirectory")
    _text(root, "Title", labels.title)
    _text(root, "Prompt", labels.search_for if entries else labels.nothing)
    flat = list(_flat(entries, labels))
    rows = flat[wish.first : wish.first + PER_PAGE]
    for name, number in rows:
        one = SubElement(root, "DirectoryEntry")
        _text(one, "Name", name)
        _text(one, "Telephone", number)
    keys = [("Dial", "SoftKey:Dial"), (labels.search, wish.address(typing=1)), ("Exit", "SoftKey:Exit")]
    if len(flat) > wish.first + PER_PAGE:
        keys.append((labels.following, wish.address(q=wish.search, first=wish.first + PER_PAGE)))
    for position, (name, url) in enumerate(keys, 1):
        one = SubElement(root, "SoftKeyItem")
        for tag, text in (("Name", name), ("URL", url), ("Position", str(position))):
            _text(one, tag, text)
    return root


GIGASET = {"ln": "sn", "fn": "givenname", "nn": "cn", "hm": "telephonenumber", "mb": "mobile", "em": "mail"}
"""Fields of Gigaset's search, and the attributes that they mean."""


def _gigaset(entries: Sequence[Entry], wish: Wish, labels: Labels) -> Element:
    """Get list (Gigaset, "Phonebook Search Protocol Specification", version 1.4, sections 3.1.1 to 3.1.3)."""
    wanted = wish.by_field or {}
    rows = [entry for entry in entries if all(_begins(entry, field, text) for field, text in wanted.items())]
    shown = rows[wish.first : wish.first + max(1, min(wish.count, PER_PAGE))]
    root = Element("list", {"response": "get_list", "type": "pb", "total": str(len(rows))})
    if not shown:
        root.set("notfound", next(iter(wanted), "ln"))
        return root
    root.set("first", str(wish.first + 1))
    root.set("last", str(wish.first + len(shown)))
    for entry in shown:
        one = SubElement(root, "entry", {"id": entry.key})
        given, _, last = entry.name.rpartition(" ")
        by_kind = {number.kind: number.number for number in reversed(entry.numbers)}
        values = {"ln": last, "fn": given, "hm": by_kind.get("work") or by_kind.get("home") or by_kind.get("other", ""),
                  "mb": by_kind.get("mobile", ""), "fx": by_kind.get("fax", ""), "em": entry.email}  # fmt: skip
        for tag, text in values.items():
            if text:
                _text(one, tag, text)
    return root


def _begins(entry: Entry, field: str, text: str) -> bool:
    """Tell whether a field begins with the text; a caller's number is looked for among all numbers, whole."""
    if field in ("hm", "mb"):
        digits = only_digits(text)
        return any(number.number.startswith(digits) for number in entry.numbers)
    return any(folded(value).startswith(folded(text)) for value in entry.values.get(GIGASET[field], ()))


def _portion(entries: Sequence[Entry], wish: Wish) -> tuple[Sequence[Entry], bool]:
    rows = entries[wish.first : wish.first + PER_PAGE]
    return rows, len(entries) > wish.first + len(rows)


VENDORS: dict[str, Callable[[Sequence[Entry], Wish, Labels], Element]] = {
    "yealink": _yealink,
    "snom": _snom,
    "cisco": _cisco,
    "linksys": _cisco,
    "polycom": _polycom,
    "grandstream": _grandstream,
    "fanvil": _fanvil,
    "gigaset": _gigaset,
}
"""Who writes the pages of which vendor."""
