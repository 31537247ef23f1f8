"""From whom SIP is taken at all: what the firewall says of it, asked before a packet is looked at.

While SIP is open to everyone, as it is by default, nobody is asked anything. Trunks are let in whatever the firewall
says: who closes SIP to the world does not mean the provider with whom we are registered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from jackfield.network.firewall.services import ServiceName
from jackfield.sip.transport.inbox import Closed
from jackfield.sip.transport.transports import Transports

if TYPE_CHECKING:
    from jackfield.network.firewall.policy import Policy
    from jackfield.switch.guard import Guard
    from jackfield.switch.snapshot import Snapshot
    from jackfield.switch.switch import Switch

__all__ = ["Doors", "closed_by"]

_SERVICES: dict[str, ServiceName] = {
    "UDP": "sip", "TCP": "sip", "TLS": "sip_tls", "WS": "websocket", "WSS": "websocket",
}  # fmt: skip


class Doors:
    """The transports of a switch, closed as the firewall says. `policy` compiles it; None leaves all open."""

    def __init__(self, switch: Switch, policy: Callable[[Snapshot], Policy] | None) -> None:
        self._switch = switch
        self._policy = policy
        self._by_policy: Closed | None = None
        self._known: set[str] = set()
        self._known_until = 0.0

    def close(self) -> None:
        """Take SIP from whom the firewall says, as the configuration and the names in it are now."""
        switch = self._switch
        if self._policy is not None:
            self._by_policy = closed_by(self._policy(switch.snapshot), switch.trunks.may_come_from)
        self.look()

    def look(self) -> None:
        """Close to whom the guard has blocked as well: to nobody else than before, and to those no more it let go."""
        transports = self._switch.agent.transports
        if isinstance(transports, Transports):
            transports.closed = _either(self._by_policy, self._switch.guard)

    def is_known(self, address: str) -> bool:
        """Say if a phone is registered from this address, or a trunk has it: these may send as much as they like.

        Asked only of those that send more than a stranger may, so a list that is a second old is good enough.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._known_until:
            self._known_until = now + 1.0
            switch = self._switch
            self._known = {contact.source[0] for contact in switch.registrar} | switch.trunks.addresses()
        return address in self._known or address in ("127.0.0.1", "::1")


def _either(by_policy: Closed | None, guard: Guard) -> Closed | None:
    if not guard.blocking:
        return by_policy
    if by_policy is None:
        return lambda transport, address: guard.shut(address)
    return lambda transport, address: guard.shut(address) or by_policy(transport, address)


def closed_by(policy: Policy, is_trunk: Callable[[str], bool]) -> Closed | None:
    """Return what tells whether a transport is closed to an address; None where none is closed to anybody.

    is_trunk: tells whether a trunk's calls may come from an address.
    """
    if not any(policy.restricts(service) for service in _SERVICES.values()):
        return None

    def closed(transport: str, address: str) -> bool:
        return not policy.allows(_SERVICES[transport], address) and not is_trunk(address)

    return closed
