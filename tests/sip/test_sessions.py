"""Calls between two agents, and between an agent and a scripted peer: set up, refused, taken back, hung up."""

from __future__ import annotations

import asyncio

import pytest
from fake_network import SDP_ANSWER, SDP_OFFER, Network, Peer, outgoing_request
from fake_party import Events, Handler, Party, call_from_peer, call_to_peer, establish

from jackfield.sip.agent import COMPLETED_ELSEWHERE, UnattendedEvents
from jackfield.sip.flow import Hop
from jackfield.sip.message import Request, Response
from jackfield.sip.timers import TIMEOUT

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


@pytest.fixture
def network() -> Network:
    return Network()


async def test_a_call_is_set_up_and_hung_up_and_leaves_nothing(network: Network) -> None:
    caller, callee = Party(network, A), Party(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    invite = callee.invite
    invite.progress(180)
    await network.run(1)
    invite.accept(SDP_ANSWER)
    await network.run(1)
    assert network.story() == ["INVITE", "100 INVITE", "180 INVITE", "200 INVITE", "ACK"]
    assert handler.statuses == [100, 180]
    assert handler.answers[0][1].body == SDP_ANSWER
    assert invite.state == "accepted"
    assert len(callee.events[0].acks) == 1
    handler.session.bye()
    handler.session.bye()
    await network.run(1)
    assert network.story()[5:] == ["BYE", "200 BYE"]
    assert [(why.status, why.by_peer) for why in callee.events[0].ended] == [(200, True)]
    assert handler.events.ended == []
    await network.run(100)
    assert caller.agent.idle
    assert callee.agent.idle
    assert len(caller.agent.timers) == len(callee.agent.timers) == 0


async def test_the_callee_hangs_up(network: Network) -> None:
    _, _, handler, ours, theirs = await establish(network)
    theirs.bye(headers=[("Reason", 'Q.850;cause=16;text="Normal clearing"')])
    await network.run(1)
    assert network.story() == ["BYE", "200 BYE"]
    assert handler.events.ended[0].reason == "Normal clearing"
    assert ours.ended
    assert theirs.ended


async def test_what_an_invite_must_have_is_added_to_it(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    caller.call(B, Handler())
    await network.run(0.1)
    (invite,) = peer.requests("INVITE")
    assert invite.max_forwards == 70
    assert str(invite.contact) == "<sip:101@10.0.0.1:5060>"
    assert invite.supported >= {"100rel", "timer", "replaces"}
    assert invite.allow >= {"INVITE", "ACK", "BYE", "CANCEL", "UPDATE", "PRACK", "REFER", "NOTIFY"}
    assert invite.get("Session-Expires") == "1800"
    assert invite.get("Min-SE") == "90"
    assert invite.get("User-Agent") == "Test/1.0"
    assert str(invite.cseq) == "1 INVITE"


async def test_what_the_caller_of_the_agent_has_set_stays(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    gruu = "<sip:101@example.com;gr=urn:uuid:1>"
    handler = Handler()
    caller.call(B, handler, Contact=gruu, CSeq="77 INVITE", Max_Forwards="12", User_Agent="Special")
    await network.run(0.1)
    (invite,) = peer.requests("INVITE")
    assert (invite.get("Contact"), str(invite.cseq), invite.max_forwards) == (gruu, "77 INVITE", 12)
    assert invite.get("User-Agent") == "Special"
    peer.send(A, peer.answer(invite, 200, body=SDP_ANSWER))
    await network.run(0.1)
    await_update = handler.session.update(SDP_OFFER)
    task = asyncio.ensure_future(await_update)
    await network.run(0.1)
    (update,) = peer.requests("UPDATE")
    assert update.get("Contact") == gruu
    peer.send(A, peer.answer(update, 200))
    await network.run(0.1)
    assert (await task).status == 200


@pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS", "WS"])
async def test_a_refused_call_is_acknowledged_and_reported_once(network: Network, transport: str) -> None:
    caller, callee = Party(network, A), Party(network, B, answer=486)
    handler = Handler()
    caller.call(B, handler, transport=transport)
    await network.run(1)
    assert handler.failed == [486]
    assert network.story() == ["INVITE", "486 INVITE", "ACK"]
    assert callee.invite.state == "rejected"
    await network.run(100)
    assert caller.agent.idle
    assert callee.agent.idle


async def test_the_contact_names_the_transport(network: Network) -> None:
    caller, callee = Party(network, A), Party(network, B, answer=200)
    for transport, contact in (
        ("TCP", "<sip:101@10.0.0.1:5060;transport=tcp>"),
        ("TLS", "<sip:101@10.0.0.1:5060;transport=tls>"),
        ("WSS", "<sip:101@10.0.0.1:5060;transport=ws>"),
    ):
        caller.call(B, Handler(), transport=transport, call_id=transport)
        await network.run(1)
        assert str(callee.invites[-1].request.contact) == contact


async def test_a_secure_call_has_secure_contacts(network: Network) -> None:
    caller, callee = Party(network, A), Party(network, B, answer=200)
    request = outgoing_request("INVITE", B, body=SDP_OFFER)
    request.set_uri(f"sips:100@{B}")
    handler = Handler()
    caller.agent.invite(request, handler, flow=network.flow("TLS", (A, 5060), (B, 5060)))
    await network.run(1)
    assert str(callee.invite.request.contact).startswith("<sips:")
    assert str(handler.answers[0][1].contact).startswith("<sips:")


# --- taken back -----------------------------------------------------------------------------------------------------


async def test_a_ringing_call_is_taken_back_with_its_reason(network: Network) -> None:
    caller, callee = Party(network, A), Party(network, B)
    handler = Handler()
    outgoing = caller.call(B, handler)
    await network.run(0.1)
    callee.invite.progress(180)
    await network.run(0.1)
    outgoing.cancel(COMPLETED_ELSEWHERE)
    outgoing.cancel()
    await network.run(1)
    assert network.story()[3:] == ["CANCEL", "200 CANCEL", "487 INVITE", "ACK"]
    assert callee.cancels[0].get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert callee.invite.state == "cancelled"
    assert handler.failed == [487]
    callee.invite.accept(SDP_ANSWER)
    callee.invite.progress(180)
    callee.invite.reject(486)
    await network.run(100)
    assert handler.failed == [487]
    assert caller.agent.idle
    assert callee.agent.idle


async def test_a_cancel_waits_for_the_first_sign_of_life(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    outgoing = caller.call(B, handler)
    outgoing.cancel("not needed")
    await network.run(0.1)
    assert peer.requests("CANCEL") == []
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 100))
    await network.run(0.1)
    (cancel,) = peer.requests("CANCEL")
    assert cancel.get("Reason") == 'SIP;cause=487;text="not needed"'
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 183))
    await network.run(TIMEOUT + 1)
    assert handler.failed == [487]  # nothing more was heard
    assert handler.provisional == []
    assert handler.failures[0].local
    assert caller.agent.idle


