"""Desk phones in the final state: a line is on one phone only, and names that lead nowhere are doubtful."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Item, Merge
from jackfield.console.declarative.values import suggestion
from jackfield.desk_phones.choices import KeyKind
from jackfield.provisioning.catalogue import MODELS
from jackfield.provisioning.requests import spelled_mac

if TYPE_CHECKING:
    from jackfield.provisioning.catalogue import PhoneModel
    from jackfield.provisioning.configuration import Key

__all__ = ["check_desk_phones", "doubtful_desk_phones", "doubtful_keys", "doubtful_templates"]


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
    """Tell of names that are no line's, of lines that an app has, and of more lines than a phone has."""
    from jackfield.softphones.links import set_up

    lines = _lines(merge)
    fresh = [item for item in merge.items["desk_phones"] if item.created or "extensions" in item.changed]
    apps = set_up({lines[name] for item in fresh for name in item.row.extensions if name in lines}) if fresh else {}
    for item in merge.items["desk_phones"]:
        if not (item.created or "extensions" in item.changed or "model" in item.changed):
            continue
        for index, name in enumerate(item.row.extensions):
            if lines.get(name) in apps:
                text = _(
                    "%(name)s was set up in an app by a link: the app is cut off when the desk phone fetches. Give the "
                    "extension another phone, and name that one's SIP name here"
                )
                yield item.problem("extensions", text % {"name": name}, f"[{index}]")
        for index, name in enumerate(item.row.extensions):
            if name not in lines:
                text = _("there is no extension or SIP name %(name)s; %(known)s")
                known = suggestion(name, lines) if lines else ""
                yield item.problem("extensions", text % {"name": name, "known": known}, f"[{index}]")
        model = MODELS.get(item.row.model)
        if model is not None and len(item.row.extensions) > model.lines:
            text = _("%(model)s has %(lines)d lines: the phone leaves the others out")
            yield item.problem("extensions", text % {"model": model.name, "lines": model.lines})


def doubtful_keys(merge: Merge) -> Iterator[Problem]:
    """Tell of keys that a phone does not have, cannot do, or that lead nowhere."""
    for item in merge.items["desk_phones"]:
        model = MODELS.get(item.row.model)
        if model is None or not (item.created or {"keys", "model", "extensions"} & item.changed):
            continue
        most = model.keys + 32 * int(model.facts.get("side_cars", 0))
        used = [(index, key) for index, key in enumerate(item.row.keys) if key.kind != "none"]
        if used and not most:
            yield item.problem("keys", _("%(model)s has no keys of its own") % {"model": model.name})
        elif any(index >= most for index, _key in used):
            text = ngettext(
                "%(model)s has %(count)d key: the phone leaves the others out",
                "%(model)s has %(count)d keys: the phone leaves the others out", most,
            )  # fmt: skip
            yield item.problem("keys", text % {"model": model.name, "count": most})
        for index, key in used:
            if index < most and (text := _doubt(model, key, len(item.row.extensions))):
                yield item.problem("keys", text, f"[{index}]")


def doubtful_templates(merge: Merge) -> Iterator[Problem]:
    """Tell of templates that can be read but not used: phones get the last good one instead."""
    from jackfield.desk_phones.trying import problems

    for item in merge.items["phone_templates"]:
        if item.created or "text" in item.changed:
            for problem in problems(item.row.file.replace(":", "/"), item.row.text)[:1]:
                text = _("%(problem)s. Until it is mended, phones get the last text that was good")
                yield item.problem("text", text % {"problem": problem})


def _doubt(model: PhoneModel, key: Key, lines: int) -> str:
    """Return why a key will not do what is meant; "" when it will."""
    if key.kind not in model.key_kinds:
        names = {"model": model.name, "kind": KeyKind(key.kind).label}
        return str(_('%(model)s has no keys of the kind "%(kind)s": this one stays empty') % names)
    if not key.value and key.kind not in ("line", "voicemail"):
        return str(_("this key has no number: it does nothing"))
    if not 1 <= key.line <= max(1, lines):
        return str(_("this key works by line %(line)d, and the phone has no extension there") % {"line": key.line})
    return ""
