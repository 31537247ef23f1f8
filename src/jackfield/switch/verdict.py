"""The verdict on a phone's way through the network: what was found out, and what follows from it. Pure.

One is kept for each phone in each network that it was in (its public address), beside the registrations.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from jackfield.switch.filtering import Door

__all__ = ["Mapping", "Transport", "Verdict", "says", "summary"]

Mapping = Literal["", "none", "keeps ports", "changes ports", "symmetric"]
"""Kind of NAT, as far as it shows: "" is not known. "symmetric" gives each of our ports another one of its own (RFC
4787 section 4.1: address and port-dependent mapping); only a test that moves the audio to a second port can tell."""
Transport = Literal["", "udp", "tcp", "tls"]
SECOND = "tls second"
"""What lines had better be given that need TLS at the second port, where there is one."""
SECURE = ("TLS", "WSS")
BROWSERS = ("WS", "WSS")
TOO_MUCH = 0.05
"""Share of packets lost from which on it is told."""


DOORS = {
    "all": "full cone", "address": "address-restricted cone", "ports": "full or address-restricted cone",
}  # fmt: skip


class Verdict(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """What is known of one phone in one network. None means that it could not be told yet."""

    at: float
    """Wall clock, seconds: when it was found out."""
    how: Literal["call", "test", "keep-alive"]
    """By the first seconds of a call, by a test that somebody has asked for (a softphone's own included), or by a
    keep-alive alone, which tells nothing of the audio."""
    network: str
    """The public address that the phone was behind."""
    is_heard: bool | None = None
    """Its audio reaches us."""
    hears: bool | None = None
    """Ours reaches it: it says so by RTCP, or somebody pressed a key to say so."""
    nat: Mapping = ""
    gateway: bool = False
    """A router on the way changes SIP messages."""
    delay_ms: float | None = None
    """Round trip: by RTCP, else by OPTIONS."""
    lost_in: float | None = None
    """Share (0-1) of its packets that never came."""
    lost_out: float | None = None
    """Share of ours that it says it missed."""
    codec: str = ""
    refused: int = 0
    """Packets from an address from which we take none: the phone's settings or ours on NAT are wrong."""
    signalling: str = "UDP"
    """Transport by which it was registered."""
    silent: bool = False
    """It has not even sent RTCP."""
    moved: bool = False
    """It came to TLS because of what was found before, and stays there: what is well by TLS says nothing of UDP."""

    second: bool = False
    """It came by the second port of TLS."""
    relayed: bool = False
    """Its audio comes by our own TURN server: its network lets no UDP through, or only to there."""

    door: Door = ""
    """Whom its NAT lets in."""

    @property
    def kind(self) -> str:
        """The kind of NAT as administrators call it (RFC 3489 section 5), as far as it shows."""
        if self.nat in ("", "none", "symmetric"):
            return self.nat
        if self.door == "answers":
            told = self.nat == "keeps ports" or self.how == "test"
            return "port-restricted cone" if told else "port-restricted cone or symmetric"
        return DOORS.get(self.door, self.nat)

    @property
    def good(self) -> bool:
        """Nothing is known to be wrong."""
        return self.is_heard is not False and self.hears is not False

    @property
    def blocked(self) -> bool:
        """SIP passes, but no audio in either direction: something on the way lets no RTP through."""
        return self.is_heard is False and self.hears is not True and self.silent and not self.refused

    @property
    def transport(self) -> Transport:
        """The transport that the phone should be given; "" leaves it as it is. Provisioning reads it.

        TLS is what no router can change, and what passes where UDP does not.
        """
        return "tls" if self.gateway or self.blocked or self.moved else ""

    @property
    def needs_second(self) -> bool:
        """Say if the second port of TLS (such as 443) is the better one: what blocks audio may block the first, too."""
        return self.transport == "tls" and (self.blocked or self.second)

    @property
    def relay(self) -> bool:
        """Its audio must always go through us: nobody else could reach it where we see it."""
        return self.nat == "symmetric" or self.relayed or not self.good


def says(
    verdict: Verdict | None,
    *,
    phone: str,
    network: str = "",
    rtp_ports: str = "",
    gateway: bool = False,
    signalling: str = "",
    provisioned: bool = False,
    tls: str = "",
    turn: bool = False,
) -> str:
    """Return the most useful sentence about a phone, with the mend. `phone`: "103's desk phone".

    `network`: where it is now, its site or public address; `gateway`: the router there changes SIP messages;
    `signalling`: the transport by which it is registered now; `provisioned`: we write its settings; `tls`: TLS as
    people call it, with its port; "" where there is none; `turn`: it is on, which browsers use.
    """
    where = network or (verdict.network if verdict is not None else "")
    if verdict is not None and verdict.blocked:
        which = f"UDP {rtp_ports}" if rtp_ports else "the audio's UDP ports"
        found = f"{phone} hears nothing and is not heard because the router at {where} blocks {which}"
        if signalling in SECURE and verdict.signalling not in SECURE:
            return f"{found}; switched to {tls or 'TLS'}: its next call, or a test, shows whether that was enough"
        mend = f"{found}: open {which} there to this system"
        if signalling in BROWSERS:
            return mend if turn else f"{mend}, or switch on “Relay audio by TURN” in the settings"
        if signalling in SECURE or not tls:
            return mend
        return f"{mend}; it is being switched to {tls}" if provisioned else f"{mend}, and let it use {tls}"
    if verdict is not None and verdict.is_heard is False:
        if verdict.refused:
            return (
                f"{phone} is not heard because its audio comes from an address that it did not name: "
                "set NAT of its line to “always”"
            )
        return f"{phone} is not heard: look at its microphone, and whether the router at {where} lets it send"
    if verdict is not None and verdict.hears is False:
        return (
            f"{phone} hears nothing though it is heard: the router at {where} lets no audio in; "
            "switch off a STUN server or a fixed public address in the phone, and look at the router's firewall"
        )
    if gateway:
        found = f"the router at {where} changes SIP messages (SIP ALG): switch “SIP ALG” off there"
        if not tls:
            return found
        return f"{found}; {phone} is being switched to {tls}" if provisioned else f"{found}, or let {phone} use {tls}"
    if verdict is None or verdict.how == "keep-alive":
        return f"{phone} was not heard yet: its first call will show, or a test"
    lost = max(verdict.lost_in or 0.0, verdict.lost_out or 0.0)
    if lost > TOO_MUCH:
        side = "what it says" if (verdict.lost_in or 0.0) >= (verdict.lost_out or 0.0) else "what it hears"
        return f"{phone} loses {lost:.0%} of {side}: the line at {where} is too slow or overloaded"
    if verdict.is_heard and verdict.hears:
        moved = verdict.moved and signalling in SECURE
        why = (
            f" since it was switched to {tls or 'TLS'}" if moved else ", by way of our relay" if verdict.relayed else ""
        )
        return f"{phone} hears and is heard{why}"
    if verdict.is_heard:
        return f"{phone} is heard; whether it hears, it does not say: a test asks for a key"
    return f"{phone} has not said anything yet: its first call will show, or a test"


def summary(verdict: Verdict) -> dict[str, object]:
    """Return a verdict as plain data, with what follows from it."""
    found: dict[str, object] = msgspec.structs.asdict(verdict)
    return found | {"kind": verdict.kind, "good": verdict.good, "transport": verdict.transport, "relay": verdict.relay}
