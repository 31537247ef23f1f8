"""Someone in the directory, and that it can't be asked: what is known of it without the library that asks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DirectoryAway", "DirectoryError", "Person"]


class DirectoryError(Exception):
    """The directory could not be asked; the text says why, with the mend."""


class DirectoryAway(DirectoryError):
    """None of its servers answers."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the directory."""

    uid: str
    dn: str
    login: str
    name: str = ""
    email: str = ""
    number: str = ""
    disabled: bool = False
    groups: tuple[str, ...] = ()  # of those that the settings name
