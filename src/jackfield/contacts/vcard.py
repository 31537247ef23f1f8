"""vCards: a reader that takes what phones and mail programs write, and a writer. No database here.

RFC 6350 (4.0), RFC 2426 (3.0); of 2.1 what old phones still export: quoted-printable and bare type names. The reader
is lenient on purpose, since one odd line must not cost somebody 300 contacts.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

__all__ = ["Card", "decoded", "read", "write"]

MOST = 10_000
"""Cards that are read from one file."""
_KINDS = {
    "cell": "mobile", "mobile": "mobile", "iphone": "mobile", "handy": "mobile", "mobil": "mobile", "móvil": "mobile",
    "portable": "mobile", "home": "home", "privat": "home", "casa": "home", "domicile": "home", "domů": "home",
    "work": "work", "main": "work", "arbeit": "work", "büro": "work", "trabajo": "work", "bureau": "work",
    "práce": "work", "fax": "fax",
}  # fmt: skip
"""Types of the standards, and words that people give numbers in our languages."""
_TYPES = {"mobile": "cell", "home": "home", "work": "work", "fax": "fax", "other": "voice"}
_CHARSET = re.compile(rb"CHARSET=\"?((?:windows-|iso-8859-|cp)\w+)", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Marks of direction and the like, which Apple puts around numbers."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_CHARSET = re.compile(
    r"utf-?(?:8|16(?:[bl]e)?)|(?:us-)?ascii|iso-?8859-\d+|latin-?1|windows-\d+|cp\d+|koi8-[ru]|mac\w*|"
    r"shift[_-]?jis|gb\w+|big5|euc-\w+|iso-2022-\w+",
    re.IGNORECASE,
)
"""Python knows more, and some of those take very long over what is made for it."""
LONGEST_HEAD = 2000
HEAD_LINES = 4
"""A line's name and parameters have no more characters, and are folded into no more lines."""


@dataclass(frozen=True, slots=True)
class Card:
    """What we keep of a vCard. `numbers`: kind (work, mobile, home, fax, other) and number as written."""

    name: str
    company: str = ""
    email: str = ""
    note: str = ""
    numbers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Line:
    name: str
    value: str
    group: str = ""  # "item1" of "item1.TEL", whose name "item1.X-ABLabel" has
    types: set[str] = field(default_factory=set)


def decoded(content: bytes) -> str:
    """Return the text of a file: UTF-8 as the standard wants it, UTF-16 or a code page as some write it."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if content[:4] == b"B\0E\0":
        return content.decode("utf-16-le", "replace")
    with suppress(UnicodeDecodeError):
        return content.decode("utf-8-sig")
    named = _CHARSET.search(content)  # Outlook writes the bytes of its code page, and says which
    with suppress(LookupError):
        return content.decode(named[1].decode() if named else "cp1252", "replace")
    return content.decode("cp1252", "replace")


def read(text: str) -> list[Card]:
    """Return the cards of a text, those without any name left out, and groups. What can't be read is passed over."""
    found: list[Card] = []
    lines: list[_Line] | None = None
    inner = 0  # 2.1 puts the card of somebody's agent into his own
    for line in map(_line, _unfolded(text)):
        if line is None:
            continue
        if line.name == "BEGIN" and line.value.strip().upper() == "VCARD":
            if lines and (inner or (lines[-1].name == "AGENT" and not lines[-1].value.strip())):
                inner += 1
                continue
            lines = []
        elif inner:
            inner -= line.name == "END"
        elif line.name == "END" and lines is not None:
            card = _card(lines)
            lines = None
            if card is not None:
                found.append(card)
            if len(found) >= MOST:
                break
        elif lines is not None:
            lines.append(line)
    return found


def _unfolded(text: str) -> Iterator[str]:
    """Yield the logical lines: RFC 6350 section 3.2, and the soft line breaks of quoted-printable."""
    held: list[str] = []  # pieces of one line: there may be very many
    quoted = False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if quoted and held[-1].endswith("="):
            held[-1] = held[-1][:-1]
            held.append(line)
        elif line[:1] in (" ", "\t") and held:
            held.append(line[1:])
        else:
            if held:
                yield "".join(held)
            held = [line] if line else []
        if 0 < len(held) <= HEAD_LINES:
            quoted = _is_quoted("".join(held))
    if held:
        yield "".join(held)


def _is_quoted(line: str) -> bool:
    return "QUOTED-PRINTABLE" in line.partition(":")[0].upper()


