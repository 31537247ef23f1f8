"""Reliable provisional responses (RFC 3262), in both roles."""

from __future__ import annotations

import asyncio

import pytest
from fake_network import SDP_ANSWER, SDP_OFFER, Network, Peer, outgoing_request
from fake_party import Handler, Party

from jackfield.sip.message import Request, Response
from jackfield.sip.reliable import read_rack, read_rseq
from jackfield.sip.timers import TIMEOUT

A, B = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def network() -> Network:
    return Network()


async def ring(network: Network, callee: Party, peer: Peer, *, body: bytes = SDP_OFFER, **headers: str) -> None:
    fields = list(headers.items()) or [("Supported", "100rel")]
    peer.send(A, peer.request("INVITE", A, body=body, headers=fields))
    await network.run(0.1)


def prack(peer: Peer, response: Response, *, cseq: int, body: bytes = b"", rseq: str | None = None) -> Request:
    return peer.request(
        "PRACK",
        A,
        cseq=cseq,
        to_tag=response.to.tag or "",
        body=body,
        headers=[("RAck", f"{rseq or response.get('RSeq')} 1 INVITE")],
    )


# --- the callee ---------------------------------------------------------------------------------------------------


async def test_early_media_is_sent_reliably_to_a_caller_who_can(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer)
    callee.invite.progress(180)
    callee.invite.progress(183, body=SDP_ANSWER)
    await network.run(4)
    ringing, *progress = peer.responses("INVITE")[1:]
    assert (ringing.status, ringing.get("Require")) == (180, None)
    assert [response.get("RSeq") for response in progress] == [progress[0].get("RSeq")] * 4  # 0, 0.5, 1.5, 3.5 s
    assert progress[0].require == {"100rel"}
    peer.send(A, prack(peer, progress[0], cseq=2))
    await network.run(10)
    assert peer.statuses("PRACK") == [200]
    assert len(peer.responses("INVITE")) == 1 + 5
    callee.invite.accept(SDP_ANSWER)
    await network.run(0.1)
    assert peer.statuses("INVITE")[-1] == 200


async def test_a_caller_who_requires_it_gets_every_ringing_reliably(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer, Require="100rel")
    callee.invite.progress(180, reliable=False)
    await network.run(0.1)
    assert peer.responses("INVITE")[-1].get("RSeq") is not None


async def test_a_caller_who_can_not_gets_none_reliably(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer, Supported="timer")
    callee.invite.progress(183, body=SDP_ANSWER, reliable=True)
    await network.run(0.1)
    assert peer.responses("INVITE")[-1].get("RSeq") is None


async def test_one_reliable_response_waits_for_the_prack_of_the_other(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer)
    callee.invite.progress(183, body=SDP_ANSWER)
    callee.invite.progress(180, reliable=True)
    await network.run(0.1)
    assert peer.statuses("INVITE") == [100, 183]
    first = peer.responses("INVITE")[-1]
    peer.send(A, prack(peer, first, cseq=2))
    await network.run(0.1)
    second = peer.responses("INVITE")[-1]
    assert second.status == 180
    assert int(second.get("RSeq") or 0) == int(first.get("RSeq") or 0) + 1


async def test_the_200_waits_until_the_description_is_acknowledged(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer)
    callee.invite.progress(183, body=SDP_ANSWER)
    callee.invite.accept(SDP_ANSWER, headers=[("X-Late", "yes")])
    callee.invite.progress(180)
    await network.run(0.1)
    assert peer.statuses("INVITE") == [100, 183]
    peer.send(A, prack(peer, peer.responses("INVITE")[-1], cseq=2))
    await network.run(0.1)
    assert peer.statuses("INVITE") == [100, 183, 200]
    assert peer.responses("INVITE")[-1].get("X-Late") == "yes"


