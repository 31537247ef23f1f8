"""What a phone asks for, and what it is answered: plain data, the same for HTTPS, HTTP, TFTP and plug and play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Answer", "Request", "Way"]

Way = Literal["https", "http", "tftp", "pnp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A phone's question for a file.

    `pnp` (SIP multicast) asks with the file that the phone would fetch first, to learn whether it may.
    """

    path: str  # as asked for, decoded: "/provision/<secret>/001565aabbcc.cfg", or a TFTP file's name
    way: Way
    address: str  # of who asks, without a port
    user_agent: str = ""
    method: str = "GET"  # of HTTP; HEAD is answered as GET is, and changes nothing
    authorization: str = ""  # header of HTTP as it came
    certificate: str = ""  # common name of a client certificate that was verified; "" means none
    host: str = ""  # by which name or address of ours it came, with the port; "" means unknown
    relayed: bool = False  # brought by a proxy that we don't know, or that does not say for whom: `address` is its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What becomes of a question. `status` is HTTP's; TFTP makes 200 a transfer and all others an error."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()  # more of HTTP: WWW-Authenticate, Retry-After
    why: str = ""  # for the log; never sent to a phone
