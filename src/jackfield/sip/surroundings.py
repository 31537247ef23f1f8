"""What the agent needs of the world around it. `transport` and `resolver` are the real ones; tests bring their own."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Protocol

from jackfield.sip.flow import Flow, Hop
from jackfield.sip.uri import Uri

__all__ = ["ResolverLike", "TransportsLike"]


class TransportsLike(Protocol):
    """What the agent needs of `transport.Transports`; tests bring their own."""

    advertised: Callable[[str, str], str | None] | None

    async def listen(self, transport: str, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the real port."""
        ...

    async def flow_to(self, hop: Hop, *, local: Flow | None = None) -> Flow:
        """Return a flow to a hop, or raise TransportFailed."""
        ...

    def local_address(self, transport: str, remote_host: str) -> tuple[str, int]:
        """Return the address and port at which a remote host reaches us."""
        ...

    async def close(self) -> None:
        """Close everything."""
        ...


class ResolverLike(Protocol):
    """What the agent needs of `resolver.Resolver`."""

    async def resolve(self, uri: Uri, *, prefer: str | None = None) -> list[Hop]:
        """Return the hops of a URI in order of trial; none if it can't be resolved."""
        ...
