"""The wheel of timers: in order, once, never early."""

from __future__ import annotations

from jackfield.sip.timers import Timers


def test_timers_fire_in_order_once_and_never_early() -> None:
    timers = Timers()
    fired: list[tuple[str, float]] = []
    timers.at(2.0, lambda now: fired.append(("second", now)))
    timers.at(1.0, lambda now: fired.append(("first", now)))
    timers.at(1.001, lambda now: fired.append(("between", now)))
    assert timers.next_time() == 1.0
    timers.wake(0.999)
    assert fired == []
    timers.wake(1.0)
    assert [name for name, _ in fired] == ["first"]
    timers.wake(5.0)
    timers.wake(9.0)
    assert [name for name, _ in fired] == ["first", "between", "second"]
    assert timers.next_time() is None
    assert len(timers) == 0


def test_a_cancelled_timer_stays_quiet_even_if_its_neighbour_cancels_it() -> None:
    timers = Timers()
    fired: list[str] = []
    first = timers.at(1.0, lambda now: second.cancel())
    second = timers.at(1.0, lambda now: fired.append("second"))
    third = timers.at(3.0, lambda now: fired.append("third"))
    third.cancel()
    third.cancel()
    assert not third.active
    assert timers.next_time() == 1.0
    timers.wake(9.0)
    assert fired == []
    assert not first.active
    assert timers.next_time() is None


def test_one_failing_timer_does_not_stop_the_others() -> None:
    timers = Timers()
    fired: list[float] = []

    def fail(now: float) -> None:
        raise RuntimeError("broken")

    timers.at(1.0, fail)
    timers.at(1.0, fired.append)
    assert timers.wake(1.0) == 2
    assert fired == [1.0]


def test_the_owner_hears_when_he_must_wake_earlier() -> None:
    heard: list[float] = []
    timers = Timers(heard.append)
    timers.at(5.0, lambda now: None)
    timers.at(7.0, lambda now: None)
    timers.at(2.0, lambda now: None)
    assert heard == [5.0, 2.0]
