"""Calls from and to the outside, through providers that are other agents on the network."""

from __future__ import annotations

from jackfield.sip.message import Request
from jackfield.switch.snapshot import EmergencyNumber, Inbound, Outbound, Rewrite, Trunk

from .house import House, Phone, extension

CARRIER, BACKUP = "203.0.113.1", "203.0.113.2"


def trunk(name: str, *hosts: str, **fields: object) -> Trunk:
    return Trunk(name=name, kind="address", hosts=hosts, qualify_interval=0.0, **fields)  # type: ignore[arg-type]


async def provider(house: House, address: str) -> Phone:
    """A carrier: an agent that takes what comes."""
    carrier = Phone(house, "carrier", "", address, codecs=("pcma", "pcmu"))
    house.phones.append(carrier)
    return carrier


async def with_trunk(house: House, **fields: object) -> Phone:
    carrier = await provider(house, CARRIER)
    await house.configure(
        trunks=(trunk("Odorik", CARRIER, **fields),),
        outbound=(Outbound(name="World", prefix="9", trunks=("Odorik",)),),
        inbound=(Inbound(trunk="Odorik", number="5550101", rewrite=Rewrite(strip=5, prefix="2")),),
    )
    await house.pass_time(1)
    return carrier


async def test_a_call_to_the_outside_loses_the_prefix_and_shows_the_trunks_number(house: House) -> None:
    carrier = await with_trunk(house, caller_id="5550100")
    alice = await house.phone("101")
    call = alice.call("90123456")
    answered = await carrier.picks_up()
    assert await call.outcome() == 200
    assert answered.incoming is not None
    request = answered.incoming.request
    assert request.request_uri.user == "0123456"
    assert "5550100" in (request.get("P-Asserted-Identity") or "") + str(request.from_)
    assert house.hears(alice) == "the other party"
    answered.hang_up()
    await house.pass_time(1)
    record = house.record
    assert record["direction"] == "out"
    assert record["hung_up_by"] == "callee"
    assert record["legs"][1]["trunk"] == "Odorik"
    assert record["called"]["trunk"] == "Odorik"  # by which the history is searched


async def test_5550101_rings_201_and_the_caller_can_be_called_back(house: House) -> None:
    carrier = await with_trunk(house)
    await house.configure(extensions=(*house.snapshot.extensions, extension("201")))
    phone = await house.phone("201", "10.0.0.21")
    call = carrier.call("5550101", headers=(("P-Asserted-Identity", "<sip:0123456@203.0.113.1>"),))
    ringing = await phone.rings()
    assert ringing.incoming is not None
    assert ringing.incoming.request.from_.uri.user == "90123456"
    ringing.answer()
    assert await call.outcome() == 200
    call.hang_up()
    await house.pass_time(1)
    assert house.record["direction"] == "in"
    back = phone.call("90123456")
    answered = await carrier.picks_up()
    assert answered.incoming is not None
    assert answered.incoming.request.request_uri.user == "0123456"
    assert await back.outcome() == 200


async def test_an_address_that_says_503_makes_way_for_the_next(house: House) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("Two", CARRIER, BACKUP),), outbound=(Outbound(name="World", prefix="9", trunks=("Two",)),)
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    first.auto = lambda call: call.reject(503)
    call = alice.call("9123")
    await second.picks_up()
    assert await call.outcome() == 200


async def test_a_silent_address_makes_way_for_the_next(house: House) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("Two", CARRIER, BACKUP),), outbound=(Outbound(name="World", prefix="9", trunks=("Two",)),)
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    first.transports.receive = lambda message, flow: None
    call = alice.call("9123")
    await second.picks_up()
    assert await call.outcome() == 200
    await house.pass_time(1)
    assert any(
        "no response" in line["text"] for line in next(iter(house.switch.calls.values())).record.to_dict()["journal"]
    )


