"""Who asks, and for what: from a path and a User-Agent to a vendor, a MAC address and one of the files we know.

Nothing is looked up on a disk by such a path: it is compared with the names of the catalogue. Yet a path that could
mean something to a file system is refused and told, because whoever sends it is not a phone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote_to_bytes

from jackfield.provisioning.catalogue import File, FileKind, PhoneModel, Vendor, models, vendors

__all__ = ["Asked", "PathRefused", "file_for", "normal_mac", "recognise", "spelled_mac", "vendor_of_mac"]

MOST_CHARACTERS = 255
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:._ -]?[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}([.:-])[0-9A-Fa-f]{4}\2[0-9A-Fa-f]{4}")
_SEPARATORS = str.maketrans("", "", ":._- ")
_NAME = re.compile(r"[A-Za-z0-9{}$][A-Za-z0-9 ._:+(){}$-]*")
_HEX = re.compile(r"%[0-9A-Fa-f]{2}")


class PathRefused(ValueError):
    """A path that no phone asks for. `str()` is a sentence for the page."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for. `mac`: twelve lower-case hex digits, "" where neither path nor User-Agent names it."""

    vendor: str  # the vendor's folder
    file: str  # `File.name`
    kind: FileKind
    mac: str = ""
    model: str = ""  # slug, as the path or the User-Agent says; "" when neither does
    firmware: str = ""


def normal_mac(text: str) -> str:
    """Return twelve lower-case hex digits for a MAC in any spelling ("00:15:65:AA:BB:CC", "0015.65aa.bbcc").

    Raises ValueError with a sentence for whoever typed it.
    """
    mac = text.strip()
    if not _MAC.fullmatch(mac):
        raise ValueError(
            f"{text.strip()[:40]!r} is no MAC address: it has twelve digits 0-9 A-F, as in 00:15:65:12:AB:CD"
        )
    mac = mac.translate(_SEPARATORS).lower()
    if mac in ("0" * 12, "f" * 12) or int(mac[:2], 16) & 1:
        raise ValueError(f"{spelled_mac(mac)} is no phone's MAC address: it means many or none")
    return mac


def spelled_mac(mac: str) -> str:
    """Return a normal MAC as people read it: "00:15:65:12:ab:cd"."""
    return ":".join(mac[at : at + 2] for at in range(0, 12, 2))


def vendor_of_mac(mac: str) -> str:
    """Return the folder of the vendor whose prefix a normal MAC has; "" for one that we don't know."""
    return _prefixes().get(mac[:6], "")


@cache
def _prefixes() -> dict[str, str]:
    return {prefix.lower(): vendor.folder for vendor in vendors().values() for prefix in vendor.mac_prefixes}


def recognise(path: str, user_agent: str = "") -> Asked | None:
    """Tell what a path asks for; None for a name that no phone of ours asks for. A MAC of many or none is refused.

    `path`: as it came, without the query; percent-coded or not. Raises PathRefused.
    """
    name = _last_part(path)
    agent = _agent(user_agent)
    best: tuple[int, Asked] | None = None
    wrong = ""
    for vendor, file, pattern in _patterns():
        match = pattern.fullmatch(name)
        if match is None:
            continue
        found = match.groupdict()
        if found.get("mac") and not _mac(found["mac"]):
            wrong = wrong if found["mac"].strip("0:._ -") == "" else found["mac"]
            continue  # 000000000000.cfg is a name of its own, and so is what phones ask for in that manner by habit
        mac = _mac(found.get("mac") or "") or agent.mac
        model = _model(vendor, found) or (agent.model if agent.vendor == vendor.folder else "")
        # Several vendors ask for "<mac>.cfg": who the phone says it is goes before whose its MAC is.
        points = 4 * (agent.vendor == vendor.folder) + 2 * (bool(mac) and vendor_of_mac(mac) == vendor.folder)
        points += 2 * bool(found.get("mac")) + bool(found.get("model") and model)
        if best is None or points > best[0]:
            best = points, Asked(vendor.folder, file.name, file.kind, mac, model, agent.firmware)
    if wrong and best is None:
        raise PathRefused(f"{wrong} is no phone's MAC address: it means many or none")
    return best[1] if best else None


def file_for(model: PhoneModel, path: str) -> File | None:
    """Return which file of a model that is known a path means; None for none of its files. Raises PathRefused.

    Several vendors ask for "<MAC>.cfg": for a phone that an administrator has named, nothing has to be guessed.
    """
    name = _last_part(path)
    for file in model.files:
        match = file.pattern().fullmatch(name)
        if match and ("mac" not in match.groupdict() or _mac(match["mac"])):
            return file
    return None


def _last_part(path: str) -> str:
    if len(path) > MOST_CHARACTERS:
        raise PathRefused(f"a name of {len(path)} characters; phones ask for at most {MOST_CHARACTERS}")
    try:
        plain = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise PathRefused("a name that is not text") from None
    if _HEX.search(plain):
        raise PathRefused("a name that is percent-coded twice")
    if "\\" in plain:
        raise PathRefused("a name with a backslash")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in plain):
        raise PathRefused("a name with a control character")
    parts = plain.removeprefix("/").split("/")
    if ".." in parts or "." in parts:
        raise PathRefused("a name that leads to another folder")
    if "" in parts[:-1]:
        raise PathRefused("a name with an empty folder or from the root of a disk")
    if re.match(r"[A-Za-z]:", plain) and not _MAC.match(plain):
        raise PathRefused("a name with a drive's letter")
    return parts[-1] if _NAME.fullmatch(parts[-1]) else ""


def _mac(text: str | None) -> str:
    try:
        return normal_mac(text) if text else ""
    except ValueError:
        return ""


def _model(vendor: Vendor, found: dict[str, str | None]) -> str:
    if name := found.get("model"):
        model = vendor.by_name.get(name.lower())
        return model.slug if model else ""
    if code := found.get("code"):
        return next((model.slug for model in vendor.models if model.code and int(model.code) == int(code)), "")
    return ""


@cache
def _patterns() -> tuple[tuple[Vendor, File, re.Pattern[str]], ...]:
    found: dict[tuple[str, str], tuple[Vendor, File, re.Pattern[str]]] = {}
    for vendor in vendors().values():
        for model in vendor.models:
            for file in model.files:
                found.setdefault((vendor.folder, file.name), (vendor, file, file.pattern()))
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Agent:
    vendor: str = ""
    model: str = ""
    mac: str = ""
    firmware: str = ""


@cache
def _agents() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found = {(model.vendor, text): re.compile(text) for model in models().values() for text in model.user_agents}
    return tuple((vendor, pattern) for (vendor, _), pattern in found.items())


def _agent(text: str) -> _Agent:
    """Take a User-Agent apart; nothing known in it is no error."""
    for vendor, pattern in _agents():
        match = pattern.search(text[:300])
        if match:
            found = match.groupdict()
            model: PhoneModel | None = vendors()[vendor].by_name.get((found.get("model") or "").lower())
            firmware = found.get("firmware") or ""
            return _Agent(vendor, model.slug if model else "", _mac(found.get("mac") or ""), firmware[:40])
    return _Agent()
