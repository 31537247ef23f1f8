"""How many packets a stranger may send before they are dropped unread."""

from __future__ import annotations

from jackfield.sip.transport import Admission


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_stranger_has_a_burst_and_then_a_rate() -> None:
    clock = Clock()
    admit = Admission(clock, rate=2.0, burst=3.0)
    assert [admit("192.0.2.1") for _ in range(5)] == [True, True, True, False, False]
    assert admit("192.0.2.2")
    clock.now = 1.0
    assert [admit("192.0.2.1") for _ in range(3)] == [True, True, False]
    clock.now = 1_000.0
    assert [admit("192.0.2.1") for _ in range(4)] == [True, True, True, False]
    assert admit.refused == 4


def test_a_known_phone_is_never_refused_and_only_asked_about_when_it_sends_much() -> None:
    asked: list[str] = []

    def is_known(address: str) -> bool:
        asked.append(address)
        return address == "192.0.2.1"

    admit = Admission(Clock(), rate=1.0, burst=2.0, is_known=is_known)
    assert all(admit("192.0.2.1") for _ in range(10))
    assert [admit("192.0.2.2") for _ in range(3)] == [True, True, False]
    assert asked == ["192.0.2.1"] * 8 + ["192.0.2.2"]


def test_a_flood_from_countless_addresses_takes_no_more_memory_than_allowed() -> None:
    admit = Admission(Clock(), size=100, burst=1.0)
    for number in range(10_000):
        admit(f"10.0.{number // 256}.{number % 256}")
    assert len(admit) <= 100


def test_who_sends_all_the_time_is_not_forgotten_in_a_flood() -> None:
    admit = Admission(Clock(), size=100, burst=2.0, rate=0.0)
    admit("192.0.2.1")
    admit("192.0.2.1")
    for number in range(500):
        admit(f"10.0.0.{number}")
        assert not admit("192.0.2.1")
