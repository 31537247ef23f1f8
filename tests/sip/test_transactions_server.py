"""Server transactions (RFC 3261 section 17.2, RFC 6026): each timer and race, on a network in memory."""

from __future__ import annotations

import pytest
from fake_layer import Layer, times
from fake_network import Network, Peer

from jackfield.sip.message import Request
from jackfield.sip.timers import T4, TIMEOUT

A, B = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def network() -> Network:
    return Network()


# --- server, INVITE -------------------------------------------------------------------------------------------------


def test_100_is_sent_at_once_unless_the_user_answered_already(network: Network) -> None:
    Layer(network, B)
    quick = Layer(network, "10.0.0.3", answer=401)
    peer = Peer(network, A)
    peer.send(B, peer.request("INVITE", B))
    peer.send("10.0.0.3", peer.request("INVITE", "10.0.0.3", call_id="other"))
    network.play(0.1)
    assert sorted(peer.statuses("INVITE")) == [100, 401]
    assert len(quick.requests) == 1


def test_a_repeated_invite_gets_the_last_provisional_response_again(network: Network) -> None:
    server, peer = Layer(network, B), Peer(network, A)
    invite = peer.request("INVITE", B)
    peer.send(B, invite)
    network.play(0.1)
    server.transactions[0].respond(server.transactions[0].reply(180), network.now)
    peer.send(B, invite)
    network.play(0.1)
    assert peer.statuses("INVITE") == [100, 180, 180]
    assert len(server.requests) == 1


def test_a_refusal_is_repeated_until_its_ack_and_the_ack_stays_inside(network: Network) -> None:
    server, peer = Layer(network, B, answer=486), Peer(network, A)
    peer.send(B, peer.request("INVITE", B, branch="z9hG4bKx"))
    network.play(4)
    assert times(network, B, "SIP/2.0 486") == [0.01, 0.516, 1.516, 3.516]
    tag = peer.responses("INVITE")[0].to.tag
    peer.send(B, peer.request("ACK", B, branch="z9hG4bKx", to_tag=tag or ""))
    network.play(T4 - 0.1)
    assert len(peer.statuses("INVITE")) == 4
    assert len(server.layer) == 1  # Confirmed absorbs more ACKs
    network.play(0.3)
    assert len(server.layer) == 0
    assert server.acks == []


def test_a_refusal_that_nobody_acknowledges_is_given_up_after_timer_h(network: Network) -> None:
    server, peer = Layer(network, B), Peer(network, A)
    peer.send(B, peer.request("INVITE", B))
    network.play(0.1)
    given_up: list[bool] = []
    server.transactions[0].on_timeout = lambda: given_up.append(True)  # type: ignore[attr-defined]
    server.transactions[0].respond(server.transactions[0].reply(500), network.now)
    network.play(TIMEOUT + 0.1)
    assert given_up == [True]
    assert len(server.layer) == 0
    assert len(peer.statuses("INVITE")) == 1 + 11


def test_over_tcp_a_refusal_is_sent_once_and_forgotten_with_its_ack(network: Network) -> None:
    server, peer = Layer(network, B, answer=486), Peer(network, A, "TCP")
    peer.send(B, peer.request("INVITE", B, branch="z9hG4bKx"))
    network.play(10)
    assert peer.statuses("INVITE") == [486]
    peer.send(B, peer.request("ACK", B, branch="z9hG4bKx", to_tag="any"))
    network.play(0.1)
    assert len(server.layer) == 0


def test_after_a_2xx_repeated_invites_are_absorbed_until_timer_l(network: Network) -> None:
    server, peer = Layer(network, B, answer=200), Peer(network, A)
    invite = peer.request("INVITE", B)
    peer.send(B, invite)
    network.play(1)
    peer.send(B, invite)
    network.play(1)
    assert peer.statuses("INVITE") == [200]
    assert len(server.requests) == 1
    server.transactions[0].retransmit()  # the session's work
    network.play(0.1)
    assert peer.statuses("INVITE") == [200, 200]
    network.play(TIMEOUT)
    assert len(server.layer) == 0


def test_the_ack_for_a_2xx_goes_up_even_with_the_branch_of_the_invite(network: Network) -> None:
    server, peer = Layer(network, B, answer=200), Peer(network, A)
    peer.send(B, peer.request("INVITE", B, branch="z9hG4bKx"))
    network.play(0.1)
    inside: list[Request] = []
    server.transactions[0].on_ack = inside.append  # type: ignore[attr-defined]
    peer.send(B, peer.request("ACK", B, branch="z9hG4bKx"))
    peer.send(B, peer.request("ACK", B, branch="z9hG4bKy"))
    network.play(0.1)
    assert [ack.via.branch for ack in inside] == ["z9hG4bKx"]
    assert [ack.via.branch for ack in server.acks] == ["z9hG4bKy"]


def test_only_the_first_final_response_is_sent(network: Network) -> None:
    server, peer = Layer(network, B), Peer(network, A)
    peer.send(B, peer.request("INVITE", B))
    network.play(0.1)
    transaction = server.transactions[0]
    ok, busy, ringing = (transaction.reply(status) for status in (200, 486, 180))
    assert transaction.respond(ok, network.now) is True
    assert transaction.respond(busy, network.now) is False
    assert transaction.respond(ringing, network.now) is False
    network.play(0.1)
    assert peer.statuses("INVITE") == [100, 200]


