"""Which addresses a webhook may have.

Only who may change the system's settings can set one, and a telephone system tells programs inside the house above
all: so private networks are allowed, by plain HTTP too. Link-local addresses are not, since cloud machines get their
credentials there; redirects are never followed; of an answer only the beginning is shown.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

__all__ = ["web_address"]

HOUSE = (".local", ".lan", ".internal", ".intranet", ".home.arpa", ".localhost")
"""Endings of names that mean something inside the house only."""


def web_address(value: str) -> None:
    """Accept an https address, or an http one inside the house. Raises `ValidationError`."""
    try:
        parts = urlsplit(value)
        host, known = parts.hostname or "", parts.scheme in ("http", "https") and (parts.port or 1) > 0
    except ValueError:
        host, known = "", False
    if not known or not host or not value.isprintable() or not value.isascii() or " " in value:
        raise _wrong(_('"%(address)s" is no web address: write it as https://example.com/hook'), value)
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValidationError(
            _("leave name, password and # out of the address: the signature says who sends it"), code="wrong"
        )
    number = _number(host)
    if number is not None and (number.is_link_local or number.is_multicast or number.is_unspecified):
        raise _wrong(_('"%(address)s" is an address of no machine that could be told: give its own one'), value)
    if parts.scheme == "http" and not _in_the_house(host.lower(), number):
        raise _wrong(_('"%(address)s" leaves the house unprotected: write it with https'), value)


def _wrong(text: str, value: str) -> ValidationError:
    return ValidationError(text % {"address": value}, code="wrong")


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return found if mapped is None else mapped


def _in_the_house(host: str, number: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    if number is not None:
        return number.is_loopback or number.is_private
    return "." not in host or host.endswith(HOUSE)
