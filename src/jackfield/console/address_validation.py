"""What the entries of an address group must be like, with words that say how to mend them.

As in `validation`: it takes the value of a field and raises Django's `ValidationError`.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from jackfield.network.groups import EntryError, Nested, read_entry

__all__ = ["MOST", "entries", "places"]

MOST = 10_000


def entries(values: Iterable[str]) -> None:
    """Accept addresses, ranges, networks, names of hosts, and names of groups."""
    found = list(values)
    wrong = [_wrong(value) for value in found if _kind(value)]
    if len(found) > MOST:
        wrong.append(_("has more than %(most)d entries: join them to networks") % {"most": MOST})
    if wrong:
        raise ValidationError([ValidationError(text, code="wrong") for text in wrong])


def places(values: Iterable[str]) -> None:
    """Accept what `entries` does, without names of groups: from where a place is seen."""
    found = list(values)
    entries(found)
    for value in found:
        if isinstance(read_entry(value), Nested):
            text = _('"%(entry)s" names a group: write the addresses themselves, from which this place is seen')
            raise ValidationError(text % {"entry": value}, code="wrong")


def _kind(value: str) -> str:
    try:
        read_entry(value)
    except EntryError as error:
        return error.kind
    return ""


def _wrong(value: str) -> str:
    texts: dict[str, str] = {
        "address": _('"%(entry)s" is no address: write it as 192.0.2.7 or 2001:db8::7'),
        "network": _('"%(entry)s" is no network: write it as 10.0.0.0/8 or 2001:db8::/32'),
        "order": _('"%(entry)s" is no range: the smaller address comes first'),
        "families": _('"%(entry)s" is no range: both ends must be IPv4, or both IPv6'),
        "name": _('"%(entry)s" is neither an address, a range, a network nor the name of a host'),
        "empty": _('"%(entry)s" says nothing: write an address, or "group:" and the name of a group'),
    }
    return texts[_kind(value)] % {"entry": value}
