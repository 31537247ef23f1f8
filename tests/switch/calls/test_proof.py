"""Audio proof: the first call from a network, or a test, shows whether a phone hears and is heard."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jackfield.control import ControlError
from jackfield.media.client import StreamStats
from jackfield.switch.contact import Contact
from jackfield.switch.experience import Experience
from jackfield.switch.registration_log import RegistrationLog
from jackfield.switch.snapshot import Site
from jackfield.switch.verdict import Verdict, says

from .house import House, Phone, quiet

FINE = StreamStats(packets_in=150, packets_out=150, lost_out=0, reports=1, rtt_ms=24.0)
NOTHING = StreamStats(packets_out=150)


def row(house: House, number: str) -> Any:
    return next(row for row in house.switch.registrar.table() if row.extension == number)


async def talk(house: House, **figures: StreamStats) -> tuple[Phone, Phone]:
    """101 calls 102; each stream has these figures. Returns the phones after the first look at the audio."""
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    for phone, stats in ((alice, figures.get("alice", FINE)), (bob, figures.get("bob", FINE))):
        house.stream_of(phone).figures = stats
    await house.pass_time(3.5)
    return alice, bob


async def test_the_first_seconds_of_the_first_call_show_that_both_hear_each_other(house: House) -> None:
    assert not house.switch.registrar.table()
    await talk(house)
    for number in ("101", "102"):
        found = row(house, number)
        assert found.says == f"{number}'s phone hears and is heard"
        assert (found.verdict["is_heard"], found.verdict["hears"], found.verdict["good"]) == (True, True, True)
        assert (found.verdict["delay_ms"], found.verdict["how"], found.verdict["transport"]) == (24.0, "call", "")
        assert found.verdict["codec"]


async def test_where_no_audio_passes_the_ports_and_the_router_are_named(house: House) -> None:
    house.switch.proofs._rtp_ports = "10000-20000"
    _, bob = await talk(house, bob=NOTHING)
    found = row(house, "102")
    assert found.says.startswith("102's phone hears nothing and is not heard because the router at")
    assert bob.address in found.says
    assert "blocks UDP 10000-20000" in found.says
    assert found.verdict["transport"] == "tls"  # what provisioning gives it next
    assert found.verdict["relay"] is True
    assert await house.switch.proofs.transports({}) == {"u102": "tls"}
    assert row(house, "101").verdict["good"]


def test_a_browser_whose_network_blocks_udp_gets_through_by_turn() -> None:
    blocked = Verdict(at=0, how="call", network="203.0.113.2", is_heard=False, silent=True, signalling="WSS")
    for turn in (False, True):
        told = says(blocked, phone="101's browser", signalling="WSS", tls="TLS on port 5061", turn=turn)
        assert "TLS" not in told, "its signalling is encrypted already"
        assert ("“Relay audio by TURN”" in told) is not turn


async def test_the_site_is_named_where_there_is_one(house: House) -> None:
    await house.configure(sites=(Site(name="Brno", networks=("10.0.0.102",)),))
    house.switch.proofs._rtp_ports = "10000-20000"
    await talk(house, bob=NOTHING)
    assert "the router at site Brno (10.0.0.102) blocks UDP 10000-20000" in row(house, "102").says


async def test_the_first_call_tells_what_the_nat_of_a_phone_lets_in(house: House) -> None:
    asked: list[tuple[str, str]] = []

    async def ask(ours: str, phone: tuple[str, int]) -> bool:
        asked.append((ours, phone[0]))
        return len(asked) == 1

    proofs = house.switch.proofs
    proofs.probe, proofs.hosts = ask, ("192.0.2.1", "192.0.2.2")
    bob = await house.phone("102")
    contact = next(iter(house.switch.registrar))
    contact.nat_reason = "its Contact says another address"
    await talk(house)
    assert [phone for _, phone in asked] == [bob.address] * 2
    assert row(house, "102").verdict["door"] == "address"
    await house.pass_time(10)
    assert len(asked) == 2, "it is asked once"


async def test_audio_that_comes_by_our_relay_is_told_so(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    stream = house.stream_of(bob)
    stream.figures = StreamStats(
        packets_in=150, packets_out=150, lost_out=0, reports=1, remote=f"{stream.address}:61000"
    )
    await house.pass_time(3.5)
    found = row(house, "102")
    assert found.says == "102's phone hears and is heard, by way of our relay"
    assert (found.verdict["relayed"], found.verdict["relay"], found.verdict["nat"]) == (True, True, "")


async def test_a_phone_that_reports_but_never_on_us_hears_nothing(house: House) -> None:
    await talk(house, bob=StreamStats(packets_in=150, packets_out=150, reports=3))
    assert "hears nothing though it is heard" in row(house, "102").says


async def test_audio_from_an_address_that_was_not_named_is_told(house: House) -> None:
    await talk(house, bob=StreamStats(packets_out=150, dropped_source=140))
    assert "set NAT of its line to “always”" in row(house, "102").says
    assert row(house, "102").verdict["transport"] == ""


async def test_a_phone_without_reports_is_asked_again_and_then_left_at_that(house: House) -> None:
    silent = StreamStats(packets_in=150, packets_out=150)
    _, bob = await talk(house, bob=silent)
    assert row(house, "102").verdict["hears"] is None
    house.stream_of(bob).figures = StreamStats(packets_in=400, packets_out=400, lost_out=2, reports=1)
    await house.pass_time(6)
    assert row(house, "102").verdict["hears"] is True


async def test_a_phone_whose_verdict_is_fresh_is_not_looked_at_in_each_call(house: House) -> None:
    await talk(house)
    for going_on in house.switch.calls.values():
        going_on.end()
    await quiet(house, 1)
    before = row(house, "102").verdict["at"]
    alice, bob = house.phones
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    await house.pass_time(5)
    assert row(house, "102").verdict["at"] == before


async def test_a_call_that_is_over_at_once_says_nothing(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    call = alice.call("102")
    await bob.picks_up()
    assert await call.outcome() == 200
    house.stream_of(bob).figures = NOTHING
    call.hang_up()
    await quiet(house, 1)
    assert row(house, "102").verdict is None
    assert "was not heard yet" in row(house, "102").says


# --- a test that somebody asks for ---


async def test_a_test_rings_the_phone_by_itself_and_a_key_proves_that_it_hears(house: House) -> None:
    bob = await house.phone("102")
    answer = await house.switch.proofs.prove({"extension": "102", "by": "Anna"})
    rung = await bob.rings()
    assert rung.invite is not None
    assert "answer-after=0" in (rung.invite.get("Call-Info") or "")
    assert "alert-autoanswer" in (rung.invite.get("Alert-Info") or "")
    assert rung.invite.get("Answer-Mode") == "Auto"
    assert rung.invite.from_.display == "Audio test: press 1"
    rung.answer()
    await house.pass_time(1)
    stream = house.stream_of(bob)
    stream.figures = StreamStats(packets_in=100, packets_out=100)
    stream.press("1")
    await quiet(house, 1)
    found = row(house, "102")
    assert (found.verdict["how"], found.verdict["hears"], found.verdict["is_heard"]) == ("test", True, True)
    assert found.says == "102's phone hears and is heard"
    assert answer["phone"] == found.address
    assert rung.ended
    assert "Anna asks whether the phone hears" in house.journal()
    assert house.record["called"]["name"] == "Audio test"


async def test_without_a_key_and_without_reports_nothing_is_claimed(house: House) -> None:
    bob = await house.phone("102")
    await house.switch.proofs.prove({"extension": "102"})
    await bob.picks_up()
    await house.pass_time(1)
    house.stream_of(bob).figures = StreamStats(packets_in=100, packets_out=100)
    await quiet(house, 1)
    assert row(house, "102").verdict["hears"] is None
    assert "whether it hears, it does not say" in row(house, "102").says


async def test_what_stands_in_the_way_of_a_test_is_said(house: House) -> None:
    with pytest.raises(ControlError, match="no extension 999"):
        await house.switch.proofs.prove({"extension": "999"})
    with pytest.raises(ControlError, match="no phone of extension 102 is connected"):
        await house.switch.proofs.prove({"extension": "102"})
    await talk(house)
    with pytest.raises(ControlError, match="extension 102 is in a call"):
        await house.switch.proofs.prove({"extension": "102"})
    with pytest.raises(ControlError, match="no phone at 192"):
        await house.switch.proofs.prove({"extension": "103", "address": "192.0.2.9:5060"})


async def test_a_phone_that_nobody_picks_up_leaves_no_verdict(house: House) -> None:
    bob = await house.phone("102")
    await house.switch.proofs.prove({"extension": "102"})
    await bob.rings()
    await quiet(house, 1)
    assert row(house, "102").verdict is None


# --- a softphone's own ---


async def test_a_softphone_that_calls_the_echo_is_told_what_is_found(house: House) -> None:
    alice = await house.phone("101")
    call = alice.call("*43", headers=(("Recv-Info", "jackfield-proof"),))
    assert await call.outcome() == 200
    house.stream_of(alice).figures = FINE
    await house.pass_time(3.5)
    (told,) = [request for request in call.requests if request.method == "INFO"]
    assert told.get("Info-Package") == "jackfield-proof"
    found = json.loads(told.body)
    assert (found["hears"], found["is_heard"], found["good"]) == (True, True, True)
    assert found["says"] == "101's phone hears and is heard"
    call.hang_up()


async def test_who_does_not_ask_is_not_told(house: House) -> None:
    alice = await house.phone("101")
    call = alice.call("*43", headers=(("Recv-Info", "dtmf"),))
    assert await call.outcome() == 200
    house.stream_of(alice).figures = FINE
    await house.pass_time(20)
    assert [request.method for request in call.requests] == []
    call.hang_up()


# --- what is kept, and how it is said ---


def made(**more: Any) -> Verdict:
    return Verdict(**{"at": 1000.0, "how": "call", "network": "203.0.113.2", "is_heard": True, "hears": True, **more})


def test_a_verdict_is_found_again_after_a_restart(tmp_path: Path) -> None:
    contact = Contact(1, "u101", "sip:a@192.168.1.5")
    contact.user_agent, contact.source = "Snom D785", ("203.0.113.2", 40001)
    file = RegistrationLog(tmp_path / "registrations.log", lambda: 0.0)
    list(file.read())
    before = Experience(lambda: 1000.0, file.append)
    before.judge(contact, made(nat="symmetric", lost_in=0.01))
    before.pinhole(contact).survived(62.0, 1000.0)
    before.learnt(contact)
    before.gateway("203.0.113.2", True)
    file.close()

    after = Experience(lambda: 2000.0, lambda entry: None)
    for entry in RegistrationLog(tmp_path / "registrations.log", lambda: 0.0).read():
        after.take(entry)  # type: ignore[arg-type]
    assert after.verdict(contact) == made(nat="symmetric", lost_in=0.01)
    assert after.pinhole(contact).good == 62.0
    assert after.gateways == ["203.0.113.2"]
    contact.source = ("203.0.113.77", 5060)
    assert after.verdict(contact) is None, "another network, another verdict"


def test_the_most_useful_sentence_comes_first() -> None:
    name = "103's desk phone"
    blocked = made(is_heard=False, hears=False, silent=True)
    assert says(blocked, phone=name, rtp_ports="10000-20000", gateway=True).startswith(f"{name} hears nothing and is")
    alg = says(made(), phone=name, network="203.0.113.2", gateway=True, tls="TLS on port 5061")
    assert alg.startswith("the router at 203.0.113.2 changes SIP messages (SIP ALG): switch “SIP ALG” off there")
    assert alg.endswith("or let 103's desk phone use TLS on port 5061")
    assert "TLS" not in says(made(), phone=name, gateway=True), "where there is none"
    assert "loses 12% of what it says" in says(made(lost_in=0.12), phone=name)
    assert "loses 12% of what it hears" in says(made(lost_out=0.12), phone=name)
    assert says(None, phone=name) == f"{name} was not heard yet: its first call will show, or a test"


@pytest.mark.parametrize(
    ("then", "now", "provisioned", "ends"),
    [
        ("UDP", "UDP", False, ": open UDP 10000-20000 there to this system, and let it use TLS on port 5061"),
        ("UDP", "UDP", True, ": open UDP 10000-20000 there to this system; it is being switched to TLS on port 5061"),
        ("UDP", "TLS", True, "; switched to TLS on port 5061: its next call, or a test, shows whether that was enough"),
        ("TLS", "TLS", True, ": open UDP 10000-20000 there to this system"),
    ],
)
def test_a_phone_without_audio_is_told_of_by_what_was_done_and_what_is_left_to_do(
    then: str, now: str, provisioned: bool, ends: str
) -> None:
    blocked = made(is_heard=False, hears=False, silent=True, signalling=then)
    said = says(
        blocked, phone="103's desk phone", network="site Brno (203.0.113.2)", rtp_ports="10000-20000", signalling=now,
        provisioned=provisioned, tls="TLS on port 5061",
    )  # fmt: skip
    router = "the router at site Brno (203.0.113.2) blocks UDP 10000-20000"
    assert said == f"103's desk phone hears nothing and is not heard because {router}{ends}"


async def test_who_was_switched_to_tls_stays_there_when_all_is_well(house: House) -> None:
    bob = await house.phone("102")
    contact = next(iter(house.switch.registrar))
    blocked = made(network=bob.address, is_heard=False, hears=False, silent=True)
    house.switch.registrar.experience.judge(contact, blocked)
    contact.transport = "TLS"
    await talk(house)
    found = row(house, "102")
    assert found.verdict["good"]
    assert found.says.startswith("102's phone hears and is heard since it was switched to TLS on port ")
    assert await house.switch.proofs.transports({}) == {"u102": "tls"}


async def test_where_audio_is_blocked_the_second_port_of_tls_is_given_and_kept(house: House) -> None:
    proofs, registrar = house.switch.proofs, house.switch.registrar
    proofs.tls, proofs.tls_second = 5061, 443
    _, bob = await talk(house, bob=NOTHING)
    assert await proofs.transports({}) == {"u102": "tls second"}
    assert row(house, "102").says.endswith("and let it use TLS on port 443")
    contact = next(one for one in registrar if one.username == "u102")
    contact.transport, contact.local = "TLS", ("192.0.2.1", 443)
    house.stream_of(bob).figures = FINE
    await house.pass_time(6)
    assert row(house, "102").says == "102's phone hears and is heard since it was switched to TLS on port 443"
    assert await proofs.transports({}) == {"u102": "tls second"}
    proofs.tls_second = 0
    assert await proofs.transports({}) == {"u102": "tls"}


async def test_a_router_is_told_of_once_however_many_phones_are_behind_it(house: House) -> None:
    await house.configure(sites=(Site(name="Brno", networks=("10.0.0.102",)),))
    house.switch.proofs._rtp_ports, house.switch.proofs.tls = "10000-20000", 5061
    assert await house.switch.proofs.routers({}) == []
    await talk(house, bob=NOTHING)
    (blocks,) = await house.switch.proofs.routers({})
    assert (blocks["kind"], blocks["site"], blocks["address"]) == ("blocks audio", "Brno", "10.0.0.102")
    assert (blocks["phones"], blocks["ports"], blocks["tls"]) == (["102's phone"], "10000-20000", 5061)
    for contact in house.switch.registrar:
        contact.source, contact.gateway = ("203.0.113.9", contact.source[1]), True
    (changes,) = await house.switch.proofs.routers({})
    assert (changes["kind"], changes["phones"]) == ("changes sip", ["101's phone", "102's phone"])


async def test_a_phone_that_needs_tls_is_moved_when_it_fetches_its_settings_and_no_call_goes_on(house: House) -> None:
    house.switch.proofs.tls = 5061
    await talk(house, bob=NOTHING)
    assert await house.switch.proofs.to_be_moved({}) == [], "nobody writes its settings but people"
    extensions = [
        replace(one, lines=tuple(replace(line, provisioned=True) for line in one.lines))
        for one in house.switch.snapshot.extensions
    ]
    await house.configure(extensions=tuple(extensions))
    assert await house.switch.proofs.to_be_moved({}) == [], "it is in a call"
    for going_on in house.switch.calls.values():
        going_on.end()
    await quiet(house, 1)
    assert await house.switch.proofs.to_be_moved({}) == ["u102"]


async def test_a_router_that_one_phone_has_found_out_moves_the_next_one_too(house: House) -> None:
    house.switch.proofs.tls = 5061
    await house.phone("102")
    extensions = [
        replace(one, lines=tuple(replace(line, provisioned=True) for line in one.lines))
        for one in house.switch.snapshot.extensions
    ]
    await house.configure(extensions=tuple(extensions))
    (contact,) = house.switch.registrar
    house.switch.registrar.experience.gateway(contact.source[0], True)
    assert await house.switch.proofs.to_be_moved({}) == ["u102"]
    contact.transport = "TLS"
    assert await house.switch.proofs.to_be_moved({}) == []
    assert await house.switch.proofs.transports({}) == {"u102": "tls"}, "it stays there"


def test_what_follows_from_a_verdict() -> None:
    assert made().transport == ""
    assert made(gateway=True).transport == "tls"
    assert made(nat="symmetric").relay
    assert not made(nat="keeps ports").relay