async def test_a_prack_that_crosses_the_200_is_answered(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer)
    callee.invite.progress(180, reliable=True)
    callee.invite.accept(SDP_ANSWER)
    await network.run(0.1)
    assert peer.statuses("INVITE") == [100, 180, 200]
    ringing = peer.responses("INVITE")[1]
    peer.send(A, prack(peer, ringing, cseq=2))
    peer.send(A, prack(peer, ringing, cseq=3))
    await network.run(0.1)
    assert peer.statuses("PRACK") == [200, 481]


async def test_a_prack_for_nothing_gets_481(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer)
    callee.invite.progress(183, body=SDP_ANSWER)
    await network.run(0.1)
    response = peer.responses("INVITE")[-1]
    peer.send(A, prack(peer, response, cseq=2, rseq="999999"))
    bad = prack(peer, response, cseq=3)
    bad.set("RAck", "nonsense")
    peer.send(A, bad)
    await network.run(0.1)
    assert peer.statuses("PRACK") == [481, 481]


async def test_without_any_prack_the_call_is_refused(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer)
    callee.invite.progress(183, body=SDP_ANSWER)
    await network.run(TIMEOUT + 0.2)
    assert peer.statuses("INVITE")[-1] == 504
    assert callee.invite.state == "cancelled"
    assert len(callee.cancels) == 1


async def test_an_offer_in_a_reliable_response_is_answered_in_the_prack(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer, body=b"")
    answers: list[tuple[bytes, str]] = []

    def on_prack(body: bytes, content_type: str) -> bytes | None:
        answers.append((body, content_type))
        return None

    callee.invite.on_prack = on_prack
    callee.invite.progress(183, body=SDP_OFFER)
    await network.run(0.1)
    response = peer.responses("INVITE")[-1]
    # While our offer is open another one of the peer's has to wait.
    peer.send(A, peer.request("UPDATE", A, cseq=2, to_tag=response.to.tag or "", body=SDP_OFFER))
    peer.send(A, prack(peer, response, cseq=3, body=SDP_ANSWER))
    await network.run(0.1)
    assert peer.statuses("UPDATE") == [491]
    assert peer.statuses("PRACK") == [200]
    assert answers == [(SDP_ANSWER, "application/sdp")]
    peer.send(A, peer.request("UPDATE", A, cseq=4, to_tag=response.to.tag or "", body=SDP_OFFER))
    await network.run(0.1)
    assert peer.statuses("UPDATE") == [491, 200]


async def test_an_offer_in_the_prack_is_answered_in_its_200(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer)
    callee.invite.on_prack = lambda body, content_type: SDP_ANSWER
    callee.invite.progress(183, body=SDP_ANSWER)
    await network.run(0.1)
    peer.send(A, prack(peer, peer.responses("INVITE")[-1], cseq=2, body=SDP_OFFER))
    await network.run(0.1)
    assert peer.responses("PRACK")[-1].body == SDP_ANSWER


async def test_ringing_is_repeated_every_minute(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer, Supported="timer")
    callee.invite.progress(180, headers=[("Alert-Info", "<urn:alert:service:call-waiting>")])
    await network.run(130)
    assert peer.statuses("INVITE") == [100, 180, 180, 180]
    assert peer.responses("INVITE")[-1].get("Alert-Info") == "<urn:alert:service:call-waiting>"
    callee.invite.reject(486)
    await network.run(130)
    assert peer.statuses("INVITE").count(180) == 3


async def test_reliable_ringing_that_waits_for_its_prack_is_not_repeated_twice(network: Network) -> None:
    callee, peer = Party(network, A), Peer(network, B)
    await ring(network, callee, peer, Require="100rel")
    callee.invite.progress(180)
    await network.run(0.1)
    peer.send(A, prack(peer, peer.responses("INVITE")[-1], cseq=2))
    await network.run(60)
    again = peer.responses("INVITE")[-1]
    assert peer.statuses("INVITE") == [100, 180, 180]
    peer.send(A, prack(peer, again, cseq=3))
    await network.run(0.1)
    assert peer.statuses("PRACK") == [200, 200]


