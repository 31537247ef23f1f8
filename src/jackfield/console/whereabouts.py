"""Where this machine is: its time zone, and from that its country. Guesses for the first configuration."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

__all__ = ["country_of", "time_zone_here"]

ZONES = Path("/usr/share/zoneinfo")


def time_zone_here(*, environment: dict[str, str] | None = None, etc: Path = Path("/etc")) -> str:
    """Return the machine's IANA time zone, as TZ, /etc/localtime or /etc/timezone say; "UTC" when none does."""
    for name in _candidates((os.environ if environment is None else environment).get("TZ", ""), etc):
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            continue
        return "UTC" if name in ("Etc/UTC", "Etc/UCT", "Universal", "Zulu", "UCT") else name
    return "UTC"


def _candidates(variable: str, etc: Path) -> Iterator[str]:
    if name := variable.removeprefix(":"):
        yield name
    with contextlib.suppress(OSError):
        yield os.readlink(etc / "localtime").partition("zoneinfo/")[2]
    with contextlib.suppress(OSError, UnicodeDecodeError):
        yield (etc / "timezone").read_text(encoding="ascii").strip()


def country_of(time_zone: str, *, zones: Path = ZONES) -> str:
    """Return the country whose time zone this is, by the tz database's table; "US" when it names none."""
    try:
        table = (zones / "zone.tab").read_text(encoding="utf-8")
    except OSError:
        return "US"
    for line in table.splitlines():
        columns = line.split("\t")
        if not line.startswith("#") and len(columns) > 2 and columns[2] == time_zone:
            return columns[0]
    return "US"
