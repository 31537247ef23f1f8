"""What must hold for the whole configuration once the document is applied: each field, each number, each reference.

A wrong value, a clash, or a name that nothing has is a problem, and nothing is changed. A number that leads nowhere is
a warning: it does no harm until somebody dials it, and an administrator may build the house in any order.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from jackfield.console.declarative.address_checks import check_addresses
from jackfield.console.declarative.desk_phone_checks import (
    check_desk_phones,
    doubtful_desk_phones,
    doubtful_keys,
    doubtful_templates,
)
from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.firewall_checks import check_firewall, closed_to
from jackfield.console.declarative.hours_checks import check_names
from jackfield.console.declarative.limit_checks import check_limits
from jackfield.console.declarative.merging import Item, Merge
from jackfield.console.declarative.people_checks import check_people
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.declarative.site_checks import site_warnings
from jackfield.console.declarative.values import suggestion
from jackfield.console.declarative.vpn_checks import check_vpn
from jackfield.console.fields import DataField
from jackfield.numbers.plan import DialPlan, described

__all__ = ["check"]

NUMBERED = ("emergency_numbers", "extensions", "ring_groups", "services", "speed_dials")
TARGETS = {
    "extensions": ("forward_always", "forward_busy", "forward_no_answer", "forward_unreachable", "forward_closed"),
    "ring_groups": ("fallback",),
    "services": ("then", "open_target", "closed_target"),
    "inbound": ("target", "closed_target"),
    "speed_dials": ("target",),
}
WORDS = {"blank": "must be given", "null": "must be given"}
SHORT_PASSWORD = 8


def check(
    merge: Merge,
    before: DialPlan,
    sounds: Collection[str] | None = None,
    actor: Any = None,
    scopes: Collection[str] | None = None,
    *,
    through: str = "",
    address: str = "",
) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong and what is doubtful in the final state. `before` is the dial plan as it was.

    `sounds`: names of sounds that need no configuration; None: they are not looked at. `actor`: the user who
    changes it; None for one who owns the machine. `scopes`: to which his token narrows him. `through`, `address`: by
    which way, and from where it came.
    """
    problems = list(_fields(merge))
    plan = DialPlan(merge.items["settings"][0].row.outside_prefix)
    problems += _numbers(merge, plan)
    problems += _sip_names(merge)
    problems += _trunk_names(merge)
    problems += check_names(merge)
    problems += _removed_references(merge)
    problems += check_people(merge, actor, scopes)
    problems += check_addresses(merge)
    problems += check_firewall(merge, through, address)
    problems += check_desk_phones(merge)
    problems += check_vpn(merge)
    problems += check_limits(merge)
    warnings = [*_targets(merge, plan, before), *_hidden(merge, plan), *_passwords(merge), *_emergency(merge)]
    warnings += site_warnings(merge)
    warnings += doubtful_desk_phones(merge)
    warnings += doubtful_keys(merge)
    warnings += doubtful_templates(merge)
    warnings += closed_to(merge)
    if sounds is not None:
        warnings += _sounds(merge, {*sounds, *(item.row.name for item in merge.items["sounds"])})
    return problems, warnings


def _fields(merge: Merge) -> Iterator[Problem]:
    for items in merge.items.values():
        for item in items:
            for found in (item, *item.lines):
                if found.created or found.changed - {"position"}:
                    yield from _one(found)


def _one(item: Item) -> Iterator[Problem]:
    own = {known.name for known in item.section.fields.values() if not known.reference}
    failed: list[ValidationError] = []
    try:
        item.row.clean_fields(exclude={column.name for column in item.row._meta.fields} - own)
    except ValidationError as error:
        failed.append(error)
    refused = item.wanted.refused if item.wanted is not None else set()
    try:
        item.row.check_together(refused)
    except ValidationError as error:
        failed.append(error)
    seen = set(refused)
    for failure in failed:
        for name, errors in failure.error_dict.items():
            if name in seen:
                continue
            seen.add(name)
            # Each item of a list may be wrong in its own way; of a single value the first objection is enough.
            several = isinstance(item.row._meta.get_field(name), DataField)
            for one in errors if several else errors[:1]:
                yield item.problem(name, _words(one))


def _words(error: Any) -> str:
    if error.code == "max_length":
        return f"is {error.params['show_value']} characters long: {error.params['limit_value']} at most"
    return WORDS.get(error.code) or str(error.messages[0])


def _numbers(merge: Merge, plan: DialPlan) -> Iterator[Problem]:
    """Give every number to its owner; those that were there before go first and win."""
    numbers = [(item, section) for section in NUMBERED for item in merge.items[section]]
    routes = merge.items["outbound"]
    for fresh in (False, True):
        for item, section in numbers:
            if item.created is fresh and item.row.number:
                if clash := plan.clash(item.row.number):
                    yield item.problem("number", clash)
                plan.claim(item.row.number, described(item.row), emergency=section == "emergency_numbers")
        for item in routes:
            if (item.created or "prefix" in item.changed) is fresh:
                if clash := plan.prefix_clash(item.row.prefix):
                    yield item.problem("prefix", clash)
                plan.claim_prefix(item.row.prefix, described(item.row), enabled=item.row.enabled)


