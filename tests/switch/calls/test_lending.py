"""Extensions lent for a minute, as `jackfield selftest` uses them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jackfield.switch.lending import LONGEST

from .house import House, Phone


async def plug_in(house: House, lent: dict[str, str], address: str) -> Phone:
    phone = Phone(house, lent["sip_username"], lent["sip_password"], address)
    house.phones.append(phone)
    assert (await phone.register()).status == 200
    return phone


async def test_lent_extensions_call_each_other_and_are_gone_when_given_back(house: House) -> None:
    lending = house.switch.lending
    one, two = await lending.lend({"count": 2, "seconds": 60})
    first, second = await plug_in(house, one, "10.0.1.1"), await plug_in(house, two, "10.0.1.2")
    call = first.call(two["number"])
    await second.picks_up()
    assert await call.outcome() == 200
    call.hang_up()
    await house.pass_time(1)
    await lending.take_back({"numbers": [one["number"], two["number"]]})
    assert (await first.register()).status in (401, 403), "the account is no more"
    assert not [row for row in house.switch.registrar.table() if row.extension in (one["number"], two["number"])]


async def test_lent_extensions_vanish_by_themselves(house: House) -> None:
    lending = house.switch.lending
    (lent,) = await lending.lend({"count": 1, "seconds": 30})
    alice = await house.phone("101")
    await plug_in(house, lent, "10.0.1.1")
    await house.pass_time(31)
    assert await alice.call(lent["number"]).outcome() == 404


@pytest.mark.parametrize("asked", [1e9, LONGEST + 1])
async def test_nobody_may_keep_them_for_long(house: House, asked: float) -> None:
    (lent,) = await house.switch.lending.lend({"count": 1, "seconds": asked})
    await house.pass_time(LONGEST + 1)
    assert lent["number"] not in house.switch.snapshot.numbers


async def test_their_number_is_limited_and_none_is_taken_twice(house: House) -> None:
    lending = house.switch.lending
    lent = [*await lending.lend({"count": 1000}), *await lending.lend({"count": 0})]
    numbers = [one["number"] for one in lent]
    assert len(numbers) == 11
    assert len(set(numbers)) == 11
    assert all(len(number) == 6 for number in numbers)


async def test_an_ordinary_extension_can_not_be_taken_back(house: House) -> None:
    lending = house.switch.lending
    await house.phone("101")
    await lending.take_back({"numbers": ["101", "nothing"]})
    assert "101" in house.switch.snapshot.numbers
    assert [row.extension for row in house.switch.registrar.table()] == ["101"]


async def test_a_lent_extension_may_not_call_outside_and_may_need_encryption(house: House) -> None:
    lending = house.switch.lending
    await lending.lend({"count": 1, "srtp": "required"})
    made = house.switch.snapshot.extensions[-1]
    assert not made.outside_calls
    assert made.lines[0].srtp == "required"
    assert made.name.startswith("Self-test")


async def test_a_self_test_goes_on_while_a_new_configuration_is_applied(house: House) -> None:
    lending = house.switch.lending
    one, two = await lending.lend({"count": 2, "seconds": 60})
    first, second = await plug_in(house, one, "10.0.1.1"), await plug_in(house, two, "10.0.1.2")
    await house.configure(extensions=house.snapshot.extensions[:1])
    call = first.call(two["number"])
    await second.picks_up()
    assert await call.outcome() == 200, "both are registered still"
    call.hang_up()
    await house.pass_time(61)
    assert {one["number"], two["number"]}.isdisjoint(house.switch.snapshot.numbers), "they vanish as ever"
    assert house.switch.snapshot.extensions == house.snapshot.extensions


async def test_lent_extensions_can_register_when_the_realm_has_changed(house: House) -> None:
    (lent,) = await house.switch.lending.lend({"count": 1})
    await house.configure(general=replace(house.snapshot.general, realm="another"))
    await plug_in(house, lent, "10.0.1.1")


async def test_a_number_that_the_new_configuration_has_itself_is_not_taken_away_from_it(house: House) -> None:
    lending = house.switch.lending
    (lent,) = await lending.lend({"count": 1, "seconds": 30})
    owner = replace(house.snapshot.extensions[0], number=lent["number"], name="Owner", lines=())
    await house.configure(extensions=(*house.snapshot.extensions, owner))
    await lending.take_back({"numbers": [lent["number"]]})
    await house.pass_time(31)
    assert house.switch.snapshot.numbers[lent["number"]] is owner
    (other,) = await lending.lend({"count": 1})
    assert other["number"] != lent["number"]
