"""SIP ALG: a router that changes SIP messages on their way, found out by a question whose answer must repeat it.

A response repeats From, To, Call-ID and Via of its request (RFC 3261 section 8.2.6.2). An application layer gateway
puts the phone's own address in place of the public one on the way in, and the public one back on the way out; it does
so by value, so what it writes is spelt its own way. Hence the bait: To names the public address with leading zeros,
which means the same to a gateway and nothing to a phone. From does likewise with an address of nobody, so that a phone
which tidies up addresses by itself is not taken for a router that does.

Another bait is the phone's own address, where it is known: a gateway makes the public one of it.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from jackfield.sip.errors import MalformedHeader
from jackfield.switch.nat import inside

if TYPE_CHECKING:
    from jackfield.sip.flow import Address
    from jackfield.sip.message import Response

__all__ = ["BAITS", "CONTROL", "bait", "changed", "told_address"]

CONTROL = "192.000.002.001"
"""An address of nobody (RFC 5737), spelt as baits are."""


_is_private = inside(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))  # RFC 1918, RFC 6598
BAITS = 2
"""Questions with a bait for each binding: by the public address, and by the phone's own where that is known."""


def bait(address: Address) -> str:
    """Return host and port as To names them: "203.000.113.002:40001"; "" for what is no IPv4 address."""
    try:
        parsed = IPv4Address(address[0])
    except ValueError:
        return ""
    return ".".join(f"{int(part):03d}" for part in str(parsed).split(".")) + f":{address[1]}"


def changed(sent: str, control: str, response: Response) -> bool | None:
    """Say if somebody on the way has changed what a response repeats; None: this phone's answer proves nothing.

    `sent` and `control`: host and port that the request had in To and From.
    """
    try:
        came, kept = response.to.uri.host_port, response.from_.uri.host_port
    except MalformedHeader:
        return None
    if kept != control:
        return None
    return came != sent


def told_address(text: str) -> str:
    """Return the private IPv4 address at the end of a Call-ID, or in the c= line of a description; "" for none."""
    found = text.rpartition("@")[2].strip() if "@" in text else ""
    if not found:
        _, _, rest = text.partition("c=IN IP4 ")
        found = rest.split("\r", 1)[0].split("\n", 1)[0].split("/", 1)[0].strip()
    return found if _is_private(found) else ""
