"""Forks, hops one after the other, phones behind a NAT, on the move, and on connections that break."""

from __future__ import annotations

import pytest
from fake_network import SDP_ANSWER, SDP_OFFER, Network, Peer, outgoing_request
from fake_party import Handler, Party, call_from_peer, establish

from jackfield.sip.flow import Hop
from jackfield.sip.message import Request
from jackfield.sip.timers import TIMEOUT

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


@pytest.fixture
def network() -> Network:
    return Network()


# --- forks ----------------------------------------------------------------------------------------------------------


async def test_each_fork_has_its_early_dialog_and_the_first_answer_wins(network: Network) -> None:
    caller, proxy = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    (invite,) = proxy.requests("INVITE")
    for tag in ("one", "two", "one"):
        proxy.send(A, proxy.answer(invite, 180, tag=tag))
    await network.run(0.1)
    sessions = [session for session, _ in handler.provisional]
    assert sessions[0] is sessions[2] is not sessions[1]
    assert len(caller.agent.sessions) == 2
    proxy.send(A, proxy.answer(invite, 200, tag="two", body=SDP_ANSWER))
    await network.run(0.1)
    assert handler.session is sessions[1]
    assert sessions[0] is not None
    assert sessions[0].ended
    assert list(caller.agent.sessions) == [("out-1", "our-tag", "two")]
    # The other phone was picked up in the same moment: its 2xx gets ACK and BYE, and the handler hears nothing.
    for _ in range(2):
        proxy.send(A, proxy.answer(invite, 200, tag="one", body=SDP_ANSWER))
        await network.run(0.1)
    assert [ack.to.tag for ack in proxy.requests("ACK")] == ["two", "one", "one"]
    (bye,) = proxy.requests("BYE")
    assert bye.to.tag == "one"
    proxy.send(A, proxy.answer(bye, 200))
    await network.run(1)
    assert len(handler.answers) == 1
    assert not handler.session.ended


async def test_a_fork_that_ends_early_is_forgotten_alone(network: Network) -> None:
    caller, proxy = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    (invite,) = proxy.requests("INVITE")
    for status, tag in ((180, "one"), (180, "two"), (199, "one")):
        proxy.send(A, proxy.answer(invite, status, tag=tag))
    await network.run(0.1)
    assert list(caller.agent.sessions) == [("out-1", "our-tag", "two")]
    assert handler.statuses == [180, 180, 199]


async def test_a_refusal_ends_every_early_dialog(network: Network) -> None:
    caller, proxy = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    (invite,) = proxy.requests("INVITE")
    for status, tag in ((180, "one"), (180, "two"), (486, "three")):
        proxy.send(A, proxy.answer(invite, status, tag=tag))
    await network.run(0.1)
    assert handler.failed == [486]
    assert caller.agent.sessions == {}
    assert all(session is not None and session.ended for session, _ in handler.provisional)
    assert handler.events.ended == []


async def test_a_provisional_response_without_a_tag_makes_no_dialog(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 180, tag=""))
    await network.run(0.1)
    assert handler.provisional[0][0] is None
    assert caller.agent.sessions == {}


# --- hops -----------------------------------------------------------------------------------------------------------


async def test_the_next_hop_is_tried_on_503_and_silence_and_a_broken_transport(network: Network) -> None:
    caller = Party(network, A)
    busy, answering = Peer(network, B), Peer(network, C)
    caller.agent.transports.unreachable = {"10.0.0.8"}  # type: ignore[attr-defined]
    hops = [Hop("UDP", host, 5060) for host in ("10.0.0.8", "10.0.0.9", B, C)]
    handler = Handler()
    outgoing = caller.agent.invite(outgoing_request("INVITE", "trunk", body=SDP_OFFER), handler, hops=hops)
    await network.run(TIMEOUT + 0.5)  # 10.0.0.9 is silent
    (first,) = busy.requests("INVITE")
    busy.send(A, busy.answer(first, 503))
    await network.run(0.1)
    (second,) = answering.requests("INVITE")
    assert first.via.branch != second.via.branch
    assert first.call_id == second.call_id
    assert outgoing.flow is not None
    assert outgoing.flow.remote == (C, 5060)
    answering.send(A, answering.answer(second, 100))
    answering.send(A, answering.answer(second, 503))
    await network.run(0.1)
    assert handler.failed == [503]
    assert not handler.failures[0].local


