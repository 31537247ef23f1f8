"""Who is listened to, and who is not, whatever he sends."""

from __future__ import annotations

import random

import pytest

from jackfield.media.latch import PROBATION, SETTLED, Latch, Verdict
from jackfield.media.protocol import Latched, Started
from jackfield.rtp import packet

from .conftest import House

PARTY, THIEF = ("192.0.2.7", 4000), ("203.0.113.9", 4000)


def latch(*, behind_nat: bool = False, nat_address: str = "", address: str = "192.0.2.7") -> Latch:
    made = Latch()
    made.expect(address, 4000, behind_nat=behind_nat, nat_address=nat_address)
    return made


def knock(one: Latch, source: tuple[str, int], times: int = PROBATION, ssrc: int = 5, first: int = 100) -> Verdict:
    """The verdict on the last of some packets in sequence."""
    verdict = Verdict.REFUSED
    for number in range(first, first + times):
        verdict = one.judge(source, ssrc, number)
    return verdict


def test_the_signalled_source_is_taken_at_once_and_for_good() -> None:
    one = latch()
    assert one.judge(PARTY, 1, 1) is Verdict.LATCHED
    assert one.settled
    assert knock(one, ("192.0.2.7", 4002), 50) is Verdict.REFUSED


def test_a_stranger_is_refused_however_long_he_tries() -> None:
    one = latch()
    assert knock(one, THIEF, 500) is Verdict.REFUSED
    assert one.judge(PARTY, 1, 1) is Verdict.LATCHED


def test_another_port_of_the_signalled_address_must_prove_itself() -> None:
    one = latch()
    other = ("192.0.2.7", 4100)
    assert knock(one, other, PROBATION - 1) is Verdict.REFUSED
    assert one.judge(other, 5, 100 + PROBATION - 1) is Verdict.LATCHED
    assert one.judge(PARTY, 1, 1) is Verdict.LATCHED, "the signalled one is better"
    assert knock(one, other) is Verdict.REFUSED


def test_packets_that_do_not_belong_together_prove_nothing() -> None:
    one = latch(behind_nat=True)
    for number in (1, 9, 3, 77, 12, 40, 2):
        assert one.judge(THIEF, 5, number) is Verdict.REFUSED
    for ssrc in range(20):
        assert one.judge(THIEF, ssrc, ssrc) is Verdict.REFUSED


def test_a_party_behind_nat_may_come_from_anywhere() -> None:
    one = latch(behind_nat=True, address="10.0.0.3")
    assert knock(one, THIEF) is Verdict.LATCHED
    assert knock(one, PARTY) is Verdict.REFUSED, "the first stays"


def test_where_the_signalling_comes_from_is_better_than_anywhere() -> None:
    one = latch(behind_nat=True, nat_address="192.0.2.7", address="10.0.0.3")
    assert knock(one, THIEF) is Verdict.LATCHED
    assert knock(one, PARTY) is Verdict.LATCHED
    assert knock(one, THIEF) is Verdict.REFUSED


def test_a_party_without_nat_is_heard_from_where_its_signalling_comes_from_and_from_nowhere_else() -> None:
    """A softphone on a machine with several networks names one of them, and sends from another."""
    one = latch(nat_address=PARTY[0], address="10.0.0.3")
    assert knock(one, THIEF, 10) is Verdict.REFUSED
    assert knock(one, PARTY) is Verdict.LATCHED
    assert one.judge(("10.0.0.3", 4000), 5, 1) is Verdict.LATCHED, "what it named is still the best"


def test_the_window_closes_after_some_seconds() -> None:
    one = latch(behind_nat=True, nat_address="192.0.2.7", address="10.0.0.3")
    knock(one, THIEF, PROBATION)
    for number in range(SETTLED):
        one.judge(THIEF, 5, number)
    assert one.settled
    assert knock(one, PARTY, 10) is Verdict.REFUSED


def test_a_reinvite_opens_the_window_once_more() -> None:
    one = latch()
    one.judge(PARTY, 1, 1)
    one.expect("192.0.2.7", 4000)
    moved = ("192.0.2.7", 4200)
    assert knock(one, moved) is Verdict.LATCHED
    one.expect("192.0.2.7", 4000)
    assert one.expected == moved


def test_who_was_heard_before_a_reinvite_wins_over_all() -> None:
    one = latch(behind_nat=True, address="10.0.0.3")
    knock(one, PARTY)
    one.expect("10.0.0.3", 4000, behind_nat=True)
    assert one.expected == PARTY
    assert knock(one, THIEF) is Verdict.LATCHED
    assert one.judge(PARTY, 1, 1) is Verdict.LATCHED
    assert one.settled


def test_after_a_reinvite_with_another_address_the_old_source_is_a_stranger() -> None:
    one = latch()
    one.judge(PARTY, 1, 1)
    one.expect("198.51.100.1", 6000)
    assert one.expected is None
    assert knock(one, PARTY, 20) is Verdict.REFUSED


def test_addresses_are_compared_not_their_spelling() -> None:
    one = Latch()
    one.expect("2001:DB8::0:1", 4000)
    assert one.judge(("2001:db8::1", 4000, 0, 0), 1, 1) is Verdict.LATCHED
    one.expect("fe80::1%eth0", 4000)
    assert one.judge(("fe80::1%eth0", 4000, 0, 2), 1, 1) is Verdict.LATCHED


def test_nobody_is_heard_where_nobody_is_expected() -> None:
    one = latch()
    one.judge(PARTY, 1, 1)
    one.forget()
    assert one.judge(PARTY, 1, 1) is Verdict.REFUSED
    one.expect("no address", 5000)
    assert one.judge(PARTY, 1, 1) is Verdict.REFUSED


