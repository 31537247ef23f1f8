"""Providers in memory and in simulated time, for the tests of trunks and of phones that are asked by OPTIONS."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Callable, Coroutine
from typing import Any

from calls.network import MemoryTransports, Network
from calls.simulated_time import SimulatedLoop
from company import company, trunk

from jackfield.sip.agent import Agent
from jackfield.sip.digest import Challenger, ha1
from jackfield.sip.flow import Flow, Hop
from jackfield.sip.message import Request, Response
from jackfield.switch.snapshot import Snapshot, Trunk
from jackfield.switch.trunks import Trunks


def simulated(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in simulated time: waiting costs nothing."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


class Names:
    """A resolver with its own DNS: name -> addresses in order."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}

    async def resolve(self, uri: Any, *, prefer: str | None = None) -> list[Hop]:
        transport = (uri.params.get("transport") or prefer or "udp").upper()
        hosts = self.known.get(uri.host, [uri.host] if uri.host[0].isdigit() else [])
        return [Hop(transport, host, uri.port or 5060, "" if host == uri.host else uri.host) for host in hosts]


class Carrier:
    """A provider's server: answers REGISTER and OPTIONS as it is told."""

    def __init__(self, network: Network, address: str, port: int = 5060) -> None:
        self.got: list[Request] = []
        self.says: dict[str, Callable[[Request], Response | None]] = {}
        self.password = ""
        self.challenger = Challenger("carrier", b"a secret of the carrier")
        self.transports = MemoryTransports(network, address, port)
        self.agent = Agent(
            user_agent="Carrier",
            on_invite=lambda invite: invite.reject(404),
            on_request=self._on_request,
            transports=self.transports,
            resolver=Names(),
        )
        self.transports.receive = self.agent.receive

    def _on_request(self, request: Request, flow: Flow, reply: Callable[[Response], None]) -> None:
        self.got.append(request)
        script = self.says.get(request.method)
        response = script(request) if script else self._default(request, flow)
        if response is not None:
            reply(response)

    def _default(self, request: Request, flow: Flow) -> Response:
        if request.method == "REGISTER" and self.password:
            now = asyncio.get_running_loop().time()
            verdict = self.challenger.verify(
                request.get("Authorization"), request.method, request.uri, flow.remote[0], now,
                lambda name, algorithm: ha1(name, "carrier", self.password, algorithm),
            )  # fmt: skip
            if not verdict.ok:
                response = request.reply(403 if verdict.reason == "wrong password" else 401)
                for value in self.challenger.challenges(flow.remote[0], now, stale=verdict.stale):
                    response.add("WWW-Authenticate", value)
                return response
        response = request.reply(200)
        if request.method == "REGISTER":
            for contact in request.all("Contact"):
                response.add("Contact", contact)
        return response

    def silent(self) -> None:
        """Answer nothing from now on."""
        self.says = {"REGISTER": lambda request: None, "OPTIONS": lambda request: None}

    def of(self, method: str) -> list[Request]:
        return [request for request in self.got if request.method == method]


class Exchange:
    """Our side: an agent with trunks, in a network with carriers."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.network = Network()
        self.names = Names()
        self.events: list[dict[str, Any]] = []
        self.carriers: list[Carrier] = []
        self.requests: list[Request] = []
        self.transports = MemoryTransports(self.network, "192.0.2.1")
        self.loop = asyncio.get_running_loop()
        self.agent = Agent(
            user_agent="Jackfield",
            on_invite=lambda invite: invite.reject(404),
            on_request=lambda request, flow, reply: reply(request.reply(200)),
            transports=self.transports,
            resolver=self.names,
        )
        self.transports.receive = self.agent.receive
        self.trunks = Trunks(
            self.agent,
            lambda: self.snapshot,
            clock=self.loop.time,
            wall_clock=self.loop.time,
            emit=lambda kind, data: self.events.append(data),
            random=random.Random(1),
        )

    async def __aenter__(self) -> Exchange:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.trunks.close()
        await self.agent.close()
        for carrier in self.carriers:
            await carrier.agent.close()

    def carrier(self, address: str = "192.0.2.10", port: int = 5060) -> Carrier:
        carrier = Carrier(self.network, address, port)
        self.carriers.append(carrier)
        return carrier

    def row(self, name: str = "Odorik") -> Any:
        return next(row for row in self.trunks.table() if row.name == name)

    @property
    def states(self) -> list[str]:
        return [event["state"] for event in self.events]


async def pass_time(seconds: float) -> None:
    """Let things happen."""
    await asyncio.sleep(seconds)


def account(**fields: Any) -> Trunk:
    """A trunk that registers with sip.carrier.example."""
    fields = {"kind": "register", "hosts": ("sip.carrier.example",), "username": "20099", "password": "pw"} | fields
    return trunk("Odorik", **fields)


def exchange(*trunks: Trunk, **fields: Any) -> Exchange:
    """A house with these trunks, for which sip.carrier.example is 192.0.2.10."""
    made = Exchange(company(trunks=trunks, **fields))
    made.names.known["sip.carrier.example"] = ["192.0.2.10"]
    return made
