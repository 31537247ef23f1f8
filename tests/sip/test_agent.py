"""The agent: what it lets in, what it sends, how it starts, drains and stops, and that it forgets everything."""

from __future__ import annotations

import asyncio
import gc

import pytest
from fake_network import (
    SDP_ANSWER,
    SDP_OFFER,
    FakeResolver,
    FakeTransports,
    Network,
    Peer,
    make_agent,
    outgoing_request,
)
from fake_party import Events, Handler, Party, call_from_peer

from jackfield.sip.agent import DROP, Agent, IncomingInvite, Reply, Session, authenticate
from jackfield.sip.digest import DigestClient
from jackfield.sip.flow import Flow, Hop
from jackfield.sip.message import Request, Response
from jackfield.sip.timers import TIMEOUT
from jackfield.sip.uri import Uri

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


@pytest.fixture
def network() -> Network:
    return Network()


# --- at the door --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "headers", "uri", "status"),
    [
        ("FROBNICATE", {}, None, 501),
        ("OPTIONS", {"Require": "precondition, 100rel"}, None, 420),
        ("OPTIONS", {}, "mailto:someone@example.com", 416),
        ("OPTIONS", {}, "sip:a@10.0.0.1:99999", 400),
        ("MESSAGE", {"Max-Forwards": "0"}, None, 483),
        ("INVITE", {"Max-Forwards": "0"}, None, 483),
        ("OPTIONS", {"Max-Forwards": "0"}, None, 200),
        ("INVITE", {"Contact": None}, None, 400),
        ("INVITE", {"Contact": "*"}, None, 400),
        ("INVITE", {"Contact": "<<nonsense"}, None, 400),
        ("OPTIONS", {"Max-Forwards": "many"}, None, 400),
        ("BYE", {}, None, 481),
        ("PRACK", {}, None, 481),
        ("UPDATE", {}, None, 481),
        ("INFO", {}, None, 481),
        ("OPTIONS", {}, "tel:+420555010101", 200),
    ],
)
async def test_what_is_not_in_order_is_refused(
    network: Network, method: str, headers: dict[str, str | None], uri: str | None, status: int
) -> None:
    party, peer = Party(network, A), Peer(network, B)
    request = peer.request(method, A, uri=uri)
    for name, value in headers.items():
        if value is None:
            request.remove(name)
        else:
            request.set(name, value)
    peer.send(A, request)
    await network.run(0.1)
    (response,) = peer.responses(method)
    assert response.status == status
    assert response.to.tag is not None
    if status != 400:
        assert response.get("Server") == "Test/1.0"
    if status == 420:
        assert response.get("Unsupported") == "precondition"
    if status == 501:
        assert "INVITE" in (response.get("Allow") or "")
    assert party.invites == []


async def test_a_method_that_this_switch_does_not_take_gets_405(network: Network) -> None:
    agent = make_agent(network, A, allow=("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"))
    peer = Peer(network, B)
    peer.send(A, peer.request("PUBLISH", A))
    await network.run(0.1)
    assert peer.statuses("PUBLISH") == [405]
    assert peer.responses("PUBLISH")[0].get("Allow") == "INVITE, ACK, BYE, CANCEL, OPTIONS"
    assert agent.counters["refused at the door"] == 1


async def test_strays_are_answered_with_481_or_dropped_and_counted(network: Network) -> None:
    party, peer = Party(network, A), Peer(network, B)
    for method in ("INVITE", "BYE", "UPDATE", "PRACK", "INFO", "MESSAGE", "OPTIONS", "REFER"):
        peer.send(A, peer.request(method, A, to_tag="nobody"))
    peer.send(A, peer.request("ACK", A, to_tag="nobody"))
    peer.send(A, peer.answer(peer.request("OPTIONS", A), 200))
    await network.run(0.1)
    answers = [m.status for m in peer.inbox if isinstance(m, Response)]
    assert answers == [481] * 8
    assert party.agent.counters["stray requests"] == 8
    assert party.agent.counters["stray ACKs"] == 1
    assert party.agent.counters["stray responses"] == 1


