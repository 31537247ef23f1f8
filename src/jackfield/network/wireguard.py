"""WireGuard's keys and configuration files: pure. What sets a tunnel up is in `network.tunnel`."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

__all__ = [
    "KEEPALIVE",
    "Interface",
    "Peer",
    "apart_from",
    "free_address",
    "new_key",
    "public_key",
    "read_key",
    "server_address",
]

KEEPALIVE = 25
"""Seconds: what WireGuard's own documentation advises for a device behind a NAT."""
KEY_BYTES = 32


def new_key() -> str:
    """Return a new private key (RFC 7748 X25519), in base64."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return base64.b64encode(X25519PrivateKey.generate().private_bytes_raw()).decode()


def public_key(private: str) -> str:
    """Return the public key of a private one. Raises `ValueError`."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    key = X25519PrivateKey.from_private_bytes(base64.b64decode(read_key(private)))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def read_key(text: str) -> str:
    """Return a key as WireGuard writes it. Raises `ValueError` with the mend; the key itself is not in its text."""
    try:
        raw = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError("this is no key of WireGuard: one has 44 characters and ends with =, as `wg pubkey` prints it")
    if not any(raw):
        raise ValueError("this key is all zeros, which WireGuard takes for none: make another with `wg genkey`")
    return base64.b64encode(raw).decode()


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody at the other end. `allowed`: addresses and networks behind it; `endpoint`: "host:port" or ""."""

    public_key: str
    allowed: tuple[str, ...]
    endpoint: str = ""
    keepalive: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """One end of tunnels. `addresses` with the length of their network: "10.87.0.1/24"."""

    private_key: str
    addresses: tuple[str, ...]
    port: int = 0
    peers: tuple[Peer, ...] = ()

    def file(self) -> str:
        """Return the file that WireGuard's apps, routers and wg-quick read."""
        lines = ["[Interface]", f"PrivateKey = {self.private_key}", f"Address = {', '.join(self.addresses)}"]
        lines += [f"ListenPort = {self.port}"] if self.port else []
        for peer in self.peers:
            lines += ["", "[Peer]", *_peer(peer)]
        return "\n".join(lines) + "\n"

    def kernel_file(self) -> str:
        """Return what `wg setconf` and `wg syncconf` read: without the addresses, which are set by `ip`."""
        lines = ["[Interface]", f"PrivateKey = {self.private_key}"]
        lines += [f"ListenPort = {self.port}"] if self.port else []
        for peer in self.peers:
            lines += ["", "[Peer]", *_peer(replace(peer, name=""))]
        return "\n".join(lines) + "\n"

    def routes(self) -> list[str]:
        """Return the networks behind the peers that lie outside of our own."""
        ours = [ipaddress.ip_interface(one).network for one in self.addresses]
        found = (ipaddress.ip_network(one, strict=False) for peer in self.peers for one in peer.allowed)
        return [str(net) for net in found if not any(net.version == one.version and net.subnet_of(one) for one in ours)]  # type: ignore[arg-type]


def _peer(peer: Peer) -> Iterable[str]:
    if peer.name:
        yield f"# {peer.name}"
    yield f"PublicKey = {peer.public_key}"
    yield f"AllowedIPs = {', '.join(peer.allowed)}"
    if peer.endpoint:
        yield f"Endpoint = {peer.endpoint}"
    if peer.keepalive:
        yield f"PersistentKeepalive = {peer.keepalive}"


def apart_from(wanted: Interface, here: Sequence[tuple[str, str]]) -> tuple[Interface, list[str]]:
    """Return our end without the networks behind peers that this machine is in itself, and what was left out, in words.

    Their routes would cut it off from its own network. here: (interface, "192.168.1.10/24") of all others. Raises
    `ValueError` with the mend where it is the VPN's own network that is taken.
    """
    others = [(name, ipaddress.ip_interface(text)) for name, text in here]
    for ours in (ipaddress.ip_interface(text) for text in wanted.addresses):
        for name, other in others:
            if other.version == ours.version and (other.network.subnet_of(ours.network) or other.ip in ours.network):  # type: ignore[arg-type]
                raise ValueError(
                    f"the VPN's network {ours.network} is taken: this machine has {other} at {name}. Choose another "
                    "“Network of the VPN” in the settings, such as 10.88.0.0/24"
                )
    said: list[str] = []
    peers = []
    for peer in wanted.peers:
        kept = []
        for text in peer.allowed:
            network = ipaddress.ip_network(text, strict=False)
            own = next((o for o in others if o[1].version == network.version and network.subnet_of(o[1].network)), None)  # type: ignore[arg-type]
            if own is None:
                kept.append(text)
            else:
                said.append(
                    f"{network} behind {peer.name or 'a device'} is left out, for this machine is in that network "
                    f"itself ({own[1]} at {own[0]}): give one of the two other addresses."
                )
        peers.append(replace(peer, allowed=tuple(kept)))
    return replace(wanted, peers=tuple(peers)), said


def server_address(network: str) -> str:
    """Return our address in the VPN, the first of its network, with the length: "10.87.0.1/24"."""
    found = ipaddress.ip_network(network)
    return f"{found.network_address + 1}/{found.prefixlen}"


def free_address(network: str, taken: Sequence[str]) -> str:
    """Return the next free address of the VPN, without a length. Raises `ValueError` when none is left."""
    found, used = ipaddress.ip_network(network), {int(ipaddress.ip_address(one)) for one in taken}
    first, last = int(found.network_address) + 2, int(found.broadcast_address) - (found.version == 4)
    for at in range(first, last + 1):
        if at not in used:
            return str(type(found.network_address)(at))
    raise ValueError(f"all addresses of the VPN's network {network} are given away: take a larger one")