def test_what_cannot_be_followed_needs_no_proof() -> None:
    assert latch(behind_nat=True).judge(THIEF) is Verdict.LATCHED
    assert latch().judge(THIEF) is Verdict.REFUSED


def test_a_spray_from_many_ports_costs_no_memory() -> None:
    one = latch(behind_nat=True)
    for port in range(1024, 5000):
        one.judge(("203.0.113.9", port), 1, port)
    assert len(one._probed) <= 16


# --- on the wire ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind_nat", [False, True])
@pytest.mark.parametrize("thief_host", ["127.0.0.1", "127.0.0.2"])
def test_a_thief_neither_hears_nor_is_heard(house: House, behind_nat: bool, thief_host: str) -> None:
    a, b, sa, sb = house.call({"behind_nat": behind_nat})
    thief = house.phone(thief_host, ssrc=a.ssrc)
    thief.peer = a.peer
    thief.seq, thief.ts = a.seq, a.ts
    chance = random.Random(1)
    for _ in range(60):
        # He knows everything about the stream, and tries numbers before, after and at the party's.
        thief.say(b"\x66" * 160, seq=(a.seq + chance.randrange(-2, 4)) & 0xFFFF, ts=a.ts)
        house.turn()
        house.say(a, sa, b"\x01" * 160)
        house.say(b, sb, b"\x02" * 160)
    assert {heard.payload[0] for heard in b.hear(60)} == {1}
    assert {heard.payload[0] for heard in a.hear(60)} == {2}
    assert not thief.hear()


def test_a_thief_who_is_there_first_gains_nothing(house: House) -> None:
    a, b = house.phone(), house.phone()
    thief = house.phone("127.0.0.2")
    sa, sb = house.stream(a), house.stream(b)
    sa.bridge(sb)
    thief.peer = a.peer
    for _ in range(20):
        house.say(thief, sa, b"\x66" * 160)
    house.say(a, sa, b"\x01" * 160)
    house.say(b, sb)
    assert {heard.payload[0] for heard in b.hear(1)} == {1}
    assert a.hear(1)
    assert not thief.hear()
    assert sa.statistics().dropped_source == 20


def test_what_a_thief_left_in_the_queue_is_not_heard(house: House) -> None:
    a, b, sa, sb = house.call(started=False)
    thief = house.phone("127.0.0.2")
    thief.peer = a.peer
    house.say(b, sb)
    a.say(b"\x01" * 160)
    for _ in range(10):
        thief.say(b"\x66" * 160)
    a.say(b"\x01" * 160)
    house.until(lambda: house.taken(sa) == 12)
    assert {heard.payload[0] for heard in b.hear(2)} == {1}


def test_a_phone_behind_nat_is_spoken_to_where_it_speaks_from(house: House) -> None:
    a, b = house.phone("127.0.0.3"), house.phone()
    sa, sb = house.stream(), house.stream(b)
    a.peer = ("127.0.0.1", sa.pair.port)
    sa.configure(a.remote(address="10.1.2.3", port=5004, behind_nat=True))
    sa.bridge(sb)
    for _ in range(PROBATION):
        house.say(a, sa)
    house.say(b, sb, b"\x42" * 160)
    assert a.hear(1)[0].payload == b"\x42" * 160
    assert [(event.address, event.port) for event in house.told(Latched)] == [("127.0.0.3", a.port)]
    assert sa.statistics().remote == f"127.0.0.3:{a.port}"


def test_the_first_packet_is_told_with_its_source(house: House) -> None:
    a, _, sa, _ = house.call()
    started = [event for event in house.told(Started) if event.stream == sa.id]
    assert [(event.address, event.port) for event in started] == [("127.0.0.1", a.port)]
    assert not house.told(Latched), "it came from where it was signalled"
    sa.configure(a.remote())
    house.say(a, sa)
    assert len([event for event in house.told(Started) if event.stream == sa.id]) == 1


def test_a_phone_that_moves_with_a_reinvite_is_followed(house: House) -> None:
    a, b, sa, sb = house.call()
    moved = house.phone(ssrc=a.ssrc)
    moved.peer, moved.seq, moved.ts = a.peer, a.seq, a.ts
    sa.configure(moved.remote())
    house.say(a, sa, b"\x01" * 160)
    house.say(moved, sa, b"\x03" * 160)
    house.say(b, sb, b"\x02" * 160)
    assert {heard.payload[0] for heard in b.hear(1)} == {3}
    assert moved.hear(1)
    assert not a.hear()


def test_the_same_offer_again_disturbs_nothing(house: House) -> None:
    a, b, sa, sb = house.call()
    house.say(a, sa)
    before = b.hear(1)[0]
    for _ in range(3):
        sa.configure(a.remote())
        sb.configure(b.remote())
        house.say(a, sa)
        house.say(b, sb)
    heard = b.hear(3)
    assert [(one.sequence - before.sequence) & 0xFFFF for one in heard] == [1, 2, 3]
    assert a.hear(3)


def test_a_party_that_is_not_configured_is_not_heard(house: House) -> None:
    a = house.phone()
    stream = house.stream()
    a.peer = ("127.0.0.1", stream.pair.port)
    house.say(a, stream)
    assert stream.statistics().dropped_source == 1
    assert not house.told(Started)


def test_keepalives_and_stun_do_not_open_the_latch(house: House) -> None:
    a = house.phone()
    stream = house.stream(a, behind_nat=True)
    stun = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
    for data in (b"\r\n\r\n", stun, b"\x00", packet.build(0, 1, 1, 1, b"")[:11]):
        before = house.taken(stream)
        a.send(data)
        house.until(lambda before=before: house.taken(stream) > before)
    assert not house.told(Started)
