"""Tests of whole calls run in simulated time: waiting costs nothing, and no real clock is looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .house import House
from .simulated_time import SimulatedLoop


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"simulated": SimulatedLoop}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A switch with extensions 101-104, and phones to be plugged in."""
    made = House()
    await made.open()
    yield made
    await made.close()
