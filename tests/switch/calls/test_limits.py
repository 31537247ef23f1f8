"""Limits in calls: what is refused, announced, ended and counted, in simulated time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jackfield.console.numbering import numbering, world
from jackfield.control import ControlError
from jackfield.sip.digest import ha1
from jackfield.switch.limits import rates
from jackfield.switch.limits.rates import Rate
from jackfield.switch.origination import Originator
from jackfield.switch.snapshot import CallLimit, EmergencyNumber, Outbound, RingGroup
from jackfield.switch.switch import Switch

from .house import House, Phone, sounds
from .test_trunk_calls import BACKUP, provider, trunk, with_trunk

LONDON = "9011442079460000"
LONDON_FULL = "+442079460000"


async def limited(house: House, *rules: CallLimit, **more: Any) -> Phone:
    carrier = await with_trunk(house)
    await house.configure(
        call_limits=rules, numbering=numbering("US"), world=world(),
        sounds=sounds("limit-one-minute", "limit-used-up", "limit-enter-pin", "limit-wrong-pin", "not-allowed"), **more,
    )  # fmt: skip
    return carrier


def with_rates(house: House, tmp_path: Path, *entries: tuple[str, str, Rate]) -> None:
    path = tmp_path / "rates.json"
    rates.write(path, "EUR", 0.0, list(entries))
    house.switch.limits.rates = rates.read(path)


async def talk(house: House, caller: Phone, carrier: Phone, number: str = LONDON) -> Any:
    call = caller.call(number)
    await carrier.picks_up()
    assert await call.outcome() == 200
    return call


async def over(house: House) -> None:
    while house.switch.calls:
        await asyncio.sleep(0.1)


async def used(house: House, name: str, whose: str = "") -> dict[str, Any]:
    table = await house.switch.limits.table({"name": name})
    found = [row for row in table["rules"][0]["used"] if row["whose"] == whose]
    return found[0] if found else {}


async def test_the_calls_of_an_hour_are_used_up_and_come_back_with_the_next(house: House) -> None:
    carrier = await limited(
        house, CallLimit(name="Abroad", applies_to="listed", kinds=("international",), calls_per_hour=2)
    )
    alice = await house.phone("101")
    for _ in range(2):
        call = await talk(house, alice, carrier)
        call.hang_up()
        await over(house)
    assert await alice.call(LONDON).outcome() == 403
    await over(house)
    refused = house.records[-1]
    assert 'limit "Abroad": the 2 calls per hour are used up; it opens again at 2023-11-14 23:00' in refused["reason"]
    assert ("call_limits/Abroad") in [line["link"] for line in refused["journal"]]
    (await talk(house, alice, carrier, "92125550123")).hang_up()  # at home
    await house.pass_time(3600)
    await talk(house, alice, carrier)


async def test_a_refusal_is_told_once_an_hour_with_what_it_was_about(house: House) -> None:
    await limited(house, CallLimit(name="Closed", applies_to="listed", kinds=("international",), always=True))
    alice = await house.phone("101")
    for _ in range(3):
        assert await alice.call(LONDON).outcome() == 403
    assert await alice.call("9011492079460000").outcome() == 403
    await over(house)
    told = [data for kind, _, data in house.spooled if kind == "call_limit"]
    assert [(one["did"], one["rule"], one["country"], one["extension"]) for one in told] == [
        ("refused", "Closed", "GB", "101"), ("refused", "Closed", "DE", "101"),
    ]  # fmt: skip


async def test_a_country_that_is_opened_can_be_called(house: House) -> None:
    closed = CallLimit(name="Closed", applies_to="listed", kinds=("international",), always=True, opened=("GB",))
    carrier = await limited(house, closed)
    alice = await house.phone("101")
    await talk(house, alice, carrier)
    assert await alice.call("9011492079460000").outcome() == 403


async def test_emergency_calls_are_neither_counted_nor_limited(house: House) -> None:
    carrier = await limited(
        house, CallLimit(name="All", always=True), emergency_numbers=(EmergencyNumber(number="911"),)
    )
    alice = await house.phone("101")
    assert await alice.call("92125550123").outcome() == 403
    call = await talk(house, alice, carrier, "9911")
    assert not house.switch.limits.counts.meters
    call.hang_up()


async def test_a_long_call_is_ended_with_an_announcement_one_minute_before(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Long", minutes_per_call=10))
    alice = await house.phone("101")
    call = await talk(house, alice, carrier)
    await house.pass_time(538)
    assert house.hears(alice) == "the other party"
    await house.pass_time(3)
    assert "limit-one-minute" in house.hears(alice)
    await house.pass_time(61)
    assert call.ended
    await over(house)
    assert 'limit "Long": the 10 minutes per call are over' in house.record["reason"]
    assert house.record["hung_up_by"] == "system"
    seconds = house.record["ended"] - house.record["answered"]
    assert 599.9 < seconds < 600.5


async def test_two_calls_use_the_minutes_of_a_day_together(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Day", minutes_per_day=10))
    alice, bob = [await house.phone(number) for number in ("101", "102")]
    first, second = await talk(house, alice, carrier), await talk(house, bob, carrier)
    await house.pass_time(305)
    assert first.ended
    assert second.ended
    await over(house)
    assert sum(record["ended"] - record["answered"] for record in house.records) == pytest.approx(600, abs=2)
    assert await alice.call(LONDON).outcome() == 403


async def test_talk_over_midnight_counts_in_both_days(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Day", minutes_per_day=200))
    await house.pass_time(85 * 60)  # 23:55 and a few seconds
    alice = await house.phone("101")
    call = await talk(house, alice, carrier)
    began = house.switch.now()
    await house.pass_time(600)
    midnight = datetime(2023, 11, 15, tzinfo=UTC).timestamp()
    row = await used(house, "Day")
    assert row["seconds"] == pytest.approx(house.switch.now() - midnight, abs=0.5)
    assert began < midnight
    call.hang_up()


async def test_money_is_never_overdrawn(house: House, tmp_path: Path) -> None:
    carrier = await limited(house, CallLimit(name="Money", money_per_day=2.0))
    with_rates(house, tmp_path, ("", "44", Rate("United Kingdom", 100_000, 600_000, 60, 60)))
    alice = await house.phone("101")
    call = await talk(house, alice, carrier)
    await house.pass_time(178)
    assert not call.ended
    await house.pass_time(3)
    assert call.ended  # 0.10 + 3 * 0.60 are paid, and the fourth minute would be too much
    await over(house)
    assert (await used(house, "Money"))["money_day"] == pytest.approx(1.9)
    assert "cost 1.90 EUR: rate United Kingdom" in house.journal()
    assert 'limit "Money": the 2.00 per day are used up' in house.record["reason"]
    assert await alice.call(LONDON).outcome() == 403  # 0.70 at once, 0.10 left
    await over(house)
    assert "of the 2.00 per day 0.10 are left, and this call costs more" in house.records[-1]["reason"]


async def test_what_a_ringing_call_will_cost_is_set_aside(house: House, tmp_path: Path) -> None:
    carrier = await limited(house, CallLimit(name="Money", money_per_hour=1.0))
    with_rates(house, tmp_path, ("", "44", Rate("United Kingdom", 0, 600_000)))
    alice, bob = [await house.phone(number) for number in ("101", "102")]
    first = alice.call(LONDON)
    await carrier.rings()
    assert await bob.call(LONDON).outcome() == 403
    first.hang_up()
    await house.pass_time(1)
    assert (await used(house, "Money"))["money_hour"] == 0
    await talk(house, bob, carrier)


async def test_calls_at_once_open_when_one_ends(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Once", per="extension", calls_at_once=1))
    alice, bob = [await house.phone(number) for number in ("101", "102")]
    first = await talk(house, alice, carrier)
    assert await alice.call(LONDON).outcome() == 403
    await talk(house, bob, carrier)  # has a count of its own
    first.hang_up()
    await house.pass_time(1)
    await talk(house, alice, carrier)


async def test_a_rule_that_ends_ends_all_its_calls(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Fraud", calls_per_hour=2, action="end"))
    alice, bob = [await house.phone(number) for number in ("101", "102")]
    first, second = await talk(house, alice, carrier), await talk(house, bob, carrier)
    assert await alice.call(LONDON).outcome() == 403
    await house.pass_time(1)
    assert first.ended
    assert second.ended


async def test_a_rule_that_warns_refuses_nothing_and_tells(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Watch", calls_per_hour=1, minutes_per_call=1, action="warn"))
    alice = await house.phone("101")
    for _ in range(3):
        call = await talk(house, alice, carrier)
        await house.pass_time(100)
        assert not call.ended
        call.hang_up()
        await over(house)
    told = [data["did"] for kind, _, data in house.spooled if kind == "call_limit"]
    assert told == ["reached"]


async def test_a_full_trunk_rule_makes_way_for_the_next_trunk(house: House) -> None:
    second = await provider(house, BACKUP)
    first = await limited(
        house,
        CallLimit(name="Cheap", per="trunk", only=("One",), calls_per_hour=1),
        CallLimit(name="All", calls_per_hour=3),
    )
    await house.configure(
        trunks=(trunk("One", "203.0.113.1"), trunk("Two", BACKUP)),
        outbound=(Outbound(name="World", prefix="9", trunks=("One", "Two")),),
    )
    await house.pass_time(1)
    alice = await house.phone("101")
    (await talk(house, alice, first)).hang_up()
    await over(house)
    (await talk(house, alice, second)).hang_up()
    await over(house)
    assert (await used(house, "All"))["calls"] == 2


async def test_one_call_that_takes_a_second_trunk_counts_once(house: House) -> None:
    second = await provider(house, BACKUP)
    first = await limited(house, CallLimit(name="All", calls_per_hour=5))
    await house.configure(
        trunks=(trunk("One", "203.0.113.1"), trunk("Two", BACKUP)),
        outbound=(Outbound(name="World", prefix="9", trunks=("One", "Two")),),
    )
    await house.pass_time(1)
    first.auto = lambda call: call.reject(503)
    alice = await house.phone("101")
    await talk(house, alice, second)
    assert (await used(house, "All"))["calls"] == 1
    assert (await used(house, "All"))["at_once"] == 1


async def test_a_transferred_call_goes_on_counting(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Long", per="extension", minutes_per_call=10))
    alice, bob = [await house.phone(number) for number in ("101", "102")]
    call = await talk(house, alice, carrier)
    await call.refer(f"sip:102@{house.switch.domain}")
    await bob.picks_up()
    await house.pass_time(300)
    assert (await used(house, "Long", "101"))["at_once"] == 1
    await house.pass_time(310)
    await over(house)
    assert 'limit "Long" of 101: the 10 minutes per call are over' in house.records[-1]["reason"]


async def test_a_member_of_a_group_that_forwards_outside_is_limited_too(house: House) -> None:
    await limited(
        house, CallLimit(name="Closed", applies_to="listed", countries=("GB",), always=True),
        ring_groups=(RingGroup(number="200", members=("102",), obey_forwards=True),),
    )  # fmt: skip
    await house.change_extension("102", forward_always=LONDON)
    alice = await house.phone("101")
    assert await alice.call("200").outcome() >= 400
    await over(house)
    assert 'limit "Closed": these calls are closed' in house.journal()


async def test_a_pin_opens_the_way_and_wrong_ones_do_not(house: House) -> None:
    carrier = await limited(
        house,
        CallLimit(name="Abroad", applies_to="listed", kinds=("international",), always=True, action="pin", pin="4711"),
    )
    alice = await house.phone("101")
    call = alice.call(LONDON)
    await house.pass_time(1)
    assert "limit-enter-pin" in house.hears(alice)
    house.stream_of(alice).press("4711#")
    answered = await carrier.picks_up()
    assert await call.outcome() == 200
    await house.pass_time(1)
    answered.hang_up()
    await over(house)
    assert 'the PIN of the limit "Abroad" was given' in house.journal()
    call = alice.call(LONDON)
    for _ in range(3):
        await house.pass_time(2)
        house.stream_of(alice).press("0000#")
    await over(house)
    assert "the PIN was not given" in house.records[-1]["reason"]
    assert "4711" not in str(house.records) + str(house.spooled)


async def test_the_user_approves_or_refuses(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Ask", always=True, action="ask"))
    alice = await house.phone("101")
    call = alice.call(LONDON)
    await house.pass_time(1)
    waiting = await house.switch.limits.asking.approvals({"extensions": ["101"]})
    assert [(one["number"], one["extension"]) for one in waiting] == [(LONDON_FULL, "101")]
    with pytest.raises(ControlError, match="does not wait any more"):
        await house.switch.limits.asking.approve({"id": waiting[0]["id"], "extensions": ["102"], "yes": True})
    await house.switch.limits.asking.approve({"id": waiting[0]["id"], "extensions": ["101"], "yes": True, "by": "Anna"})
    await carrier.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    await over(house)
    assert "Anna approved the call" in house.journal()
    call = alice.call(LONDON)
    await house.pass_time(1)
    waiting = await house.switch.limits.asking.approvals({})
    await house.switch.limits.asking.approve({"id": waiting[0]["id"], "yes": False, "by": "Anna"})
    assert await call.outcome() == 403
    call = alice.call(LONDON)
    await house.pass_time(61)
    assert await call.outcome() == 403


async def test_counts_outlive_a_restart_and_a_call_in_progress(house: House, tmp_path: Path) -> None:
    limits = house.switch.limits
    house.switch.limits = type(limits)(house.switch, tmp_path / "counts", None)
    carrier = await limited(house, CallLimit(name="Day", minutes_per_day=60))
    alice = await house.phone("101")
    await talk(house, alice, carrier)
    await house.pass_time(121)
    # Killed: another switch reads what this one has written, and knows of the call up to the last sign of life.
    again = type(limits)(house.switch, tmp_path / "counts", None)
    house.switch.limits = again
    row = await used(house, "Day")
    assert row["calls"] == 1
    assert row["at_once"] == 0
    assert row["seconds"] == pytest.approx(121, abs=1)
    assert isinstance(house.switch, Switch)
    again.close()
    house.switch.limits = limits


async def test_clearing_a_count_opens_it(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Hour", calls_per_hour=1))
    alice = await house.phone("101")
    (await talk(house, alice, carrier)).hang_up()
    await over(house)
    assert await alice.call(LONDON).outcome() == 403
    assert await house.switch.limits.clear({"name": "Hour", "by": "Anna"}) == {"name": "Hour", "cleared": 1}
    await talk(house, alice, carrier)
    with pytest.raises(ControlError, match='there is no limit "Day"'):
        await house.switch.limits.clear({"name": "Day"})


async def test_another_phone_of_the_user_approves_by_a_key(house: House) -> None:
    carrier = await limited(house, CallLimit(name="Ask", always=True, action="ask"))
    extension = house.snapshot.extensions[0]
    line = extension.lines[0]
    mobile = replace(
        line,
        sip_username="u101m",
        ha1_md5=ha1("u101m", "test", "p101m"),
        ha1_sha256=ha1("u101m", "test", "p101m", "SHA-256"),
    )
    await house.change_extension("101", lines=(line, mobile))
    alice = await house.phone("101")
    other = Phone(house, "u101m", "p101m", "10.0.0.211")
    house.phones.append(other)
    assert (await other.register()).status == 200
    for key, status in (("1", 200), ("2", 403)):
        call = alice.call(LONDON)
        asked = await other.picks_up()
        await house.pass_time(1)
        assert len(alice.calls) == (1 if key == "1" else 2)  # the phone that calls is not asked
        house.stream_of(other).press(key)
        if key == "1":
            await carrier.picks_up()
        assert await call.outcome() == status
        await house.pass_time(1)
        assert asked.ended
        call.hang_up()
        await over(house)
    assert any("Phone 101 (101) by its phone approved the call" in house.journal(record) for record in house.records)


async def test_a_click_that_a_limit_forbids_rings_no_phone(house: House) -> None:
    await limited(house, CallLimit(name="Closed", applies_to="listed", kinds=("international",), always=True))
    alice = await house.phone("101")
    with pytest.raises(ControlError, match='limit "Closed": these calls are closed'):
        await Originator(house.switch).originate({"from": "101", "to": LONDON})
    assert not alice.calls
    assert [data["did"] for kind, _, data in house.spooled if kind == "call_limit"] == ["refused"]
