"""Calls between two agents, and between an agent and a scripted peer: set up, refused, taken back, hung up."""

from __future__ import annotations

import pytest
from fake_network import SDP_ANSWER, SDP_OFFER, Network, Peer, outgoing_request
from fake_party import Events, Handler, Party, call_from_peer, call_to_peer, establish

from jackfield.sip.agent import COMPLETED_ELSEWHERE
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
    import asyncio

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
    import asyncio

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
    assert session.peer_allows("INFO")
    assert not session.peer_allows("UPDATE")
    assert session.peer_supports("Replaces")
    assert not session.peer_supports("timer")
    silent = Peer(network, C)
    _, other, _ = await call_to_peer(network, caller, silent)
    assert other.peer_allows("BYE")
    assert not other.peer_allows("UPDATE")


async def test_a_session_without_a_user_declines_what_comes(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    from jackfield.sip.agent import UnattendedEvents

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
