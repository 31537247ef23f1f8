"""The numbers of a country as tables of prefixes, made of the metadata of `phonenumbers` for the switch.

The metadata describe whole numbers by regular expressions. What is needed to tell the kind of a call are beginnings: a
number with a digit too many is still carried by the network, and must be known all the same. So the expressions are
taken apart, digit by digit, until whatever follows is arbitrary.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from jackfield.switch.snapshot import Numbering, World

__all__ = ["beginnings", "numbering", "world"]

DIGITS = "0123456789"
DEEPEST = 7
"""Digits after which two kinds of numbers count as told apart."""

Sequence = tuple[Any, ...]
"""What must follow: for each place either the digits that fit, as text, or a tuple of sequences to choose from."""


@lru_cache(maxsize=8)
def numbering(country: str) -> Numbering:
    """Return the tables of a country (ISO 3166-1 alpha-2); empty ones where it is not known."""
    import phonenumbers

    known: Any = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    if known is None:
        return Numbering()
    code = str(known.country_code)
    fixed = set(beginnings([known.fixed_line]))
    mobile = [one for one in beginnings([known.mobile]) if one not in fixed]  # the USA's are both: national then
    paid = beginnings([known.premium_rate])
    others = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(known.country_code, ())
    abroad: set[str] = set()
    for other in others:
        if other != country:
            its: Any = phonenumbers.PhoneMetadata.metadata_for_region(other, None)
            abroad.update(beginnings([its.fixed_line, its.mobile]))
    own = {*fixed, *mobile}
    return Numbering(
        country_code=code,
        international=tuple(beginnings([known.international_prefix or "00"])),
        national=known.national_prefix or "",
        shortest=min((*_lengths(known.mobile), *_lengths(known.premium_rate)), default=0),
        mobile=tuple(mobile),
        premium=tuple(paid),
        free=tuple(beginnings([known.toll_free])),
        abroad=tuple(sorted(one for one in abroad if one not in own)),
    )


NETWORKS = ("870", "878", "881", "882", "883", "979")
"""Codes of no country whose calls cost as much as premium-rate ones: satellites, networks at sea and in the air, and
international premium rate (ITU-T E.164, list of assigned country codes)."""


@lru_cache(maxsize=1)
def world() -> World:
    """Return the countries of the world by the beginnings of their numbers, and the beginnings of premium-rate ones."""
    import phonenumbers

    countries: dict[str, str] = {}
    premium: set[str] = set(NETWORKS)
    for number, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        code = str(number)
        countries[code] = regions[0]  # the main one: what begins as none of the others does is its
        for region in regions:
            known: Any = (
                phonenumbers.PhoneMetadata.metadata_for_nongeo_region(number, None)
                if region == "001"
                else phonenumbers.PhoneMetadata.metadata_for_region(region, None)
            )
            if region != regions[0]:
                told = [known.leading_digits] if known.leading_digits else [known.fixed_line, known.mobile]
                for beginning in beginnings(told):
                    countries.setdefault(code + beginning, region)
            premium.update(code + beginning for beginning in beginnings([known.premium_rate]))
    return World(countries=countries, premium=tuple(sorted(premium)))


def _lengths(described: Any) -> tuple[int, ...]:
    return tuple(length for length in (described.possible_length if described else ()) if length > 0)


def beginnings(expressions: Iterable[Any]) -> list[str]:
    """Return the shortest prefixes that tell whether a number fits one of the expressions, sorted.

    Each is text, or a description of numbers of `phonenumbers`; None and one without numbers fit nothing.
    """
    sequences = set()
    for one in expressions:
        text = one if isinstance(one, str) else getattr(one, "national_number_pattern", None)
        if text and text != "NA":
            sequences.add((_Reader(text).choice(),))
    return sorted(_walk("", frozenset(sequences)))


def _walk(prefix: str, sequences: frozenset[Sequence]) -> list[str]:
    if not sequences:
        return []
    if len(prefix) == DEEPEST or (prefix and any(_is_free(one) for one in sequences)):
        return [prefix]
    heads = [head for one in sequences for head in _heads(one)]
    found, all_whole = [], True
    for digit in DIGITS:
        rest = frozenset(after for fitting, after in heads if digit in fitting)
        below = _walk(prefix + digit, rest)
        all_whole = all_whole and below == [prefix + digit]
        found += below
    return [prefix] if all_whole and prefix else found


def _is_free(sequence: Sequence) -> bool:
    """Say if any digits may follow."""
    return all(
        item == DIGITS if isinstance(item, str) else all(map(_is_free, item)) for item in sequence
    )  # fmt: skip


def _heads(sequence: Sequence) -> list[tuple[str, Sequence]]:
    """Return the digits that may come first, each with what must follow then."""
    if not sequence:
        return []
    first, rest = sequence[0], sequence[1:]
    if isinstance(first, str):
        return [(first, rest)]
    return [head for choice in first for head in _heads((*choice, *rest))]


class _Reader:
    """Reads the expressions of the metadata: digits, classes, groups, choices and how often each comes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def choice(self) -> tuple[Sequence, ...]:
        """Read up to the end, or to the end of the group."""
        found = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            found.append(self.sequence())
        return tuple(found)

    def sequence(self) -> Sequence:
        found: list[Any] = []
        while self.peek() not in ("", "|", ")"):
            found += self.repeated(self.item())
        return tuple(found)

    def item(self) -> Any:
        character = self.take()
        if character == "(":
            if self.text.startswith("?:", self.at):
                self.at += 2
            inner = self.choice()
            self.take()
            return inner
        if character == "[":
            end = self.text.index("]", self.at)
            inside, self.at = self.text[self.at : end], end + 1
            return _digits_of(inside)
        if character == "\\":
            self.take()  # only \d occurs
            return DIGITS
        return character

    def repeated(self, item: Any) -> list[Any]:
        if self.peek() == "?":
            self.at += 1
            return [((item,), ())]
        if self.peek() != "{":
            return [item]
        end = self.text.index("}", self.at)
        low, comma, high = self.text[self.at + 1 : end].partition(",")
        self.at = end + 1
        most = int(high or 15) if comma else int(low)
        rest: Sequence = ()
        for _ in range(most - int(low)):
            rest = (((item, *rest), ()),)
        return [item] * int(low) + list(rest)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        self.at += 1
        return self.text[self.at - 1]


def _digits_of(inside: str) -> str:
    found = ""
    inside = inside.replace("\\d", "0-9")
    at = 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-":
            found += "".join(str(number) for number in range(int(inside[at]), int(inside[at + 2]) + 1))
            at += 3
        else:
            found += inside[at]
            at += 1
    return "".join(sorted(set(found)))
