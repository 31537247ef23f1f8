"""A network in memory: what an agent sends arrives at the agent with that address, in the next turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from jackfield.sip.flow import Flow, Hop, TransportFailed
from jackfield.sip.message import parse


class Network:
    """Knows who is where. `lost(data)` decides which datagrams do not arrive.

    `weather(from, to)` says after how many seconds each copy of a datagram arrives, all in order by default.
    """

    def __init__(self) -> None:
        self.ends: dict[tuple[str, int], MemoryTransports] = {}
        self.lost: Callable[[bytes], bool] = lambda data: False
        self.weather: Callable[[str, str], Sequence[float]] | None = None
        self.wire: list[str] = []
        """First lines of all that was sent, "from -> to: line"."""

    def carry(self, data: bytes, source: tuple[str, int], target: tuple[str, int], transport: str) -> None:
        self.wire.append(f"{source[0]} -> {target[0]}: {data.split(chr(13).encode(), 1)[0].decode()}")
        end = self.ends.get(target)
        if end is None or self.lost(data):
            return
        loop = asyncio.get_running_loop()
        if self.weather is None or transport != "UDP":
            loop.call_soon(end.arrive, data, source, transport)
            return
        for delay in self.weather(source[0], target[0]):
            loop.call_later(delay, end.arrive, data, source, transport)


class MemoryFlow(Flow):
    """A way to another end of the network."""

    def __init__(self, network: Network, transport: str, local: tuple[str, int], remote: tuple[str, int]) -> None:
        super().__init__(transport, local, remote)
        self._network = network

    def send(self, data: bytes) -> None:
        if not self.closed:
            self._network.carry(data, self.local, self.remote, self.transport)


class MemoryTransports:
    """Stands for `jackfield.sip.transport.Transports`."""

    def __init__(self, network: Network, address: str, port: int = 5060) -> None:
        self.network = network
        self.address = (address, port)
        self.advertised: Callable[[str, str], str | None] | None = None
        self.receive: Callable[[Any, Flow], None] = lambda message, flow: None
        self._flows: dict[tuple[str, tuple[str, int]], MemoryFlow] = {}
        network.ends[self.address] = self

    def arrive(self, data: bytes, source: tuple[str, int], transport: str) -> None:
        self.receive(parse(data), self.flow(transport, source))

    def flow(self, transport: str, remote: tuple[str, int]) -> MemoryFlow:
        key = (transport, remote)
        if key not in self._flows:
            self._flows[key] = MemoryFlow(self.network, transport, self.address, remote)
        return self._flows[key]

    async def listen(self, transport: str, host: str, port: int, *, tls: object = None) -> int:
        return port

    async def flow_to(self, hop: Hop, *, local: Flow | None = None) -> Flow:
        if hop.transport != "UDP" and (hop.host, hop.port) not in self.network.ends:
            raise TransportFailed(f"nobody listens at {hop}")
        return self.flow(hop.transport, (hop.host, hop.port))

    def existing(self, key: tuple[str, tuple[str, int], tuple[str, int]]) -> Flow | None:
        return self.flow(key[0], key[2])

    def local_address(self, transport: str, remote_host: str) -> tuple[str, int]:
        host, port = self.address
        if self.advertised is not None:
            host = self.advertised(remote_host, host) or host
        return host, port

    def keep_alive(self, flow: Flow) -> None:
        return None

    async def close(self) -> None:
        self.network.ends.pop(self.address, None)


class NoNames:
    """A resolver that knows numbers only."""

    async def resolve(self, uri: Any, *, prefer: str | None = None) -> list[Hop]:
        transport = (uri.params.get("transport") or "udp").upper()
        return [Hop(transport, uri.host, uri.port or 5060)]
