"""The load tests share the session's event loop. What takes minutes is marked `load` and left out of `make test`."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

HERE = Path(__file__).parent
PATIENCE = 240  # seconds for one test that says nothing else, on a machine that may be busy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let everything here run in the session's event loop, beside the tests with real phones."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.interop)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(PATIENCE))
            if getattr(item, "obj", None) is not None and pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
