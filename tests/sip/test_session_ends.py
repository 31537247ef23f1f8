"""What ends a session (RFC 5057), and that every call comes to an end whatever the network does."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from fake_network import LATENCY, SDP_ANSWER, SDP_OFFER, Network, Peer
from fake_party import Handler, Party, call_to_peer
from hypothesis import given, settings
from hypothesis import strategies as st

from jackfield.sip.message import Response
from jackfield.sip.timers import TIMEOUT

A, B = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def network() -> Network:
    return Network()


def tag_of(response: Response) -> str:
    return response.to.tag or ""


# --- errors inside (RFC 5057) ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INFO", "UPDATE", "INVITE", "OPTIONS"])
async def test_a_481_inside_ends_the_session_without_a_bye(network: Network, method: str) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler, session, _ = await call_to_peer(network, caller, peer)
    work = {"UPDATE": session.update(SDP_OFFER), "INVITE": session.reinvite(SDP_OFFER)}
    chosen = work.pop(method, None) or session.request(method)
    for other in work.values():
        other.close()
    task = asyncio.ensure_future(chosen)
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests(method)[-1], 481))
    await network.run(0.1)
    assert (await task).status == 481
    assert [why.status for why in handler.events.ended] == [481]
    assert peer.requests("BYE") == []
    assert caller.agent.sessions == {}


async def test_silence_inside_ends_the_session_with_a_bye(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler, session, _ = await call_to_peer(network, caller, peer)
    task = asyncio.ensure_future(session.request("INFO"))
    await network.run(TIMEOUT + 0.5)
    response = await task
    assert (response.status, response.local) == (408, True)
    assert [why.status for why in handler.events.ended] == [408]
    assert len(peer.requests("BYE")) >= 1
    after = await session.request("INFO")
    assert (after.status, after.local) == (481, True)


@pytest.mark.parametrize("status", [405, 415, 486, 500, 501, 503])
async def test_other_refusals_inside_leave_the_session(network: Network, status: int) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler, session, _ = await call_to_peer(network, caller, peer)
    task = asyncio.ensure_future(session.request("INFO"))
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("INFO")[0], status))
    await network.run(0.1)
    assert (await task).status == status
    assert handler.events.ended == []


async def test_a_481_to_a_notify_ends_only_its_subscription(network: Network) -> None:
    caller, peer = Party(network, A), Peer(network, B)
    handler, session, _ = await call_to_peer(network, caller, peer)
    task = asyncio.ensure_future(session.request("NOTIFY", headers=[("Event", "refer")]))
    await network.run(0.1)
    peer.send(A, peer.answer(peer.requests("NOTIFY")[0], 481))
    await network.run(0.1)
    assert (await task).status == 481
    assert not session.ended
    assert handler.events.ended == []


# --- whatever the network does --------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    loss=st.sampled_from([0.0, 0.05, 0.2, 0.4]),
    doubling=st.sampled_from([0.0, 0.2]),
    spread=st.sampled_from([0.0, 0.3]),
    acts=st.lists(
        st.sampled_from(["ours", "theirs", "our update", "their update", "our info", "our bye", "their bye"]),
        max_size=5,
    ),
    cancel=st.booleans(),
)
async def test_every_call_comes_to_an_end_and_leaves_nothing(
    seed: int, loss: float, doubling: float, spread: float, acts: list[str], cancel: bool
) -> None:
    network = Network()
    network.keep_log = False
    random = Random(seed)

    def fate(data: bytes, source: object, target: object) -> list[float]:
        copies = 2 if random.random() < doubling else 1
        return [LATENCY + random.random() * spread for _ in range(copies) if random.random() >= loss]

    network.fate = fate
    caller, callee = Party(network, A), Party(network, B)
    handler = Handler()
    outgoing = caller.call(B, handler)
    await network.run(random.random())
    for invite in callee.invites:
        invite.progress(183, body=SDP_ANSWER)
    await network.run(random.random())
    if cancel:
        outgoing.cancel()
    for invite in callee.invites:
        invite.accept(SDP_ANSWER)
    tasks = []
    for act in acts:
        await network.run(random.random())
        ours = handler.answers[0][0] if handler.answers else None
        theirs = callee.invites[0].session if callee.invites else None
        session = ours if act.startswith("our") else theirs
        if session is None or not session.confirmed:
            continue
        if act.endswith("bye"):
            session.bye()
        elif act.endswith("update"):
            tasks.append(asyncio.ensure_future(session.update(SDP_OFFER)))
        elif act.endswith("info"):
            tasks.append(asyncio.ensure_future(session.request("INFO")))
        else:
            tasks.append(asyncio.ensure_future(session.reinvite(SDP_OFFER)))
    await network.run(120)
    for invite in callee.invites:
        invite.accept(SDP_ANSWER)
    await network.run(40)
    for party in (caller, callee):
        for session in list(party.agent.sessions.values()):
            session.bye()
    await network.run(1200)
    assert all(task.done() for task in tasks)
    assert all(task.result().status >= 200 for task in tasks)
    for party in (caller, callee):
        assert party.agent.idle
        assert len(party.agent.timers) == 0
        assert party.agent.counters["errors"] == 0
        for events in party.events:
            assert len(events.ended) <= 1
    assert len(handler.answers) + len(handler.failures) == 1
    if cancel:
        assert handler.answers == [] or handler.failures == []
