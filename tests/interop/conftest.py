"""Fixtures of the tests with real phones. All of them share one event loop, so that a system can serve many tests."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from .rig.booth import Booth, why_no_booth
from .rig.configuration import CODECS, configuration, extension
from .rig.ports import Block, block
from .rig.system import System

HERE = Path(__file__).parent
PATIENCE = 240  # seconds for one test: whole systems start and stop in it, on a machine that may be busy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here, and let it run in the session's event loop."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.interop)
            item.add_marker(pytest.mark.timeout(PATIENCE))
            if getattr(item, "obj", None) is not None and pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture
def ports() -> Iterator[Block]:
    """Ports for the phones of one test."""
    reserved = block()
    yield reserved
    reserved.release()


@pytest.fixture(scope="session")
def system_ports() -> Iterator[Block]:
    """Ports for the system that many tests share."""
    reserved = block()
    yield reserved
    reserved.release()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_system(tmp_path_factory: pytest.TempPathFactory, system_ports: Block) -> AsyncIterator[System]:
    """One running system for all tests that don't need their own."""
    async with System(
        tmp_path_factory.mktemp("system"), system_ports, STANDARD, rtp=600, host="127.0.0.1,::1"
    ) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def system(shared_system: System) -> AsyncIterator[System]:
    """The shared system. A test must leave no call behind, and no fault in the log."""
    shared_system.since = time.time()
    yield shared_system
    await shared_system.quiet()
    shared_system.check_log()


@pytest_asyncio.fixture(loop_scope="session")
async def booth(ports: Block) -> AsyncIterator[Booth]:
    """Phones of baresip-python."""
    if reason := why_no_booth():
        pytest.skip(reason)
    async with Booth(ports, more=BOOTH) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def booth_ipv6(ports: Block) -> AsyncIterator[Booth]:
    """Phones of baresip-python that speak IPv6."""
    if reason := why_no_booth():
        pytest.skip(reason)
    async with Booth(ports, address="::1", more=BOOTH + "prefer_ipv6 yes\n") as opened:
        yield opened


BOOTH = "sip_verify_server no\n"
"""The system's certificate is its own."""

STANDARD = configuration(
    [
        *(extension(120 + index, codecs=[codec]) for index, codec in enumerate(CODECS)),
        *(extension(130 + index, codecs=[codec]) for index, codec in enumerate(CODECS)),
        extension(141, ring_time=1),
        extension(142, do_not_disturb=True),
        extension(143, forward_always="103"),
        extension(144, forward_unreachable="103"),
        extension(145, forward_no_answer="103", ring_time=1),
        extension(146, forward_always="147"),
        extension(147, forward_always="146"),
        extension(148, dtmf="info"),
        extension(149, dtmf="inband"),
        extension(139, dtmf="inband"),
    ],
    ring_groups=[
        {"number": "150", "name": "All", "members": ["102", "103", "104"]},
        {"number": "151", "name": "Short", "members": ["102"], "step_time": 1, "fallback": "*61"},
    ],
)
"""What the shared system has: 101-110, 120-124 and 130-134 with one codec each, 141-149 with habits, two groups."""
