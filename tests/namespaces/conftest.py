"""Fixtures of the tests behind NAT. They share one event loop, and one system for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from interop.rig.booth import Booth, why_no_booth
from interop.rig.configuration import configuration, extension
from interop.rig.ports import Block, block
from interop.rig.system import System

from .network import HOME, HOUSE, HOUSE_INSIDE, OFFICE, Network, why_no_namespaces

HERE = Path(__file__).parent
PATIENCE = 240  # seconds for one test: whole systems start and stop in it, on a machine that may be busy
QUALIFY = 5  # seconds between OPTIONS: shorter than the router remembers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here, and let it run in the session's event loop."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.namespaces)
            item.add_marker(pytest.mark.timeout(PATIENCE))
            if getattr(item, "obj", None) is not None and pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """The house, the home and the router between."""
    if reason := why_no_namespaces() or why_no_booth():
        pytest.skip(reason)
    with Network() as built:
        yield built


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_house(tmp_path_factory: pytest.TempPathFactory, network: Network) -> AsyncIterator[System]:
    ports = block()
    settings = configuration([extension(111, behind_nat="never")], settings={"qualify_interval": QUALIFY})
    prefix = network.inside("house")
    async with System(
        tmp_path_factory.mktemp("house"), ports, settings, host=f"{HOUSE},{HOUSE_INSIDE}", prefix=prefix, stun_port=0
    ) as running:
        yield running
    ports.release()


@pytest_asyncio.fixture(loop_scope="session")
async def house(shared_house: System) -> AsyncIterator[System]:
    """The system, in the house."""
    yield shared_house
    await shared_house.quiet()
    shared_house.check_log()


@pytest.fixture
def ports() -> Iterator[Block]:
    reserved = block()
    yield reserved
    reserved.release()


@pytest_asyncio.fixture(loop_scope="session")
async def at_home(network: Network, ports: Block) -> AsyncIterator[Booth]:
    """Phones behind the NAT."""
    async with Booth(ports, address=HOME, prefix=network.inside("home"), more="sip_verify_server no\n") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def in_the_office(network: Network, ports: Block) -> AsyncIterator[Booth]:
    """Phones in a network of the house's own, without NAT."""
    prefix = network.inside("office")
    async with Booth(ports, address=OFFICE, prefix=prefix, more="sip_verify_server no\n") as opened:
        yield opened
