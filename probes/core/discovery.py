"""Which probes exist: every module or package of `probes` with a `Probe` class, found by looking."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import probes
from probes.core.probe import Probe


def discover() -> dict[str, type[Probe[Any]]]:
    """Return every probe class by name (the name of its module), sorted by name."""
    names = sorted(info.name for info in pkgutil.iter_modules(probes.__path__) if info.name != "core")
    return {name: importlib.import_module(f"probes.{name}").Probe for name in names}
