"""A drawing of places by their coordinates: marks, the names there is room for, outlines, and a scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple

import msgspec

from alerts.incident import DeviceState
from inventory.outlines import Ring
from monitor.web.collation import name_key
from monitor.web.summary import BADNESS

WIDTH = 1000.0
"""Units of a drawing from its west to its east; a screen shows a unit as about a pixel."""
TALLEST = 760.0
MARGIN = 44.0
LETTER, LINE = 7.7, 16.0
"""Width of a letter and height of a line of a name, about."""
MARK, CALM_MARK = 11.0, 7.0
"""Half the width of a mark, and of one where all is well."""
_DEGREE = 111.32
"""Kilometres of a degree of latitude."""
_SCALES = (500, 200, 100, 50, 20, 10, 5, 2, 1)
"""Kilometres of which a scale may be."""
_LONGEST_SCALE = 200.0


class Spot(msgspec.Struct, frozen=True):
    """Something to draw: its place in degrees, what it is."""

    latitude: float
    longitude: float
    href: str
    name: str
    state: DeviceState
    extent: str
    since: datetime | None


class Mark(msgspec.Struct, frozen=True):
    """A commune, or a province of a nation, on the map."""

    href: str
    name: str
    state: DeviceState
    extent: str
    since: datetime | None
    x: float
    y: float
    half: float
    """Half its width."""
    label: str
    """``""`` where there is no room for it; the name is told on hover all the same."""
    label_x: float
    label_y: float
    anchor: str
    """Which end of the label is at its place: ``start``, ``middle`` or ``end``."""


class Drawing(msgspec.Struct, frozen=True):
    """All there is to draw."""

    marks: tuple[Mark, ...]
    """Those where all is well first, the worst last, so that they lie on top."""
    height: int
    outline: str
    """The outlines as the data of one SVG path."""
    scale_km: int
    scale: float
    """How long the scale is."""


class Box(NamedTuple):
    """A part of the drawing that is taken."""

    left: float
    top: float
    right: float
    bottom: float

    def hits(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


class Frame:
    """Where degrees lie in the drawing.

    Degrees of longitude are shortened by the cosine of the latitude, which is exact enough for a country.
    """

    def __init__(self, places: Sequence[tuple[float, float]]) -> None:
        south, self._north = min(one[0] for one in places), max(one[0] for one in places)
        self._west, east = min(one[1] for one in places), max(one[1] for one in places)
        self._shrink = math.cos(math.radians((south + self._north) / 2))
        wide, high = max((east - self._west) * self._shrink, 0.01), max(self._north - south, 0.01)
        self._scale = min((WIDTH - 2 * MARGIN) / wide, (TALLEST - 2 * MARGIN) / high)
        self._inset = (WIDTH - wide * self._scale) / 2
        self.height = high * self._scale + 2 * MARGIN
        self.kilometre = self._scale / _DEGREE

    def at(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Return x and y."""
        x = self._inset + (longitude - self._west) * self._shrink * self._scale
        return round(x, 1), round(MARGIN + (self._north - latitude) * self._scale, 1)


def draw(spots: Sequence[Spot], outline: Sequence[Ring] = ()) -> Drawing | None:
    """Return the drawing; `None` when there is nothing to draw."""
    if not spots:
        return None
    frame = Frame([*((one.latitude, one.longitude) for one in spots), *chain(*outline)])
    ordered = sorted(spots, key=lambda spot: (-BADNESS[spot.state], name_key(spot.name)))
    places = [frame.at(one.latitude, one.longitude) for one in ordered]
    placed = list(zip(ordered, places, strict=True))
    room = Room([(_around(x, y, _half(one)), one.state is DeviceState.UP) for one, (x, y) in placed])
    marks = [_mark(one, x, y, room) for one, (x, y) in placed]
    km = next((one for one in _SCALES if one * frame.kilometre <= _LONGEST_SCALE), _SCALES[-1])
    path = " ".join(_path(frame, ring) for ring in outline)
    return Drawing(tuple(marks[::-1]), round(frame.height), path, km, round(km * frame.kilometre, 1))


def _path(frame: Frame, ring: Iterable[tuple[float, float]]) -> str:
    corners = (frame.at(*corner) for corner in ring)
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners) + "Z"


def _half(spot: Spot) -> float:
    return CALM_MARK if spot.state is DeviceState.UP else MARK


def _around(x: float, y: float, half: float) -> Box:
    return Box(x - half, y - half, x + half, y + half)


class _Label(NamedTuple):
    """Where a name may stand."""

    box: Box
    x: float
    y: float
    anchor: str


class Room:
    """What of the drawing is still free for names. `marks` are boxes, and whether all is well there."""

    def __init__(self, marks: Iterable[tuple[Box, bool]]) -> None:
        marks = tuple(marks)
        self._calm = [box for box, calm in marks if calm]
        self._taken = [box for box, calm in marks if not calm]

    def take(self, labels: Sequence[_Label], own: Box, calm: bool) -> _Label | None:
        """Return the first that is free, and keep it; the name of what is not well may lie on a calm mark."""
        for others in ([*self._taken, *self._calm], self._taken)[: 1 if calm else 2]:
            around = [box for box in others if box != own]
            for label in labels:
                if _inside(label.box) and not any(label.box.hits(other) for other in around):
                    self._taken.append(label.box)
                    return label
        return None


def _mark(spot: Spot, x: float, y: float, room: Room) -> Mark:
    half = _half(spot)
    labels = tuple(_labels(spot.name, x, y, half))
    label = room.take(labels, _around(x, y, half), spot.state is DeviceState.UP)
    place = (spot.name, round(label.x, 1), round(label.y, 1), label.anchor) if label else ("", x, y, "start")
    return Mark(spot.href, spot.name, spot.state, spot.extent, spot.since, x, y, half, *place)


def _inside(box: Box) -> bool:
    return box.left > 0 and box.right < WIDTH and box.top > 0


def _labels(name: str, x: float, y: float, half: float) -> Iterator[_Label]:
    """Yield where a name may stand, best first: right of its mark, left, below, above, then aslant."""
    wide, gap = len(name) * LETTER, half + 3
    for down, off in ((0.0, gap), (LINE * 0.6, half), (-LINE * 0.6, half)):
        box = Box(x + off, y + down - LINE / 2, x + off + wide, y + down + LINE / 2)
        yield _Label(box, x + off, y + down + 4.5, "start")
        yield _Label(box._replace(left=x - off - wide, right=x - off), x - off, y + down + 4.5, "end")
        if not down:
            for foot in (y + half + LINE, y - half):
                over = Box(x - wide / 2, foot - LINE, x + wide / 2, foot)
                yield _Label(over, x, foot - 4, "middle")
