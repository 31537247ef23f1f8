"""Desk phones in the final state: a line is on one phone only, and names that lead nowhere are doubtful."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Item, Merge
from jackfield.console.declarative.values import suggestion
from jackfield.provisioning.catalogue import MODELS
from jackfield.provisioning.requests import spelled_mac

__all__ = ["check_desk_phones", "doubtful_desk_phones"]


def _lines(merge: Merge) -> dict[str, str]:
    """Return the SIP name of the line for each word by which a phone may name it."""
    found: dict[str, str] = {}
    for extension in merge.items["extensions"]:
        if extension.lines:
            found[extension.row.number] = extension.lines[0].row.sip_username
    for extension in merge.items["extensions"]:
        found |= {line.row.sip_username: line.row.sip_username for line in extension.lines}
    return found


def check_desk_phones(merge: Merge) -> Iterator[Problem]:
    """Refuse a line on two phones: each fetch gives it a new password, and the other phone would be shut out."""
    lines, owners = _lines(merge), dict[str, Item]()
    for fresh in (False, True):
        for item in merge.items["desk_phones"]:
            if (item.created or "extensions" in item.changed) is not fresh:
                continue
            for index, name in enumerate(item.row.extensions):
                line = lines.get(name)
                owner = owners.setdefault(line, item) if line is not None else item
                if owner is not item and fresh:
                    text = _(
                        "%(name)s is on the desk phone %(other)s already: each phone needs a line of its own. Give the "
                        "extension another phone, and name that one's SIP name here"
                    )
                    other = owner.row.name or spelled_mac(owner.row.mac)
                    yield item.problem("extensions", text % {"name": name, "other": other}, f"[{index}]")


def doubtful_desk_phones(merge: Merge) -> Iterator[Problem]:
    """Tell of names that are no line's, and of more lines than a phone has."""
    lines = _lines(merge)
    for item in merge.items["desk_phones"]:
        if not (item.created or "extensions" in item.changed or "model" in item.changed):
            continue
        for index, name in enumerate(item.row.extensions):
            if name not in lines:
                text = _("there is no extension or SIP name %(name)s; %(known)s")
                known = suggestion(name, lines) if lines else ""
                yield item.problem("extensions", text % {"name": name, "known": known}, f"[{index}]")
        model = MODELS.get(item.row.model)
        if model is not None and len(item.row.extensions) > model.lines:
            text = _("%(model)s has %(lines)d lines: the phone leaves the others out")
            yield item.problem("extensions", text % {"model": model.name, "lines": model.lines})
