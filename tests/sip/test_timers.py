"""The wheel of timers: in order, once, never early."""

from __future__ import annotations

from jackfield.sip.timers import Timers


def test_timers_fire_in_order_once_and_never_early() -> None:
    timers = Timers()
    fired: list[tuple[str, float]] = []
    timers.after(0.0, 2.0, lambda now: fired.append(("second", now)))
    timers.after(0.0, 1.0, lambda now: fired.append(("first", now)))
    timers.after(0.0, 1.001, lambda now: fired.append(("between", now)))
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
    first = timers.after(0.0, 1.0, lambda now: second.cancel())
    second = timers.after(0.0, 1.0, lambda now: fired.append("second"))
    third = timers.after(0.0, 3.0, lambda now: fired.append("third"))
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

    timers.after(0.0, 1.0, fail)
    timers.after(0.0, 1.0, fired.append)
    assert timers.wake(1.0) == 2
    assert fired == [1.0]


def test_the_owner_hears_when_he_must_wake_earlier() -> None:
    heard: list[float] = []
    timers = Timers(heard.append)
    timers.after(0.0, 5.0, lambda now: None)
    timers.after(0.0, 7.0, lambda now: None)
    timers.after(0.0, 2.0, lambda now: None)
    assert heard == [5.0, 2.0]


def test_timers_that_are_far_away_share_their_slots() -> None:
    timers = Timers()
    fired: list[float] = []
    for number in range(1000):
        timers.after(number / 1000, 900.0, fired.append)
    assert len(timers) == 1000
    assert timers.next_time() == 900.0
    timers.wake(900.0)
    timers.wake(901.0)
    assert fired == [900.0] + [901.0] * 999
