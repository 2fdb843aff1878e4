"""What tests of notifiers begin with: a folder of secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.notifiers.cases import (
    CANARY,
)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "canary").write_text(CANARY)
    return tmp_path
