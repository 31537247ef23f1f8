"""Session timers (RFC 4028), in both roles, and the exchange of offers (RFC 3264) by re-INVITE and UPDATE."""

from __future__ import annotations

import asyncio

import pytest
from fake_network import SDP_ANSWER, SDP_OFFER, Network, Peer
from fake_party import Events, Handler, Party, call_from_peer, call_to_peer, establish

from jackfield.sip.message import Request, Response
from jackfield.sip.session_timer import Terms, agree, agreed, min_se, read_session_expires, too_small
from jackfield.sip.timers import TIMEOUT

A, B = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def network() -> Network:
    return Network()


def request(*headers: tuple[str, str]) -> Request:
    return Request.new("INVITE", "sip:a@b", headers)


def answer_to(request: Request) -> tuple[Terms, list[tuple[str, str]]]:
    return agree(request, 1800, supported=request.has_option("Supported", "timer"))


# --- the negotiation ----------------------------------------------------------------------------------------------


def test_the_shorter_interval_wins_and_never_below_min_se() -> None:
    supported = ("Supported", "timer")
    assert answer_to(request(supported, ("Session-Expires", "600")))[0] == Terms(600, ours=True)
    assert answer_to(request(supported, ("Session-Expires", "3600")))[0] == Terms(1800, ours=True)
    assert answer_to(request(supported, ("Session-Expires", "3600"), ("Min-SE", "2000")))[0].interval == 2000
    assert answer_to(request(supported))[0] == Terms(1800, ours=True)


def test_whoever_was_named_refreshes() -> None:
    terms, headers = answer_to(request(("Supported", "timer"), ("Session-Expires", "600;refresher=uac")))
    assert terms == Terms(600, ours=False)
    assert headers == [("Require", "timer"), ("Session-Expires", "600;refresher=uac")]
    assert answer_to(request(("Supported", "timer"), ("Session-Expires", "600;refresher=uas")))[0].ours


def test_a_peer_without_the_extension_is_refreshed_by_us_and_told_nothing() -> None:
    assert answer_to(request()) == (Terms(1800, ours=True), [])
    # A proxy put the header in: it hears who refreshes.
    assert answer_to(request(("Session-Expires", "600")))[1] == [("Session-Expires", "600;refresher=uas")]


def test_the_2xx_tells_the_caller_who_refreshes() -> None:
    def ok(value: str | None) -> Response:
        return Response.new(200, [] if value is None else [("Session-Expires", value)])

    assert agreed(ok("600;refresher=uas"), 1800) == Terms(600, ours=False)
    assert agreed(ok("600;refresher=uac"), 1800) == Terms(600, ours=True)
    assert agreed(ok("600"), 1800) == Terms(600, ours=True)
    assert agreed(ok(None), 1800) == Terms(1800, ours=True)
    assert agreed(ok("2;refresher=uac"), 1800) == Terms(90, ours=True)


def test_unreadable_values_count_as_absent() -> None:
    assert read_session_expires(request(("x", "soon"))) is None
    assert read_session_expires(request(("Session-Expires", "99999999999"))) is None
    assert read_session_expires(request(("Session-Expires", "90 ; Refresher=UAC"))) == (90, "uac")
    assert read_session_expires(request(("Session-Expires", "90;refresher=me"))) == (90, "")
    assert min_se(request(("Min-SE", "x"))) == 90
    assert min_se(request(("Min-SE", "30"))) == 90
    assert not too_small(request(("Session-Expires", "30")), 90)
    assert too_small(request(("Session-Expires", "30"), ("Supported", "timer")), 90)


# --- refreshing ---------------------------------------------------------------------------------------------------


async def test_a_long_call_is_refreshed_by_update_and_stays(network: Network) -> None:
    caller, callee, handler, ours, theirs = await establish(network, session_expires=600)
    assert theirs.terms == Terms(600, ours=True)
    assert ours.terms == Terms(600, ours=False)
    await network.run(3620)
    updates = network.sent(B, "UPDATE")
    assert len(updates) == 12  # every 300 s
    assert updates[0].get("Session-Expires") == "600;refresher=uac"
    assert network.sent(A, "UPDATE") == []
    assert handler.events.offers == []
    assert not ours.ended
    assert not theirs.ended
    theirs.bye()
    await network.run(100)
    assert caller.agent.idle
    assert len(caller.agent.timers) == len(callee.agent.timers) == 0


