"""A transaction layer on the network in memory, and all that its user is told."""

from __future__ import annotations

from typing import Any

from fake_network import Network, outgoing_request, repeatable_tokens

from jackfield.sip.flow import Flow
from jackfield.sip.message import Request, Response
from jackfield.sip.transaction import ServerTransaction, TransactionLayer


class Layer:
    """A transaction layer on the network, and all that its user is told."""

    def __init__(self, network: Network, host: str, *, answer: int | None = None) -> None:
        self.network = network
        self.address = (host, 5060)
        self.layer = TransactionLayer(self, local_address=lambda flow: self.address, tokens=repeatable_tokens(7))
        self.answer = answer
        self.refusal: int | None = None
        self.transactions: list[ServerTransaction] = []
        self.requests: list[Request] = []
        self.acks: list[Request] = []
        self.strays: list[Response] = []
        self.responses: list[int] = []
        self.failures: list[str] = []
        network.attach(self.address, self)

    def receive(self, message: Request | Response, flow: Flow) -> None:
        self.layer.receive(message, flow, self.network.now)

    def next_time(self) -> float | None:
        return self.layer.next_time()

    def wake(self, now: float) -> None:
        self.layer.wake(now)

    def screen(self, request: Request, flow: Flow) -> Response | None:
        return None if self.refusal is None else request.reply(self.refusal)

    def on_request(self, transaction: ServerTransaction, request: Request) -> None:
        self.transactions.append(transaction)
        self.requests.append(request)
        if self.answer is not None:
            transaction.respond(transaction.reply(self.answer), self.network.now)

    def on_ack(self, request: Request, flow: Flow) -> None:
        self.acks.append(request)

    def on_stray_response(self, response: Response, flow: Flow) -> None:
        self.strays.append(response)

    def ask(self, method: str, to: str, transport: str = "UDP") -> Any:
        request = outgoing_request(
            method, to, CSeq=f"1 {method}", Contact=f"<sip:101@{self.address[0]}>", Max_Forwards="70"
        )
        return self.layer.request(
            request,
            self.network.flow(transport, self.address, (to, 5060)),
            self.network.now,
            on_response=lambda response: self.responses.append(response.status),
            on_failure=self.failures.append,
        )


def times(network: Network, source: str, start: str) -> list[float]:
    return [
        round(when, 3)
        for when, origin, _, message in network.log
        if origin[0] == source and message.start_line.startswith(start)
    ]


def silence(network: Network) -> None:
    network.fate = lambda data, source, target: ()