async def test_a_busy_or_ringing_hop_is_not_passed_over(network: Network) -> None:
    caller = Party(network, A)
    ringing, other = Peer(network, B), Peer(network, C)
    handler = Handler()
    hops = [Hop("UDP", B, 5060), Hop("UDP", C, 5060)]
    caller.agent.invite(outgoing_request("INVITE", B), handler, hops=hops)
    await network.run(0.1)
    (invite,) = ringing.requests("INVITE")
    ringing.send(A, ringing.answer(invite, 180))
    ringing.send(A, ringing.answer(invite, 503))
    await network.run(0.1)
    assert handler.failed == [503]
    assert other.inbox == []


async def test_nobody_answers_at_all(network: Network) -> None:
    caller = Party(network, A)
    handler = Handler()
    caller.call(B, handler)
    await network.run(TIMEOUT + 1)
    assert handler.failed == [408]
    assert handler.failures[0].local
    nowhere = Handler()
    caller.agent.invite(outgoing_request("INVITE", "unknown.example"), nowhere)
    await network.run(0.1)
    assert nowhere.failed == [503]
    assert nowhere.failures[0].local


async def test_without_hops_the_request_uri_or_the_top_route_is_resolved(network: Network) -> None:
    caller, callee, proxy = Party(network, A), Party(network, B, answer=200), Peer(network, C)
    handler = Handler()
    caller.agent.invite(outgoing_request("INVITE", B, body=SDP_OFFER), handler)
    await network.run(1)
    assert len(handler.answers) == 1
    caller.agent.invite(outgoing_request("INVITE", B, call_id="two", Route=f"<sip:{C};lr>"), Handler())
    await network.run(0.1)
    assert len(proxy.requests("INVITE")) == 1
    assert len(callee.invites) == 1


async def test_a_way_that_can_not_be_read_is_no_way(network: Network) -> None:
    caller = Party(network, A)
    handler = Handler()
    caller.agent.invite(outgoing_request("INVITE", B, Route="<<nonsense"), handler)
    await network.run(0.1)
    assert handler.failed == [503]


