"""What each role holds: a level in each area of the console. The pages, the API and the checks of changes ask here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Literal

from jackfield.people.choices import Role

__all__ = [
    "AREAS",
    "BUILT_IN",
    "NOTHING",
    "READ",
    "WRITE",
    "Areas",
    "Level",
    "Levels",
    "exceeds",
    "full",
    "levels_of",
    "within",
]

Grade = Literal["nothing", "read", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Areas:
    """What a role of the company's own holds in each area. Everybody who signs in holds his own pages."""

    overview: Grade = "nothing"
    people: Grade = "nothing"
    phones: Grade = "nothing"
    lines: Grade = "nothing"
    history: Grade = "nothing"
    safety: Grade = "nothing"
    system: Grade = "nothing"


AREAS = ("own", *(field.name for field in fields(Areas)))
"""Left rail of the administration, and "own": the user's own pages."""


class Level(IntEnum):
    """What someone may do in an area; each includes those below."""

    NOTHING = 0
    READ = 1
    WRITE = 2


NOTHING, READ, WRITE = Level
Levels = Mapping[str, Level]

_ALL = dict.fromkeys(AREAS, READ) | {"own": WRITE}
BUILT_IN: dict[str, Levels] = {
    str(Role.NONE): {},
    str(Role.USER): {"own": WRITE},
    str(Role.READER): _ALL,
    str(Role.TELEPHONY): _ALL | dict.fromkeys(("overview", "people", "phones", "lines", "history"), WRITE),
    str(Role.ADMINISTRATOR): dict.fromkeys(AREAS, WRITE),
}


def levels_of(role: str, own: Mapping[str, Areas] | None = None) -> Levels:
    """Return what a role holds: a built-in one, or one of the company's `own` (by name; None: ask the database).

    A role that there is not holds nothing.
    """
    if role in BUILT_IN:
        return BUILT_IN[role]
    areas = _stored(role) if own is None else own.get(role)
    if areas is None:
        return {}
    return {"own": WRITE} | {name: Level[getattr(areas, name).upper()] for name in AREAS[1:]}


def _stored(role: str) -> Areas | None:
    from jackfield.people.models import OwnRole

    found: Any = OwnRole.objects.filter(name=role).first()
    return None if found is None else found.areas


def exceeds(levels: Levels, held: Levels) -> bool:
    """Tell whether `levels` reach further than `held` anywhere."""
    return any(level > held.get(area, NOTHING) for area, level in levels.items())


def within(levels: Levels, scopes: Collection[str]) -> Levels:
    """Return what is left of `levels` to a token with these scopes ("people:write" includes reading).

    Own pages are left out of it: everybody who signs in holds them, so they are nothing that one could give away.
    """

    def most(area: str) -> Level:
        if area == "own" or f"{area}:write" in scopes:
            return WRITE
        return READ if f"{area}:read" in scopes else NOTHING

    return {area: min(level, most(area)) for area, level in levels.items()}


def full(levels: Levels) -> bool:
    """Tell whether somebody with these levels may do everything."""
    return all(levels.get(area) == WRITE for area in AREAS)
