"""What the tests of all probes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from probes.core.hostkeys import NoHostKeys
from probes.core.probe import Environment
from tests import loopback


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """An environment without profiles or approved host keys."""
    return Environment(profiles={}, host_keys=NoHostKeys(), state_dir=tmp_path, network=loopback.NETWORK)
