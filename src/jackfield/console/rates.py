"""The rate table from a carrier's CSV: read with a word for each line that is wrong, compared, put where the switch is.

Carriers name their columns as they like; the usual names are known. Prices may have a comma or a point, a cell with
codes may hold several of them ("4420, 4421") or a span ("4470-4479"), and intervals may stand as "60/60".
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING

import msgspec

from jackfield.console.faults import ConsoleError
from jackfield.console.numbering import numbering
from jackfield.console.web.csv_text import TableError, read_table, text_of, write_table
from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.switch.limits import rates as tables
from jackfield.switch.limits.rates import MILLION, Rate, RateTable
from jackfield.switch.numbers import clean
from jackfield.switch.permissions import Numbers

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = [
    "MAX_BYTES",
    "MAX_PROBLEMS",
    "Comparison",
    "Reading",
    "compare",
    "current",
    "price_of",
    "read_csv",
    "store",
    "to_csv",
]

log = logging.getLogger(__name__)

MAX_BYTES = 20 << 20
MAX_ROWS = 300_000
MAX_PROBLEMS = 50
"""Lines that are told one by one; of further ones only the number."""
MAX_SPAN = 1000
DEAREST = 1000 * MILLION
"""Per minute or call: what costs more was meant in another unit."""
HEAD = ("prefix", "name", "per_minute", "per_call", "first", "next", "trunk")

COLUMNS = {
    "prefix": ("prefix", "prefixes", "code", "codes", "dial code", "dialcode", "dial codes", "dialing code",
               "dialling code", "destination code", "dial prefix", "number", "vorwahl", "předvolba"),
    "name": ("name", "destination", "destination name", "description", "country", "region", "zone", "area", "ziel",
             "cíl"),
    "per_minute": ("per minute", "rate", "price", "price per minute", "rate per minute", "rate per min", "cost",
                   "price/min", "rate/min", "per min", "cost per minute", "preis", "cena"),
    "per_call": ("per call", "connection fee", "connect fee", "connect charge", "connection charge", "setup fee",
                 "setup", "price per call", "connect"),
    "first": ("first", "first interval", "initial interval", "initial increment", "minimum", "min duration",
              "interval 1", "interval1"),
    "next": ("next", "next interval", "subsequent interval", "subsequent increment", "interval n", "intervaln",
             "billing step"),
    "both": ("interval", "intervals", "increment", "increments", "billing increment", "billing", "billing interval",
             "takt", "účtování"),
    "trunk": ("trunk", "carrier", "provider"),
}  # fmt: skip
"""What the columns are called, in small letters, with blanks for what stands between words."""
_PREFIX = re.compile(r"[0-9]{1,15}")
_BOTH = re.compile(r"(\d{1,4})\s*[/+:-]\s*(\d{1,4})")
_MONEY_SIGNS = str.maketrans("", "", "€$£¥ \u00a0'")


@dataclass(slots=True)
class Reading:
    """What a file says. With problems none of it is used."""

    entries: list[tuple[str, str, Rate]] = field(default_factory=list)
    """Trunk ("" for all), prefix in the international form without "+", rate."""
    problems: list[str] = field(default_factory=list)
    more: int = 0
    """Problems that are not told one by one."""
    columns: dict[str, str] = field(default_factory=dict)
    """What was read from which column."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a new table differs from the one before."""

    added: int
    removed: int
    dearer: int
    cheaper: int
    otherwise: int
    """With other intervals or names only."""


def read_csv(content: bytes, trunks: frozenset[str] = frozenset()) -> Reading:
    """Read a file. `trunks`: names of those that there are. What is wrong stands in the result; nothing is raised."""
    found = Reading()
    try:
        table = read_table(text_of(content, MAX_BYTES), MAX_ROWS)
    except TableError as problem:
        found.problems.append(str(problem))
        return found
    places = _columns(table.head)
    found.columns = {name: table.head[place] for name, place in places.items()}
    missing = [name for name in ("prefix", "per_minute") if name not in places]
    if missing:
        named = {"prefix": "the beginnings of numbers (prefix)", "per_minute": "the price per minute (per_minute)"}
        wanted = " and ".join(named[name] for name in missing)
        found.problems.append(f"Line 1 names no column with {wanted}; its columns are: {', '.join(table.head)}.")
        return found
    known: dict[tuple[str, str], tuple[int, Rate]] = {}
    for line, cells in table.rows:
        try:
            for trunk, prefix, rate in _row(cells, places, trunks):
                before = known.get((trunk, prefix))
                if before is None:
                    known[trunk, prefix] = (line, rate)
                elif before[1] != rate:
                    raise ValueError(f"{prefix or 'everything else'} has another price already, in line {before[0]}")
        except ValueError as problem:
            if len(found.problems) < MAX_PROBLEMS:
                found.problems.append(f"Line {line}: {problem}.")
            else:
                found.more += 1
    found.entries = [(trunk, prefix, rate) for (trunk, prefix), (_line, rate) in sorted(known.items())]
    return found


def current(settings: Settings) -> RateTable:
    """Return the table that is there. Raises `ConsoleError`."""
    try:
        return tables.read(settings.files.rates)
    except (OSError, msgspec.DecodeError) as problem:
        raise ConsoleError(f"the rate table can't be read: {problem}. Import it anew") from None


def price_of(table: RateTable, number: str, country: str) -> tuple[str, Rate | None]:
    """Return a number in the international form, and what it costs; None where the table has no price for it."""
    full = Numbers(numbering(country)).full(clean(number))
    return full, table.find(full)


