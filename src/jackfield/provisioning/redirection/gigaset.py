"""Gigaset's redirection server, by XML-RPC.

Source: Gigaset's wiki, "Redirection server" (phones by MAC-ID, the MAC address and a code from the label; address and
provider), and the interface's methods autoprov.registerDevice, deregisterDevice and checkDevice, each of which answers
[true or false, reason].
"""

from __future__ import annotations

import re
import xmlrpc.client
from xml.parsers.expat import ExpatError

from jackfield.provisioning.redirection.service import Account, RedirectionError, exchange, refused

__all__ = ["GigasetRedirection"]

NAME = "Gigaset"
ADDRESS = "https://prov.gigaset.net/apxml/rpc.do"
PROVIDER = "Jackfield"
_CODE = re.compile(r"[0-9A-F]{4}")
_REASONS = {
    "mac_invalid": "the MAC address with its code is not right: both stand on the label of the phone",
    "mac_not_exist": "Gigaset has made no phone with this MAC address and code: both stand on its label",
    "mac_already_in_use": "somebody else has entered this phone: ask Gigaset to free it",
    "url_invalid": "Gigaset does not take our address: it must be one that the Internet reaches",
    "name_invalid": "Gigaset does not know us as a provider: ask Gigaset to enter us",
}


class GigasetRedirection:
    """See `service.Service`. `code`: the four digits and letters after the MAC address on the label."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def enter(self, mac: str, url: str, code: str = "") -> None:
        """Enter it; what stood there is taken out first."""
        identity = _identity(mac, code)
        if self.look_up(mac, code) is not None:
            self._call("autoprov.deregisterDevice", identity)
        done, reason = self._call("autoprov.registerDevice", identity, url, PROVIDER)
        if not done:
            raise _refusal(reason)

    def remove(self, mac: str, code: str = "") -> None:
        """Take it out."""
        done, reason = self._call("autoprov.deregisterDevice", _identity(mac, code))
        if not done and not reason.startswith(("ok", "mac_not_found")):
            raise _refusal(reason)

    def look_up(self, mac: str, code: str = "") -> str | None:
        """Return "" for a phone that is entered: where it is sent is not told."""
        done, reason = self._call("autoprov.checkDevice", _identity(mac, code))
        if done:
            return ""
        if reason.startswith("mac_not_found"):
            return None
        raise _refusal(reason)

    def _call(self, method: str, *given: str) -> tuple[bool, str]:
        body = xmlrpc.client.dumps(given, method).encode()
        status, answer, _ = exchange(
            NAME, "POST", self._account.address or ADDRESS, headers={"Content-Type": "text/xml"}, body=body,
            auth=(self._account.name, self._account.password),
        )  # fmt: skip
        if status != 200:
            raise refused(NAME, status)
        if b"<!DOCTYPE" in answer or b"<!ENTITY" in answer:
            raise refused(NAME, 502)
        try:
            (found,), _ = xmlrpc.client.loads(answer)
        except xmlrpc.client.Fault as fault:
            raise refused(NAME, 400, fault.faultString) from None
        except (ExpatError, xmlrpc.client.Error, ValueError, TypeError):
            raise refused(NAME, 502) from None
        done, reason = (*found, "", "")[:2] if isinstance(found, (list, tuple)) else (bool(found), "")
        return bool(done), str(reason).lower()


def _identity(mac: str, code: str) -> str:
    plain = code.strip().upper()
    if not _CODE.fullmatch(plain):
        raise RedirectionError(f"{NAME} wants the four digits or letters that follow the MAC address on the label")
    return f"{mac.upper()}-{plain}"


def _refusal(reason: str) -> RedirectionError:
    return refused(NAME, 400, _REASONS.get(reason.partition(":")[0], reason))