def refuse_by_icmp(house: House, address: str) -> None:
    """Let the network say that nobody listens at a port."""
    agent = house.switch.agent
    agent.on_flow_failed(agent.transports.flow("UDP", (address, 5060)), "Connection refused")


async def test_a_port_where_nobody_listens_is_told_as_such_and_not_as_an_answer(house: House) -> None:
    await house.configure(
        trunks=(trunk("Two", CARRIER, BACKUP),), outbound=(Outbound(name="World", prefix="9", trunks=("Two",)),)
    )
    alice = await house.phone("101")
    call = alice.call("9123")
    await house.pass_time(0.5)
    refuse_by_icmp(house, CARRIER)
    await house.pass_time(0.5)
    refuse_by_icmp(house, BACKUP)
    assert await call.outcome() == 503
    await house.pass_time(3)
    record = house.record
    journal = [line["text"] for line in record["journal"]]
    nobody = "nobody listens at {} port 5060 (UDP), or no packet gets there"
    assert f"{nobody.format(CARRIER)}: trying UDP {BACKUP}:5060" in journal
    mend = "check Trunks > Two > Provider's address"
    assert f"9123: {nobody.format(BACKUP)} - {mend}, the network, and that the server of Two runs" in journal
    assert not any("503" in line for line in journal), "nobody has answered 503"
    assert record["reason"].startswith(f'trunk "Two" failed: {nobody.format(BACKUP)} - {mend}')
    assert record["hung_up_by"] == "system"
    (outside,) = [leg for leg in record["legs"] if leg["role"] == "callee"]
    assert outside["status"] == 0


async def test_a_connection_that_is_refused_is_told_as_such(house: House) -> None:
    await house.configure(
        trunks=(trunk("Two", CARRIER, transport="tcp"),),
        outbound=(Outbound(name="World", prefix="9", trunks=("Two",)),),
    )
    alice = await house.phone("101")
    assert await alice.call("9123").outcome() == 503
    await house.pass_time(3)
    assert (
        f"no connection to {CARRIER} port 5060 (TCP): nobody listens there, or it is refused" in house.record["reason"]
    )


async def test_a_caller_from_outside_is_not_told_the_addresses_of_the_house(house: House) -> None:
    carrier = await provider(house, CARRIER)
    await house.configure(
        trunks=(trunk("One", CARRIER, outside_calls=True), trunk("Two", BACKUP)),
        outbound=(Outbound(name="World", prefix="9", trunks=("Two",)),),
    )
    await house.pass_time(1)
    call = carrier.call("9123")
    await house.pass_time(0.5)
    refuse_by_icmp(house, BACKUP)
    assert await call.outcome() == 503
    assert call.final is not None
    assert BACKUP not in (call.final.get("Reason") or "")
    await house.pass_time(3)
    assert BACKUP in house.record["reason"]


async def test_a_busy_callee_is_not_called_again_through_another_trunk(house: House) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("One", CARRIER), trunk("Two", BACKUP)),
        outbound=(Outbound(name="World", prefix="9", trunks=("One", "Two")),),
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    first.auto = lambda call: call.reject(486)
    assert await alice.call("9123").outcome() == 486
    assert not second.calls


async def test_a_full_trunk_is_skipped(house: House) -> None:
    first, second = await provider(house, CARRIER), await provider(house, BACKUP)
    await house.configure(
        trunks=(trunk("One", CARRIER, max_calls=1), trunk("Two", BACKUP)),
        outbound=(Outbound(name="World", prefix="9", trunks=("One", "Two")),),
    )
    await house.pass_time(1)
    alice, bob = await house.phone("101"), await house.phone("102")
    one = alice.call("9111")
    await first.picks_up()
    assert await one.outcome() == 200
    two = bob.call("9222")
    await second.picks_up()
    assert await two.outcome() == 200
    one.hang_up()
    await house.pass_time(1)
    three = alice.call("9333")
    await first.picks_up()
    assert await three.outcome() == 200