async def test_requests_outside_sessions_go_to_the_switch(network: Network) -> None:
    seen: list[tuple[str, Flow]] = []

    def on_request(request: Request, flow: Flow, reply: Reply) -> None:
        seen.append((request.method, flow))
        reply(request.reply(202, to_tag="switch"))
        reply(request.reply(500))

    make_agent(network, A, on_request=on_request)
    peer = Peer(network, B)
    for method in ("REGISTER", "OPTIONS", "SUBSCRIBE", "MESSAGE", "NOTIFY", "PUBLISH", "REFER"):
        peer.send(A, peer.request(method, A, call_id=method))
    for method in ("SUBSCRIBE", "NOTIFY"):  # in a subscription, of which only the switch knows
        peer.send(A, peer.request(method, A, to_tag="subscription", cseq=9))
    await network.run(0.1)
    assert [method for method, _ in seen] == [
        "REGISTER",
        "OPTIONS",
        "SUBSCRIBE",
        "MESSAGE",
        "NOTIFY",
        "PUBLISH",
        "REFER",
        "SUBSCRIBE",
        "NOTIFY",
    ]
    assert {m.status for m in peer.inbox if isinstance(m, Response)} == {202}
    assert seen[0][1].remote == (B, 5060)


async def test_the_guard_refuses_or_drops_before_anything_is_remembered(network: Network) -> None:
    verdict: list[Response] = []

    def admit(request: Request, flow: Flow) -> Response | None:
        return verdict[0] if verdict else None

    party, peer = Party(network, A, admit=admit), Peer(network, B)
    invite = peer.request("INVITE", A)
    verdict.append(invite.reply(403))
    peer.send(A, invite)
    await network.run(0.1)
    assert peer.statuses("INVITE") == [403]
    verdict[:] = [DROP]
    peer.send(A, peer.request("OPTIONS", A))
    await network.run(0.1)
    assert peer.statuses("OPTIONS") == []
    assert party.agent.idle
    verdict.clear()
    peer.send(A, peer.request("OPTIONS", A))
    await network.run(0.1)
    assert peer.statuses("OPTIONS") == [200]


async def test_a_draining_switch_refuses_new_calls_and_keeps_the_old(network: Network) -> None:
    party, peer = Party(network, A, answer=200), Peer(network, B)
    session, ok = await call_from_peer(network, party, peer)
    party.agent.drain(retry_after=30)
    peer.send(A, peer.request("INVITE", A, call_id="new"))
    peer.send(A, peer.request("INVITE", A, cseq=2, to_tag=ok.to.tag or "", body=SDP_OFFER))
    await network.run(0.1)
    refused, accepted = peer.responses("INVITE")[-2:]
    assert (refused.status, refused.get("Retry-After")) == (503, "30")
    assert accepted.status == 200
    assert not session.ended
    assert not party.agent.idle


async def test_an_error_in_the_switch_costs_one_message(network: Network) -> None:
    def on_invite(invite: IncomingInvite) -> None:
        raise RuntimeError("broken")

    agent, peer = make_agent(network, A, on_invite=on_invite), Peer(network, B)
    peer.send(A, peer.request("INVITE", A))
    peer.send(A, peer.request("OPTIONS", A, call_id="next"))
    await network.run(0.1)
    assert agent.counters["errors"] == 1
    assert peer.statuses("INVITE") == [500]
    assert peer.statuses("OPTIONS") == [200]
    await network.run(2 * TIMEOUT)
    assert agent.idle


# --- requests of ours ---------------------------------------------------------------------------------------------


