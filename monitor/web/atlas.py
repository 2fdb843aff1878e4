"""The map: communes where they lie, drawn by ourselves; by carrier, power feed or province where not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

import msgspec

from alerts.incident import DeviceState
from inventory.model import Site
from inventory.outlines import Ring, outline
from monitor.web.collation import bare_name, name_key
from monitor.web.context import WebContext
from monitor.web.drawing import Spot, draw
from monitor.web.language import N_
from monitor.web.live import INCIDENTS, STATES
from monitor.web.summary import BADNESS, SiteSummary
from monitor.web.view import NoSuch, Params, Values, View
from monitor.web.wall import TILES, Province, provinces, wall_values

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


class Area(msgspec.Struct, frozen=True):
    """Communes that may fail together."""

    title: str
    """``""`` for those of which it is not known."""
    tiles: tuple[SiteSummary, ...]
    """Worst first, then by name."""
    lost: int
    """How many are not normal."""


def view(context: WebContext, params: Params) -> View:
    """Return the map; ``by`` groups by an area instead. Raises `NoSuch`."""
    wanted = params.get("by", "")
    if wanted not in ("", *BY):
        raise NoSuch(f"by is one of {', '.join(BY)}")

    async def values() -> Values:
        communes = [one for one in context.summaries.every(context.board) if one.site.kind == "commune"]
        located = [one for one in communes if one.site.place]
        by = wanted or _best(communes, located)
        drawing = draw(_spots(located), _outline(located)) if by == "place" else None
        rest = [one for one in communes if not one.site.place] if by == "place" else communes
        areas = _areas(rest, _AREA.get(by, _AREA["province"]))
        return dict(wall_values(context)) | {
            "by": by,
            "choices": [(name, title) for name, title in BY.items() if name != "place" or located],
            "drawing": drawing,
            "guessed": sum(one.site.location is None for one in located),
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
        if one.site.commune and one.site.place:
            places.setdefault(one.site.commune.province_code, []).append(one.site.place)
    return [_centre(one, places[one.code]) for one in provinces(located)]


def _outline(located: Sequence[SiteSummary]) -> Sequence[Ring]:
    """Return the outline of the province that all of them lie in."""
    codes = {one.site.commune.province_code if one.site.commune else "" for one in located}
    return outline(codes.pop()) if len(codes) == 1 else ()


def _spot(one: SiteSummary) -> Spot:
    latitude, longitude = one.site.place or (0.0, 0.0)
    name = bare_name(one.site.name)
    return Spot(latitude, longitude, f"/sites/{one.site.id}", name, one.state, one.extent, one.since)


def _centre(province: Province, places: Sequence[tuple[float, float]]) -> Spot:
    latitude, longitude = fmean(place[0] for place in places), fmean(place[1] for place in places)
    href = f"/?province={province.code}"
    name = province.name.removeprefix("Thành phố ").removeprefix("Tỉnh ")
    return Spot(latitude, longitude, href, name, province.state, "part", province.since)


def _areas(communes: Iterable[SiteSummary], area: Callable[[Site], str]) -> list[Area]:
    by_area: dict[str, list[SiteSummary]] = {}
    for one in sorted(communes, key=lambda one: (-BADNESS[one.state], name_key(one.site.name))):
        by_area.setdefault(area(one.site), []).append(one)
    found = [
        Area(title, tuple(some), sum(one.state is not DeviceState.UP for one in some))
        for title, some in by_area.items()
    ]
    return sorted(found, key=lambda one: (not one.title, name_key(one.title)))