def _line(text: str) -> _Line | None:
    # The colon that ends the parameters is the first one outside quotes.
    end, quoted, cuts = 0, False, [-1]
    for index, character in enumerate(text[:LONGEST_HEAD]):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            cuts.append(index)
        elif character == ":" and not quoted:
            end = index
            break
    if not end:
        return None
    value = text[end + 1 :]
    name, *parameters = [text[cut + 1 : to] for cut, to in zip(cuts, [*cuts[1:], end], strict=True)]
    group, _dot, name = name.rpartition(".")  # "item1.TEL" is a TEL
    made = _Line(name.strip().upper(), value, group)
    charset, coded = "utf-8", False
    for parameter in parameters:
        key, equals, content = parameter.partition("=")
        content = content.strip('"').lower()
        if not equals:  # 2.1: TEL;CELL:…
            made.types.add(key.strip().lower())
        elif key.upper() == "TYPE":
            made.types |= {part.strip() for part in content.split(",")}
        elif key.upper() == "CHARSET":
            charset = content
        elif key.upper() == "ENCODING":
            coded = content == "quoted-printable"
    if coded or "quoted-printable" in made.types:
        made.value = _unquoted(made.value, charset)
    return made


def _unquoted(value: str, charset: str) -> str:
    raw = quopri.decodestring(value.encode("utf-8", "replace"))
    with suppress(LookupError, UnicodeError):
        if _KNOWN_CHARSET.fullmatch(charset):
            return raw.decode(charset, "replace")
    return raw.decode("utf-8", "replace")


def _plain(value: str) -> str:
    text = _ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], value)
    return " ".join(_INVISIBLE.sub("", text).split())


def _parts(value: str) -> list[str]:
    return [_plain(part) for part in re.split(r"(?<!\\);", value)]


def _card(lines: Sequence[_Line]) -> Card | None:
    values: dict[str, str] = {}
    numbers: list[tuple[str, str]] = []
    labels = {line.group: line.value.lower() for line in lines if line.group and line.name == "X-ABLABEL"}
    for line in lines:
        if line.name == "TEL":
            if number := _number(line.value):
                numbers.append((_kind(line.types, labels.get(line.group, "")), number))
        elif line.name in ("KIND", "X-ADDRESSBOOKSERVER-KIND") and line.value.strip().lower() == "group":
            return None
        elif line.name not in values and line.value.strip():
            values[line.name] = line.value
    name = _plain(values.get("FN", "")) or _structured(values.get("N", ""))
    company = next(iter(_parts(values.get("ORG", ""))), "")
    name = name or company or _plain(values.get("NICKNAME", ""))
    if not name:
        return None
    note = _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], values.get("NOTE", ""))
    note = note.replace("\r\n", "\n").strip()
    email = _plain(values.get("EMAIL", "")).removeprefix("mailto:")
    return Card(name, "" if company == name else company, email, note, tuple(dict.fromkeys(numbers)))


def _structured(value: str) -> str:
    """Return the name of N: family; given; additional; prefixes; suffixes."""
    family, given, more, before, after = (_parts(value) + [""] * 5)[:5]
    return " ".join(part for part in (before, given, more, family, after) if part)


def _number(value: str) -> str:
    """Return the number of TEL, which 4.0 writes as "tel:+49-171-5550101;ext=7"."""
    text = _plain(value)
    if text.lower().startswith("tel:"):
        text = text[4:].partition(";")[0]
    return text.strip()


def _kind(types: set[str], label: str = "") -> str:
    """Return the kind of a number, by its types, else by the words that its owner has given it."""
    if "fax" in label or any("fax" in one for one in types):
        return "fax"
    words = set(re.findall(r"\w+", label))
    return next((kind for name, kind in _KINDS.items() if name in types or name in words), "other")


def write(cards: Iterable[Card], *, version: str = "3.0") -> str:
    """Return one file with all cards, in version "3.0" (which everything reads) or "4.0"."""
    return "".join(_written(card, version) for card in cards)


def _written(card: Card, version: str) -> str:
    given, _, family = card.name.rpartition(" ")
    rows = [
        "BEGIN:VCARD",
        f"VERSION:{version}",
        f"FN:{_escaped(card.name)}",
        f"N:{_escaped(family)};{_escaped(given)};;;",
    ]
    if card.company:
        rows.append(f"ORG:{_escaped(card.company)}")
    for kind, number in card.numbers:
        rows.append(f"TEL;TYPE={_written_type(kind, version)}:{_escaped(number)}")
    if card.email:
        rows.append(f"EMAIL:{_escaped(card.email)}")
    if card.note:
        rows.append(f"NOTE:{_escaped(card.note)}")
    return "".join(f"{part}\r\n" for row in [*rows, "END:VCARD"] for part in _folded(row))


def _written_type(kind: str, version: str) -> str:
    name = _TYPES.get(kind, "voice")
    return name if version.startswith("4") else name.upper()


def _escaped(text: str) -> str:
    marks: Mapping[str, str] = {"\\": "\\\\", "\n": "\\n", "\r": "", ",": "\\,", ";": "\\;"}
    return "".join(marks.get(character, character) for character in text)


def _folded(row: str) -> Iterator[str]:
    """Yield a line in pieces of 75 octets at most (RFC 6350 section 3.2), never cut within a character."""
    piece, size = "", 0
    for character in row:
        octets = len(character.encode())
        if size + octets > 75:
            yield piece
            piece, size = " ", 1
        piece += character
        size += octets
    yield piece
