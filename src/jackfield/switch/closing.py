"""From whom SIP is taken at all: what the firewall says of it, asked before a packet is looked at.

While SIP is open to everyone, as it is by default, nobody is asked anything. Trunks are let in whatever the firewall
says: who closes SIP to the world does not mean the provider with whom we are registered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jackfield.network.firewall.services import ServiceName
from jackfield.sip.transport.transports import Transports

if TYPE_CHECKING:
    from jackfield.network.firewall.policy import Policy
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

    def close(self) -> None:
        """Take SIP from whom the firewall says, as the configuration and the names in it are now."""
        switch = self._switch
        transports = switch.agent.transports
        if self._policy is not None and isinstance(transports, Transports):
            transports.closed = closed_by(self._policy(switch.snapshot), switch.trunks.may_come_from)


def closed_by(policy: Policy, is_trunk: Callable[[str], bool]) -> Callable[[str, str], bool] | None:
    """Return what tells whether a transport is closed to an address; None where none is closed to anybody.

    is_trunk: tells whether a trunk's calls may come from an address.
    """
    if not any(policy.restricts(service) for service in _SERVICES.values()):
        return None

    def closed(transport: str, address: str) -> bool:
        return not policy.allows(_SERVICES[transport], address) and not is_trunk(address)

    return closed
