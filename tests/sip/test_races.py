"""Messages that cross, overtake each other or get lost: RFC 5407 and the races of RFC 3261."""

from __future__ import annotations

import asyncio

import pytest
from fake_network import SDP_ANSWER, SDP_OFFER, Network, Peer
from fake_party import Events, Handler, Party, call_from_peer, call_to_peer, establish

from jackfield.sip.message import Response
from jackfield.sip.timers import TIMEOUT

A, B = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def network() -> Network:
    return Network()


def tag_of(response: Response) -> str:
    return response.to.tag or ""


# --- the 2xx and its ACK --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_2xx_is_repeated_over_every_transport_until_the_ack_comes(network: Network, transport: str) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B, transport)
    _, ok = await call_from_peer(network, callee, peer, ack=False)
    await network.run(4)
    assert peer.statuses("INVITE").count(200) == 4  # at 0, 0.5, 1.5, 3.5 s
    peer.send(A, peer.request("ACK", A, to_tag=tag_of(ok)))
    await network.run(20)
    assert peer.statuses("INVITE").count(200) == 4
    assert len(callee.events[0].acks) == 1


async def test_a_call_whose_2xx_nobody_acknowledges_is_hung_up(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, _ = await call_from_peer(network, callee, peer, ack=False)
    await network.run(TIMEOUT + 0.5)
    assert [(why.status, why.reason) for why in callee.events[0].ended] == [(408, "no ACK")]
    (bye,) = peer.requests("BYE")[:1]
    peer.send(A, peer.answer(bye, 481))
    await network.run(TIMEOUT + 1)
    assert session.ended
    assert callee.agent.idle


async def test_a_repeated_2xx_gets_the_same_ack_again(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    ok = peer.answer(peer.requests("INVITE")[0], 200, body=SDP_ANSWER)
    for _ in range(3):
        peer.send(A, ok)
        await network.run(0.1)
    acks = peer.requests("ACK")
    assert len(acks) == 3
    assert len({ack.to_bytes() for ack in acks}) == 1
    assert len(handler.answers) == 1


async def test_a_repeated_2xx_of_a_call_that_is_over_gets_the_same_ack_again(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    ok = peer.answer(peer.requests("INVITE")[0], 200, body=SDP_ANSWER)
    peer.send(A, ok)
    await network.run(0.1)
    handler.session.bye()
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("BYE")[0], 200))
    peer.send(A, ok)
    await network.run(0.1)
    acks = peer.requests("ACK")
    assert len(acks) == 2
    assert len({ack.to_bytes() for ack in acks}) == 1
    fork = peer.answer(peer.requests("INVITE")[0], 200, body=SDP_ANSWER)
    fork.set("To", fork.get("To").partition(";tag=")[0] + ";tag=another")
    peer.send(A, fork)
    await network.run(0.1)
    assert len(peer.requests("ACK")) == 3, "a phone that answers late is hung up"
    assert peer.requests("BYE")[-1].to.tag == "another"


async def test_a_repeated_2xx_before_the_user_has_acknowledged_waits_for_him(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler(ack=False)
    caller.call(B, handler, body=b"")
    await network.run(0.1)
    ok = peer.answer(peer.requests("INVITE")[0], 200, body=SDP_OFFER)
    peer.send(A, ok)
    peer.send(A, ok)
    await network.run(0.1)
    assert peer.requests("ACK") == []
    handler.session.ack(SDP_ANSWER)
    handler.session.ack(b"ignored")
    await network.run(0.1)
    assert [ack.body for ack in peer.requests("ACK")] == [SDP_ANSWER]


async def test_a_late_ack_is_harmless(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    _, ok = await call_from_peer(network, callee, peer, ack=False)
    peer.send(A, peer.request("BYE", A, cseq=2, to_tag=tag_of(ok)))
    await network.run(0.1)
    peer.send(A, peer.request("ACK", A, to_tag=tag_of(ok)))
    await network.run(0.1)
    assert callee.events[0].acks == []
    assert callee.agent.counters["stray ACKs"] == 1
    assert callee.agent.sessions == {}


async def test_an_ack_with_the_branch_of_the_invite_counts(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    peer.send(A, peer.request("INVITE", A, body=SDP_OFFER, branch="z9hG4bKsame"))
    await network.run(0.1)
    tag = tag_of(peer.responses("INVITE")[-1])
    peer.send(A, peer.request("ACK", A, to_tag=tag, branch="z9hG4bKsame"))
    await network.run(TIMEOUT + 1)
    assert len(callee.events[0].acks) == 1
    assert callee.events[0].ended == []


# --- BYE ------------------------------------------------------------------------------------------------------------


async def test_our_bye_waits_for_the_ack_of_our_2xx(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer, ack=False)
    session.bye(headers=[("Reason", "Q.850;cause=16")])
    await network.run(1)
    assert peer.requests("BYE") == []
    assert peer.statuses("INVITE").count(200) > 1  # still repeated
    peer.send(A, peer.request("ACK", A, to_tag=tag_of(ok)))
    await network.run(0.1)
    (bye,) = peer.requests("BYE")
    assert bye.get("Reason") == "Q.850;cause=16"
    assert callee.events[0].acks == []  # the user has hung up


async def test_our_bye_goes_out_in_the_end_when_no_ack_comes(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, _ = await call_from_peer(network, callee, peer, ack=False)
    session.bye()
    await network.run(TIMEOUT + 0.2)
    assert len(peer.requests("BYE")) == 1
    assert callee.events[0].ended == []
    await network.run(2 * TIMEOUT)
    assert callee.agent.idle


async def test_a_bye_that_overtakes_the_ack_ends_the_call(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    _, ok = await call_from_peer(network, callee, peer, ack=False)
    peer.send(A, peer.request("BYE", A, cseq=2, to_tag=tag_of(ok)))
    await network.run(5)
    assert peer.statuses("BYE") == [200]
    assert peer.statuses("INVITE").count(200) == 1  # not repeated any more
    assert callee.events[0].ended[0].by_peer


async def test_the_peers_bye_while_ours_waits_for_the_ack_makes_ours_needless(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer, ack=False)
    session.bye()
    peer.send(A, peer.request("BYE", A, cseq=2, to_tag=tag_of(ok)))
    await network.run(1)
    peer.send(A, peer.request("ACK", A, to_tag=tag_of(ok)))
    await network.run(TIMEOUT + 5)
    assert peer.statuses("BYE") == [200]
    assert peer.requests("BYE") == []
    assert callee.agent.idle


async def test_byes_that_cross_are_both_answered(network: Network) -> None:
    caller, callee, handler, ours, theirs = await establish(network)
    ours.bye()
    theirs.bye()
    await network.run(1)
    assert sorted(network.story()) == ["200 BYE", "200 BYE", "BYE", "BYE"]
    assert handler.events.ended == []
    assert callee.events[0].ended == []
    await network.run(TIMEOUT + 5)
    assert caller.agent.idle
    assert callee.agent.idle


async def test_a_bye_without_an_answer_is_given_up(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    _, session, _ = await call_to_peer(network, caller, peer)
    session.bye()
    await network.run(TIMEOUT + 1)
    assert len(peer.requests("BYE")) == 11
    assert caller.agent.idle


async def test_a_bye_in_the_early_dialog_ends_the_invite(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    peer.send(A, peer.request("INVITE", A, body=SDP_OFFER))
    await network.run(0.1)
    callee.invite.progress(180)
    await network.run(0.1)
    peer.send(A, peer.request("BYE", A, cseq=2, to_tag=tag_of(peer.responses("INVITE")[-1])))
    await network.run(0.1)
    assert peer.statuses("BYE") == [200]
    assert peer.statuses("INVITE")[-1] == 487
    assert [message.method for message in callee.cancels] == ["BYE"]
    assert callee.invite.state == "cancelled"
    assert callee.agent.sessions == {}


async def test_a_callee_may_not_send_bye_before_the_answer(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 180))
    await network.run(0.1)
    peer.send(A, peer.request("BYE", A, to_tag="our-tag", call_id="out-1"))
    await network.run(0.1)
    assert peer.statuses("BYE") == [481]
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert not handler.session.ended


# --- CANCEL ---------------------------------------------------------------------------------------------------------


async def test_a_cancel_that_crosses_our_2xx_is_answered_and_the_call_stands(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    peer.send(A, peer.request("INVITE", A, body=SDP_OFFER, branch="z9hG4bKx"))
    peer.send(A, peer.request("CANCEL", A, branch="z9hG4bKx"))
    await network.run(0.1)
    assert peer.statuses("CANCEL") == [200]
    assert peer.statuses("INVITE") == [200]
    assert callee.cancels == []
    tag = tag_of(peer.responses("INVITE")[0])
    peer.send(A, peer.request("ACK", A, to_tag=tag))
    peer.send(A, peer.request("BYE", A, cseq=2, to_tag=tag))
    await network.run(0.1)
    assert peer.statuses("BYE") == [200]
    assert callee.events[0].ended[0].by_peer


async def test_a_cancel_that_overtakes_its_invite_gets_481_and_the_invite_rings(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    peer.send(A, peer.request("CANCEL", A, branch="z9hG4bKx"))
    peer.send(A, peer.request("INVITE", A, body=SDP_OFFER, branch="z9hG4bKx"))
    await network.run(0.1)
    assert peer.statuses("CANCEL") == [481]
    assert callee.invite.state == "early"


# --- re-INVITE ------------------------------------------------------------------------------------------------------


async def test_re_invites_that_cross_get_491_and_both_succeed_in_the_end(network: Network) -> None:
    caller, callee, handler, ours, theirs = await establish(network)
    first = asyncio.ensure_future(ours.reinvite(SDP_OFFER))
    second = asyncio.ensure_future(theirs.reinvite(SDP_OFFER))
    await network.run(0.2)
    assert network.story().count("491 INVITE") == 2
    await network.run(10)
    assert (await first).status == (await second).status == 200
    again = [(origin[0], when) for when, origin, _, m in network.log if m.start_line.startswith("INVITE")][2:]
    delays = {origin: when - 1 for origin, when in again}  # the call stood at 1 s
    assert 2.1 <= delays[A] <= 4.2  # A made the Call-ID
    assert delays[B] <= 2.2
    assert len(handler.events.offers) == len(callee.events[0].offers) == 1
    assert not ours.ended
    assert caller.agent.layer.counters["malformed"] == 0


async def test_a_peer_that_always_answers_491_is_left_alone_after_three_tries(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    _, session, _ = await call_to_peer(network, caller, peer)
    task = asyncio.ensure_future(session.reinvite(SDP_OFFER))
    for number in range(1, 4):
        await network.run(4.2)
        invites = [invite for invite in peer.requests("INVITE") if invite.to.tag]
        assert len({invite.cseq.number for invite in invites}) == number
        peer.send(A, peer.answer(invites[-1], 491))
    await network.run(5)
    assert (await task).status == 491
    assert not session.ended


async def test_a_second_offer_while_the_first_is_open_gets_500_with_retry_after(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    events = Events(answer=None)
    session.events = events
    tag = tag_of(ok)
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=tag, body=SDP_OFFER))
    peer.send(A, peer.request("INVITE", A, cseq=3, to_tag=tag, body=SDP_OFFER))
    peer.send(A, peer.request("UPDATE", A, cseq=4, to_tag=tag, body=SDP_OFFER))
    await network.run(0.1)
    refused = [response for response in peer.inbox if isinstance(response, Response) and response.status == 500]
    assert [str(response.cseq) for response in refused] == ["3 INVITE", "4 UPDATE"]
    assert all(0 <= int(response.get("Retry-After") or "99") <= 10 for response in refused)
    request, reply = events.offers[0]
    events.answer = 200
    reply(events.make_answer(request))
    reply(request.reply(488))  # too late
    await network.run(0.1)
    assert peer.responses("INVITE")[-1].status == 200


async def test_our_offer_waits_until_the_peers_is_answered(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    events = Events(answer=None)
    session.events = events
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=tag_of(ok), body=SDP_OFFER))
    await network.run(0.1)
    task = asyncio.ensure_future(session.update(SDP_OFFER))
    await network.run(1)
    assert peer.requests("UPDATE") == []
    request, reply = events.offers[0]
    reply(request.reply(488))
    await network.run(0.1)
    (update,) = peer.requests("UPDATE")
    peer.send(A, peer.answer(update, 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert (await task).status == 200


async def test_our_re_invite_waits_for_the_ack_of_our_2xx(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer, ack=False)
    task = asyncio.ensure_future(session.reinvite(SDP_OFFER))
    await network.run(0.1)
    assert peer.requests("INVITE") == []
    peer.send(A, peer.request("ACK", A, to_tag=tag_of(ok)))
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert (await task).status == 200


async def test_a_re_invite_that_overtakes_the_ack_stands_for_it(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    _, ok = await call_from_peer(network, callee, peer, ack=False)
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=tag_of(ok), body=SDP_OFFER))
    await network.run(0.1)
    assert [str(response.cseq) for response in peer.responses("INVITE") if response.status == 200][-1] == "2 INVITE"
    peer.send(A, peer.request("ACK", A, cseq=1, to_tag=tag_of(ok)))
    peer.send(A, peer.request("ACK", A, cseq=2, to_tag=tag_of(ok)))
    await network.run(TIMEOUT + 1)
    assert peer.requests("BYE") == []


async def test_a_re_invite_that_overtakes_the_answer_in_the_ack_gets_491(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer, body=b"", ack=False)
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=tag_of(ok), body=SDP_OFFER))
    await network.run(0.1)
    assert peer.statuses("INVITE")[-1] == 491
    peer.send(A, peer.request("ACK", A, cseq=1, to_tag=tag_of(ok), body=SDP_ANSWER))
    await network.run(0.1)
    assert callee.events[0].acks[0].body == SDP_ANSWER
    assert not session.ended


async def test_the_peers_bye_while_our_re_invite_is_open_ends_everything(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler, session, _ = await call_to_peer(network, caller, peer)
    task = asyncio.ensure_future(session.reinvite(SDP_OFFER))
    waiting = asyncio.ensure_future(session.update(SDP_OFFER))
    await network.run(0.1)
    reinvite = peer.requests("INVITE")[-1]
    peer.send(A, peer.answer(reinvite, 100))
    peer.send(A, peer.request("BYE", A, to_tag="our-tag", call_id="out-1"))
    await network.run(0.1)
    assert peer.statuses("BYE") == [200]
    response = await task
    assert (response.status, response.local) == (481, True)
    assert (await waiting).status == 481
    assert len(handler.events.ended) == 1
    (cancel,) = peer.requests("CANCEL")
    assert cancel.cseq.number == reinvite.cseq.number
    # Whatever the open re-INVITE gets in the end, it is acknowledged.
    peer.send(A, peer.answer(reinvite, 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert peer.requests("ACK")[-1].cseq.number == reinvite.cseq.number
    await network.run(2 * TIMEOUT)
    assert caller.agent.idle


async def test_a_bye_while_the_peers_re_invite_is_open_answers_it_with_487(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    events = Events(answer=None)
    session.events = events
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=tag_of(ok), body=SDP_OFFER))
    await network.run(0.1)
    peer.send(A, peer.request("BYE", A, cseq=3, to_tag=tag_of(ok)))
    await network.run(0.1)
    assert peer.statuses("BYE") == [200]
    assert peer.statuses("INVITE")[-1] == 487
    request, reply = events.offers[0]
    reply(request.reply(200))
    await network.run(0.1)
    assert peer.statuses("INVITE")[-1] == 487


async def test_a_re_invite_that_meets_our_bye_gets_481(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    session.bye()
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=tag_of(ok), body=SDP_OFFER))
    await network.run(0.1)
    assert peer.statuses("INVITE")[-1] == 481


async def test_the_peers_cancel_takes_his_re_invite_back_and_not_the_call(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    events = Events(answer=None)
    session.events = events
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=tag_of(ok), body=SDP_OFFER, branch="z9hG4bKre"))
    await network.run(0.1)
    peer.send(A, peer.request("CANCEL", A, cseq=2, to_tag=tag_of(ok), branch="z9hG4bKre"))
    await network.run(0.1)
    assert peer.statuses("INVITE")[-1] == 487
    assert not session.ended
    request, reply = events.offers[0]
    reply(request.reply(200))
    session.bye()
    await network.run(0.1)
    assert peer.statuses("INVITE")[-1] == 487
    assert len(peer.requests("BYE")) == 1


async def test_an_invite_in_the_early_dialog_must_wait(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    peer.send(A, peer.request("INVITE", A))
    await network.run(0.1)
    callee.invite.progress(180)
    await network.run(0.1)
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=tag_of(peer.responses("INVITE")[-1]), body=SDP_OFFER))
    await network.run(0.1)
    assert peer.statuses("INVITE")[-1] == 500
    assert peer.responses("INVITE")[-1].get("Retry-After") is not None


async def test_an_old_sequence_number_gets_500(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    peer.send(A, peer.request("INFO", A, cseq=5, to_tag=tag_of(ok)))
    peer.send(A, peer.request("INFO", A, cseq=4, to_tag=tag_of(ok)))
    await network.run(0.1)
    assert peer.statuses("INFO") == [200, 500]
    assert not session.ended
