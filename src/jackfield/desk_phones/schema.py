"""Desk phones, their templates and the rules of provisioning in the YAML document."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

from jackfield.console.declarative.section import Section
from jackfield.provisioning.configuration import Key

__all__ = ["SECTIONS", "DeskPhoneData", "PhoneTemplateData", "ProvisioningData", "new_password", "template_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPhoneData:
    """A telephone on a desk, known by its MAC address."""

    mac: str  # twelve hexadecimal digits
    model: str  # slug of the catalogue: "yealink-t46u"
    name: str = ""
    extensions: tuple[str, ...] = ()  # SIP names, or numbers of extensions for their first line; in the phone's order
    keys: tuple[Key, ...] = ()
    site: str = ""  # "" means by its address
    enabled: bool = True  # may fetch its configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneTemplateData:
    """A template of the company's own, instead of the built-in one."""

    file: str  # vendor and file: "yealink:phone.cfg"; a slash would be a part of addresses
    text: str
    made_from: str = ""  # SHA-256 of the built-in one that it was made from; "" is filled in


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisioningData:
    """How phones get their configuration."""

    enabled: Literal["auto", "on", "off"] = "auto"  # auto: off while the machine has a public address
    new_extensions: Literal["local", "never"] = "local"
    server: str = ""  # name or address that phones are told; "" means found
    backup_server: str = ""
    time_server: str = ""  # NTP; "" means the pool of ntp.org
    local_transport: Literal["udp", "tcp", "tls"] = "udp"
    remote_transport: Literal["udp", "tcp", "tls"] = "tls"
    interval: int = 1440  # minutes between two looks of a phone at its configuration
    link_hours: int = 72  # that a one-time address lasts
    night: str = "02:00"  # when phones are restarted that are to be at night; company's time
    phone_password: str = ""  # of the phones' own web pages; one is made where it is not given
    logo: str = ""  # web address of a picture
    logos: dict[str, str] = field(default_factory=dict)  # by vendor or model, where `logo` is no picture that it takes
    firmware: dict[str, str] = field(default_factory=dict)  # by vendor or model; "{model}" stands for the model's name
    client_certificates: bool = False  # accept the vendors' certificates in phones


def normalised(mac: str) -> str:
    """Return a MAC address as it is kept; what is none comes back as it is, for the model to refuse it."""
    from jackfield.provisioning.requests import normal_mac

    try:
        return normal_mac(mac)
    except ValueError:
        return mac


def spelled(mac: str) -> str:
    """Return a MAC address as it stands on a phone's label; what is none comes back as it is."""
    from jackfield.provisioning.requests import spelled_mac

    return spelled_mac(mac) if len(mac) == 12 else mac


def template_files() -> list[str]:
    """Return the names of all built-in templates."""
    from jackfield.provisioning.catalogue import MODELS

    found = {file.template for model in MODELS.values() for file in model.files if file.template}
    return sorted(name.replace("/", ":") for name in found)


def whole_lines(text: str) -> str:
    """Return a text as a file has it: browsers send other ends of lines, and forms lose the last."""
    return text.replace("\r\n", "\n").strip("\n") + "\n" if text.strip() else ""


def _desk_phone() -> Any:
    from jackfield.desk_phones.models import DeskPhone

    return DeskPhone


def _template() -> Any:
    from jackfield.desk_phones.models import PhoneTemplate

    return PhoneTemplate


def _provisioning() -> Any:
    from jackfield.desk_phones.models import ProvisioningRules

    return ProvisioningRules


def new_password() -> str:
    """Return a password that can be typed on a phone's keypad when it has to be: 12 digits and letters.

    Cisco's multiplatform phones refuse one without three of capitals, small letters, digits and signs (administration
    guide, "Access Control Parameters").
    """
    small = "".join(secrets.choice("23456789abcdefghjkmnpqrstuvwxyz") for _ in range(10))
    return secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") + small + secrets.choice("23456789")


SECTIONS = (
    Section(
        "desk_phones",
        "desk phone",
        DeskPhoneData,
        _desk_phone,
        key=("mac",),
        details={
            "mac": {"normalise": normalised, "spelled": spelled},
            "keys": {"places": True},
            "site": {"reference": "sites"},
        },
    ),
    Section(
        "phone_templates", "template of phones", PhoneTemplateData, _template, key=("file",),
        details={"text": {"normalise": whole_lines}},
    ),
    Section(
        "provisioning",
        "provisioning",
        ProvisioningData,
        _provisioning,
        details={"phone_password": {"secret": True, "generate": new_password}},
    ),
)  # fmt: skip
