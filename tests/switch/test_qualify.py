"""Phones behind NAT are asked by OPTIONS: pinholes stay open, lost phones are noticed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from calls.network import MemoryTransports, Network
from carrier import Carrier, Names, pass_time, simulated
from company import company
from test_registrar import Office
from wire import authorize, request

from jackfield.sip.agent import Agent
from jackfield.switch.contact import Contact
from jackfield.switch.qualify import Qualifier


class Watched(Office):
    """An office whose phones are asked by OPTIONS over a network in memory."""

    async def __aenter__(self) -> Watched:
        self.loop = asyncio.get_running_loop()
        self.network = Network()
        self.transports = MemoryTransports(self.network, "192.0.2.1")
        self.agent = Agent(
            user_agent="Jackfield",
            on_invite=lambda invite: None,
            on_request=lambda request, flow, reply: None,
            transports=self.transports,
            resolver=Names(),
        )
        self.transports.receive = self.agent.receive
        self.qualifier = Qualifier(
            self.agent,
            self.registrar,
            lambda: self.snapshot,
            clock=self.loop.time,
            emit=lambda kind, data: None,
            random=random.Random(1),
            wall_clock=lambda: self.loop.time() + 1_700_000_000,
        )
        self.phones: list[Carrier] = []
        await self.qualifier.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.qualifier.close()
        await self.agent.close()
        for phone in self.phones:
            await phone.agent.close()

    def plug_in(
        self, address: str, *, contact: str, user: str = "u101", transport: str = "UDP", port: int = 5060
    ) -> Carrier:
        """A phone at a public address, which says in its Contact what it likes; it listens at `port`."""
        phone = Carrier(self.network, address, port)
        self.phones.append(phone)
        made = request(
            "REGISTER",
            "sip:test",
            from_=f"<sip:{user}@test>;tag=a",
            to=f"<sip:{user}@test>",
            via=f"SIP/2.0/{transport} {address};branch=z9hG4bKx;rport",
            extra=f"Contact: <{contact}>;expires=3600\r\n",
        )
        flow = self.transports.flow(transport, (address, 5060))
        response = self.ask(authorize(made, self.ask(made, flow), user), flow)
        assert response.status == 200
        return phone


@simulated
async def test_a_phone_behind_nat_is_asked_every_interval_and_its_latency_is_known():
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        await pass_time(300)
        asked = phone.of("OPTIONS")
        assert 9 <= len(asked) <= 12
        assert asked[0].uri == "sip:a@192.168.1.5"
        assert office.registrar.contacts(office.line())[0].latency is not None


@simulated
async def test_a_phone_on_the_same_network_is_left_in_peace_unless_all_are_to_be_asked():
    async with Watched() as office:
        phone = office.plug_in("192.168.1.7", contact="sip:a@192.168.1.7")
        await pass_time(100)
        assert phone.of("OPTIONS") == []
    async with Watched(company(general={"qualify_all": True})) as office:
        phone = office.plug_in("192.0.2.7", contact="sip:a@192.0.2.7")
        elsewhere = office.plug_in("192.0.2.8", contact="sip:b@192.0.2.8:5080", user="u102", port=5080)
        await pass_time(100)
        assert phone.of("OPTIONS")
        assert elsewhere.of("OPTIONS")


@simulated
async def test_three_unanswered_questions_make_a_phone_unreachable_and_an_answer_brings_it_back():
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        await pass_time(40)
        phone.silent()
        await pass_time(45)
        assert office.uris()  # one or two may be lost packets
        await pass_time(30)
        assert office.uris() == []
        assert office.registrar.table()[0].reachable is False
        assert office.events[-1][2] == "3 OPTIONS without an answer"
        phone.says.clear()
        await pass_time(40)
        assert office.uris() == ["sip:a@192.168.1.5"]
        assert office.happened == ["registered", "unreachable", "reachable"]


@pytest.mark.parametrize("status", [200, 404, 405, 481, 486])
@simulated
async def test_any_answer_is_a_sign_of_life(status: int):
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        phone.says["OPTIONS"] = lambda r: r.reply(status)
        await pass_time(300)
        assert office.uris()


@simulated
async def test_a_phone_that_registers_again_is_reachable_at_once():
    async with Watched() as office:
        office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5").silent()
        await pass_time(120)
        assert office.uris() == []
        office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        assert office.uris() == ["sip:a@192.168.1.5"]


@simulated
async def test_a_phone_that_is_gone_is_no_longer_asked():
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        await pass_time(40)
        asked = len(phone.of("OPTIONS"))
        office.registrar.reload()
        office.snapshot = replace(office.snapshot, extensions=())
        office.registrar.reload()
        await pass_time(300)
        assert len(phone.of("OPTIONS")) == asked


@simulated
async def test_phones_that_came_together_are_asked_one_by_one():
    async with Watched() as office:
        times: list[float] = []
        for host in range(5):
            phone = office.plug_in(f"203.0.113.{host}", contact=f"sip:a{host}@192.168.1.5")
            phone.says["OPTIONS"] = lambda r: (times.append(office.loop.time()), r.reply(200))[1]
        await pass_time(31)
        assert len(times) >= 5
        assert len({round(t) for t in times}) >= 4


@simulated
async def test_hundreds_that_are_due_leave_room_for_calls():
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        first = office.registrar.contacts(office.line())[0]
        many = [Contact(1000 + number, "u101", first.uri) for number in range(120)]
        for one in many:
            one.link, one.by_flow, one.source, one.nat_reason = first.link, True, first.source, first.nat_reason
            one.expires_at = first.expires_at
        office.registrar._phones["u101"] += many
        office.qualifier._due = [(0.0, one.id, one) for one in many]
        assert office.qualifier._ask_due() == pytest.approx(0.02)
        assert sum(one.asked != "" for one in many) == 50
        await pass_time(1)
        assert len(phone.of("OPTIONS")) == 120


@simulated
async def test_a_phone_whose_connection_has_gone_is_not_chased():
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5;transport=tcp", transport="TCP")
        flow = office.transports.flow("TCP", ("203.0.113.7", 5060))
        flow.closed = True
        office.registrar.flow_failed(flow, "reset")
        await pass_time(200)
        assert phone.of("OPTIONS") == []


@simulated
async def test_phones_known_from_before_a_restart_are_asked_too():
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        await office.qualifier.close()
        second = Qualifier(
            office.agent, office.registrar, lambda: office.snapshot, clock=office.loop.time, emit=lambda k, d: None
        )
        await second.start()
        before = len(phone.of("OPTIONS"))
        await pass_time(40)
        assert len(phone.of("OPTIONS")) > before
        await second.close()


@simulated
async def test_asking_can_be_switched_off():
    async with Watched(company(general={"qualify_interval": 0.0})) as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        await pass_time(200)
        assert phone.of("OPTIONS") == []


@simulated
async def test_a_fault_does_not_end_the_asking(caplog):
    async with Watched() as office:
        phone = office.plug_in("203.0.113.7", contact="sip:a@192.168.1.5")
        office.network.carry = None  # type: ignore[assignment]
        await pass_time(40)
        assert "asking phones by OPTIONS failed" in caplog.text
        del office.network.carry
        await pass_time(40)
        assert phone.of("OPTIONS")
