"""Which of our addresses a party sends to: what goes into Via, Contact and SDP towards it, and is bound for its audio.

The address towards a party is the one by which its packets come, or ours leave; where that one is private and the
party is not, it is told the address outside (`network.outside`). Those are set by hand, or found by the network
process, which says so by the verb "public_addresses" whenever they change: then trunks register anew, and parties of
calls that were told the old address are told the new one by re-INVITE.
"""

from __future__ import annotations

import logging
from collections import deque
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from jackfield.control import ControlError
from jackfield.media.client import MediaLost, NoPort
from jackfield.network.groups import vpn_networks
from jackfield.network.outside import Outside, Telling, is_literal, read
from jackfield.sip.transport.local_addresses import LocalAddresses, is_wildcard
from jackfield.sip.transport.transports import Transports
from jackfield.switch.nat import inside
from jackfield.switch.outgoing import OutgoingLeg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from jackfield.switch.call import Call
    from jackfield.switch.leg import Leg
    from jackfield.switch.switch import Switch

__all__ = ["OurAddresses"]

log = logging.getLogger("jackfield.switch")

STUN_REMEMBERED = 32


class OurAddresses:
    """`fixed`: by the machine's settings; `found`: as known at the last end; `hosts`: what we listen on."""

    def __init__(
        self,
        switch: Switch,
        *,
        clock: Callable[[], float],
        fixed: str = "",
        found: Sequence[Outside] = (),
        hosts: Sequence[str] = (),
    ) -> None:
        self._switch = switch
        self._fixed = fixed
        self._found = tuple(found)
        self._hosts = [host for host in hosts if not is_wildcard(host)]
        self._routes = LocalAddresses(clock)
        self._heard: deque[str] = deque(maxlen=STUN_REMEMBERED)
        self.reload()

    def reload(self) -> None:
        """The configuration is another."""
        general = self._switch.snapshot.general
        try:
            known = [one for one in read(self._fixed or general.public_address) if is_literal(one.address)]
        except ValueError:  # from before it was checked so
            known = []
        taken = {(one.inside, ":" in one.address) for one in known}
        known += [one for one in self._found if (one.inside, ":" in one.address) not in taken]
        by_vpn = vpn_networks(general, self._switch.snapshot.vpn_devices)  # it leads to us past every router
        self._telling = Telling(known, inside((*general.local_networks, *by_vpn)))

    # --- towards a party

    def towards(self, remote: str) -> str:
        """Return the address of ours from which packets to a host leave, an IP literal."""
        leaves = self._routes.towards(remote)
        if leaves in self._hosts:
            return leaves or ""
        for host in self._hosts:
            if (":" in host) == (":" in remote):
                return host
        return leaves or ("::1" if ":" in remote else "127.0.0.1")

    def advertised(self, remote: str, ours: str) -> str | None:
        """Return what a host is told in place of an address of ours; None: that one itself."""
        return self._telling(ours, remote)

    def of(self, leg: Leg) -> tuple[str, str]:
        """Return the address of ours to bind for a leg's audio, and the one that the other side is told."""
        flow = leg.flow
        if flow is None:
            if not isinstance(leg, OutgoingLeg) or not leg.hops:
                raise NoPort(f"there is no way to {leg}")
            hop = leg.hops[0]
            told = self._switch.agent.transports.local_address(hop.transport, hop.host)[0]
            return self.towards(hop.host), told
        remote, ours = flow.remote[0], flow.local[0]
        if not _fits(ours, remote):
            ours = self.towards(remote)
        return ours, self.advertised(remote, ours) or ours

    # --- they change

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Return the verbs of the control socket."""
        return {"public_addresses": self._know, "seen_as": self._seen_as, "stun_heard": self._stun_heard}

    async def _know(self, request: dict[str, Any]) -> dict[str, Any]:
        """Take what was found, as [address, inside]; `moved`: the machine's own addresses may be others too."""
        try:
            found = tuple(Outside(str(address), str(inside)) for address, inside in request["known"])
        except (KeyError, TypeError, ValueError):
            raise ControlError('say which as "known": [["203.0.113.5", ""], …]') from None
        if any(not is_literal(one.address) for one in found):
            raise ControlError("only addresses can be told, no names")
        before = self._telling.known
        self._found = found
        self.reload()
        if self._telling.known == before and not request.get("moved"):
            return {"changed": False, "calls": 0}
        self._routes.forget()
        transports = self._switch.agent.transports
        if isinstance(transports, Transports):
            transports.forget_addresses()
        if self._telling.known != before:
            shown = ", ".join(one.address for one in self._telling.known) or "none"
            log.warning("parties outside are told another address from now on: %s", shown)
        self._switch.trunks.register_again()
        return {"changed": True, "calls": self._tell_calls()}

    def _tell_calls(self) -> int:
        """Tell the parties of calls that were told another address; return how many calls that are."""
        told = 0
        for call in list(self._switch.calls.values()):
            legs = [leg for leg in call.legs if leg.answered and not leg.ended and self._differs(leg)]
            for leg in legs:
                call.spawn(self._tell(call, leg))
            told += bool(legs)
        return told

    def _differs(self, leg: Leg) -> bool:
        stream = leg.audio.stream
        return stream is not None and self.of(leg) != (stream.address, leg.audio.address)

    async def _tell(self, call: Call, leg: Leg) -> None:
        stream = leg.audio.stream
        bind, told = self.of(leg)
        if stream is None:
            return
        call.note(f"our address towards {leg} is {told} now")
        if stream.address != bind:
            try:
                if await self._switch.media.elsewhere(call, leg):
                    call.reconnect()  # it is another stream, which hears nobody yet
            except (MediaLost, NoPort) as problem:
                call.note(f"its audio could not move: {problem}")
            return
        before, leg.audio.address = leg.audio.address, told
        if not await leg.reinvite(leg.audio.renew):
            leg.audio.address = before

    # --- what others see of us

    async def _seen_as(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """As what trunks see us, who answered our registration: no other server has to be asked."""
        return self._switch.trunks.seen_as()

    async def _stun_heard(self, request: dict[str, Any]) -> list[str]:
        """Ids of the last STUN answers that came to the SIP port without having been asked for from there, in hex."""
        return list(self._heard)

    def heard(self, transaction_id: bytes) -> None:
        """A STUN answer came to the SIP port: somebody was asked to send it, to prove that it arrives."""
        self._heard.append(transaction_id.hex())


def _fits(ours: str, remote: str) -> bool:
    """Tell whether the end of a flow is where audio can be sent to; not so behind a reverse proxy on this machine."""
    if is_wildcard(ours) or not is_literal(ours) or (":" in ours) != (":" in remote):
        return False
    return not ip_address(ours).is_loopback or ip_address(remote).is_loopback
