"""Numbers with units: written by admins in rules (``80%``, ``30d``), shown to people in their language."""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

_WRITTEN = re.compile(r"(-?[0-9]{1,15}(?:\.[0-9]{1,6})?) ?([^\s0-9]{0,8})")

_SCALES = {
    "": 1.0,
    "%": 0.01,
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "B": 1.0,
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "bit/s": 1.0,
    "kbit/s": 1e3,
    "Mbit/s": 1e6,
    "Gbit/s": 1e9,
    "°C": 1.0,
}

_TIMES = frozenset({"", "ms", "s", "m", "h", "d"})


def base(written: object) -> object:
    """Return ``"80%"`` as 0.8, ``"30d"`` as 2592000.0, a number as it is. Raises `ValueError`."""
    if not isinstance(written, str):
        return written
    match = _WRITTEN.fullmatch(written.strip())
    scale = _SCALES.get(match[2]) if match else None
    if match is None or scale is None:
        units = ", ".join(unit for unit in _SCALES if unit)
        raise ValueError(f"wants a number, with one of these units or none: {units}")
    return float(match[1]) * scale


Quantity = Annotated[float, BeforeValidator(base)]
"""A number in base units; in YAML also a text with a unit."""


def seconds(written: object) -> object:
    """Return ``"30m"`` as 1800.0, a number as it is. Raises `ValueError`."""
    match = _WRITTEN.fullmatch(written.strip()) if isinstance(written, str) else None
    if isinstance(written, str) and (match is None or match[2] not in _TIMES):
        raise ValueError("wants a span of time such as 500ms, 30s, 5m, 1h or 1d, or a number of seconds")
    return base(written)


Seconds = Annotated[float, BeforeValidator(seconds)]
"""A duration in seconds; in YAML also ``30m``, ``1h``, ``7d``."""


def for_people(value: float, unit: str, language: str) -> str:
    """Return `value` of the UCUM `unit` as people read it: ``"81,5 %"``, ``"29 ngày"``, ``"1.5 GB"``."""
    if not math.isfinite(value):
        return "?"
    if unit == "1":
        return _number(value * 100, language) + " %"
    if unit == "s":
        return duration(value, language)
    if unit in ("By", "bit/s", "By/s"):
        return _scaled(value, {"By": "B", "By/s": "B/s"}.get(unit, unit), language)
    shown = {"Cel": "°C"}.get(unit, "" if unit.startswith("{") else unit)
    return f"{_number(value, language)} {shown}".rstrip()


def duration(seconds: float, language: str) -> str:
    """Return a duration in the largest unit of which there are two: ``"29 ngày"``, ``"90 minutes"``."""
    if seconds < 0:
        return "-" + duration(-seconds, language)
    for size, vi, en in ((86400, "ngày", "days"), (3600, "giờ", "hours"), (60, "phút", "minutes")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {en if language == 'en' else vi}"
    if seconds >= 1 or seconds == 0:
        return f"{_number(seconds, language)} {'seconds' if language == 'en' else 'giây'}"
    return f"{_number(seconds * 1000, language)} ms"


def _scaled(value: float, unit: str, language: str) -> str:
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{_number(value / factor, language)} {prefix}{unit}"
    return f"{_number(value, language)} {unit}"


def _number(value: float, language: str) -> str:
    text = f"{value:.1f}".removesuffix(".0")
    return text if language == "en" else text.replace(".", ",")