def compare(before: RateTable, after: list[tuple[str, str, Rate]]) -> Comparison:
    """Say what another table would change."""
    old = {(trunk, prefix): rate for trunk, prefix, rate in before.entries()}
    new = {(trunk, prefix): rate for trunk, prefix, rate in after}
    both = [(old[key], new[key]) for key in old.keys() & new.keys() if old[key] != new[key]]
    dearer = sum(_price(two) > _price(one) for one, two in both)
    cheaper = sum(_price(two) < _price(one) for one, two in both)
    return Comparison(
        len(new.keys() - old.keys()), len(old.keys() - new.keys()), dearer, cheaper, len(both) - dearer - cheaper
    )


def store(settings: Settings, entries: list[tuple[str, str, Rate]], currency: str, *, by: str) -> None:
    """Put a table in the place of the one before, and have the switch read it. Raises `ConsoleError`."""
    path = settings.files.rates
    try:
        tables.write(path, currency, time.time(), entries)
    except OSError as problem:
        raise ConsoleError(f"the rate table can't be written to {path}: {problem.strerror}") from None
    log.info("%s has imported a rate table with %d beginnings of numbers", by, len(entries))
    try:
        ask_sync(settings.files.switch_socket, "reload_rates", timeout=10.0)
    except NotRunning:
        pass
    except ControlError as problem:
        raise ConsoleError(f"the rate table is written, but the switch did not read it: {problem}") from None


def to_csv(table: RateTable) -> bytes:
    """Return a table as CSV that `read_csv` takes."""
    rows = (
        (
            prefix or "*", rate.name, _decimal(rate.per_minute), _decimal(rate.per_call), str(rate.first),
            str(rate.next), trunk,
        )
        for trunk, prefix, rate in table.entries()
    )  # fmt: skip
    return write_table(HEAD, rows)


def _price(rate: Rate) -> int:
    """Return what three minutes cost: by that prices with a fee and without one can be compared."""
    return rate.per_call + 3 * rate.per_minute


def _columns(head: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, cell in enumerate(head):
        said = " ".join(re.sub(r"\(.*?\)|[_.]", " ", cell.lower()).split())
        for name, spellings in COLUMNS.items():
            if said in spellings and name not in found:
                found[name] = place
    return found


def _row(cells: tuple[str, ...], places: dict[str, int], trunks: frozenset[str]) -> Iterator[tuple[str, str, Rate]]:
    """Yield what a row says. Raises `ValueError` with what is wrong in it."""

    def cell(name: str) -> str:
        place = places.get(name)
        return cells[place].strip() if place is not None and place < len(cells) else ""

    trunk = cell("trunk")
    if trunk and trunk not in trunks:
        raise ValueError(f'there is no trunk "{trunk}"')
    if not cell("per_minute"):
        raise ValueError("it has no price per minute")
    first, following = 60, 60
    if both := cell("both"):
        match = _BOTH.fullmatch(both)
        if match:
            first, following = int(match[1]), int(match[2])
        else:
            first = following = _seconds(both)
    if cell("first"):
        first = _seconds(cell("first"))
    if cell("next"):
        following = _seconds(cell("next"))
    if not 1 <= following <= 3600 or not 0 <= first <= 3600:
        raise ValueError(f"intervals of {first} and {following} seconds can't be counted: use 1 to 3600")
    rate = Rate(cell("name")[:80], _money(cell("per_call") or "0"), _money(cell("per_minute")), first, following)
    for prefix in _prefixes(cell("prefix")):
        yield trunk, prefix, rate


def _prefixes(text: str) -> Iterator[str]:
    if not text:
        raise ValueError("it has no beginning of a number; * stands for everything else")
    if text.isdecimal() and text.isascii() and len(text) <= 15 and not text.startswith("00"):  # as most are
        yield text
        return
    for part in re.split(r"[,;]", text):
        part = part.strip()
        if part == "*":
            yield ""
            continue
        low, dash, high = (re.sub(r"[\s()./]", "", one) for one in part.partition("-"))
        low = low.removeprefix("+")
        low = low[2:] if low.startswith("00") else low
        if not _PREFIX.fullmatch(low):
            raise ValueError(f'"{part}" is no beginning of a number: use digits with the country code, as in 4420')
        if not dash:
            yield low
            continue
        if len(high) < len(low):
            high = low[: len(low) - len(high)] + high  # "4470-79"
        if not _PREFIX.fullmatch(high) or len(high) != len(low) or not 0 <= int(high) - int(low) < MAX_SPAN:
            raise ValueError(f'"{part}" is no span of numbers: write it as 4470-4479, {MAX_SPAN} of them at most')
        for number in range(int(low), int(high) + 1):
            yield str(number).zfill(len(low))


def _seconds(text: str) -> int:
    if not text.isdecimal() or len(text) > 4:
        raise ValueError(f'"{text}" is no interval: give seconds, as in 60, or both as in 60/1')
    return int(text)


def _money(text: str) -> int:
    plain = text.translate(_MONEY_SIGNS)
    if "," in plain:
        plain = plain.replace(".", "") if plain.rfind(",") > plain.rfind(".") > -1 else plain
        plain = plain.replace(",", ".") if plain.count(",") == 1 and "." not in plain else plain.replace(",", "")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        raise ValueError(f'"{text}" is no price: write it as 0.0125 or 0,0125') from None
    if not value.is_finite() or value < 0:
        raise ValueError(f'"{text}" is no price: it must be 0 or more')
    found = int((value * MILLION).to_integral_value(ROUND_HALF_UP))
    if found > DEAREST:
        raise ValueError(f'"{text}" is more than {DEAREST // MILLION} for a minute or a call: is it in another unit')
    return found


def _decimal(amount: int) -> str:
    text = f"{Decimal(amount) / MILLION:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
