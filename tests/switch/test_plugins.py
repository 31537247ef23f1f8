"""Destinations that a company adds in Python: found, run, and kept from doing harm."""

from __future__ import annotations

import importlib
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from company import Service, company
from fake_call import FakeCall, FakeSwitch, run

from jackfield.switch.destinations import destination_of
from jackfield.switch.plugins import Plugins

DOCUMENT = Path(__file__).parents[2] / "docs" / "plugins.md"
SERVICE = Service(number="500", kind="plugin", plugin="mine")


def install(folder: Path, code: str, entry_points: str) -> None:
    """Put a package where Python finds it, as pip would."""
    folder.mkdir(exist_ok=True)
    (folder / "order_desk.py").write_text(code)
    info = folder / "order_desk-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: order-desk\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[jackfield.destinations]\n{entry_points}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("order_desk", None)
    importlib.invalidate_caches()


async def call_plugin(service: Service = SERVICE, plugins: Plugins | None = None, call: FakeCall | None = None):
    switch = FakeSwitch()
    switch.plugins = plugins or Plugins()
    made = call or FakeCall(company())
    made.switch = switch
    return await run(destination_of(service), made, service), made


def code_of_the_document() -> dict[str, str]:
    text = DOCUMENT.read_text()
    blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.S)
    return {kind: next(body for k, body in blocks if k == kind) for kind, _ in reversed(blocks)}


async def test_the_example_of_the_documentation_works_as_it_stands_there(site: Path, tmp_path: Path):
    blocks = code_of_the_document()
    entry = re.search(r'\[project.entry-points."jackfield.destinations"\]\n(.*)\n', blocks["toml"])
    install(site, blocks["python"], entry[1].replace('"', ""))
    people = tmp_path / "people.csv"
    people.write_text("4711;102\n4712;201\n")
    options = {"prompt": "type-your-order", "unknown": "order-unknown", "file": str(people), "fallback": "101"}
    service = Service(number="500", kind="plugin", plugin="order_desk", options=options)

    class Typing(FakeCall):
        def __init__(self, *digits: str) -> None:
            super().__init__(company())
            self.digits = list(digits)

        async def collect(self, *, prompt: str, limit: int, timeout: float) -> str:
            self.did.append(f"asks {prompt}")
            return self.digits.pop(0)

    ended, made = await call_plugin(service, call=Typing("9999", "4712"))
    assert ended == "goes to 201"
    assert made.did[:4] == ["answer", "asks type-your-order", "play order-unknown", "asks type-your-order"]
    assert "order 4712 is looked after by 201" in made.notes
    ended, made = await call_plugin(service, call=Typing("1", "2", "3"))
    assert ended == "goes to 101"
    assert "order_desk" in Plugins().names()
    assert "order_desk" in blocks["yaml"]


def found(**functions):
    """Entry points that give these things."""

    class Point:
        def __init__(self, name, thing):
            self.name, self.thing, self.value = name, thing, f"module:{name}"

        def load(self):
            if isinstance(self.thing, Exception):
                raise self.thing
            return self.thing

    points = [Point(name, thing) for name, thing in functions.items()]
    return Plugins(found=lambda: points)


async def test_a_fault_ends_this_call_with_500_and_one_line_that_names_the_place(caplog):
    async def mine(call, service):
        raise ZeroDivisionError("division by zero")

    with caplog.at_level(logging.ERROR):
        ended, made = await call_plugin(plugins=found(mine=mine))
    assert ended == "500"
    assert len(caplog.records) == 1
    line = caplog.records[0].getMessage()
    assert 'plug-in "mine" (service 500) failed: ZeroDivisionError: division by zero' in line
    assert "test_plugins.py:" in line
    assert any("failed" in note for note in made.notes)


async def test_hanging_up_and_going_on_are_no_faults(caplog):
    async def busy(call, service):
        await call.hang_up(486, reason="mine")

    async def onward(call, service):
        await call.go("101", why="mine")

    assert (await call_plugin(plugins=found(mine=busy)))[0] == "486"
    assert (await call_plugin(plugins=found(mine=onward)))[0] == "goes to 101"
    assert not caplog.records


async def test_exceptions_that_the_call_understands_are_passed_on():
    async def mine(call, service):
        raise LookupError("for the call")

    switch = FakeSwitch()
    switch.plugins = Plugins(found=found(mine=mine)._found, passed_on=(LookupError,))
    made = FakeCall(company(), switch=switch)
    with pytest.raises(LookupError):
        await destination_of(SERVICE)(made, SERVICE)


async def test_a_plug_in_that_is_not_installed_is_named_with_those_that_are(caplog):
    async def other(call, service):
        pass

    assert (await call_plugin(plugins=found(other=other)))[0] == "500"
    assert "not installed" in caplog.text
    assert "(installed: other)" in caplog.text
    assert (await call_plugin(plugins=found()))[0] == "500"
    assert "(installed: none)" in caplog.text


async def test_a_plug_in_that_can_t_be_loaded_or_is_no_coroutine_ends_the_call_only(caplog):
    assert (await call_plugin(plugins=found(mine=ImportError("no module named crm"))))[0] == "500"
    assert "no module named crm" in caplog.text
    assert (await call_plugin(plugins=found(mine=lambda call, service: None)))[0] == "500"
    assert "write 'async def'" in caplog.text
    assert (await call_plugin(plugins=found(mine=ModuleType("x"))))[0] == "500"


async def test_a_plug_in_is_loaded_once():
    loads = []

    async def mine(call, service):
        call.did.append("ran")

    class Point:
        name, value = "mine", "m:mine"

        def load(self):
            loads.append(1)
            return mine

    plugins = Plugins(found=lambda: [Point()])
    for _ in range(3):
        assert (await call_plugin(plugins=plugins))[0] == "ran"
    assert len(loads) == 1
