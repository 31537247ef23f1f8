"""A test of a trunk before it is saved: registers for real, or asks, and says in plain words what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from django.utils.translation import gettext as _

from jackfield.phone import Account, Phone, PhoneError
from jackfield.sip.errors import MalformedHeader

__all__ = ["Outcome", "try_trunk"]

PATIENCE = 12.0  # seconds
EXPIRES = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, for people. `seen_as`: our address as the provider sees it, "" when it did not say."""

    ok: bool
    text: str
    seen_as: str = ""


def try_trunk(trunk: Mapping[str, Any]) -> Outcome:
    """Register at the provider and take it back; where the trunk does not register, look whether it answers.

    `trunk`: values by the names of the YAML document. Blocks for at most 12 seconds; raises nothing.
    """
    try:
        account = _account(trunk)
    except ValueError as problem:
        return Outcome(False, str(problem))
    try:
        return asyncio.run(_try(account, trunk.get("kind", "register") == "register"))
    except PhoneError as problem:
        return Outcome(False, _words(problem, account))
    except TimeoutError:
        return Outcome(False, _silence(account))
    except OSError as problem:
        return Outcome(False, _("The network refuses: %(why)s.") % {"why": problem.strerror or problem})
    except (ValueError, OverflowError):  # no name, number or port that could stand in a message
        text = _("Something here can't be sent: look at the address, its port and the user name.")
        return Outcome(False, text)


def _account(trunk: Mapping[str, Any]) -> Account:
    hosts = list(trunk.get("hosts") or ())
    if not hosts:
        raise ValueError(_("Give the provider's address first."))
    server, port = _split(str(trunk.get("outbound_proxy") or hosts[0]))
    transport = str(trunk.get("transport") or "udp").upper()
    return Account(
        str(trunk.get("username") or "jackfield"),
        str(trunk.get("password") or ""),
        server,
        port,
        cast(Literal["UDP", "TCP", "TLS"], transport),
        domain=str(trunk.get("domain") or "") or (_split(hosts[0])[0] if trunk.get("outbound_proxy") else ""),
        auth_username=str(trunk.get("auth_username") or ""),
        verify_tls=trunk.get("verify_tls", True) is not False,
    )


def _split(host: str) -> tuple[str, int]:
    """Return host and port of "name:5061", "[2001:db8::1]:5060", "sip:proxy;lr"."""
    host = host.removeprefix("sips:").removeprefix("sip:").partition(";")[0]
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        port = port.removeprefix(":")
    elif host.count(":") == 1:
        name, _, port = host.partition(":")
    else:
        name, port = host, ""
    return name, int(port) if port.isdecimal() else 0


async def _try(account: Account, registers: bool) -> Outcome:
    async with asyncio.timeout(PATIENCE):
        phone = Phone(account, expires=EXPIRES, user_agent="Jackfield")
        async with phone:
            if not registers:
                text = _("%(server)s was found. Whether it takes calls from here, a call will show.")
                return Outcome(True, text % {"server": account.server})
            await phone.register()
            seen = ""
            if phone.register_response is not None:
                try:
                    seen = phone.register_response.via.received or ""
                except MalformedHeader:
                    seen = ""
            told = {"server": account.server, "user": account.username, "seen": seen}
            if seen and seen != phone.address:
                text = _("It works: %(server)s took the registration of %(user)s. It sees this system at %(seen)s.")
                return Outcome(True, text % told, seen)
            return Outcome(True, _("It works: %(server)s took the registration of %(user)s.") % told)


def _words(problem: PhoneError, account: Account) -> str:
    refused = _("The provider does not accept this user name with this password. (It answered %(status)s.)")
    closed = _(
        "The provider refuses this account: the password is wrong, or the account is closed to this address. "
        "(It answered %(status)s.)"
    )
    unknown = _("The provider knows no user “%(user)s”. (It answered %(status)s.)")
    told = {"status": problem.status, "user": account.username, "server": account.server, "what": problem}
    if text := {401: refused, 407: refused, 403: closed, 404: unknown}.get(problem.status, ""):
        return str(text % told)
    if "name servers" in str(problem):
        return str(_("There is no server with the name %(server)s. Is it spelt right?") % told)
    if "certificate" in str(problem):
        told["what"] = str(problem).rpartition(": ")[2]
        text = _(
            "%(server)s answers by TLS, but its certificate is not trusted here for this name: %(what)s. Give the name "
            "that the provider has for TLS."
        )
        return str(text % told)
    if problem.status in (0, 408) or "no SIP server listens" in str(problem):
        return _silence(account)
    return str(_("The provider answered: %(what)s.") % told)


def _silence(account: Account) -> str:
    text = _("%(server)s does not answer by %(transport)s. Is the address right, and does the firewall let SIP out?")
    return str(text % {"server": account.server, "transport": account.transport})
