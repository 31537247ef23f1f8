"""What one phone is told, put together from the configuration. Reads nothing and writes nothing."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from jackfield.console.lan.directory import directory_of
from jackfield.console.provisioning.advice import advice
from jackfield.console.provisioning.house import web_port
from jackfield.provisioning.catalogue import MODELS
from jackfield.provisioning.configuration import Account, Fetching, Key, PhoneConfiguration, Server

if TYPE_CHECKING:
    from jackfield.console.provisioning.asking import Request
    from jackfield.console.provisioning.house import House
    from jackfield.switch.snapshot import Site

__all__ = ["can_tls", "configuration", "fingerprint", "folder", "of_model", "our_name"]

NTP_POOL = "pool.ntp.org"

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]{1,253}))(?::(\d{1,5}))?")


def configuration(
    house: House,
    phone: Any,
    lines: Mapping[str, Any],
    request: Request,
    *,
    local: bool,
    password: str = "",
    now: float = 0.0,
) -> PhoneConfiguration:
    """Return what a phone is told. `password`: its own for fetching; "" where it needs none. `now`: since 1970.

    Lines that are gone are left out; their places are closed up.
    """
    rules, general, site = house.rules, house.general, house.site(phone, request.address)
    tls = _tls_port(house, phone, lines, request.way)
    transport = "tls" if tls else rules.local_transport if local else rules.remote_transport
    server = _server(house, our_name(house, request), transport, tls)
    backup = replace(server, host=rules.backup_server) if rules.backup_server else None
    accounts = tuple(
        _account(house, lines[name], server, backup, transport, site) for name in phone.extensions if name in lines
    )
    secure = "https" if request.way == "https" else "http"
    language = (site.language if site is not None and site.language else general.language).partition("-")[0]
    return PhoneConfiguration(
        mac=phone.mac,
        accounts=accounts,
        fetching=Fetching(
            url=folder(house, request, secure),
            username=phone.mac if password else "",
            password=password,
            interval=rules.interval * 60,
            made=int(now),
        ),
        keys=tuple(_key(key, accounts) for key in phone.keys),
        time_zone=(site.time_zone if site is not None else "") or general.time_zone,
        ntp_server=rules.time_server or NTP_POOL,
        country=((site.country if site is not None else "") or general.country).lower(),
        language=language,
        directory=directory_of(
            house.settings,
            phone,
            our_name(house, request),
            folder(house, request, secure),
            local=local,
            ldap=house.ldap,
            language=language,
        ),
        logo_url=of_model(rules.logos, phone.model) or rules.logo,
        admin_password=rules.phone_password,
        firmware_url=of_model(rules.firmware, phone.model),
    )


def of_model(addresses: Mapping[str, str], slug: str) -> str:
    """Return a model's address out of those by model and by vendor, the model's name in it; "" where there is none."""
    found = addresses.get(slug) or addresses.get(slug.partition("-")[0], "")
    return found.replace("{model}", quote(MODELS[slug].name)) if slug in MODELS else found


def _key(key: Key, accounts: Sequence[Account]) -> Key:
    """Return a key with what stands beside it: that of a line without words of its own has the line's."""
    if key.kind != "line" or key.label or not 1 <= key.line <= len(accounts):
        return key
    return replace(key, label=accounts[key.line - 1].shown)


def _account(
    house: House, line: Any, server: Server, backup: Server | None, transport: Any, site: Site | None
) -> Account:
    extension = line.extension
    codecs = line.codecs or extension.codecs
    if site is not None and site.codecs:
        codecs = tuple(one for one in site.codecs if one in codecs) or codecs
    return Account(
        number=extension.number,
        username=line.sip_username,
        password=line.sip_password,
        server=server,
        backup=backup,
        name=extension.name,
        transport=transport,
        srtp=line.srtp,
        codecs=codecs,
        expires=house.general.register_default,
    )


def fingerprint(house: House, phone: Any, lines: Mapping[str, Any], address: str, version: str) -> str:
    """Return a digest over all that a phone's configuration depends on, secrets left out.

    When it is another one than at the phone's last fetch, the phone has an older configuration. `version`: ours,
    since templates come with it.
    """
    rules, general, site = house.rules, house.general, house.site(phone, address)
    own = {
        name: row.text for name, row in house.templates.items() if name.startswith(phone.model.partition("-")[0] + "/")
    }
    parts = [
        [phone.mac, phone.model, phone.keys, version, own],
        [
            [line.sip_username, line.srtp, line.codecs or line.extension.codecs, line.extension.number,
             line.extension.name]
            for name in phone.extensions if (line := lines.get(name)) is not None
        ],
        [getattr(rules, name) for name in ("server", "backup_server", "time_server", "local_transport",
                                           "remote_transport", "interval", "phone_password")],
        [of_model(rules.logos, phone.model) or rules.logo, of_model(rules.firmware, phone.model)],
        [general.time_zone, general.country, general.language, general.register_default],
        [] if site is None else [site.time_zone, site.country, site.language, site.codecs],
        [_tls_port(house, phone, lines, getattr(getattr(phone, "standing", None), "way", ""))],
        [house.ldap, house.settings.ldap_port, house.settings.ldaps_port],
    ]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(parts, enc_hook=str)).hexdigest()


def can_tls(slug: str) -> bool:
    """Say if a model of phones knows TLS."""
    model = MODELS.get(slug)
    return model is not None and "tls" in model.transports


def our_name(house: House, request: Request) -> str:
    """Return the name or address by which a phone reaches us: as set, as it asked, or as the kernel routes to it."""
    if house.rules.server:
        return str(house.rules.server)
    if found := _HOST.fullmatch(request.host):
        return found[1] or found[2]
    return _towards(request.address)


def folder(house: House, request: Request, scheme: str, name: str = "") -> str:
    """Return the address of the folder of a phone's files, with a slash at its end."""
    host = name or our_name(house, request)
    host = f"[{host}]" if ":" in host else host
    found = _HOST.fullmatch(request.host)  # a router may have another port than we do
    return f"{scheme}://{host}:{(found and found[3]) or web_port(house.settings)}/provision/"


@lru_cache(maxsize=1024)
def _towards(address: str) -> str:
    """Return our address on the way to another one. Nothing is sent: connecting a UDP socket only asks the kernel."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.getfqdn()


def _tls_port(house: House, phone: Any, lines: Mapping[str, Any], way: str) -> int:
    """Return at which port its network needs it to use TLS; 0 where it needs none, or the phone can't.

    One that fetches by HTTPS accepts our certificate: any other might be lost for good by it.
    """
    if way != "https" or not can_tls(phone.model):
        return 0
    return advice.port(house.settings, [lines[name].sip_username for name in phone.extensions if name in lines])


def _server(house: House, host: str, transport: str, tls: int) -> Server:
    """Return where phones register; `tls`: a port that they need. One that is off leaves that without encryption."""
    settings = house.settings
    port = (tls or settings.sip_tls_port) if transport == "tls" and settings.sip_tls_port else settings.sip_port
    return Server(host=host, port=port or 5060)
