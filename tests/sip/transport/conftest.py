"""Every test of the transports runs on both event loops: the one we ship with and asyncio's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from .peers import Certificates, Side


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture
async def new_side() -> AsyncIterator[Callable[..., Side]]:
    """Make any number of transports; all are closed in the end."""
    sides: list[Side] = []

    def make(**options: Any) -> Side:
        sides.append(Side(**options))
        return sides[-1]

    yield make
    for side in sides:
        await side.transports.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))
