"""What the network process has the kernel do, and when."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from jackfield.network.firewall import table
from jackfield.network.firewall.keeper import AGAIN, Keeper
from jackfield.network.firewall.kernel import Kernel, table_for, why_not
from jackfield.network.firewall.rules import Firewall
from jackfield.network.host_names import HostNames
from jackfield.settings import Settings, load
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import AddressGroup, Snapshot

CLOSED = Snapshot(
    firewall=Firewall(administration=("Office",), api=("Office",)), address_groups=(AddressGroup(name="Office"),)
)


class Machine:
    """An nft that only notes what it is told."""

    def __init__(self) -> None:
        self.scripts: list[str] = []
        self.there = False
        self.refuses = ""

    def run(self, command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
        if command[1] == "list":
            return subprocess.CompletedProcess(
                command, int(not self.there), "table inet x {}" if self.there else "", ""
            )
        if self.refuses:
            return subprocess.CompletedProcess(command, 1, "", self.refuses)
        self.scripts.append(text)
        self.there = "chain input" in text
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load(data_dir=tmp_path / "data", firewall="auto", user_port="8443")
    found.files.prepare()
    return found


class House:
    def __init__(self, settings: Settings) -> None:
        self.machine, self.now, self.told, self.addresses = Machine(), 1000.0, 0, ("198.51.100.7",)
        kernel = Kernel(settings.files.path, self.machine.run)
        names = HostNames(lambda name: self.addresses)
        self.keeper = Keeper(
            settings, in_kernel=kernel, why_not=lambda: "", names=names, clock=lambda: self.now, tell=self._tell
        )

    async def _tell(self) -> None:
        self.told += 1


async def test_the_kernel_gets_the_rules_once_and_again_when_they_are_others(settings: Settings):
    house = House(settings)
    await house.keeper.use(Snapshot())
    await house.keeper.use(Snapshot())
    assert len(house.machine.scripts) == 1
    assert house.keeper.standing.way == "kernel"
    await house.keeper.use(CLOSED)
    assert ['tcp dport 4021 drop comment "administration' in one for one in house.machine.scripts] == [False, True]
    assert len(house.machine.scripts) == 2


async def test_a_table_that_somebody_took_away_is_made_again(settings: Settings):
    house = House(settings)
    await house.keeper.use(CLOSED)
    house.machine.there = False
    await house.keeper.use(CLOSED)
    assert len(house.machine.scripts) == 1
    house.now += AGAIN
    await house.keeper.use(CLOSED)
    assert len(house.machine.scripts) == 2
    house.now += AGAIN
    await house.keeper.use(CLOSED)
    assert len(house.machine.scripts) == 2


async def test_what_the_kernel_refuses_is_said_and_tried_again(settings: Settings, caplog: pytest.LogCaptureFixture):
    house = House(settings)
    house.machine.refuses = "Operation not permitted"
    for _ in range(2):
        await house.keeper.use(CLOSED)
        house.now += AGAIN
    assert house.keeper.standing.way == "programs"
    assert "CAP_NET_ADMIN" in house.keeper.standing.problem
    assert caplog.text.count("did not take the firewall's rules") == 1
    house.machine.refuses = ""
    await house.keeper.use(CLOSED)
    assert house.keeper.standing.way == "kernel"
    assert house.keeper.standing.problem == ""


async def test_without_the_right_the_programs_hold_the_rules_alone(settings: Settings):
    machine = Machine()
    keeper = Keeper(settings, in_kernel=Kernel(settings.files.path, machine.run), why_not=lambda: "no right: get it")
    await keeper.use(CLOSED)
    keeper.close()
    assert machine.scripts == []
    assert (keeper.standing.way, keeper.standing.problem) == ("programs", "no right: get it")
    assert not keeper.policy.allows("administration", "203.0.113.5")


async def test_names_in_groups_are_looked_up_kept_and_told(settings: Settings):
    house = House(settings)
    named = Snapshot(
        firewall=Firewall(ssh=("Home",)), address_groups=(AddressGroup(name="Home", entries=("home.example.com",)),)
    )
    await house.keeper.use(named)
    assert "tcp dport 22 ip saddr { 198.51.100.7 } accept" in house.machine.scripts[-1]
    assert table.load(settings.files.firewall).hosts == {"home.example.com": ("198.51.100.7",)}
    assert house.told == 1
    house.addresses = ("198.51.100.8",)
    house.now += 1000
    await house.keeper.use(named)
    assert "tcp dport 22 ip saddr { 198.51.100.8 } accept" in house.machine.scripts[-1]
    assert House(settings).keeper._known.hosts == {"home.example.com": ("198.51.100.8",)}


async def test_panic_outlives_a_restart_and_ends_when_told(settings: Settings):
    house = House(settings)
    await house.keeper.use(Snapshot())
    await house.keeper.panic(Snapshot(), 1234.0)
    assert 'tcp dport 5060 drop comment "sip"' in house.machine.scripts[-1]
    again = House(settings)
    assert again.keeper.standing.panic == 1234.0
    await again.keeper.use(Snapshot())
    assert not again.keeper.policy.allows("sip", "203.0.113.5")
    await again.keeper.panic(Snapshot(), 0.0)
    assert again.keeper.policy.allows("sip", "203.0.113.5")
    assert 'tcp dport 5060 accept comment "sip"' in again.machine.scripts[-1]


async def test_the_table_goes_when_the_system_stops(settings: Settings):
    house = House(settings)
    await house.keeper.use(CLOSED)
    house.keeper.close()
    assert not house.machine.there


def test_two_installations_never_take_each_others_table(tmp_path: Path):
    assert table_for(Path("/var/lib/jackfield")) == "jackfield"
    assert table_for(tmp_path / "a") != table_for(tmp_path / "b")
    assert table_for(tmp_path / "a").removeprefix("jackfield_").isalnum()


def test_a_process_without_the_right_says_how_to_get_it(tmp_path: Path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t0000000000000400\n")
    assert "packaging/jackfield.service" in why_not(status)


def test_a_program_sees_a_new_configuration_and_keeps_the_old_one_while_it_can_not_be_read(settings: Settings):
    asked = table.Table(settings)
    assert asked.allows("administration", "203.0.113.5")
    snapshots.write(CLOSED, settings.files.snapshot)
    assert not asked.allows("administration", "203.0.113.5")
    settings.files.snapshot.write_text("{")
    assert not asked.allows("administration", "203.0.113.5")
    table.save(settings.files.firewall, table.Known(panic=1.0))
    snapshots.write(Snapshot(), settings.files.snapshot)
    assert not asked.allows("sip", "203.0.113.5")
    settings.files.firewall.write_text("damaged")
    assert asked.allows("sip", "203.0.113.5")