# --- the caller ---------------------------------------------------------------------------------------------------


async def test_a_reliable_response_is_acknowledged_by_itself_and_once(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    (invite,) = peer.requests("INVITE")
    headers = [("Require", "100rel"), ("RSeq", "17")]
    response = peer.answer(invite, 183, body=SDP_ANSWER, headers=headers)
    peer.send(A, response)
    peer.send(A, response)
    await network.run(0.1)
    (prack_,) = peer.requests("PRACK")
    assert read_rack(prack_) == (17, 1, "INVITE")
    assert prack_.cseq.number == 2
    assert handler.statuses == [183]
    peer.send(A, peer.answer(prack_, 200))
    # One that came too early is dropped, and accepted when its turn comes.
    for rseq in ("19", "18", "19"):
        late = peer.answer(invite, 180, headers=[("Require", "100rel"), ("RSeq", rseq)])
        peer.send(A, late)
    await network.run(0.1)
    assert [read_rack(request) for request in peer.requests("PRACK")] == [
        (17, 1, "INVITE"),
        (18, 1, "INVITE"),
        (19, 1, "INVITE"),
    ]
    peer.send(A, peer.answer(invite, 200, body=SDP_ANSWER))
    await network.run(0.1)
    assert str(peer.requests("ACK")[0].cseq) == "1 ACK"
    handler.session.bye()
    await network.run(0.1)
    assert peer.requests("BYE")[0].cseq.number == 5


async def test_the_user_answers_an_early_offer_in_his_prack(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler = Handler()
    caller.call(B, handler, body=b"")
    await network.run(0.1)
    (invite,) = peer.requests("INVITE")
    headers = [("Require", "100rel"), ("RSeq", "1")]
    peer.send(A, peer.answer(invite, 183, body=SDP_OFFER, headers=headers))
    await network.run(0.1)
    assert peer.requests("PRACK") == []
    session, response = handler.provisional[-1]
    assert session is not None
    session.prack(response, SDP_ANSWER)
    await network.run(0.1)
    assert peer.requests("PRACK")[0].body == SDP_ANSWER
    # The next reliable response brings no offer, and is acknowledged by itself.
    peer.send(A, peer.answer(invite, 180, headers=[("Require", "100rel"), ("RSeq", "2")]))
    await network.run(0.1)
    assert len({read_rack(request) for request in peer.requests("PRACK")}) == 2


async def test_both_sides_agree_on_early_media_and_may_change_it_before_the_answer(network: Network) -> None:
    caller, callee = Party(network, A), Party(network, B)
    handler = Handler()
    caller.call(B, handler)
    await network.run(0.1)
    callee.invite.progress(183, body=SDP_ANSWER)
    await network.run(0.5)
    assert network.story() == ["INVITE", "100 INVITE", "183 INVITE", "PRACK", "200 PRACK"]
    early = handler.provisional[-1][0]
    assert early is not None
    task = asyncio.ensure_future(early.update(SDP_OFFER))
    back = asyncio.ensure_future(callee.invite.session.update(SDP_OFFER))
    await network.run(5)
    assert (await task).status == (await back).status == 200
    callee.invite.accept(SDP_ANSWER)
    await network.run(1)
    assert handler.session is early
    assert early.confirmed


async def test_a_response_without_a_readable_rseq_is_an_ordinary_one(network: Network) -> None:
    request = outgoing_request("INVITE", B, Via="SIP/2.0/UDP a;branch=z9hG4bK1", CSeq="1 INVITE")
    response = request.reply(183, to_tag="x")
    assert read_rseq(response) is None
    response.set("Require", "100rel")
    assert read_rseq(response) is None
    response.set("RSeq", "99999999999")
    assert read_rseq(response) is None
    response.set("RSeq", "7")
    assert read_rseq(response) == 7