async def test_an_emergency_number_is_never_blocked(house: House) -> None:
    carrier = await provider(house, CARRIER)
    await house.configure(
        trunks=(trunk("One", CARRIER, max_calls=1),), emergency_numbers=(EmergencyNumber(number="112"),)
    )
    await house.change_extension("101", outside_calls=False)
    await house.pass_time(1)
    alice = await house.phone("101")
    call = alice.call("112")
    answered = await carrier.picks_up()
    assert await call.outcome() == 200
    assert answered.incoming is not None
    assert answered.incoming.request.request_uri.user == "112"


async def test_a_stranger_reaches_extensions_but_never_a_trunk(house: House) -> None:
    carrier = await with_trunk(house)
    stranger = Phone(house, "stranger", "", "198.51.100.9")
    house.phones.append(stranger)
    alice = await house.phone("101")
    assert await stranger.call("9123").outcome() in (403, 404)
    assert not carrier.calls
    call = stranger.call("101")
    await alice.picks_up()
    assert await call.outcome() == 200


async def test_an_outside_caller_can_be_transferred_to_another_extension(house: House) -> None:
    carrier = await with_trunk(house)
    await house.configure(inbound=(Inbound(trunk="Odorik", number="5550101", target="101"),))
    alice, bob = await house.phone("101"), await house.phone("102")
    call = carrier.call("5550101")
    answered = await alice.picks_up()
    assert await call.outcome() == 200
    await answered.refer("<sip:102@10.0.0.1>")
    await bob.picks_up()
    await house.pass_time(3)
    assert answered.ended is not None
    assert house.hears(bob) == "the other party"
    assert house.stream_of(carrier).heard == "the other party"


async def test_a_caller_whose_connection_has_gone_is_not_rung_for_any_longer(house: House) -> None:
    carrier = await with_trunk(house)
    alice = await house.phone("101", transport="TCP")
    alice.call("9123")
    outside = await carrier.rings()
    await house.pass_time(1)
    agent = house.switch.agent
    connection = agent.transports.flow("TCP", (alice.address, 5060))
    connection.closed = True
    agent.on_flow_failed(connection, "closed by the peer")
    await house.pass_time(30)
    assert outside.cancelled is None, "it may come back"
    await house.pass_time(5)
    assert outside.cancelled is not None
    record = house.record
    assert record["outcome"] == "cancelled"
    assert record["hung_up_by"] == "system"
    assert record["reason"] == "the connection to its phone was lost and did not come back"
    assert not house.switch.calls


async def test_a_caller_behind_nat_whose_phone_vanishes_is_not_rung_for_any_longer(house: House) -> None:
    carrier = await with_trunk(house)
    await house.configure(extensions=(extension("101", behind_nat="always"), *house.snapshot.extensions[1:]))
    alice = await house.phone("101")
    await house.pass_time(35)  # in which it answers OPTIONS once
    alice.call("9123")
    outside = await carrier.rings()
    await house.pass_time(1)
    alice.transports.receive = lambda message, flow: None
    await house.pass_time(75)
    assert outside.cancelled is not None
    record = house.record
    assert record["outcome"] == "cancelled"
    assert record["reason"] == "its phone does not answer any more"


async def test_a_phone_that_never_answers_options_may_call_for_as_long_as_it_rings(house: House) -> None:
    carrier = await with_trunk(house)
    await house.configure(extensions=(extension("101", behind_nat="always"), *house.snapshot.extensions[1:]))
    alice = await house.phone("101")
    take = alice.transports.receive
    alice.transports.receive = lambda message, flow: (
        None if isinstance(message, Request) and message.method == "OPTIONS" else take(message, flow)
    )
    call = alice.call("9123")
    outside = await carrier.rings()
    await house.pass_time(100)
    assert outside.cancelled is None
    outside.answer()
    assert await call.outcome() == 200