def _sip_names(merge: Merge) -> Iterator[Problem]:
    lines = [(extension, line) for extension in merge.items["extensions"] for line in extension.lines]
    owners: dict[str, str] = {}
    for fresh in (False, True):
        for extension, line in lines:
            if (line.created or "sip_username" in line.changed) is not fresh:
                continue
            name = line.row.sip_username
            if name in owners:
                yield line.problem("sip_username", f'SIP name "{name}" is already that of extension {owners[name]}')
            owners.setdefault(name, extension.row.number)


def _trunk_names(merge: Merge) -> Iterator[Problem]:
    names = [item.row.name for item in merge.items["trunks"]]
    gone = {row.name for row in merge.removed.get("trunks", ())}
    for section in ("outbound", "emergency_numbers"):
        for item in merge.items[section]:
            for index, name in enumerate(item.row.trunks):
                if name not in names:
                    if name in gone:
                        why = f'trunk "{name}" is to be removed, but is used here: change this, or keep it'
                    else:
                        why = f'there is no trunk "{name}"; '
                        why += suggestion(name, names) if names else 'add it under "trunks"'
                    yield item.problem("trunks", why, f"[{index}]")


def _removed_references(merge: Merge) -> Iterator[Problem]:
    """Find what still refers to something that is being removed, and is not itself in the document."""
    references = [(name, field.name, field.reference) for name in SECTIONS for field in SECTIONS[name].fields.values()]
    for section, field, reference in references:
        gone = {row.pk for row in merge.removed.get(reference, ())}
        for item in merge.items[section] if gone else ():
            referred = getattr(item.row, field)
            if referred is not None and referred.pk in gone:
                yield item.problem(field, f"{referred} is to be removed, but is used here: change this, or keep it")


def _targets(merge: Merge, plan: DialPlan, before: DialPlan) -> Iterator[Problem]:
    for section, fields in TARGETS.items():
        for item in merge.items[section]:
            for name in fields:
                number = getattr(item.row, name)
                if number and (why := _astray(item, number, plan, before)):
                    yield item.problem(name, why)
    for item in merge.items["ring_groups"]:
        for index, number in enumerate(item.row.members):
            if why := _astray(item, number, plan, before):
                yield item.problem("members", why, f"[{index}]")


def _astray(item: Item, number: str, plan: DialPlan, before: DialPlan) -> str:
    if number == getattr(item.row, "number", "") and item.section.name != "inbound":
        return f"{number} leads back to itself" if item.wanted is not None else ""
    if plan.leads_somewhere(number):
        return ""
    if item.wanted is None and not before.leads_somewhere(number):
        return ""  # it led nowhere before, and this document is not about it
    return f"{number} leads nowhere: no number of the dial plan and no outgoing route has it"


def _hidden(merge: Merge, plan: DialPlan) -> Iterator[Problem]:
    for section in NUMBERED[1:]:
        for item in merge.items[section]:
            if item.created and (prefix := plan.hidden_outside(item.row.number)):
                yield item.problem(
                    "number",
                    f"begins with the prefix {prefix} of {plan.prefixes[prefix]}: "
                    f"{item.row.number} reaches this {item.section.thing}, not the outside number",
                )


def _passwords(merge: Merge) -> Iterator[Problem]:
    for extension in merge.items["extensions"]:
        for line in extension.lines:
            if line.wanted is None or not {"sip_username", "sip_password"} & line.changed:
                continue
            password = line.row.sip_password
            if len(password) < SHORT_PASSWORD or password in (extension.row.number, line.row.sip_username):
                yield line.problem("sip_password", "is easy to guess: leave it out and a random one is made")


def _emergency(merge: Merge) -> Iterator[Problem]:
    enabled = {item.row.name for item in merge.items["trunks"] if item.row.enabled}
    for item in merge.items["emergency_numbers"]:
        if item.wanted is not None and not (set(item.row.trunks or enabled) & enabled):
            yield item.problem(
                "trunks", f"nobody would answer {item.row.number}: there is no enabled trunk to carry it"
            )


def _sounds(merge: Merge, known: set[str]) -> Iterator[Problem]:
    for item in merge.items["sounds"]:
        path = Path(item.row.path)  # a relative one lies in the folder of sounds, or is a set of files there
        if "path" in item.changed and path.is_absolute() and path.suffix and not path.is_file():
            yield item.problem("path", f"there is no file {path}: put it there, and apply this once more")
    for section, name in (("settings", "music"), ("services", "sound")):
        for item in merge.items[section]:
            sound = getattr(item.row, name)
            if name in item.changed and sound and sound not in known and not sound.startswith("tone:"):
                near = difflib.get_close_matches(sound, known, 1)
                hint = f'did you mean "{near[0]}"?' if near else 'add it under "sounds"'
                yield item.problem(name, f'there is no sound "{sound}"; {hint}')
