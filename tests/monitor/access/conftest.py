"""The house that the access tests live in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.monitor.access.house import House, house


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[House]:
    """A quiet province whose pages want a sign-in."""
    async with house(tmp_path) as opened:
        yield opened
