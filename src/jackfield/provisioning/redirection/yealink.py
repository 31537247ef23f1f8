"""Yealink's Redirection and Provisioning Service, by its JSON API.

Source: Yealink, "JSON API for RPS Management Platform": sections 1.3 (signature), 1.4 (answers), 3 (devices). The key
for programs (AccessKey ID and secret) is the account.
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

from jackfield.provisioning.redirection.service import Account, RedirectionError, exchange, refused

__all__ = ["YealinkRps", "signature"]

NAME = "Yealink RPS"
ADDRESS = "https://api-dm.yealink.com:8443"
_REASONS = {
    "device.mac.existed": "this phone is entered already",
    "device.mac.registered.by.other.enterprise": "another company has entered this phone: ask Yealink to free it",
    "mac.invalid": "this is no MAC address of Yealink's",
}


def signature(secret: str, method: str, headers: dict[str, str], path: str) -> str:
    """Return the signature of a request: over method, the headers in the order of their names, and the path."""
    lines = [method, *(f"{name}:{headers[name]}" for name in sorted(headers)), path.removeprefix("/")]
    digest = hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class YealinkRps:
    """See `service.Service`."""

    def __init__(
        self,
        account: Account,
        *,
        clock: Callable[[], float] = time.time,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._account = account
        self._base = (account.address or ADDRESS).rstrip("/")
        self._clock = clock
        self._nonce = nonce

    def enter(self, mac: str, url: str, code: str = "") -> None:
        """Enter it, or change where it is sent."""
        device = self._device(mac)
        if device is None:
            self._ask("/api/open/v1/device/add", {"macs": [mac], "uniqueServerUrl": url})
        else:
            self._ask("/api/open/v1/device/edit", {"id": device["id"], "uniqueServerUrl": url})

    def remove(self, mac: str, code: str = "") -> None:
        """Take it out."""
        if self._device(mac) is not None:
            self._ask("/api/open/v1/device/delete", {"macs": [mac]})

    def look_up(self, mac: str, code: str = "") -> str | None:
        """Return where it is sent."""
        device = self._device(mac)
        return None if device is None else str(device.get("uniqueServerUrl") or "")

    def _device(self, mac: str) -> dict[str, Any] | None:
        page = self._ask("/api/open/v1/device/list", {"key": mac, "skip": 0, "limit": 50})
        rows = page.get("data") if isinstance(page, dict) else None
        return next((row for row in rows or () if str(row.get("mac", "")).replace(":", "").lower() == mac), None)

    def _ask(self, path: str, content: dict[str, Any]) -> Any:
        body = json.dumps(content).encode()
        signed = {
            "Content-MD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
            "X-Ca-Key": self._account.name,
            "X-Ca-Nonce": self._nonce(),
            "X-Ca-Timestamp": str(int(self._clock() * 1000)),
        }
        headers = {
            **signed,
            "X-Ca-Signature": signature(self._account.password, "POST", signed, path),
            "Content-Type": "application/json;charset=UTF-8",
        }
        status, answer, _ = exchange(NAME, "POST", self._base + path, headers=headers, body=body)
        try:
            found = json.loads(answer)
            succeeded = status < 300 and found["ret"] >= 0
        except (ValueError, KeyError, TypeError):
            raise refused(NAME, status if status >= 300 else 502) from None
        if not succeeded:
            raise _refusal(status, found.get("error") or found.get("errors") or {})
        return found.get("data")


def _refusal(status: int, error: Any) -> RedirectionError:
    wrong: dict[str, Any] = error if isinstance(error, dict) else {"msg": str(error)}
    said = str(wrong.get("msg") or next((one.get("msg") for one in wrong.get("fieldErrors") or ()), "") or "")
    return refused(NAME, status if status >= 300 else 400, _REASONS.get(said, said))
