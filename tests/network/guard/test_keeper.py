"""The guard in the network process: whom kernel and switch keep out, and what outlives a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from jackfield.network.firewall.ruleset import blocking, lifting
from jackfield.network.guard.keeper import GuardKeeper, Report
from jackfield.network.guard.rules import GuardRules
from jackfield.network.guard.story import Block, Failure, Success
from jackfield.switch.snapshot import AddressGroup, Snapshot

HERE = "203.0.113.5"


class House:
    def __init__(self, path: Path) -> None:
        self.now = 1000.0
        self.kernel: dict[str, float] = {}
        self.switch: list[Block] = []
        self.switch_runs = True
        self.guard = GuardKeeper(path, block=self._block, lift=self._lift, tell=self._tell, clock=lambda: self.now)

    async def _block(self, sources: object) -> None:
        self.kernel |= dict(sources)  # type: ignore[call-overload]

    async def _lift(self, source: str) -> None:
        self.kernel.pop(source, None)

    async def _tell(self, blocks: list[Block]) -> bool:
        self.switch = blocks if self.switch_runs else self.switch
        return self.switch_runs

    async def guess(self, account: str = "x", address: str = HERE) -> None:
        await self.guard.heard(Report(tuple(Failure(self.now, "sip", address, account) for _ in range(10))))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "guard.json")


async def test_who_guesses_is_kept_out_by_kernel_and_switch_until_the_time_is_over(house: House):
    await house.guess()
    assert house.kernel == {HERE: 300.0}
    assert [one.source for one in house.switch] == [HERE]
    house.now += 299
    await house.guard.tick(Snapshot(), {})
    assert len(house.switch) == 1
    house.now += 2
    await house.guard.tick(Snapshot(), {})
    assert house.switch == []


async def test_whose_neighbours_are_spared_is_kept_out_by_the_switch_alone(house: House):
    await house.guard.heard(Report((), (Success(house.now, "sip", HERE, "101"),)))
    await house.guess()
    assert house.kernel == {}
    assert house.switch[0].spared == ("101",)


async def test_a_switch_that_was_away_is_told_when_it_is_back(house: House):
    house.switch_runs = False
    await house.guess()
    assert house.switch == []
    house.switch_runs = True
    await house.guard.tick(Snapshot(), {})
    assert [one.source for one in house.switch] == [HERE]


async def test_blocks_and_friends_outlive_a_restart(house: House, tmp_path: Path):
    await house.guard.heard(Report((), (Success(house.now, "sip", "192.0.2.9", "101"),)))
    await house.guess()
    again = House(tmp_path / "guard.json")
    await again.guard.tick(Snapshot(), {})
    assert [one.source for one in again.switch] == [HERE]
    assert again.guard.in_kernel() == [(HERE, 300.0)]
    assert again.guard.story.friends("192.0.2.9", again.now) == ("101",)


async def test_a_damaged_file_is_no_hindrance(tmp_path: Path):
    (tmp_path / "guard.json").write_text("{")
    house = House(tmp_path / "guard.json")
    await house.guess()
    assert [one.source for one in house.switch] == [HERE]


async def test_groups_that_are_never_blocked_and_rules_of_ones_own(house: House):
    group = AddressGroup(name="Office", entries=("203.0.113.0/28", "home.example.com"))
    rules = GuardRules(tries=5, minutes=10, never=("Office",))
    await house.guard.tick(Snapshot(address_groups=(group,), guard=rules), {"home.example.com": ("198.51.100.7",)})
    await house.guess()
    await house.guess(address="198.51.100.7")
    assert house.switch == []
    await house.guess(address="192.168.1.1")  # no more among those
    assert house.kernel == {"192.168.1.1": 600.0}


async def test_by_hand(house: House):
    await house.guard.by_hand("198.51.100.0/24", 3600.0, "Anna")
    assert house.kernel == {"198.51.100.0/24": 3600.0}
    assert await house.guard.lifted("198.51.100.0/24", "Anna")
    assert house.kernel == {}
    assert house.switch == []
    assert not await house.guard.lifted("198.51.100.0/24", "Anna")
    with pytest.raises(ValueError, match="does not appear"):
        await house.guard.by_hand("reception", 3600.0, "Anna")


def test_what_nftables_is_told_of_blocks():
    text = blocking("t", [("192.0.2.7", 300.5), ("192.0.2.8", 0.2), ("192.0.3.0/24", 60), ("2001:db8::/64", 60)])
    assert text.splitlines() == [
        "add element inet t blocked4 { 192.0.2.7 timeout 300s, 192.0.2.8 timeout 1s }",
        "add element inet t blocked_networks4 { 192.0.3.0/24 timeout 60s }",
        "add element inet t blocked6 { 2001:db8::/64 timeout 60s }",
    ]
    assert lifting("t", "192.0.3.0/24") == "delete element inet t blocked_networks4 { 192.0.3.0/24 }\n"
