"""What templates may call besides the phone's values: functions and filters, the same in all formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from jackfield.provisioning import tones
from jackfield.provisioning.catalogue import PhoneModel
from jackfield.provisioning.configuration import Account
from jackfield.provisioning.zones import Change, Zone, zone

__all__ = ["FILTERS", "FUNCTIONS"]

_DIALLED = frozenset("0123456789*#+-._ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def codecs(model: PhoneModel, account: Account) -> list[str]:
    """Return the account's codecs in its order, by the vendor's names; those that the model lacks are left out."""
    return [model.codecs[name] for name in account.codecs if name in model.codecs]


def transport(model: PhoneModel, account: Account) -> str:
    """Return the account's transport, or the nearest that the model can."""
    return account.transport if account.transport in model.transports else "udp"


def without(text: str, signs: str) -> str:
    """Return a text without signs that separate the parts of a value in the vendor's own way."""
    return "".join(" " if sign in signs else sign for sign in str(text))


def two(number: int) -> str:
    """Return a number with two digits at least."""
    return f"{number:02d}"


def dialled(text: str) -> str:
    """Return what can be dialled of a text: a number never becomes another part of a value."""
    return "".join(sign for sign in str(text) if sign in _DIALLED)


def choose(value: Any, table: Mapping[Any, Any], otherwise: Any = "") -> Any:
    """Return what a table of the model's `facts` says for a value."""
    return table.get(value, otherwise)


def position(wanted: list[Any], one: Any) -> int:
    """Return the place of something in a list, from 1; 0 where it isn't."""
    return wanted.index(one) + 1 if one in wanted else 0


def posix(told: Zone) -> str:
    """Return a zone as a POSIX TZ string of the plainest kind, with letters and whole weeks only."""
    if not (told.begins and told.ends):
        return f"STD{_west(told.offset)}"
    return f"STD{_west(told.offset)}DST{_west(told.summer_offset)},{_rule(told.begins)},{_rule(told.ends)}"


def _west(offset: int) -> str:
    minutes = abs(offset) // 60
    return f"{'-' if offset > 0 else '+'}{minutes // 60}" + (f":{minutes % 60:02d}" if minutes % 60 else "")


def _rule(change: Change) -> str:
    hours, minutes = change.time
    return f"M{change.month}.{change.actual_week}.{change.actual_weekday}/{hours:02d}:{minutes:02d}:00"


def nearest(told: Zone, known: list[str]) -> str:
    """Return the zone's name, or the first known one with the same clock; failing that, with the same offset."""
    if told.name in known:
        return told.name
    others = [zone(name) for name in known]
    same = [other.name for other in others if _clock(other) == _clock(told)]
    near = [other.name for other in others if other.offset == told.offset]
    return (same or near or ["Greenwich"])[0]


def _clock(told: Zone) -> tuple[object, ...]:
    return told.offset, told.saving, told.begins and told.begins.month


def host_of(url: str) -> str:
    """Return the host (and port) of an address."""
    match = re.match(r"[a-z]+://([^/]+)", url)
    return match[1] if match else url


def path_of(url: str) -> str:
    """Return what follows the host of an address, from its slash."""
    match = re.match(r"[a-z]+://[^/]+(/.*)", url)
    return match[1] if match else "/"


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "codecs": codecs,
    "transport": transport,
    "choose": choose,
    "two": two,
    "host_of": host_of,
    "path_of": path_of,
    "nearest": nearest,
    "posix": posix,
    "position": position,
    "tone": tones.parts,
    "tone_cadence": tones.grandstream,
    "tone_elements": tones.elements,
    "tone_script": tones.sipura,
}
FILTERS: dict[str, Callable[..., Any]] = {"dialled": dialled, "without": without}
