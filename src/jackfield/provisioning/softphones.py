"""What softphones set themselves up by: each app has a file of its own kind, and a link by which it fetches that file.

- Linphone: "remote provisioning", `linphone-config:<address>`; also its own QR scanner takes the address.
- Groundwire and other apps of Acrobits: the "Account XML" of doc.acrobits.net; `provlinkbs://<address>` (HTTPS)
  or `provlinkb://` (HTTP) is what their apps open themselves for. Acrobits documents it for partners only.
- Zoiper: its QR codes come from Zoiper's own service for providers, which hands our token to the app; the app asks us
  for `<options>` with name and password ("Token based provisioning" of oem.zoiper.com). So it needs a provider's number
  there; without one, people type.
- Every other: a sheet with what to type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

from jackfield.provisioning.configuration import Account

__all__ = ["APPS", "App", "Softphone", "by_slug", "link_of"]

XML = "application/xml; charset=utf-8"
Slug = Literal["linphone", "groundwire", "zoiper"]


@dataclass(frozen=True, slots=True)
class Softphone:
    """An account with what is asked of it besides: `realm` of the digest (RFC 7616)."""

    account: Account
    realm: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """An app that sets itself up. `file`: the last part of the address that it fetches."""

    slug: Slug
    name: str
    file: str
    content_type: str = XML

    def body(self, phone: Softphone) -> str:
        """Return the file."""
        return {"linphone": _linphone, "groundwire": _groundwire, "zoiper": _zoiper}[self.slug](phone)


APPS = (
    App("linphone", "Linphone", "linphone.xml"),
    App("groundwire", "Groundwire", "groundwire.xml"),
    App("zoiper", "Zoiper", "zoiper.xml"),
)


def by_slug(slug: str) -> App:
    """Return an app. Raises KeyError."""
    return {app.slug: app for app in APPS}[slug]  # type: ignore[index]  # any text may be asked for


def link_of(app: App, address: str, *, zoiper_provider: str = "", token: str = "") -> str:
    """Return the link that opens the app, which then fetches `address`; "" where it has none.

    `zoiper_provider`: the company's number at Zoiper's service for providers; `token`: what that service is told to
    hand on, which the app puts behind the address that the company entered there.
    """
    if app.slug == "linphone":
        return f"linphone-config:{address}"
    if app.slug == "groundwire":
        parts = urlsplit(address)
        scheme = "provlinkbs" if parts.scheme == "https" else "provlinkb"
        return f"{scheme}://{parts.netloc}{parts.path}"
    if not zoiper_provider:
        return ""
    return (
        f"https://oem.zoiper.com/qr-howto.php?provider_id={quote(zoiper_provider, safe='')}"
        f"&u=&p=&a=&t={quote(token, safe='')}"
    )


def _linphone(phone: Softphone) -> str:
    account = phone.account
    name = _quoted(account.name)
    host = account.server.uri_host
    at = account.server.host_port if account.server.port != 5060 or ":" in account.server.host else host
    encryption = {"off": "none", "offered": "srtp", "required": "srtp"}[account.srtp]
    sections = {
        "sip": {
            "default_proxy": "0",
            "media_encryption": encryption,
            "media_encryption_mandatory": "1" if account.srtp == "required" else "0",
        },
        "auth_info_0": {
            "username": account.username,
            "passwd": account.password,
            "realm": phone.realm,
            "domain": host,
        },
        "proxy_0": {
            "reg_proxy": f"<sip:{at};transport={account.transport}>",
            "reg_identity": f'"{name}" <sip:{account.username}@{host}>',
            "reg_sendregister": "1",
            "reg_expires": str(account.expires),
            "publish": "0",
        },
        "misc": {"transient_provisioning": "1"},  # the address works once; it would ask for it at each start
    }
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', '<config xmlns="http://www.linphone.org/xsds/lpconfig.xsd">']
    for section, entries in sections.items():
        parts.append(f'  <section name="{section}">')
        parts += [f'    <entry name="{key}" overwrite="true">{_text(text)}</entry>' for key, text in entries.items()]
        parts.append("  </section>")
    return "\n".join([*parts, "</config>", ""])


def _groundwire(phone: Softphone) -> str:
    account = phone.account
    values = {
        "title": account.name or account.number,
        "username": account.username,
        "authUsername": account.login,
        "password": account.password,
        "userDisplayName": account.name,
        "host": account.server.host_port,
        "transport": "tls+sip:" if account.transport == "tls" else account.transport,
        "expires": str(account.expires),
        "voiceMailNumber": account.voicemail,
        "sdes": {"off": "disabled", "offered": "besteffort", "required": "mandatory"}[account.srtp],
    }
    lines = [f"  <{name}>{_text(value)}</{name}>" for name, value in values.items() if value]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<account>", *lines, "</account>", ""])


def _zoiper(phone: Softphone) -> str:
    account = phone.account
    values = {
        "username": account.username,
        "password": account.password,
        "authentication_username": account.login,
        "domain": account.server.host_port,
        "caller_id": account.name,
    }
    lines = [f"      <{name}>{_text(value)}</{name}>" for name, value in values.items() if value]
    head = ['<?xml version="1.0" encoding="UTF-8"?>', "<options>", "  <accounts>", "    <account>"]
    return "\n".join([*head, *lines, "    </account>", "  </accounts>", "</options>", ""])


def _quoted(name: str) -> str:
    """Return a display name as it can stand between quotes (RFC 3261 section 25.1)."""
    return "".join(" " if ord(sign) < 32 else sign for sign in name).replace("\\", "").replace('"', "").strip()


def _text(text: str) -> str:
    allowed = "".join(sign for sign in text if ord(sign) >= 32 and sign not in "\ufffe\uffff\x7f")
    return escape(allowed)
