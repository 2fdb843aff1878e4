"""Commands speak English here, as their own sentences do; `test_language` says otherwise."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for English, as an operator may."""
    monkeypatch.setenv("COMMUNE_MONITOR_LANG", "en")
