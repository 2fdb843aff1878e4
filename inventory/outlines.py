"""The outlines of the provinces, much simplified, from the data file beside this module: for orientation on a map.

They are worked out from the same boundaries as the middles of the communes (see `inventory.communes`): corners
within 600 m of a straight line are left out, and so are the smallest islands. Đà Nẵng and Khánh Hòa have none:
their archipelagos are too far out to be drawn at a useful size, and no outline may be without them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

Ring = tuple[tuple[float, float], ...]
"""Latitude and longitude of the corners of one piece of land, in degrees (WGS 84)."""


@cache
def outline(province_code: str) -> tuple[Ring, ...]:
    """Return the pieces of a province by its official two-digit code; empty where it is not known."""
    text = files("inventory").joinpath("outlines.json").read_text("utf-8")
    return tuple(
        tuple((latitude, longitude) for latitude, longitude in ring)
        for ring in json.loads(text).get(province_code, ())
    )