# --- server, others -------------------------------------------------------------------------------------------------


def test_a_repeated_request_is_answered_as_before_until_timer_j(network: Network) -> None:
    server, peer = Layer(network, B), Peer(network, A)
    request = peer.request("OPTIONS", B)
    peer.send(B, request)
    peer.send(B, request)
    network.play(0.1)
    assert peer.inbox == []  # Trying: nothing to repeat
    transaction = server.transactions[0]
    transaction.respond(transaction.reply(200), network.now)
    peer.send(B, request)
    network.play(TIMEOUT - 1)
    assert peer.statuses("OPTIONS") == [200, 200]
    assert len(server.requests) == 1
    network.play(2)
    assert len(server.layer) == 0
    assert transaction.respond(request.reply(200), network.now) is False


def test_a_request_of_rfc_2543_is_matched_without_a_magic_branch(network: Network) -> None:
    server, peer = Layer(network, B, answer=486), Peer(network, A)
    invite = peer.request("INVITE", B, branch="1")
    peer.send(B, invite)
    peer.send(B, invite)
    network.play(0.1)
    assert len(server.requests) == 1
    assert peer.statuses("INVITE") == [486, 486]
    peer.send(B, peer.request("ACK", B, branch="1", to_tag=peer.responses("INVITE")[0].to.tag or ""))
    network.play(6)
    assert len(server.layer) == 0
    assert server.acks == []
    peer.send(B, peer.request("INVITE", B, branch="1", cseq=2))
    network.play(0.1)
    assert len(server.requests) == 2


def test_a_request_of_rfc_2543_is_cancelled_by_its_cancel(network: Network) -> None:
    server, peer = Layer(network, B), Peer(network, A)
    peer.send(B, peer.request("INVITE", B, branch="1"))
    network.play(0.1)
    cancels: list[Request] = []
    server.transactions[0].on_cancel = cancels.append  # type: ignore[attr-defined]
    peer.send(B, peer.request("CANCEL", B, branch="1"))
    network.play(0.1)
    assert len(cancels) == 1
    assert peer.statuses("CANCEL") == [200]


def test_the_same_request_by_two_ways_is_a_merged_one(network: Network) -> None:
    server, peer = Layer(network, B), Peer(network, A)
    peer.send(B, peer.request("INVITE", B, branch="z9hG4bKone"))
    peer.send(B, peer.request("INVITE", B, branch="z9hG4bKtwo"))
    network.play(0.1)
    assert peer.statuses("INVITE") == [100, 482]
    assert len(server.requests) == 1
    assert server.layer.counters["merged"] == 1


def test_a_proxy_may_fork_one_call_to_two_of_our_extensions(network: Network) -> None:
    server, peer = Layer(network, B), Peer(network, A)
    peer.send(B, peer.request("INVITE", B, uri="sip:101@10.0.0.2"))
    peer.send(B, peer.request("INVITE", B, uri="sip:102@10.0.0.2"))
    network.play(0.1)
    assert len(server.requests) == 2


def test_a_phone_that_comes_back_with_a_password_and_the_old_cseq_is_no_loop(network: Network) -> None:
    server, peer = Layer(network, B, answer=401), Peer(network, A)
    peer.send(B, peer.request("INVITE", B))
    network.play(0.1)
    peer.send(B, peer.request("INVITE", B))
    network.play(0.1)
    assert len(server.requests) == 2


def test_a_request_can_be_refused_without_any_state(network: Network) -> None:
    server, peer = Layer(network, B), Peer(network, A)
    server.refusal = 503
    peer.send(B, peer.request("INVITE", B))
    network.play(1)
    assert peer.statuses("INVITE") == [503]
    assert len(server.layer) == 0
    server.refusal = 0
    peer.send(B, peer.request("OPTIONS", B))
    network.play(1)
    assert peer.statuses("OPTIONS") == []


def test_the_response_returns_to_the_listening_port_without_rport_and_to_the_source_with_it(network: Network) -> None:
    Layer(network, B, answer=200)
    peer = Peer(network, A)
    other = Peer(network, A)
    other.address = (A, 40000)
    network.attach(other.address, other)
    network.attach((A, 5070), peer)
    request = peer.request("OPTIONS", B)
    request.set("Via", f"SIP/2.0/UDP {A}:5070;branch=z9hG4bKplain")
    other.send(B, request)
    network.play(0.1)
    assert peer.statuses("OPTIONS") == [200]
    request.set("Via", f"SIP/2.0/UDP {A}:5070;branch=z9hG4bKrport;rport")
    other.send(B, request)
    network.play(0.1)
    assert [response.via.rport for response in other.responses("OPTIONS")] == [40000]


def test_a_phone_behind_a_nat_gets_its_response_though_it_did_not_ask_for_rport(network: Network) -> None:
    Layer(network, B, answer=200)
    phone = Peer(network, A)
    phone.address = (A, 40000)
    network.attach(phone.address, phone)
    request = phone.request("OPTIONS", B)
    request.set("Via", "SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bKnat")
    phone.send(B, request)
    network.play(0.1)
    assert [response.via.received for response in phone.responses("OPTIONS")] == [A]
