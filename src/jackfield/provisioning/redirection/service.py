"""What every redirection service can do, whoever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

__all__ = ["Account", "RedirectionError", "Service", "exchange", "refused"]

SECONDS = 15.0
LARGEST_ANSWER = 1 << 20


class RedirectionError(Exception):
    """A service did not do what was asked. The text says why, and the mend; it has no secret in it."""


@dataclass(frozen=True, slots=True)
class Account:
    """How we sign in at a service. `address`: of its API; "" means the vendor's own."""

    name: str
    password: str
    address: str = ""


class Service(Protocol):
    """A vendor's redirection service. `mac`: twelve lower-case hex digits; `url`: where the phone is to fetch.

    `code`: what stands on the label beside the MAC address, where the service asks for it. All methods wait for the
    service and raise `RedirectionError`.
    """

    def enter(self, mac: str, url: str, code: str = "") -> None:
        """Have the vendor send this phone to `url`, whatever stood there before."""

    def remove(self, mac: str, code: str = "") -> None:
        """Have the vendor send it nowhere. A phone that is not entered is no error."""

    def look_up(self, mac: str, code: str = "") -> str | None:
        """Return where the vendor sends it ("" when it does not say); None for a phone that is not entered by us."""


def exchange(
    service: str, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", auth: Any = None
) -> tuple[int, bytes, Mapping[str, str]]:
    """Send a request; return the status, the body and the headers of the answer. Raises `RedirectionError`."""
    host = urlsplit(url).hostname
    try:
        with requests.request(
            method, url, headers=dict(headers), data=body or None, auth=auth, timeout=SECONDS, allow_redirects=False,
            stream=True,
        ) as answer:  # fmt: skip
            content = answer.raw.read(LARGEST_ANSWER, decode_content=True)
            return answer.status_code, content, answer.headers
    except requests.exceptions.SSLError:
        raise RedirectionError(f"{service}: the certificate of {host} can't be trusted") from None
    except requests.exceptions.Timeout:
        raise RedirectionError(f"{service}: {host} does not answer; try again later") from None
    except (requests.exceptions.RequestException, OSError):
        raise RedirectionError(
            f"{service}: {host} can't be reached; see that this machine reaches the Internet"
        ) from None


def refused(service: str, status: int, said: str = "") -> RedirectionError:
    """Return the error for an answer that is no success; `said` is what the service gave as its reason."""
    if status in (401, 403):
        return RedirectionError(
            f"{service} refuses the account: correct its name and password under Redirection services"
        )
    if status == 429:
        return RedirectionError(f"{service} was asked too often: try again in some minutes")
    if status >= 500:
        return RedirectionError(f"{service} has a fault of its own ({status}): try again later")
    reason = "".join(sign for sign in said if sign.isprintable())[:200]
    return RedirectionError(f"{service} refuses: {reason or f'answer {status}'}")
