"""Both sides of a transaction over a network that loses, doubles and reorders."""

from __future__ import annotations

from random import Random

from fake_layer import Layer
from fake_network import LATENCY, Network
from hypothesis import given, settings
from hypothesis import strategies as st

A, B = "10.0.0.1", "10.0.0.2"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    loss=st.sampled_from([0.0, 0.1, 0.3, 0.6, 0.9]),
    doubling=st.sampled_from([0.0, 0.3]),
    spread=st.sampled_from([0.0, 0.4, 3.0]),
    method=st.sampled_from(["INVITE", "OPTIONS"]),
    answer=st.sampled_from([None, 200, 486]),
    cancel=st.booleans(),
)
def test_whatever_the_network_does_both_sides_come_to_an_end(
    seed: int, loss: float, doubling: float, spread: float, method: str, answer: int | None, cancel: bool
) -> None:
    network = Network()
    random = Random(seed)

    def fate(data: bytes, source: object, target: object) -> list[float]:
        copies = 2 if random.random() < doubling else 1
        return [LATENCY + random.random() * spread for _ in range(copies) if random.random() >= loss]

    network.fate = fate
    client, server = Layer(network, A), Layer(network, B, answer=answer)
    transaction = client.ask(method, B)
    for _ in range(6):
        network.play(0.5)
        if cancel and method == "INVITE":
            transaction.cancel(network.now)
    for seconds in (0, 40, 40, 1000):
        network.play(seconds)
        for incoming, request in zip(server.transactions, server.requests, strict=True):
            incoming.respond(request.reply(480), network.now)
    network.play(100)
    assert len(client.layer) == len(server.layer) == 0
    assert len(client.layer.timers) == len(server.layer.timers) == 0
    finals = [status for status in client.responses if status >= 200]
    if finals:
        assert client.failures == []
        assert len(set(finals)) == 1
    else:
        assert client.failures == ["timeout"]
    if spread < 1.0:  # with more, a copy may arrive after the server has forgotten
        assert len(server.requests) <= 1
    if loss == 0.0 and spread < 1.0:
        assert len(finals) >= 1
