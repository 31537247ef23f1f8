"""What a phone must know to register."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Account"]


@dataclass(frozen=True)
class Account:
    """One line of an extension at the system under test."""

    number: str
    username: str
    password: str
    host: str  # IP literal, IPv6 without brackets
    port: int
    transport: str = "udp"

    @property
    def domain(self) -> str:
        """Host and port as they stand in a URI."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def uri(self, number: str) -> str:
        """Return the URI by which a number of the system is called."""
        tail = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{number}@{self.domain}{tail}"

    def by(self, transport: str, port: int) -> Account:
        """Return the account for another transport."""
        return replace(self, transport=transport, port=port)