async def test_a_vanished_peer_is_noticed_by_the_refresher(network: Network) -> None:
    caller, peer = Party(network, A, session_expires=600), Peer(network, B)
    handler, _, _ = await call_to_peer(network, caller, peer, Allow="INVITE, UPDATE, BYE, ACK")
    await network.run(300 + TIMEOUT + 1)
    assert len(peer.requests("UPDATE")) == 11
    assert [why.status for why in handler.events.ended] == [408]


async def test_a_missed_refresh_ends_the_call(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    await call_from_peer(
        network, callee, peer, Supported="timer", Session_Expires="300;refresher=uac", Allow="INVITE, ACK, BYE"
    )
    assert peer.responses("INVITE")[-1].get("Session-Expires") == "300;refresher=uac"
    assert peer.responses("INVITE")[-1].has_option("Require", "timer")
    await network.run(300 - 32 - 1)
    assert callee.events[0].ended == []
    await network.run(2.1)
    assert [why.reason for why in callee.events[0].ended] == ["session timer"]
    assert len(peer.requests("BYE")) == 1


async def test_a_refresh_by_the_peer_begins_a_new_interval(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    _, ok = await call_from_peer(network, callee, peer, Supported="timer", Session_Expires="300;refresher=uac")
    await network.run(200)
    headers = [("Supported", "timer"), ("Session-Expires", "300;refresher=uac")]
    peer.send(A, peer.request("UPDATE", A, cseq=2, to_tag=ok.to.tag or "", headers=headers))
    await network.run(0.1)
    assert peer.responses("UPDATE")[-1].get("Session-Expires") == "300;refresher=uac"
    await network.run(200)
    assert callee.events[0].ended == []


async def test_a_peer_without_update_is_refreshed_by_re_invite_with_the_last_description(network: Network) -> None:
    caller, peer = Party(network, A, session_expires=600), Peer(network, B)
    handler, session, _ = await call_to_peer(network, caller, peer, Allow="INVITE, BYE, ACK")
    await network.run(301)
    reinvite = peer.requests("INVITE")[-1]
    assert reinvite.to.tag == "peer-tag"
    assert reinvite.body == handler.events.sdp
    peer.send(A, peer.answer(reinvite, 200, body=SDP_ANSWER))
    await network.run(299)
    assert not session.ended
    assert peer.requests("ACK")[-1].cseq.number == reinvite.cseq.number


async def test_a_peer_that_refuses_update_is_asked_by_re_invite_and_one_without_description_by_options(
    network: Network,
) -> None:
    caller, peer = Party(network, A, session_expires=600), Peer(network, B)
    handler, session, _ = await call_to_peer(network, caller, peer, Allow="INVITE, UPDATE, BYE, ACK")
    handler.events.sdp = b""
    await network.run(301)
    peer.send(A, peer.answer(peer.requests("UPDATE")[-1], 501))
    await network.run(0.1)
    options = peer.requests("OPTIONS")[-1]
    assert options.to.tag == "peer-tag"
    peer.send(A, peer.answer(options, 200))
    await network.run(301)
    assert len(peer.requests("UPDATE")) == 1
    assert len({request.cseq for request in peer.requests("OPTIONS")}) == 2
    assert not session.ended


async def test_a_refresh_that_is_refused_for_now_is_tried_again_before_the_end(network: Network) -> None:
    caller, peer = Party(network, A, session_expires=400), Peer(network, B)
    handler, session, _ = await call_to_peer(network, caller, peer, Allow="INVITE, UPDATE, BYE, ACK")
    await network.run(201)
    peer.send(A, peer.answer(peer.requests("UPDATE")[-1], 503))
    await network.run(52)
    assert len({request.cseq for request in peer.requests("UPDATE")}) == 2
    peer.send(A, peer.answer(peer.requests("UPDATE")[-1], 200))
    await network.run(155)
    assert not session.ended
    assert handler.events.ended == []


async def test_an_interval_that_is_too_small_gets_422_outside_and_inside(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    headers = [("Supported", "timer"), ("Session-Expires", "60")]
    peer.send(A, peer.request("INVITE", A, body=SDP_OFFER, headers=headers))
    await network.run(0.1)
    assert peer.statuses("INVITE") == [422]
    assert peer.responses("INVITE")[0].get("Min-SE") == "90"
    assert callee.invites == []
    peer.send(A, peer.request("ACK", A, to_tag=peer.responses("INVITE")[0].to.tag or ""))
    _, ok = await call_from_peer(network, callee, peer, X="1")
    peer.send(A, peer.request("UPDATE", A, cseq=2, to_tag=ok.to.tag or "", headers=headers))
    await network.run(0.1)
    assert peer.statuses("UPDATE") == [422]


async def test_our_invite_and_re_invite_take_a_422_and_ask_for_more(network: Network) -> None:
    caller, peer = Party(network, A, session_expires=100), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("INVITE")[0], 422, headers=[("Min-SE", "300")]))
    await network.run(0.1)
    again = peer.requests("INVITE")[1]
    assert (again.get("Session-Expires"), again.get("Min-SE"), str(again.cseq)) == ("300", "300", "2 INVITE")
    peer.send(A, peer.answer(again, 200, body=SDP_ANSWER, headers=[("Session-Expires", "300;refresher=uas")]))
    await network.run(0.1)
    task = asyncio.ensure_future(handler.session.reinvite(SDP_OFFER))
    await network.run(0.1)
    assert peer.requests("INVITE")[2].get("Session-Expires") == "300;refresher=uas"
    peer.send(A, peer.answer(peer.requests("INVITE")[2], 422, headers=[("Min-SE", "500")]))
    await network.run(0.2)
    assert peer.requests("INVITE")[3].get("Session-Expires") == "500;refresher=uas"
    peer.send(A, peer.answer(peer.requests("INVITE")[3], 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert (await task).status == 200


async def test_session_timers_can_be_left_out(network: Network) -> None:
    _, callee, handler, ours, _ = await establish(network, session_expires=0)
    assert callee.invites[0].request.get("Session-Expires") is None
    assert not callee.invites[0].request.has_option("Supported", "timer")
    await network.run(100_000)
    assert network.log == []
    assert not ours.ended
    assert handler.events.ended == []


# --- offers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
async def test_an_offer_is_answered_and_both_keep_talking(network: Network, method: str) -> None:
    _, callee, _, ours, _ = await establish(network)
    work = ours.reinvite(SDP_OFFER) if method == "INVITE" else ours.update(SDP_OFFER)
    task = asyncio.ensure_future(work)
    await network.run(1)
    response = await task
    assert (response.status, response.body) == (200, SDP_ANSWER)
    assert callee.events[0].offers[0][0].body == SDP_OFFER
    assert response.get("Contact") is not None
    assert network.story() == (["INVITE", "200 INVITE", "ACK"] if method == "INVITE" else ["UPDATE", "200 UPDATE"])


async def test_a_refused_offer_leaves_the_session_as_it_was(network: Network) -> None:
    _, callee, _, ours, _ = await establish(network)
    callee.events[0].answer = 488
    task = asyncio.ensure_future(ours.reinvite(SDP_OFFER))
    await network.run(1)
    assert (await task).status == 488
    assert network.story() == ["INVITE", "488 INVITE", "ACK"]
    assert not ours.ended


async def test_a_delayed_offer_is_answered_in_the_ack(network: Network) -> None:
    _, callee, _, ours, _ = await establish(network)
    offers: list[bytes] = []

    def answer(offer: bytes) -> bytes:
        offers.append(offer)
        return b"v=0 answer"

    task = asyncio.ensure_future(ours.reinvite(None, answer=answer))
    await network.run(1)
    assert (await task).status == 200
    assert offers == [SDP_ANSWER]
    assert callee.events[0].acks[-1].body == b"v=0 answer"


async def test_a_delayed_offer_may_be_answered_later_by_the_user(network: Network) -> None:
    _, callee, _, ours, _ = await establish(network)
    task = asyncio.ensure_future(ours.reinvite(None))
    await network.run(0.1)
    assert (await task).body == SDP_ANSWER
    assert network.sent(A, "ACK") == []
    waiting = asyncio.ensure_future(ours.reinvite(SDP_OFFER))  # not while the answer is owed
    await network.run(0.1)
    assert len(network.sent(A, "INVITE")) == 1
    ours.ack(b"v=0 late")
    await network.run(0.2)
    assert callee.events[0].acks[-2].body == b"v=0 late"
    assert (await waiting).status == 200


async def test_an_answer_that_can_not_be_made_still_gives_an_ack(network: Network) -> None:
    _, callee, _, ours, _ = await establish(network)

    def answer(offer: bytes) -> bytes:
        raise ValueError("no codec in common")

    task = asyncio.ensure_future(ours.reinvite(None, answer=answer))
    await network.run(1)
    assert (await task).status == 200
    assert callee.events[0].acks[-1].body == b""


async def test_a_call_may_begin_without_an_offer(network: Network) -> None:
    caller, callee = Party(network, A), Party(network, B)
    handler = Handler(ack=False)
    caller.call(B, handler, body=b"")
    await network.run(0.1)
    callee.invite.accept(SDP_OFFER)
    await network.run(0.1)
    handler.session.ack(SDP_ANSWER)
    await network.run(0.1)
    assert callee.events[0].acks[0].body == SDP_ANSWER
    task = asyncio.ensure_future(callee.invite.session.reinvite(SDP_OFFER))
    await network.run(1)
    assert (await task).status == 200


async def test_500_with_retry_after_is_waited_for(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    _, session, _ = await call_to_peer(network, caller, peer)
    task = asyncio.ensure_future(session.update(SDP_OFFER))
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("UPDATE")[0], 500, headers=[("Retry-After", "3")]))
    await network.run(2.5)
    assert len(peer.requests("UPDATE")) == 1
    await network.run(1)
    peer.send(A, peer.answer(peer.requests("UPDATE")[1], 500, headers=[("Retry-After", "3600")]))
    await network.run(0.1)
    assert (await task).status == 500


async def test_an_update_without_an_offer_waits_too_when_the_peer_is_busy(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    _, session, _ = await call_to_peer(network, caller, peer)
    task = asyncio.ensure_future(session.update())
    for number in range(1, 4):
        await network.run(4.2)
        updates = peer.requests("UPDATE")
        assert len({update.cseq.number for update in updates}) == number
        peer.send(A, peer.answer(updates[-1], 491))
    await network.run(0.1)
    assert (await task).status == 491


async def test_an_offer_whose_author_was_cancelled_is_still_finished_properly(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    _, session, _ = await call_to_peer(network, caller, peer)
    task = asyncio.ensure_future(session.reinvite(None, answer=lambda offer: SDP_ANSWER))
    await network.run(0.1)
    task.cancel()
    await network.run(0.1)
    reinvite = peer.requests("INVITE")[-1]
    peer.send(A, peer.answer(reinvite, 200, body=SDP_OFFER))
    await network.run(0.1)
    assert peer.requests("ACK")[-1].cseq.number == reinvite.cseq.number
    again = asyncio.ensure_future(session.update(SDP_OFFER))
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("UPDATE")[0], 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert (await again).status == 200


async def test_a_reliable_response_to_a_re_invite_is_acknowledged(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    _, session, _ = await call_to_peer(network, caller, peer)
    task = asyncio.ensure_future(session.reinvite(SDP_OFFER))
    await network.run(0.1)
    reinvite = peer.requests("INVITE")[-1]
    peer.send(A, peer.answer(reinvite, 183, headers=[("Require", "100rel"), ("RSeq", "5")]))
    await network.run(0.1)
    assert peer.requests("PRACK")[0].get("RAck") == f"5 {reinvite.cseq.number} INVITE"
    peer.send(A, peer.answer(reinvite, 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert (await task).status == 200


async def test_the_user_may_answer_an_offer_provisionally_first(network: Network) -> None:
    callee, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, callee, peer)
    events = Events(answer=None)
    session.events = events
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=ok.to.tag or "", body=SDP_OFFER))
    await network.run(0.1)
    request_, reply = events.offers[0]
    reply(request_.reply(183))
    events.answer = 200
    reply(events.make_answer(request_))
    await network.run(0.1)
    assert peer.statuses("INVITE")[-3:] == [100, 183, 200]
