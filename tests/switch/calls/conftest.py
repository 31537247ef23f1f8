"""Tests of whole calls run in simulated time: waiting costs nothing, and no real clock is looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .house import House
from .simulated_time import SimulatedLoop


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"simulated": SimulatedLoop}


@pytest.fixture
async def house(caplog: pytest.LogCaptureFixture) -> AsyncIterator[House]:
    """A switch with extensions 101-104, and phones to be plugged in. Nothing in it may fail with a traceback."""
    made = House()
    await made.open()
    yield made
    await made.close()
    faults = [record.getMessage() for record in caplog.records if record.exc_info]
    assert made.faults_expected or not faults
