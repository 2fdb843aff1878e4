"""The map: communes where they lie, drawn by ourselves; by carrier, power feed or province where not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from statistics import fmean

import msgspec

from alerts.incident import DeviceState
from inventory.model import Site
from monitor.web.collation import bare_name, name_key
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS, STATES
from monitor.web.summary import BADNESS, SiteSummary
from monitor.web.view import NoSuch, Params, Values, View
from monitor.web.wall import TILES, Province, provinces

WIDTH = 1000.0
"""Units of the drawing from its west to its east."""
TALLEST = 1400.0
MARGIN = 40.0
_LETTER, _LINE = 9.5, 20.0
"""Width of a letter and height of a line of a label, about."""
_MARK = 12.0
"""Half the width of a mark."""

BY: Mapping[str, str] = {
    "place": N_("Where they lie"),
    "carrier": N_("Carrier"),
    "power": N_("Power feed"),
    "province": N_("Province"),
}
_AREA: Mapping[str, Callable[[Site], str]] = {
    "carrier": lambda site: site.carrier,
    "power": lambda site: site.power_feed,
    "province": lambda site: site.commune.province if site.commune else "",
}


class Mark(msgspec.Struct, frozen=True):
    """A commune, or a province of a nation, on the map."""

    href: str
    name: str
    state: DeviceState
    extent: str
    since: datetime | None
    x: float
    y: float
    label: str
    """``""`` where there is no room for it; the name is told on hover all the same."""


class Area(msgspec.Struct, frozen=True):
    """Communes that may fail together."""

    title: str
    """``""`` for those of which it is not known."""
    tiles: tuple[SiteSummary, ...]
    """Worst first, then by name."""
    lost: int
    """How many are not normal."""


class Spot(msgspec.Struct, frozen=True):
    """Something to draw: its place in degrees, what it is."""

    latitude: float
    longitude: float
    href: str
    name: str
    state: DeviceState
    extent: str
    since: datetime | None


def view(context: WebContext, params: Params) -> View:
    """Return the map; ``by`` groups by an area instead. Raises `NoSuch`."""
    wanted = params.get("by", "")
    if wanted not in ("", *BY):
        raise NoSuch(f"by is one of {', '.join(BY)}")

    async def values() -> Values:
        communes = [one for one in context.summaries.every(context.board) if one.site.kind == "commune"]
        located = [one for one in communes if one.site.location]
        by = wanted or _best(communes, located)
        marks, height = draw(_spots(located)) if by == "place" else ([], 0.0)
        rest = [one for one in communes if not one.site.location] if by == "place" else communes
        areas = _areas(rest, _AREA.get(by, _AREA["province"]))
        return {
            "by": by,
            "maintained": context.quiets.maintained,
            "choices": [(name, title) for name, title in BY.items() if name != "place" or located],
            "marks": marks,
            "height": round(height),
            "areas": areas if len(rest) <= TILES else [],
            "provinces": provinces(rest) if len(rest) > TILES else [],
            "missing": len(rest) if by == "place" else 0,
        }

    return View("map", frozenset({STATES, INCIDENTS}), values, N_("Map"))


def _best(communes: Sequence[SiteSummary], located: Sequence[SiteSummary]) -> str:
    if located:
        return "place"
    return next(
        (by for by in ("carrier", "power") if any(_AREA[by](one.site) for one in communes)), "province"
    )


def _spots(located: Sequence[SiteSummary]) -> list[Spot]:
    if len(located) <= TILES:
        return [_spot(one) for one in located]
    places: dict[str, list[tuple[float, float]]] = {}
    for one in located:
        if one.site.commune and one.site.location:
            places.setdefault(one.site.commune.province_code, []).append(one.site.location)
    return [_centre(one, places[one.code]) for one in provinces(located)]


def _spot(one: SiteSummary) -> Spot:
    latitude, longitude = one.site.location or (0.0, 0.0)
    name = bare_name(one.site.name)
    return Spot(latitude, longitude, f"/sites/{one.site.id}", name, one.state, one.extent, one.since)


def _centre(province: Province, places: Sequence[tuple[float, float]]) -> Spot:
    latitude, longitude = fmean(place[0] for place in places), fmean(place[1] for place in places)
    href = f"/?province={province.code}"
    return Spot(latitude, longitude, href, province.name, province.state, "part", province.since)


def draw(spots: Sequence[Spot]) -> tuple[list[Mark], float]:
    """Return the marks, the worst last so that they lie on top, and the height of the drawing.

    Degrees of longitude are shortened by the cosine of the latitude, which is exact enough for a country.
    """
    if not spots:
        return [], 0.0
    west, east = min(one.longitude for one in spots), max(one.longitude for one in spots)
    south, north = min(one.latitude for one in spots), max(one.latitude for one in spots)
    shrink = math.cos(math.radians((south + north) / 2))
    wide, high = max((east - west) * shrink, 0.01), max(north - south, 0.01)
    scale = min((WIDTH - 2 * MARGIN) / wide, (TALLEST - 2 * MARGIN) / high)
    inset = (WIDTH - wide * scale) / 2
    taken: list[tuple[float, float, float]] = []
    marks = []
    for one in sorted(spots, key=lambda spot: (-BADNESS[spot.state], name_key(spot.name))):
        x, y = inset + (one.longitude - west) * shrink * scale, MARGIN + (north - one.latitude) * scale
        label = one.name if _fits(taken, x, y, one.name) else ""
        marks.append(
            Mark(one.href, one.name, one.state, one.extent, one.since, round(x, 1), round(y, 1), label)
        )
    return marks[::-1], high * scale + 2 * MARGIN


def _fits(taken: list[tuple[float, float, float]], x: float, y: float, text: str) -> bool:
    """Whether the label right of a mark is free; then its place is taken. Each is (left, right, middle)."""
    left, right = x - _MARK, x + _MARK + len(text) * _LETTER
    free = right < WIDTH and not any(
        left < other[1] and right > other[0] and abs(y - other[2]) < _LINE for other in taken
    )
    if free:
        taken.append((left, right, y))
    return free


def _areas(communes: Iterable[SiteSummary], area: Callable[[Site], str]) -> list[Area]:
    by_area: dict[str, list[SiteSummary]] = {}
    for one in sorted(communes, key=lambda one: (-BADNESS[one.state], name_key(one.site.name))):
        by_area.setdefault(area(one.site), []).append(one)
    found = [
        Area(title, tuple(some), sum(one.state is not DeviceState.UP for one in some))
        for title, some in by_area.items()
    ]
    return sorted(found, key=lambda one: (not one.title, name_key(one.title)))