async def test_a_request_is_completed_and_answered(network: Network) -> None:
    agent, peer = make_agent(network, A), Peer(network, B)
    flow = network.flow("UDP", (A, 5060), (B, 5060))
    task = asyncio.ensure_future(agent.request(outgoing_request("OPTIONS", B), flow=flow))
    await network.run(0.1)
    (request,) = peer.requests("OPTIONS")
    assert (request.max_forwards, str(request.cseq), request.get("User-Agent")) == (70, "1 OPTIONS", "Test/1.0")
    assert request.via.params["rport"] is not None
    peer.send(A, peer.answer(request, 100))
    peer.send(A, peer.answer(request, 200))
    await network.run(0.1)
    assert (await task).status == 200


async def test_many_requests_can_be_sent_without_coroutines(network: Network) -> None:
    agent = make_agent(network, A)
    make_agent(network, B)
    flow = network.flow("UDP", (A, 5060), (B, 5060))
    answers: list[int] = []
    for number in range(20):
        agent.send(outgoing_request("OPTIONS", B, call_id=str(number)), flow, lambda r: answers.append(r.status))
    await network.run(0.1)
    assert answers == [200] * 20


async def test_the_next_address_is_tried_on_503_and_silence_within_the_time_given(network: Network) -> None:
    agent = make_agent(network, A)
    agent.transports.unreachable = {"10.0.0.8"}  # type: ignore[attr-defined]
    overloaded, fine = Peer(network, B), Peer(network, C)
    hops = [Hop("UDP", host, 5060) for host in ("10.0.0.8", "10.0.0.9", B, C)]
    task = asyncio.ensure_future(agent.request(outgoing_request("OPTIONS", "trunk"), hops=hops, timeout=2.0))
    await network.run(2.1)
    overloaded.send(A, overloaded.answer(overloaded.requests("OPTIONS")[0], 503))
    await network.run(0.1)
    fine.send(A, fine.answer(fine.requests("OPTIONS")[0], 200))
    await network.run(0.1)
    assert (await task).status == 200
    assert agent.counters["hops not reached"] == 1


async def test_silence_and_no_way_at_all_are_local_responses(network: Network) -> None:
    agent = make_agent(network, A)
    silent = asyncio.ensure_future(agent.request(outgoing_request("OPTIONS", B), hops=[Hop("UDP", B, 5060)]))
    nowhere = asyncio.ensure_future(agent.request(outgoing_request("OPTIONS", "unknown.example")))
    broken_flow = network.flow("TCP", (A, 5060), (B, 5060))
    broken_flow.closed = True
    broken = asyncio.ensure_future(agent.request(outgoing_request("OPTIONS", B), flow=broken_flow, timeout=5))
    await network.run(TIMEOUT + 1)
    assert ((await silent).status, (await silent).local) == (408, True)
    assert ((await nowhere).status, (await nowhere).local) == (503, True)
    assert ((await broken).status, (await broken).local) == (503, True)


async def test_a_request_goes_to_its_top_route(network: Network) -> None:
    agent, proxy = make_agent(network, A), Peer(network, C)
    task = asyncio.ensure_future(agent.request(outgoing_request("OPTIONS", B, Route=f"<sip:{C};lr>")))
    await network.run(0.1)
    proxy.send(A, proxy.answer(proxy.requests("OPTIONS")[0], 200))
    await network.run(0.1)
    assert (await task).status == 200


async def test_via_and_contact_name_the_address_that_the_peer_can_reach(network: Network) -> None:
    agent, peer = make_agent(network, A), Peer(network, B)
    agent.transports.advertised = lambda remote, ours: "203.0.113.9" if remote == B else None
    agent.invite(outgoing_request("INVITE", B), Handler(), flow=network.flow("UDP", (A, 5060), (B, 5060)))
    other = Peer(network, C)
    agent.invite(
        outgoing_request("INVITE", C, call_id="two"), Handler(), flow=network.flow("UDP", (A, 5060), (C, 5060))
    )
    await network.run(0.1)
    (outside,) = peer.requests("INVITE")
    assert outside.via.host == "203.0.113.9"
    assert str(outside.contact) == "<sip:101@203.0.113.9:5060>"
    (inside,) = other.requests("INVITE")
    assert str(inside.contact) == f"<sip:101@{A}:5060>"
    agent.transports.advertised = lambda remote, ours: "2001:db8::9"
    assert agent.contact(network.flow("TCP", (A, 5060), (B, 5060)), "", secure=False) == (
        f"<sip:{A}:5060;transport=tcp>"
    )
    assert agent.contact(network.flow("UDP", (A, 5060), (B, 5060)), "x", secure=False) == "<sip:x@[2001:db8::9]:5060>"


