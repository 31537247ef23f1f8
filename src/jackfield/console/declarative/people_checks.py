"""What must hold for users and roles: a full administrator stays, and nobody gives more than he holds himself.

Every change passes here, whichever way it comes: a page, the API, a table, a document, or undoing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import PurePath
from typing import Any

from jackfield.console.declarative.difference import Problem
from jackfield.console.declarative.merging import Item, Merge
from jackfield.console.declarative.values import suggestion
from jackfield.people.levels import BUILT_IN, Areas, Levels, exceeds, full, levels_of, within

__all__ = ["check_people"]

GIVING = ("directory", "openid")
"""Sections that give roles to people whom nobody here has entered."""
TRUSTED = {"mail": None, "webhooks": None}
"""Sections that only full administrators change, or fields of one: by the mail server go links that set passwords."""
TOO_MUCH = "reaches further than your own rights: ask somebody who holds them all"


def check_people(merge: Merge, actor: Any = None, scopes: Collection[str] | None = None) -> Iterator[Problem]:
    """Tell what is wrong with users and roles in the final state.

    `actor`: the user who changes it; None for one who owns the machine and may do everything. `scopes`: of the token
    by which he does: it gives away no more than it holds itself.
    """
    after = {item.row.name: item.row.areas for item in merge.items["roles"]}
    yield from _role_names(merge, after)
    sections = ("users", "roles", "sign_in", "sounds", *GIVING, *TRUSTED)
    touched = merge.removed.keys() & set(sections) or any(
        item.created or item.changed for name in sections for item in merge.items.get(name, ())
    )
    if not touched:
        return
    before = _roles_before(merge)
    yield from _logins(merge)
    yield from _last_administrator(merge, before, after)
    if actor is not None:
        held = _held_by(actor, merge, before)
        yield from _too_much(merge, before, after, held if scopes is None else within(held, scopes))


def _held_by(actor: Any, merge: Merge, before: dict[str, Areas]) -> Levels:
    """Return what `actor` holds at this moment: he may have been lowered since his request began."""
    for item in merge.items["users"]:
        if not item.created and item.row.pk == actor.pk:
            return levels_of(_was(item, "role"), before) if _was(item, "enabled") else {}
    return next((levels_of(row.role, before) for row in merge.removed.get("users", ()) if row.pk == actor.pk), {})


def _roles_before(merge: Merge) -> dict[str, Areas]:
    found = {}
    for row in [item.row for item in merge.items["roles"] if not item.created] + merge.removed.get("roles", []):
        stored = type(row).objects.filter(pk=row.pk).first()  # there are few, and `row` may have been changed
        if stored is not None:
            found[stored.name] = stored.areas
    return found


def _role_names(merge: Merge, after: dict[str, Areas]) -> Iterator[Problem]:
    known = [*BUILT_IN, *after]
    gone = {row.name for row in merge.removed.get("roles", ())}
    gone |= {item.before["name"] for item in merge.items["roles"] if item.before is not None} - set(after)
    named = [(item, "role", item.row.role, "") for item in merge.items["users"]]
    rules = merge.items["sign_in"][0]
    for field in ("second_factor", "browser_roles"):
        named += [(rules, field, name, f"[{index}]") for index, name in enumerate(getattr(rules.row, field))]
    for section in GIVING:
        for giver in merge.items[section]:
            named.append((giver, "role", giver.row.role, ""))
            groups = getattr(giver.row, "group_roles", {})
            named += [(giver, "group_roles", name, f".{group}") for group, name in groups.items()]
    for item, field, name, below in named:
        if name in known:
            continue
        if name in gone:
            why = f'role "{name}" is to be removed or renamed, but is used here: choose another one here first'
        else:
            why = f'there is no role "{name}"; {suggestion(name, known)}'
        yield item.problem(field, why, below)


def _logins(merge: Merge) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for fresh in (False, True):
        for item in merge.items["users"]:
            if (item.created or "login" in item.changed) is fresh:
                login = item.row.login
                other = owners.setdefault(login.casefold(), login)
                if other != login:  # the very same one is told where the key is looked at
                    yield item.problem("login", f'"{login}" differs from "{other}" in capitals only: take another')


def _last_administrator(merge: Merge, before: dict[str, Areas], after: dict[str, Areas]) -> Iterator[Problem]:
    """Keep one of those who may do everything: one who can sign in, if there was such a one."""
    items = [item for item in merge.items["users"] if not item.created]
    were = [row for row in merge.removed.get("users", ()) if row.enabled and full(levels_of(row.role, before))]
    for item in items:
        role, enabled = _was(item, "role"), _was(item, "enabled")
        if enabled and full(levels_of(role, before)):
            were.append(item.row)
    are = [item.row for item in merge.items["users"] if item.row.enabled and full(levels_of(item.row.role, after))]
    if any(map(_can_sign_in, were)):
        were, are = list(filter(_can_sign_in, were)), list(filter(_can_sign_in, are))
    if are or not were:
        return
    text = "is the last full administrator who can sign in: make another one first, and let them set a password"
    lost = {id(row) for row in were}
    for item in items:
        if id(item.row) in lost and item.changed & {"role", "enabled"}:
            yield item.problem("role" if "role" in item.changed else "enabled", f"{item.row} {text}")
    for row in merge.removed.get("users", ()):
        if id(row) in lost:
            yield Problem("users", 0, f"{row} {text}")
    for item in merge.items["roles"]:
        if item.changed and any(_was(user, "role") in before and id(user.row) in lost for user in items):
            yield item.problem("areas", f"then nobody may do everything any more: {were[0]} {text}")


def _elsewhere(path: str) -> bool:
    """Tell whether a sound would be some file of the machine: what is played can be heard."""
    return PurePath(path).is_absolute() or ".." in PurePath(path).parts


def _was(item: Item, name: str) -> Any:
    return getattr(item.row, name) if item.before is None else item.before[name]


def _can_sign_in(row: Any) -> bool:
    return bool(row.password) and not row.password.startswith("!")


def _too_much(merge: Merge, before: dict[str, Areas], after: dict[str, Areas], held: Levels) -> Iterator[Problem]:
    """Refuse to touch whoever and whatever holds more than the one who changes it."""
    for item in merge.items["users"]:
        if not item.created and item.changed and exceeds(levels_of(_was(item, "role"), before), held):
            yield item.problem("", f"{item.row} {TOO_MUCH}")
        elif (item.created or item.changed) and exceeds(levels_of(item.row.role, after), held):
            yield item.problem("role", f'the role "{item.row.role}" {TOO_MUCH}')
    for item in merge.items["roles"]:
        if not (item.created or item.changed):
            continue
        old = {} if item.created else levels_of(_was(item, "name"), before)
        if exceeds(old, held) or exceeds(levels_of(item.row.name, after), held):
            yield item.problem("areas", f"{item.row} {TOO_MUCH}")
    for item in [item for section in GIVING for item in merge.items[section]]:
        given = {item.row.role, *getattr(item.row, "group_roles", {}).values()}
        if item.changed and any(exceeds(levels_of(name, after), held) for name in given):
            yield item.problem("role", f"what this gives {TOO_MUCH}")
        if item.changed - {"role", "group_roles"} and not full(held):  # who sets up a server of his own is anybody
            yield item.problem("", f"this decides who people are, administrators too: it {TOO_MUCH}")
    for name, fields in TRUSTED.items():
        for item in merge.items.get(name, ()):
            if not full(held) and (item.changed if fields is None else item.changed & fields):
                yield item.problem("", f"only a full administrator changes where messages go: it {TOO_MUCH}")
    for item in merge.items["sounds"]:
        if (item.created or "path" in item.changed) and not full(held) and _elsewhere(item.row.path):
            yield item.problem("path", f"{item.row.path} is outside of the folder of sounds: that {TOO_MUCH}")
    for item in merge.items["sign_in"]:
        freed = set(_was(item, "second_factor")) - set(item.row.second_factor)
        if any(exceeds(levels_of(name, before), held) for name in freed):
            yield item.problem("second_factor", f"whoever no longer needs a second factor {TOO_MUCH}")
    for name in ("users", "roles"):
        for row in merge.removed.get(name, ()):
            if exceeds(levels_of(row.role if name == "users" else row.name, before), held):
                yield Problem(name, 0, f"{row} {TOO_MUCH}")
