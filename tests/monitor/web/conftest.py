"""The province and the application that the web tests look at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from monitor.web.app import create_app
from tests.monitor.web.province import Province, province
from tests.monitor.web.scenes import faults


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Province]:
    """A province with some faults."""
    async with province(tmp_path) as built:
        await faults(built)
        yield built


@pytest.fixture
async def client(town: Province) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    """A client of the demo's application."""
    async with TestClient(TestServer(create_app(town.context(demo=town.demo)))) as made:
        yield made