async def test_a_challenge_is_answered_with_the_next_number(network: Network) -> None:
    agent = make_agent(network, A)
    request = outgoing_request("REGISTER", B, CSeq="7 REGISTER", Via="SIP/2.0/UDP x;branch=z9hG4bK1")
    challenge = request.reply(401)
    client = DigestClient()
    assert authenticate(request, challenge, client, "u", "p") is None  # no challenge in it
    challenge.set("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5')
    again = agent.authenticate(request, challenge, client, "u", "p")
    assert again is not None
    assert str(again.cseq) == "8 REGISTER"
    assert "Via" not in again
    assert 'username="u"' in (again.get("Authorization") or "")
    assert authenticate(again, challenge, client, "u", "p") is None  # the password is wrong
    challenge.set("WWW-Authenticate", 'Digest realm="r", nonce="m", qop="auth", stale=true')
    assert authenticate(again, challenge, client, "u", "p") is not None
    proxy = request.reply(407)
    proxy.set("Proxy-Authenticate", 'Digest realm="r", nonce="n"')
    answered = authenticate(request, proxy, client, "u", "p")
    assert answered is not None
    assert "Proxy-Authorization" in answered
    proxy.set("Proxy-Authenticate", "Negotiate abc")
    assert authenticate(request, proxy, client, "u", "p") is None


# --- life ---------------------------------------------------------------------------------------------------------


async def test_without_a_clock_of_its_own_the_agent_wakes_itself() -> None:
    network = Network()
    agent = Agent(
        user_agent="Test/1.0",
        on_invite=lambda invite: None,
        on_request=lambda request, flow, reply: None,
        transports=FakeTransports(network, (A, 5060)),
        resolver=FakeResolver(),
    )
    try:
        flow = network.flow("UDP", (A, 5060), (B, 5060))
        response = await agent.request(outgoing_request("OPTIONS", B), flow=flow, timeout=0.05)
        assert response.status == 408
        await asyncio.wait_for(agent.sleep(0.02), 5)
    finally:
        await agent.close()
    assert agent.transports.closed  # type: ignore[attr-defined]


async def test_real_transports_carry_a_call_between_two_agents() -> None:
    async with asyncio.timeout(20):
        answered = asyncio.Event()
        hung_up = asyncio.Event()
        traced: list[str] = []

        class Ending(Events):
            def on_ended(self, why: object) -> None:
                hung_up.set()

        class Answering(Handler):
            def on_answered(self, session: Session, response: Response) -> None:
                super().on_answered(session, response)
                answered.set()

        def on_invite(invite: IncomingInvite) -> None:
            invite.session.events = Ending()
            invite.accept(SDP_ANSWER)

        def on_request(request: Request, flow: Flow, reply: Reply) -> None:
            reply(request.reply(200))

        callee = Agent(user_agent="Callee", on_invite=on_invite, on_request=on_request)
        caller = Agent(
            user_agent="Caller",
            on_invite=on_invite,
            on_request=on_request,
            trace=lambda data, flow, direction: traced.append(direction),
        )
        try:
            for transport in ("UDP", "TCP"):
                answered.clear()
                hung_up.clear()
                port = await callee.listen(transport, "127.0.0.1", 0)
                await caller.listen(transport, "127.0.0.1", 0)
                hops = [Hop(transport, "127.0.0.1", port)]
                options = await caller.request(
                    outgoing_request("OPTIONS", "127.0.0.1", call_id=f"o{transport}"), hops=hops
                )
                assert options.status == 200
                handler = Answering()
                invite = outgoing_request("INVITE", "127.0.0.1", call_id=transport, body=SDP_OFFER)
                caller.invite(invite, handler, hops=hops)
                await answered.wait()
                info = await handler.session.request("INFO")
                assert info.status == 200
                handler.session.bye()
                await hung_up.wait()
            assert set(traced) == {"in", "out"}
        finally:
            await caller.close()
            await callee.close()


async def test_only_ways_that_the_agent_has_are_tried() -> None:
    agent = Agent(
        user_agent="Test/1.0",
        on_invite=lambda invite: None,
        on_request=lambda request, flow, reply: None,
    )
    try:
        assert not await agent.resolver.resolve(Uri.parse("sip:127.0.0.1")), "nothing listens on UDP yet"
        await agent.listen("UDP", "127.0.0.1", 0)
        assert await agent.resolver.resolve(Uri.parse("sip:127.0.0.1:5070")) == [Hop("UDP", "127.0.0.1", 5070)]
        assert await agent.resolver.resolve(Uri.parse("sip:127.0.0.1:5070;transport=tcp")) != []
        assert not await agent.resolver.resolve(Uri.parse("sip:[::1]:5070")), "there is no socket for IPv6"
        assert not await agent.resolver.resolve(Uri.parse("sip:127.0.0.1;transport=ws")), "browsers call us"
    finally:
        await agent.close()


async def test_closing_stops_what_is_still_being_looked_for(network: Network) -> None:
    class Slow(FakeResolver):
        async def resolve(self, uri: object, *, prefer: str | None = None) -> list[Hop]:
            await asyncio.Event().wait()
            return []

    agent = make_agent(network, A)
    agent.resolver = Slow()
    agent.invite(outgoing_request("INVITE", "slow.example"), Handler())
    await network.run(0.1)
    await agent.close()
    assert len(asyncio.all_tasks()) == 1


# --- nothing stays ------------------------------------------------------------------------------------------------


@pytest.mark.timeout(240)  # 10 s alone, 40 s on a busy machine
async def test_after_ten_thousand_calls_nothing_is_left(network: Network) -> None:
    network.keep_log = False
    caller, callee = Party(network, A), Party(network, B)
    objects: list[int] = []
    for round_ in range(10):
        outgoing = []
        for number in range(1000):
            handler = Handler()
            call = caller.call(B, handler, call_id=f"{round_}-{number}", transport="UDP" if number % 2 else "TCP")
            outgoing.append((number, call, handler))
        await network.run(0.05)
        for number, invite in enumerate(callee.invites):
            invite.progress(183 if number % 3 else 180, body=SDP_ANSWER if number % 3 else b"")
        await network.run(0.2)
        for number, invite in enumerate(callee.invites):
            if number % 10 == 0:
                invite.reject(486)
            elif number % 10 != 1:
                invite.accept(SDP_ANSWER)
        await network.run(0.2)
        for _, call, handler in outgoing:
            if handler.answers:
                handler.session.bye()
            else:
                call.cancel()
        await network.run(0.5)
        assert len(callee.invites) == 1000
        assert sum(len(handler.answers) + len(handler.failures) for _, _, handler in outgoing) == 1000
        callee.invites.clear()
        callee.events.clear()
        callee.cancels.clear()
        outgoing.clear()
        del handler, call, invite
        await network.run(70)
        gc.collect()
        objects.append(len(gc.get_objects()))
    for agent in (caller.agent, callee.agent):
        assert agent.idle
        assert agent.sessions == {}
        assert len(agent.timers) == 0
        assert agent.timers._slots == {}
        assert agent._of_flow == {}
        assert agent._tasks == set()
        assert agent.layer._servers == agent.layer._clients == agent.layer._merges == agent.layer._by_flow == {}
        assert agent.counters["errors"] == 0
    assert objects[-1] - objects[5] < 1000  # by then the caches of the parser are full
