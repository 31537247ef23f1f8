"""What was found out about our addresses, kept in a file: so it's known after a restart before anybody has answered."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from jackfield.network.addresses import reachable_addresses
from jackfield.network.outside import Outside

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Found", "State", "Way", "is_public", "load", "save"]

Way = Literal["hand", "interface", "cloud", "trunk", "stun"]


@dataclass(frozen=True, slots=True)
class Found:
    """One address outside. `by`: which interface, cloud, trunk or STUN server told; `at`: UTC seconds since 1970."""

    address: str
    way: Way
    by: str = ""
    inside: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """All that is known. `problems`: who was asked in vain, and why."""

    found: tuple[Found, ...] = ()
    problems: tuple[str, ...] = ()
    at: float = 0.0

    @property
    def outside(self) -> tuple[Outside, ...]:
        """Addresses that stand for ours towards parties outside; those of our own interfaces need nothing."""
        return tuple(Outside(one.address, one.inside) for one in self.found if one.way != "interface")

    def addresses(self) -> list[str]:
        """Return every address under which we are reached from outside, IPv4 first."""
        return sorted(_unique(one.address for one in self.found), key=lambda one: ":" in one)


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def load(path: Path) -> State:
    """Return what was kept; nothing when there is no file, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return State()


def save(path: Path, state: State) -> None:
    """Keep it. A full disk loses nothing that is not found again."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        draft.write_bytes(msgspec.json.encode(state))
        draft.replace(path)


def is_public(settings: Settings, by_hand: str) -> bool:
    """Tell whether the Internet reaches this machine with no router of ours between, or somebody set its address.

    by_hand: the public address that the company set, "" for none. A cloud's machine counts, whose private address is
    mapped to a public one: its local networks may be other people's.
    """
    if settings.public_address or by_hand:
        return True
    if any(one.way == "cloud" for one in load(settings.files.public_addresses).found):
        return True
    return any(ip_address(one).is_global for one in reachable_addresses(settings.hosts))