async def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    outgoing = caller.call(B, handler)
    await network.run(0.1)
    invite = peer.requests("INVITE")[0]
    peer.send(A, peer.answer(invite, 180))
    await network.run(0.1)
    outgoing.cancel()
    peer.send(A, peer.answer(invite, 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert handler.answers == []
    assert handler.failed == [487]
    (ack,) = peer.requests("ACK")
    (bye,) = peer.requests("BYE")
    assert ack.cseq.number == invite.cseq.number
    assert bye.cseq.number > ack.cseq.number
    peer.send(A, peer.answer(bye, 200))
    peer.send(A, peer.answer(invite, 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert len(peer.requests("ACK")) == 2
    await network.run(TIMEOUT + 5)
    assert caller.agent.idle


async def test_a_call_taken_back_before_it_was_sent_never_leaves(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    outgoing = caller.agent.invite(outgoing_request("INVITE", B), handler, hops=[Hop("UDP", B, 5060)])
    outgoing.cancel()
    assert handler.failed == []  # not from inside the call
    await network.run(0.1)
    assert peer.inbox == []
    assert handler.failed == [487]


async def test_after_the_answer_cancel_does_nothing(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    outgoing = caller.call(B, handler)
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 200, body=SDP_ANSWER))
    await network.run(0.1)
    outgoing.cancel()
    await network.run(0.1)
    assert peer.requests("CANCEL") == []
    assert handler.failed == []
    assert not handler.session.ended


async def test_hanging_up_an_early_session_takes_the_call_back(network: Network) -> None:
    caller, callee = Party(network, A), Party(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    callee.invite.progress(183)
    await network.run(0.1)
    early = handler.provisional[-1][0]
    assert early is not None
    early.bye()
    await network.run(0.5)
    assert callee.invite.state == "cancelled"
    other = Handler()
    caller.call(B, other, call_id="second")
    await network.run(0.1)
    callee.invites[1].session.bye()
    await network.run(0.5)
    assert other.failed == [480]


# --- credentials ----------------------------------------------------------------------------------------------------


def password(response: Response, request: Request) -> Request | None:
    if "Authorization" in request:
        return None
    again = request.copy()
    again.set("Authorization", "Digest secret")
    return again


async def test_a_challenge_is_answered_on_the_way_and_inside_the_session(network: Network) -> None:
    caller, trunk = Party(network, A), Peer(network, B)
    handler = Handler()
    flow = network.flow("UDP", (A, 5060), (B, 5060))
    caller.agent.invite(outgoing_request("INVITE", B, body=SDP_OFFER), handler, flow=flow, credentials=password)
    await network.run(0.1)
    trunk.send(A, trunk.answer(trunk.requests("INVITE")[0], 401))
    await network.run(0.1)
    again = trunk.requests("INVITE")[1]
    assert again.get("Authorization") == "Digest secret"
    assert str(again.cseq) == "2 INVITE"
    assert again.via.branch != trunk.requests("INVITE")[0].via.branch
    trunk.send(A, trunk.answer(again, 200, body=SDP_ANSWER))
    await network.run(0.1)
    ack = trunk.requests("ACK")[-1]
    assert (str(ack.cseq), ack.get("Authorization")) == ("2 ACK", "Digest secret")
    handler.session.bye()
    await network.run(0.1)
    trunk.send(A, trunk.answer(trunk.requests("BYE")[0], 407))
    await network.run(0.1)
    bye = trunk.requests("BYE")[1]
    assert (str(bye.cseq), bye.get("Authorization")) == ("4 BYE", "Digest secret")
    trunk.send(A, trunk.answer(bye, 200))
    await network.run(TIMEOUT + 10)
    assert caller.agent.idle


async def test_a_wrong_password_is_reported_and_not_tried_for_ever(network: Network) -> None:
    caller, trunk = Party(network, A), Peer(network, B)
    handler = Handler()
    flow = network.flow("UDP", (A, 5060), (B, 5060))
    caller.agent.invite(
        outgoing_request("INVITE", B), handler, flow=flow, credentials=lambda response, request: request.copy()
    )
    for _ in range(6):
        await network.run(0.1)
        trunk.send(A, trunk.answer(trunk.requests("INVITE")[-1], 407))
    await network.run(0.1)
    assert handler.failed == [407]
    assert len(trunk.requests("INVITE")) == 4


# --- inside ---------------------------------------------------------------------------------------------------------


async def test_requests_travel_both_ways_inside_a_session(network: Network) -> None:
    _, callee, handler, ours, theirs = await establish(network)
    for sender, events, method in (
        (ours, callee.events[0], "INFO"),
        (theirs, handler.events, "MESSAGE"),
        (ours, callee.events[0], "REFER"),
        (theirs, handler.events, "NOTIFY"),
    ):
        task = asyncio.ensure_future(
            sender.request(method, body=b"x", content_type="text/plain", headers=[("X-Test", "1")])
        )
        await network.run(0.1)
        assert (await task).status == 200
        assert events.requests[-1].method == method
        assert events.requests[-1].get("X-Test") == "1"
        assert events.requests[-1].body == b"x"


async def test_the_session_is_found_by_its_names_for_replaces(network: Network) -> None:
    caller, callee, _, ours, theirs = await establish(network)
    call_id, local, remote = ours.dialog.key
    assert caller.agent.session(call_id, local, remote) is ours
    assert callee.agent.session(call_id, remote, local) is theirs
    assert caller.agent.session(call_id, remote, local) is None
    ours.bye()
    assert caller.agent.session(call_id, local, remote) is None


async def test_what_the_peer_can_do_is_known(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    _, session, _ = await call_to_peer(network, caller, peer, Allow="INVITE, ACK, BYE, INFO", Supported="replaces,x")
    assert session.abilities.allows("INFO")
    assert not session.abilities.allows("UPDATE")
    assert session.abilities.supports("Replaces")
    assert not session.abilities.supports("timer")
    silent = Peer(network, C)
    _, other, _ = await call_to_peer(network, caller, silent)
    assert other.abilities.allows("BYE")
    assert not other.abilities.allows("UPDATE")


async def test_a_session_without_a_user_declines_what_comes(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    session.events = UnattendedEvents()
    tag = ok.to.tag or ""
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=tag, body=SDP_OFFER))
    peer.send(A, peer.request("INFO", A, cseq=3, to_tag=tag))
    await network.run(0.1)
    assert peer.statuses("INVITE")[-1] == 488
    assert peer.statuses("INFO") == [480]
    peer.send(A, peer.request("BYE", A, cseq=4, to_tag=tag))
    await network.run(0.1)
    assert peer.statuses("BYE") == [200]
    assert session.events.current_sdp() == b""


async def test_events_are_told_apart_from_errors_in_the_user(network: Network) -> None:
    """A user that fails on an offer costs this one offer, not the call."""

    class Broken(Events):
        def on_offer(self, request: Request, reply: object) -> None:
            raise RuntimeError("broken")

    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    session.events = Broken()
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=ok.to.tag or "", body=SDP_OFFER))
    await network.run(0.1)
    assert peer.statuses("INVITE")[-1] == 500
    assert not session.ended
