"""Client transactions (RFC 3261 section 17.1, RFC 6026): each timer and race, on a network in memory."""

from __future__ import annotations

import pytest
from fake_layer import Layer, silence, times
from fake_network import Network, Peer, outgoing_request

from jackfield.sip.message import Request
from jackfield.sip.timers import T1, T2, T4, TIMEOUT

A, B = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def network() -> Network:
    return Network()


# --- client, INVITE -------------------------------------------------------------------------------------------------


def test_an_invite_is_repeated_at_doubling_intervals_until_timer_b(network: Network) -> None:
    client = Layer(network, A)
    silence(network)
    client.ask("INVITE", B)
    network.play(40)
    assert times(network, A, "INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert client.failures == ["timeout"]
    assert len(client.layer) == 0


def test_over_tcp_nothing_is_repeated_but_timer_b_still_counts(network: Network) -> None:
    client = Layer(network, A)
    silence(network)
    client.ask("INVITE", B, "TCP")
    network.play(TIMEOUT - 0.1)
    assert client.failures == []
    network.play(0.2)
    assert times(network, A, "INVITE") == [0]
    assert client.failures == ["timeout"]


def test_a_provisional_response_stops_repeating_and_timer_b(network: Network) -> None:
    client, server = Layer(network, A), Layer(network, B)
    client.ask("INVITE", B)
    network.play(100)
    assert times(network, A, "INVITE") == [0]
    assert client.responses == [100]
    assert client.failures == []
    server.transactions[0].terminate()


def test_an_invite_that_nobody_ever_decides_is_cancelled_and_forgotten(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B)
    client.ask("INVITE", B)
    network.play(1)
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 180))
    network.play(902)
    assert len(peer.requests("CANCEL")) > 0
    network.play(TIMEOUT + 1)
    assert client.failures == ["timeout"]
    assert len(client.layer) == 0


def test_a_refusal_is_acknowledged_within_the_transaction_and_again_when_it_is_repeated(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B)
    client.ask("INVITE", B)
    network.play(0.1)
    invite = peer.requests("INVITE")[0]
    for _ in range(2):
        peer.send(A, peer.answer(invite, 486))
        network.play(0.1)
    acks = peer.requests("ACK")
    assert len(acks) == 2
    assert acks[0].via.branch == invite.via.branch
    assert acks[0].to.tag == "peer-tag"
    assert str(acks[0].cseq) == "1 ACK"
    assert acks[0].uri == invite.uri
    assert client.responses == [486]
    network.play(TIMEOUT + 1)  # timer D
    assert len(client.layer) == 0


def test_over_tcp_timer_d_is_zero(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B, "TCP")
    client.ask("INVITE", B, "TCP")
    network.play(0.1)
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 486))
    network.play(0.1)
    assert len(peer.requests("ACK")) == 1
    assert len(client.layer) == 0


def test_the_ack_for_a_refusal_takes_the_route_of_the_invite(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B)
    request = outgoing_request("INVITE", B, CSeq="7 INVITE", Route="<sip:10.0.0.2;lr>, <sip:10.0.0.9;lr>")
    client.layer.request(
        request,
        network.flow("UDP", client.address, (B, 5060)),
        0.0,
        on_response=lambda response: None,
        on_failure=client.failures.append,
    )
    network.play(0.1)
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 404))
    network.play(0.1)
    ack = peer.requests("ACK")[0]
    assert ack.values("Route") == ["<sip:10.0.0.2;lr>", "<sip:10.0.0.9;lr>"]
    assert len(ack.values("Via")) == 1


def test_every_copy_of_a_2xx_goes_up_until_timer_m_and_no_other_final_response_does(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B)
    client.ask("INVITE", B)
    network.play(0.1)
    invite = peer.requests("INVITE")[0]
    for status, tag in ((200, "one"), (200, "one"), (200, "two"), (486, "three"), (180, "one")):
        peer.send(A, peer.answer(invite, status, tag=tag))
    network.play(0.1)
    assert client.responses == [200, 200, 200]
    assert peer.requests("ACK") == []  # the ACK for a 2xx is not the transaction's
    network.play(TIMEOUT + 1)
    assert len(client.layer) == 0
    peer.send(A, peer.answer(invite, 200))
    network.play(0.1)
    assert [response.status for response in client.strays] == [200]


# --- client, others -------------------------------------------------------------------------------------------------


def test_a_request_is_repeated_up_to_t2_until_timer_f(network: Network) -> None:
    client = Layer(network, A)
    silence(network)
    client.ask("OPTIONS", B)
    network.play(40)
    assert times(network, A, "OPTIONS") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert client.failures == ["timeout"]
    assert len(client.layer) == 0


def test_after_a_provisional_response_a_request_is_repeated_every_t2(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B)
    client.ask("OPTIONS", B)
    network.play(0.1)
    peer.send(A, peer.answer(peer.requests("OPTIONS")[0], 100))
    network.play(13)
    assert times(network, A, "OPTIONS") == [0, T1, T1 + T2, T1 + 2 * T2, T1 + 3 * T2]


def test_a_repeated_final_response_is_absorbed_until_timer_k(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B)
    client.ask("OPTIONS", B)
    network.play(0.1)
    for _ in range(3):
        peer.send(A, peer.answer(peer.requests("OPTIONS")[0], 200))
    network.play(T4 + 0.2)
    assert client.responses == [200]
    assert client.strays == []
    assert len(client.layer) == 0


def test_over_tcp_timer_k_is_zero(network: Network) -> None:
    client, server = Layer(network, A), Layer(network, B, answer=200)
    client.ask("OPTIONS", B, "TCP")
    network.play(0.1)
    assert client.responses == [200]
    assert len(client.layer) == len(server.layer) == 0


