"""What templates may call besides the phone's values: functions and filters, the same in all formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from jackfield.provisioning import tones
from jackfield.provisioning.catalogue import PhoneModel
from jackfield.provisioning.configuration import Account

__all__ = ["FILTERS", "FUNCTIONS"]


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


def choose(value: Any, table: Mapping[Any, Any], otherwise: Any = "") -> Any:
    """Return what a table of the model's `facts` says for a value."""
    return table.get(value, otherwise)


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
    "tone": tones.parts,
    "tone_elements": tones.elements,
    "tone_script": tones.sipura,
}
FILTERS: dict[str, Callable[..., Any]] = {"without": without}
