"""Whose turn it is: layers of people who take turns, and the overrides and swaps that go before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from pydantic import BeforeValidator, Field

from alerts.calendar import VIETNAM, LocalTime
from alerts.duty.hours import Hours
from inventory.duration import Duration
from inventory.model import Model, Slug, Text, listed

LONGEST_LOOK = timedelta(days=92)
"""No list of shifts reaches further."""

Team = Annotated[tuple[Slug, ...], BeforeValidator(listed), Field(min_length=1, max_length=20)]
"""One person, or several who are on duty together."""


class Layer(Model):
    """People who take turns, at all hours or at some."""

    turns: Annotated[tuple[Team, ...], Field(min_length=1, max_length=100)]
    """In their order; the first begins at `start`."""
    every: Annotated[Duration, Field(ge=3600)] = 86400.0
    """Seconds of one turn."""
    start: Annotated[LocalTime, Field(alias="from")]
    """When the first turn begins; nobody of this layer is on duty before."""
    hours: Hours | None = None

    def at(self, moment: datetime) -> tuple[str, ...]:
        """Return who of this layer is on duty."""
        if moment < self.start or (self.hours and not self.hours.cover(moment.astimezone(VIETNAM))):
            return ()
        turn = (moment - self.start) // timedelta(seconds=self.every)
        return self.turns[turn % len(self.turns)]

    def edges(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the moments from `start` to `end` at which who is on duty may change."""
        every = timedelta(seconds=self.every)
        edge = max(self.start, start - ((start - self.start) % every))
        while edge < end:
            yield edge
            edge += every
        if self.hours:
            midnight = start.astimezone(VIETNAM).replace(hour=0, minute=0, second=0, microsecond=0)
            while midnight < end:
                yield from self.hours.edges(midnight)
                midnight += timedelta(days=1)


class Rota(Model):
    """A duty that somebody always has."""

    title: Text | None = None
    layers: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=10)]
    """A later layer goes before an earlier one wherever it has somebody."""


class Override(msgspec.Struct, frozen=True):
    """Somebody else is on duty for a while: a swap, an illness."""

    id: int
    rota: str
    people: tuple[str, ...]
    start: datetime
    until: datetime
    who: str
    """Who said so."""
    note: str = ""

    def covers(self, moment: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.start <= moment < self.until


class Shift(msgspec.Struct, frozen=True):
    """The same people on duty without a break."""

    start: datetime
    end: datetime
    people: tuple[str, ...]
    """Nobody: a hole."""
    override: int = 0
    """Number of the override that says so; 0 for the rota itself."""


def on_duty(name: str, rota: Rota, overrides: Iterable[Override], moment: datetime) -> tuple[str, ...]:
    """Return who is on duty at a moment; nobody where the rota has a hole."""
    return _who(name, rota, overrides, moment)[0]


def _who(
    name: str, rota: Rota, overrides: Iterable[Override], moment: datetime
) -> tuple[tuple[str, ...], int]:
    over = [one for one in overrides if one.rota == name and one.covers(moment)]
    if over:
        newest = max(over, key=lambda one: one.id)
        return newest.people, newest.id
    layers = (layer.at(moment) for layer in reversed(rota.layers))
    return next((people for people in layers if people), ()), 0


def shifts(
    name: str, rota: Rota, overrides: Sequence[Override], start: datetime, end: datetime
) -> list[Shift]:
    """Return who is on duty from `start` to `end` (at most three months on), without a gap."""
    end = min(end, start + LONGEST_LOOK)
    edges = {start}
    for layer in rota.layers:
        edges.update(layer.edges(start, end))
    for one in overrides:
        edges.update((one.start, one.until))
    moments = sorted(edge for edge in edges if start <= edge < end)
    found: list[Shift] = []
    for moment, after in zip(moments, [*moments[1:], end], strict=True):
        people, override = _who(name, rota, overrides, moment)
        last = found[-1] if found else None
        if last and (last.people, last.override) == (people, override):
            found[-1] = msgspec.structs.replace(last, end=after)
        else:
            found.append(Shift(moment, after, people, override))
    return found


def holes(
    name: str, rota: Rota, overrides: Sequence[Override], start: datetime, end: datetime
) -> list[Shift]:
    """Return the spans in which nobody is on duty."""
    return [shift for shift in shifts(name, rota, overrides, start, end) if not shift.people]