async def test_an_answer_with_an_unreadable_contact_is_no_answer(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    (invite,) = peer.requests("INVITE")
    peer.send(A, peer.answer(invite, 180, headers=[("Contact", "<<nonsense")]))
    peer.send(A, peer.answer(invite, 200, headers=[("Contact", "<<nonsense")]))
    await network.run(0.1)
    assert handler.failed == [502]
    assert caller.agent.sessions == {}
    assert caller.agent.counters["malformed responses"] == 2


async def test_an_answer_over_the_next_connection_is_followed(network: Network) -> None:
    caller, phone = Party(network, A), Peer(network, B, "TCP")
    handler = Handler()
    caller.call(B, handler, transport="TCP")
    await network.run(0.1)
    (invite,) = phone.requests("INVITE")
    phone.send(A, phone.answer(invite, 180))
    await network.run(0.1)
    network.break_connection("TCP", (A, 5060), (B, 5060))
    phone.send(A, phone.answer(invite, 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert len(phone.requests("ACK")) == 1
    assert not handler.session.flow.closed
    await network.run(60)
    assert handler.events.ended == []


# --- ways -----------------------------------------------------------------------------------------------------------


async def test_requests_to_a_phone_behind_a_nat_keep_to_the_way_it_came_by(network: Network) -> None:
    callee, phone = Party(network, A, answer=200), Peer(network, "198.51.100.7")
    invite = phone.request("INVITE", A, body=SDP_OFFER)
    invite.set("Contact", "<sip:phone@192.168.1.20:5060>")
    phone.send(A, invite)
    await network.run(0.1)
    callee.invite.session.bye()
    phone.send(A, phone.request("ACK", A, to_tag=phone.responses("INVITE")[-1].to.tag or ""))
    await network.run(0.1)
    (bye,) = phone.requests("BYE")
    assert bye.uri == "sip:phone@192.168.1.20:5060"


async def test_requests_to_a_trunk_go_to_its_contact(network: Network) -> None:
    callee, trunk, elsewhere = Party(network, A, answer=200), Peer(network, B), Peer(network, C)
    invite = trunk.request("INVITE", A, body=SDP_OFFER)
    invite.set("Contact", f"<sip:trunk@{C}>")
    trunk.send(A, invite)
    await network.run(0.1)
    trunk.send(A, trunk.request("ACK", A, to_tag=trunk.responses("INVITE")[-1].to.tag or ""))
    await network.run(0.1)
    callee.invite.session.bye()
    await network.run(0.1)
    assert len(elsewhere.requests("BYE")) == 1
    assert trunk.requests("BYE") == []


async def test_the_ack_follows_contact_and_route_of_the_2xx_before_the_bye(network: Network) -> None:
    caller = Party(network, A)
    first, second = Peer(network, B), Peer(network, C)
    caller.agent.resolver.names["sbc.example"] = [Hop("UDP", C, 5060)]  # type: ignore[attr-defined]
    handler = Handler()
    caller.agent.invite(outgoing_request("INVITE", B, body=SDP_OFFER), handler, hops=[Hop("UDP", B, 5060)])
    await network.run(0.1)
    ok = first.answer(first.requests("INVITE")[0], 200, body=SDP_ANSWER, headers=[("Contact", "<sip:sbc.example>")])
    first.send(A, ok)
    await network.run(0.02)
    handler.session.bye()
    await network.run(0.1)
    assert [m.method for m in second.inbox if isinstance(m, Request)] == ["ACK", "BYE"]
    assert first.requests("ACK") == []


async def test_a_contact_that_leads_nowhere_leaves_the_way_by_which_the_peer_spoke(network: Network) -> None:
    caller, trunk = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.agent.invite(outgoing_request("INVITE", B, body=SDP_OFFER), handler, hops=[Hop("UDP", B, 5060)])
    await network.run(0.1)
    ok = trunk.answer(trunk.requests("INVITE")[0], 200, body=SDP_ANSWER, headers=[("Contact", "<sip:nowhere.invalid>")])
    trunk.send(A, ok)
    await network.run(0.1)
    assert len(trunk.requests("ACK")) == 1


async def test_a_phone_that_moves_is_followed(network: Network) -> None:
    callee, phone = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, phone)
    moved = Peer(network, C)
    moved.send(A, moved.request("INVITE", A, cseq=2, to_tag=ok.to.tag or "", body=SDP_OFFER))
    await network.run(0.1)
    moved.send(A, moved.request("ACK", A, cseq=2, to_tag=ok.to.tag or ""))
    await network.run(0.1)
    session.bye()
    await network.run(0.1)
    assert len(moved.requests("BYE")) == 1
    assert phone.requests("BYE") == []


async def test_a_call_survives_a_lost_connection_if_the_phone_comes_back(network: Network) -> None:
    _, callee, _, ours, theirs = await establish(network, transport="TCP")
    network.break_connection("TCP", (A, 5060), (B, 5060))
    await network.run(10)
    assert not theirs.ended
    theirs.flow = network.flow("TCP", (B, 5060), (A, 5060))
    ours.flow = network.flow("TCP", (A, 5060), (B, 5060))
    await network.run(60)
    assert not theirs.ended
    assert callee.events[0].ended == []
    theirs.bye()
    await network.run(1)
    assert network.story()[-2:] == ["BYE", "200 BYE"]


async def test_a_call_whose_connection_stays_lost_is_ended(network: Network) -> None:
    caller, callee, handler, _, theirs = await establish(network, transport="TCP")
    callee.agent.transports.unreachable = caller.agent.transports.unreachable = {A, B}  # type: ignore[attr-defined]
    network.break_connection("TCP", (A, 5060), (B, 5060))
    await network.run(33)
    assert theirs.ended
    assert [why.reason for why in callee.events[0].ended] == ["connection lost"]
    assert [why.reason for why in handler.events.ended] == ["connection lost"]
    await network.run(100)
    assert caller.agent.idle
    assert callee.agent.idle


async def test_a_ringing_call_whose_caller_lost_his_connection_is_declined(network: Network) -> None:
    caller, callee = Party(network, A), Party(network, B)
    handler = Handler()
    caller.call(B, handler, transport="TCP")
    await network.run(0.1)
    callee.invite.progress(180)
    await network.run(0.1)
    network.break_connection("TCP", (A, 5060), (B, 5060))
    await network.run(40)
    assert callee.invite.state == "rejected"
    assert handler.failed != []
    await network.run(100)
    assert caller.agent.idle
    assert callee.agent.idle
