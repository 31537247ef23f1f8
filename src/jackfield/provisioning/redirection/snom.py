"""Snom's Secure Redirection and Provisioning Service (SRAPS), by its REST API.

Source: service.snom.com, "SRAPS REST API" (Hawk with SHA-256 over address, method, time, nonce and content), and the
resources that the API itself links: token, company, endpoints, settings. The API key (id and secret) is the account.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from jackfield.provisioning.redirection.service import Account, RedirectionError, exchange, refused

__all__ = ["SnomSraps", "authorization"]

NAME = "Snom SRAPS"
ADDRESS = "https://api.sraps.snom.com/api/v1/"
SETTING = "setting_server"
"""The setting of a phone that says where it fetches its configuration."""
MOST_PAGES = 20
JSON = "application/json"


def authorization(account: Account, method: str, url: str, body: bytes, at: int, nonce: str) -> str:
    """Return the header of a request (Hawk 1.1: header and payload)."""
    kind = JSON if body else ""
    payload = hashlib.sha256(b"hawk.1.payload\n" + kind.encode() + b"\n" + body + b"\n").digest()
    hashed = base64.b64encode(payload).decode()
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    resource = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = ("hawk.1.header", str(at), nonce, method, resource, (parts.hostname or "").lower(), str(port), hashed, "")
    text = "".join(f"{line}\n" for line in lines)
    mac = base64.b64encode(hmac.new(account.password.encode(), text.encode(), hashlib.sha256).digest()).decode()
    return f'Hawk id="{account.name}", ts="{at}", nonce="{nonce}", hash="{hashed}", mac="{mac}"'


class SnomSraps:
    """See `service.Service`."""

    def __init__(
        self,
        account: Account,
        *,
        clock: Callable[[], float] = time.time,
        nonce: Callable[[], str] = lambda: secrets.token_urlsafe(9),
    ) -> None:
        if '"' in account.name:
            raise RedirectionError(f"{NAME}: the id of the key has a quotation mark in it: copy it again")
        self._account = account
        self._base = (account.address or ADDRESS).rstrip("/") + "/"
        self._clock = clock
        self._nonce = nonce

    def enter(self, mac: str, url: str, code: str = "") -> None:
        """Enter it, or change where it is sent."""
        wanted = {
            "mac": mac,
            "autoprovisioning_enabled": True,
            "settings_manager": {self._setting(): {"value": url, "attrs": {"perm": "RW"}}},
        }
        self._ask("PUT", self._endpoints() + mac, wanted)

    def remove(self, mac: str, code: str = "") -> None:
        """Take it out."""
        self._ask("DELETE", self._endpoints() + mac, missing=True)

    def look_up(self, mac: str, code: str = "") -> str | None:
        """Return where it is sent."""
        found = self._ask("GET", self._endpoints() + mac, missing=True)
        if found is None:
            return None
        settings = found.get("settings_manager") or {}
        return str((settings.get(self._setting()) or {}).get("value") or "")

    def _endpoints(self) -> str:
        """Return the address of the company's phones: the key leads to the company, the company to them."""
        token = self._ask("GET", f"{self._base}tokens/{quote(self._account.name, safe='')}")
        company = self._ask("GET", self._linked(token, "company"))
        return self._linked(company, "endpoints").rstrip("/") + "/"

    def _linked(self, found: Any, name: str) -> str:
        """Return an address that the service gave; never one elsewhere, which would get our signature."""
        links = found.get("links") if isinstance(found, dict) else None
        url = str((links or {}).get(name, ""))
        if urlsplit(url)[:2] != urlsplit(self._base)[:2]:
            raise RedirectionError(f"{NAME}: its answer does not name the {name}: see that the key has a role there")
        return url

    def _setting(self) -> str:
        """Return the id of the setting, which is found by its name in a list of pages."""
        url = f"{self._base}settings/?page_size=1000"
        for _ in range(MOST_PAGES):
            status, answer, headers = self._exchange("GET", url, b"")
            rows = self._read(status, answer)
            for row in rows if isinstance(rows, list) else ():
                if row.get("param_name") == SETTING and row.get("uuid"):
                    return str(row["uuid"])
            following = _next(headers.get("Link", ""))
            if not following or urlsplit(following)[:2] != urlsplit(self._base)[:2]:
                break
            url = following
        raise RedirectionError(f"{NAME} does not name its setting {SETTING}: tell us of it")

    def _ask(self, method: str, url: str, content: Any = None, *, missing: bool = False) -> Any:
        body = b"" if content is None else json.dumps(content).encode()
        status, answer, _ = self._exchange(method, url, body)
        return None if missing and status == 404 else self._read(status, answer)

    def _exchange(self, method: str, url: str, body: bytes) -> Any:
        signed = authorization(self._account, method, url, body, int(self._clock()), self._nonce())
        headers = {"Authorization": signed, "Accept": JSON, **({"Content-Type": JSON} if body else {})}
        return exchange(NAME, method, url, headers=headers, body=body)

    def _read(self, status: int, answer: bytes) -> Any:
        try:
            found = json.loads(answer) if answer.strip() else None
        except ValueError:
            found = None
            if status < 300:
                raise refused(NAME, 502) from None
        if status >= 300:
            said = found if isinstance(found, dict) else {}
            raise refused(NAME, status, str(said.get("message") or said.get("detail") or said.get("error") or ""))
        return found


def _next(link: str) -> str:
    """Return the address of the next page (RFC 8288); "" for none."""
    for part in link.split(","):
        target, *parameters = part.split(";")
        if any(one.replace('"', "").strip() == "rel=next" for one in parameters):
            return target.strip().removeprefix("<").removesuffix(">")
    return ""
