"""Sites: those that can't be told apart, codecs that its phones have not, and lines too thin for a call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Item, Merge
from jackfield.network.bandwidth import Way, plan
from jackfield.network.groups import EntryError, Host, Range, read_entry
from jackfield.switch.snapshot import DEFAULT_CODECS

__all__ = ["site_warnings"]

NAMED = 3
"""Extensions that a warning names."""


def site_warnings(merge: Merge) -> Iterator[Problem]:
    """Tell what is doubtful about the sites in the final state, of those that are new or changed."""
    items = merge.items["sites"]
    fresh = [item for item in items if item.created or item.changed]
    for item in fresh:
        for other in items:
            if other is not item and not (other in fresh and items.index(other) > items.index(item)):
                yield from _not_told_apart(item, other.row)
        yield from _too_thin(item)
        yield from _without_codec(item, [one.row for one in merge.items["extensions"]])


def _not_told_apart(item: Item, other: Any) -> Iterator[Problem]:
    """Tell where a phone could be at either of two sites: see `switch.sites` for how it is decided."""
    row, inside = item.row, _overlap(item.row.networks, other.networks)
    told = {"name": other.name, "inside": inside}
    if seen := _same(row.public_addresses, other.public_addresses):
        told["seen"] = seen
        if inside:
            text = _(
                '%(seen)s and %(inside)s are those of the site "%(name)s" too: a phone there is taken for one of the '
                "site that comes first. Give the two different networks, or set the site at the extensions"
            )
            yield item.problem("networks", text % told)
        elif not row.networks or not other.networks:
            text = _(
                '%(seen)s is an address of the site "%(name)s" too: give both the networks that their phones have '
                "inside, by which they are told apart, or set the site at the extensions"
            )
            yield item.problem("public_addresses", text % told)
    elif inside and not (row.public_addresses and other.public_addresses):
        text = _(
            '%(inside)s is a network of the site "%(name)s" too: say from which public address each is seen, or set '
            "the site at the extensions"
        )
        yield item.problem("networks", text % told)


def _too_thin(item: Item) -> Iterator[Problem]:
    row = item.row
    codecs = [name for name in row.codecs or DEFAULT_CODECS if name in DEFAULT_CODECS]
    try:
        needs = plan(Way(row.layer), 1, codecs)
    except (ValueError, KeyError):
        return  # what is wrong with it is told as such
    if not needs:
        return
    least = min(needs, key=lambda one: one.each)
    for field in ("bandwidth_up", "bandwidth_down"):
        size = getattr(row, field)
        if isinstance(size, int) and 0 < size < least.each:
            text = _(
                "%(size)s kbit/s carry not even one call: the smallest, with %(codec)s, takes %(each)s. "
                "Only emergency calls would get through; 0 sets no limit"
            )
            yield item.problem(field, text % {"size": size, "codec": least.codec, "each": f"{least.each:g}"})


def _without_codec(item: Item, extensions: Iterable[Any]) -> Iterator[Problem]:
    """Tell of extensions that have none of the site's codecs: of those that are set to it, else of all."""
    row = item.row
    if not row.codecs:
        return
    extensions = list(extensions)
    own = [one for one in extensions if one.site is not None and one.site.name == row.name]
    lacking = [one.number for one in own or extensions if one.codecs and not set(one.codecs) & set(row.codecs)]
    if lacking:
        numbers = ", ".join(lacking[:NAMED]) + (" …" if len(lacking) > NAMED else "")
        text = _(
            "none of these is a codec of extension %(numbers)s: its calls keep to its own, and are refused when the "
            "line is full. Give it one of these at Extensions > Audio"
        )
        yield item.problem("codecs", text % {"numbers": numbers})


def _overlap(some: Iterable[str], others: Iterable[str]) -> str:
    """Return the first network of `some` that shares addresses with one of `others`; "" when none does."""
    known = [one for one in map(_range, others) if isinstance(one, Range)]
    for text in some:
        one = _range(text)
        if isinstance(one, Range) and any(
            one.version == two.version and one.low <= two.high and two.low <= one.high for two in known
        ):
            return text
    return ""


def _same(some: Iterable[str], others: Iterable[str]) -> str:
    """Return the first entry of `some` that is one of `others` exactly: the narrower one of two wins by itself."""
    known = [one for one in map(_range, others) if one is not None]
    return next((text for text in some if _range(text) in known), "")


def _range(text: str) -> Range | Host | None:
    try:
        found = read_entry(text)
    except EntryError:
        return None
    return found if isinstance(found, Range | Host) else None
