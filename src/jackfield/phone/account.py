"""Who the phone is, and where its server is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jackfield.sip.flow import DEFAULT_PORTS, bracketed

__all__ = ["Account", "PhoneError"]


class PhoneError(Exception):
    """The phone could not do what was asked. The text says what happened; `status` is the SIP status, 0 for none."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Account:
    """SIP name and password at a server.

    `server` is an address or a name, `port` 0 the transport's own (or what DNS says for a name), `domain` what stands
    in the addresses where it differs from the server, `auth_username` what the digest uses where it differs.
    """

    username: str
    password: str = ""
    server: str = "127.0.0.1"
    port: int = 0
    transport: Literal["UDP", "TCP", "TLS"] = "UDP"
    domain: str = ""
    display_name: str = ""
    auth_username: str = ""
    verify_tls: bool = True

    @property
    def host(self) -> str:
        """What stands behind the @ of our addresses."""
        if self.domain:
            return self.domain
        default = self.port in (0, DEFAULT_PORTS[self.transport])
        return bracketed(self.server) if default else f"{bracketed(self.server)}:{self.port}"

    def uri(self, user: str) -> str:
        """Return the address of a number or name at our server; a whole URI stays as it is."""
        if user.startswith(("sip:", "sips:", "tel:")):
            return user
        return f"sip:{user}@{self.host}"
