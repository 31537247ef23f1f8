"""The configuration of the system under test, as the YAML that `jackfield apply` reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["CODECS", "configuration", "extension"]

CODECS = ("pcmu", "pcma", "g722", "gsm", "opus")
"""The codecs of which every pair must work."""


def extension(number: str | int, **more: Any) -> dict[str, Any]:
    """Return an extension with a known SIP name and password."""
    return {
        "number": str(number),
        "name": f"Phone {number}",
        "sip_username": f"sip{number}",
        "sip_password": f"secret-of-{number}-4Tx",
        **more,
    }


def configuration(extensions: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    """Return a configuration: extensions 101-110, those that are given, and whatever sections `more` has."""
    given = {one["number"] for one in extensions}
    settings = {"country": "GB", "time_zone": "UTC", "language": "en", "outside_prefix": "9", "company": "Interop"}
    return {
        "settings": settings | more.pop("settings", {}),
        "extensions": [*(extension(number) for number in range(101, 111) if str(number) not in given), *extensions],
        "services": [
            {"number": "*43", "kind": "echo", "name": "Echo"},
            {"number": "*60", "kind": "time", "name": "Time"},
            {"number": "*61", "kind": "announcement", "name": "Welcome", "sound": "welcome"},
            {"number": "*62", "kind": "music", "name": "Music"},
            *more.pop("services", []),
        ],
        **more,
    }
