"""Spans of time as people write them: ``30s``, ``5m``, ``1h``, ``1d``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WRITTEN = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
LONGEST = 366 * 86400.0


def seconds(text: object) -> float:
    """Return ``"30s"`` as 30.0. Raises `ValueError` for what is no span from a millisecond to 366 days."""
    written = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if written is None:
        raise ValueError("wants a span of time such as 500ms, 30s, 5m, 1h or 1d")
    span = float(written[1]) * _UNITS[written[2]]
    if not 0.001 <= span <= LONGEST:
        raise ValueError("wants a span of time between 1ms and 366d")
    return span


Duration = Annotated[float, BeforeValidator(seconds)]
"""Seconds, written as a text with its unit."""


def written(span: float) -> str:
    """Return seconds in the largest whole unit: ``90.0`` is ``"90s"``, ``3600.0`` is ``"1h"``."""
    for unit in ("d", "h", "m", "s"):
        if span >= _UNITS[unit] and span % _UNITS[unit] == 0:
            return f"{span / _UNITS[unit]:.0f}{unit}"
    return f"{span * 1000:.0f}ms"
