"""What the first configuration tells of itself. Plain data, no database."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FirstConfiguration", "FirstPhone"]


@dataclass(frozen=True, slots=True)
class FirstPhone:
    """What someone needs to put a phone on one of the first extensions."""

    number: str
    name: str
    sip_username: str
    sip_password: str


@dataclass(frozen=True, slots=True)
class FirstConfiguration:
    """What `initialise` made. The passwords are meant to be printed once; nothing shows them again by itself."""

    created: bool  # False: there was a configuration already, nothing was touched and the rest is empty
    country: str = ""
    time_zone: str = ""
    realm: str = ""
    outside_prefix: str = ""
    phones: tuple[FirstPhone, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()  # ring group, services, emergency numbers: number and what it is
