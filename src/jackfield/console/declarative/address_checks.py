"""Address groups: names that must be there, and groups that hold themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Item, Merge
from jackfield.console.declarative.values import suggestion
from jackfield.network.groups import (
    LOCAL,
    EntryError,
    Nested,
    loop_in,
    read_entry,
    vpn_networks,
    with_vpn,
)

__all__ = ["check_addresses", "no_group"]


def check_addresses(merge: Merge) -> Iterator[Problem]:
    """Tell what is wrong with address groups in the final state, and with what names one."""
    items = merge.items["address_groups"]
    own = {item.row.name: item.row.entries for item in items}
    general, devices = merge.items["settings"][0].row, (item.row for item in merge.items["vpn_devices"])
    groups = with_vpn(own, vpn_networks(general, devices))
    gone = {row.name for row in merge.removed.get("address_groups", ())}
    for item, field in _naming(merge):
        name = getattr(item.row, field)
        if name and name != LOCAL and name not in groups:
            yield item.problem(field, no_group(name, groups, gone))
    guard = merge.items["guard"][0]
    for index, name in enumerate(guard.row.never):
        if name != LOCAL and name not in groups:
            yield guard.problem("never", no_group(name, groups, gone), f"[{index}]")
    for item in items:
        for index, entry in enumerate(item.row.entries):
            name = _nested(entry)
            if name and name != LOCAL and name not in groups:
                yield item.problem("entries", no_group(name, groups, gone), f"[{index}]")
    if loop := loop_in(groups):
        way = " → ".join(loop)
        for item in items:
            if item.row.name in loop and (item.created or item.changed):
                text = _("the groups hold each other in a circle, %(way)s: take one of them out")
                yield item.problem("entries", text % {"way": way})


def _naming(merge: Merge) -> Iterator[tuple[Item, str]]:
    for extension in merge.items["extensions"]:
        yield extension, "phones_from"
        for line in extension.lines:
            yield line, "phones_from"


def _nested(entry: str) -> str:
    try:
        found = read_entry(entry)
    except EntryError:
        return ""
    return found.group if isinstance(found, Nested) else ""


def no_group(name: str, groups: Mapping[str, Sequence[str]], gone: set[str]) -> str:
    """Say that there is no such group. `gone`: those that the same change removes."""
    if name in gone:
        text: str = _('the address group "%(name)s" is to be removed, but is used here: change this, or keep it')
        return text % {"name": name}
    other: str = _('there is no address group "%(name)s"; %(hint)s')
    return other % {"name": name, "hint": suggestion(name, [*groups, LOCAL])}
