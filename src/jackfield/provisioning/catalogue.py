"""The models of phones that we know: what each can do, which files it asks for, how it says who it is.

A vendor is a folder of `templates/` with a `vendor.yaml`, which says all this beside the templates. What stands at the
vendor holds for its models unless a model says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal

import yaml

__all__ = ["MODELS", "VENDORS", "Event", "File", "PhoneModel", "Vendor", "models", "vendors"]

FileKind = Literal["phone", "common", "nothing"]
Format = Literal["xml", "lines", "json", "text"]
_PLACEHOLDERS = {
    "mac": r"(?P<mac>[0-9A-Fa-f]{2}(?:[:._-]?[0-9A-Fa-f]{2}){5})",
    "model": r"(?P<model>[A-Za-z0-9][A-Za-z0-9 ._+-]{0,39}?)",
    "code": r"(?P<code>[0-9]{1,12})",
    "any": r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,60}",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file that phones ask for. `name` has placeholders: `{mac}`, `{model}`, `{code}`, `{any}`.

    `phone`: holds the accounts of one phone. `common`: the same for all phones of a model, holds nothing secret.
    `nothing`: phones ask for it by habit and go on without; nobody who asks for it is up to anything.
    """

    name: str
    kind: FileKind = "phone"
    template: str = ""  # its path below `templates/`; "" for `nothing`
    format: Format = "text"
    content_type: str = "text/plain; charset=utf-8"

    def pattern(self) -> re.Pattern[str]:
        """Return what recognises its name; in capitals and without."""
        parts = re.split(r"\{(\w+)\}", self.name)
        text = "".join(_PLACEHOLDERS[part] if index % 2 else re.escape(part) for index, part in enumerate(parts))
        return re.compile(text, re.IGNORECASE)  # `re` keeps what it compiled

    def named(self, mac: str, *, model: str = "", code: str = "") -> str:
        """Return the name that a phone of this MAC (twelve hex digits) asks for."""
        return self.name.format(mac=mac, model=model, code=code, any="any")


@dataclass(frozen=True, slots=True)
class Event:
    """What `Event` says in a NOTIFY (RFC 6665 section 8.2.1) that makes the phone fetch, and what makes it restart.

    Where both are the same, the phone itself decides whether it has to restart.
    """

    fetch: str = "check-sync;reboot=false"
    restart: str = "check-sync;reboot=true"
    challenged: bool = False  # the phone asks the sender for a password, unless its template told it not to
    mend: str = ""  # what to set on its own pages so that it does not ask


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneModel:
    """A model. `keys`: programmable keys on the phone itself, those of lines included where they are the same keys."""

    slug: str  # "yealink-t46u"
    name: str  # "T46U"
    vendor: str  # the vendor's folder: "yealink"
    vendor_name: str  # "Yealink"
    lines: int
    keys: int = 0
    screen: str = ""
    logo: str = ""  # which pictures it takes as its logo; "" means none
    quirks: tuple[str, ...] = ()
    tried: str = ""  # how far we tried it; "" says that a person has to
    asks_as: tuple[str, ...] = ()  # how the model calls itself in names of files and in User-Agent
    code: str = ""  # the vendor's number of the model in names of files
    user_agents: tuple[str, ...] = ()  # regular expressions with the groups `model`, `firmware`, `mac`
    mac_prefixes: tuple[str, ...] = ()  # the vendor's: six hex digits each
    files: tuple[File, ...] = ()
    ways: tuple[str, ...] = ("https", "http", "tftp")  # "pnp" besides: SIP multicast
    transports: tuple[str, ...] = ("udp", "tcp", "tls")
    srtp: bool = True
    key_kinds: tuple[str, ...] = ("line", "blf", "speed_dial", "park", "pickup", "voicemail", "forward")
    codecs: Mapping[str, str] = field(default_factory=dict)  # our names to the vendor's; others it can't
    client_certificate: str = ""  # common name of the vendor's authority that signs its phones' certificates; "" none
    digest_only: bool = False  # gives its password by HTTP Digest (RFC 7616), not by Basic
    check_sync: Event = Event()
    provisioning_url: str = ""  # how the address is typed: with `{url}`, and the vendor's macros
    typed_url: str = ""  # what is typed by hand, where that is another: `{bare}` is the address without https://
    by_hand: tuple[str, ...] = ()  # the way to that field in the phone's own menus or pages
    facts: Mapping[str, Any] = field(default_factory=dict)  # what templates of this vendor further want to know

    def file(self, name: str) -> File:
        """Return one of its files by the name with placeholders. Raises KeyError."""
        for one in self.files:
            if one.name == name:
                return one
        raise KeyError(f"{self.vendor_name} {self.name} asks for no file {name!r}")

    @property
    def main_file(self) -> File:
        """The file with the accounts: the one that a person would look at."""
        return next(one for one in self.files if one.kind == "phone")


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A vendor with its models, in the order of its `vendor.yaml`."""

    folder: str
    name: str
    mac_prefixes: tuple[str, ...]
    models: tuple[PhoneModel, ...]

    @cached_property
    def by_name(self) -> dict[str, PhoneModel]:
        """Models by how they call themselves, in small letters."""
        return {name.lower(): model for model in self.models for name in (model.name, *model.asks_as)}


_OF_MODEL = {one.name for one in fields(PhoneModel)}
_LISTS = {"quirks", "asks_as", "user_agents", "mac_prefixes", "ways", "transports", "by_hand", "key_kinds"}


def _vendor(folder: str, data: dict[str, Any]) -> Vendor:
    shared = {key: value for key, value in data.items() if key not in ("name", "models")}
    models = []
    for one in data["models"]:
        values = shared | one
        if unknown := values.keys() - _OF_MODEL:
            raise ValueError(f"{folder}/vendor.yaml: {one['name']}: unknown {', '.join(sorted(unknown))}")
        values |= {key: tuple(map(str, values[key])) for key in _LISTS & values.keys()}
        values["files"] = tuple(_file(folder, file) for file in values.get("files", ()))
        values["check_sync"] = Event(**values.get("check_sync", {}))
        values["facts"] = {**shared.get("facts", {}), **one.get("facts", {})}
        values["slug"] = f"{folder}-{one.get('slug') or one['name'].lower().replace(' ', '-')}"
        models.append(PhoneModel(**({"vendor_name": data["name"]} | values | {"vendor": folder})))
    return Vendor(folder=folder, name=data["name"], mac_prefixes=tuple(data["mac_prefixes"]), models=tuple(models))


def _file(folder: str, data: dict[str, Any]) -> File:
    return File(**(data | ({"template": f"{folder}/{data['template']}"} if "template" in data else {})))


@cache
def vendors() -> Mapping[str, Vendor]:
    """Return the vendors by their folder's name."""
    root = resources.files(__package__).joinpath("templates")
    return {
        folder.name: _vendor(folder.name, yaml.safe_load(folder.joinpath("vendor.yaml").read_text("utf-8")))
        for folder in sorted(root.iterdir(), key=lambda one: one.name)
        if folder.joinpath("vendor.yaml").is_file()
    }


@cache
def models() -> Mapping[str, PhoneModel]:
    """Return all models by slug."""
    return {model.slug: model for vendor in vendors().values() for model in vendor.models}


VENDORS = vendors()
MODELS = models()