def test_a_broken_connection_fails_what_is_under_way_on_it(network: Network) -> None:
    client = Layer(network, A)
    silence(network)
    flow = network.flow("TCP", client.address, (B, 5060))
    client.ask("OPTIONS", B, "TCP")
    client.ask("INVITE", B, "TCP")
    client.ask("OPTIONS", "10.0.0.3", "TCP")
    flow.closed = True
    client.layer.flow_failed(flow, "reset", network.now)
    network.play(1)
    assert client.failures == ["reset", "reset"]
    assert len(client.layer) == 1


def test_a_datagram_that_could_not_be_sent_fails_its_request(network: Network) -> None:
    client = Layer(network, A)
    silence(network)
    client.ask("OPTIONS", B)
    client.layer.flow_failed(network.flow("UDP", client.address, (B, 5060)), "network unreachable", network.now)
    network.play(1)
    assert client.failures == ["network unreachable"]


def test_a_request_on_a_closed_connection_fails_soon_but_not_at_once(network: Network) -> None:
    client = Layer(network, A)
    flow = network.flow("TCP", client.address, (B, 5060))
    flow.closed = True
    client.layer.request(
        outgoing_request("OPTIONS", B, CSeq="1 OPTIONS"),
        flow,
        0.0,
        on_response=lambda response: None,
        on_failure=client.failures.append,
    )
    assert client.failures == []
    network.play(0.1)
    assert client.failures == ["connection closed"]


def test_a_phone_that_rings_may_answer_over_its_next_connection(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B, "TCP")
    transaction = client.ask("INVITE", B, "TCP")
    network.play(0.1)
    invite = peer.requests("INVITE")[0]
    peer.send(A, peer.answer(invite, 180))
    network.play(0.1)
    transaction.flow.closed = True
    client.layer.flow_failed(transaction.flow, "reset", network.now)
    network.play(5)
    peer.send(A, peer.answer(invite, 200))
    network.play(0.1)
    assert client.responses == [180, 200]
    assert not transaction.flow.closed
    network.play(60)
    assert client.failures == []
    assert len(client.layer) == 0


def test_a_phone_that_rang_and_does_not_come_back_is_given_up(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B, "TCP")
    transaction = client.ask("INVITE", B, "TCP")
    network.play(0.1)
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 180))
    network.play(0.1)
    transaction.flow.closed = True
    client.layer.flow_failed(transaction.flow, "reset", network.now)
    network.play(33)
    assert client.failures == ["reset"]
    assert len(client.layer) == 0


# --- CANCEL ---------------------------------------------------------------------------------------------------------


def test_no_cancel_leaves_before_a_provisional_response_came(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B)
    transaction = client.ask("INVITE", B)
    assert transaction.cancel(network.now) is False
    network.play(0.1)
    invite = peer.requests("INVITE")[0]
    peer.send(A, peer.answer(invite, 180))
    network.play(0.1)
    assert transaction.cancel(network.now, [("Reason", "SIP;cause=200")]) is True
    assert transaction.cancel(network.now) is False
    network.play(0.1)
    (cancel,) = peer.requests("CANCEL")
    assert cancel.via.branch == invite.via.branch
    assert str(cancel.cseq) == "1 CANCEL"
    assert cancel.uri == invite.uri
    assert cancel.get("Reason") == "SIP;cause=200"
    assert cancel.to.tag is None


def test_a_cancelled_invite_that_gets_no_final_response_is_given_up_after_64_t1(network: Network) -> None:
    client, peer = Layer(network, A), Peer(network, B)
    transaction = client.ask("INVITE", B)
    network.play(0.1)
    invite = peer.requests("INVITE")[0]
    peer.send(A, peer.answer(invite, 180))
    network.play(0.1)
    transaction.cancel(network.now)
    network.play(0.1)
    peer.send(A, peer.answer(invite, 183))
    network.play(TIMEOUT)
    assert client.failures == ["timeout"]
    assert len(client.layer) == 0


def test_a_cancel_is_answered_and_told_to_its_invite(network: Network) -> None:
    client, server = Layer(network, A), Layer(network, B)
    transaction = client.ask("INVITE", B)
    network.play(0.1)
    incoming = server.transactions[0]
    cancels: list[str] = []

    def on_cancel(cancel: Request) -> None:
        cancels.append(cancel.method)
        incoming.respond(incoming.reply(487), network.now)

    incoming.on_cancel = on_cancel  # type: ignore[attr-defined]
    transaction.cancel(network.now)
    network.play(0.5)
    assert cancels == ["CANCEL"]
    assert client.responses == [100, 487]
    (ok,) = network.sent(B, "SIP/2.0 200")
    (terminated,) = network.sent(B, "SIP/2.0 487")
    assert ok.to.tag == terminated.to.tag  # RFC 3261 section 9.2
    network.play(TIMEOUT + T4)
    assert len(client.layer) == len(server.layer) == 0


def test_a_cancel_that_comes_after_the_answer_changes_nothing(network: Network) -> None:
    server, peer = Layer(network, B, answer=200), Peer(network, A)
    invite = peer.request("INVITE", B, branch="z9hG4bKx")
    peer.send(B, invite)
    network.play(0.1)
    told: list[Request] = []
    server.transactions[0].on_cancel = told.append  # type: ignore[attr-defined]
    peer.send(B, peer.request("CANCEL", B, branch="z9hG4bKx"))
    network.play(0.1)
    assert peer.statuses("CANCEL") == [200]
    assert told == []


def test_a_cancel_without_its_invite_gets_481(network: Network) -> None:
    Layer(network, B)
    peer = Peer(network, A)
    peer.send(B, peer.request("CANCEL", B, branch="z9hG4bKunknown"))
    network.play(0.1)
    assert peer.statuses("CANCEL") == [481]
