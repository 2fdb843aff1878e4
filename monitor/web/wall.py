"""The wall: every commune as a tile, the provincial systems above, what is open and what changed beside."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from alerts.incident import DeviceState, Incident, Kind
from inventory.model import Device, Site
from monitor.board import Board
from monitor.web.collation import name_key
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS, STATES
from monitor.web.summary import DeviceView, Extent, SiteSummary, counts, summaries, urgency
from monitor.web.view import Params, Values, View

OPEN_SHOWN = 12
CHANGES_SHOWN = 10
_TOGETHER = timedelta(seconds=90)
"""Devices of one site that enter one state within this time are one change."""
_BURST_SPAN = timedelta(minutes=10)
_BURST_SIZE = 4
_LOST = frozenset({DeviceState.DOWN, DeviceState.UNREACHABLE})
_SETTLING = timedelta(minutes=3)
"""After the start every device enters its first state; that is no change."""


class Group(msgspec.Struct, frozen=True):
    """Tiles that stand together: wards and communes, or the provinces when there are several."""

    title: str
    """A kind of commune, or a province's name; ``""`` for places that are no commune."""
    tiles: tuple[SiteSummary, ...]


class Change(msgspec.Struct, frozen=True):
    """Devices of one site that entered a state together."""

    site: Site
    state: DeviceState
    at: datetime
    devices: tuple[Device, ...]


class Burst(msgspec.Struct, frozen=True):
    """Many sites lost at nearly the same time, which smells of one cause."""

    count: int
    first: datetime
    last: datetime


class Trouble(msgspec.Struct, frozen=True):
    """What is open at one site: the first incident in full, the others counted."""

    summary: SiteSummary
    first: Incident
    others: int


def view(context: WebContext, params: Params) -> View:
    """Return the wall."""

    async def values() -> Values:
        return {
            **wall_values(context.board, context.vitals().started),
            "maintained": context.quiets.maintained,
            "under_maintenance": context.quiets.under_maintenance,
        }

    return View("wall", frozenset({STATES, INCIDENTS}), values, N_("Wall"))


def wall_values(board: Board, started: datetime) -> Values:
    """Return what the wall shows."""
    every = summaries(board)
    communes = [one for one in every if one.site.kind == "commune"]
    troubles = _troubles(every)
    return {
        "groups": _groups(communes),
        "systems": [one for one in every if one.site.kind != "commune"],
        "commune_counts": counts(communes),
        "device_counts": counts(view for one in every for view in one.devices),
        "burst": _burst(every),
        "troubles": troubles[:OPEN_SHOWN],
        "more_troubles": max(0, len(troubles) - OPEN_SHOWN),
        "at_large": [entry for entry in sorted(board.incidents.values(), key=urgency) if entry.key.at_large],
        "open_incidents": sum(entry.kind is Kind.INCIDENT for entry in board.incidents.values()),
        "open_findings": sum(len(one.findings) for one in every),
        "changes": _changes(every, started),
    }


def _groups(communes: list[SiteSummary]) -> list[Group]:
    provinces = {_province(one) for one in communes}
    by_title: dict[str, list[SiteSummary]] = {}
    for one in sorted(communes, key=lambda one: name_key(one.site.name)):
        title = _province(one) if len(provinces) > 1 else _kind(one)
        by_title.setdefault(title, []).append(one)
    return [Group(title, tuple(tiles)) for title, tiles in sorted(by_title.items(), key=_order)]


def _order(group: tuple[str, list[SiteSummary]]) -> tuple[int, object]:
    order = ("phường", "xã", "đặc khu")
    return (order.index(group[0]) if group[0] in order else len(order), name_key(group[0]))


def _province(one: SiteSummary) -> str:
    return one.site.commune.province if one.site.commune else ""


def _kind(one: SiteSummary) -> str:
    return one.site.commune.kind if one.site.commune else ""


def _troubles(every: Iterable[SiteSummary]) -> list[Trouble]:
    """One entry a site, so that a mass outage stays readable; whole communes first, then the newest."""
    own = ((one, [entry for entry in one.incidents if not entry.key.at_large]) for one in every)
    found = [Trouble(one, entries[0], len(entries) - 1) for one, entries in own if entries]
    return sorted(found, key=_weight)


def _weight(trouble: Trouble) -> tuple[bool, int, bool, float]:
    one = trouble.summary
    return (
        one.acknowledged,
        -trouble.first.severity.rank,
        one.extent is not Extent.WHOLE,
        -trouble.first.opened_at.timestamp(),
    )


def _burst(every: Iterable[SiteSummary]) -> Burst | None:
    """Return the greatest number of sites lost within ten minutes, if it is great enough to say so."""
    lost = sorted(
        one.since
        for one in every
        if one.extent is Extent.WHOLE and one.state in _LOST and one.since is not None
    )
    best: list[datetime] = []
    start = 0
    for end, moment in enumerate(lost):
        while moment - lost[start] > _BURST_SPAN:
            start += 1
        if end - start + 1 > len(best):
            best = lost[start : end + 1]
    return Burst(len(best), best[0], best[-1]) if len(best) >= _BURST_SIZE else None


def _changes(every: Iterable[SiteSummary], started: datetime) -> list[Change]:
    """The newest changes; what merely became known after the start is none."""
    known = started + _SETTLING
    found = [
        change
        for one in every
        for change in _changes_at(one)
        if change.at > known or (change.at > started and change.state is not DeviceState.UP)
    ]
    return sorted(found, key=lambda change: change.at, reverse=True)[:CHANGES_SHOWN]


def _changes_at(one: SiteSummary) -> list[Change]:
    found: list[Change] = []
    for move in sorted(one.devices, key=lambda view: view.status.since, reverse=True):
        if _follows(move, one.devices):
            continue
        last = found[-1] if found else None
        if last and last.state is move.status.state and last.at - move.status.since < _TOGETHER:
            found[-1] = msgspec.structs.replace(last, devices=(*last.devices, move.device))
        else:
            found.append(Change(one.site, move.status.state, move.status.since, (move.device,)))
    return found


def _follows(move: DeviceView, devices: Iterable[DeviceView]) -> bool:
    """Whether a device is unreachable only because another of its site went down at that time."""
    return move.status.state is DeviceState.UNREACHABLE and any(
        other.status.state is DeviceState.DOWN and abs(other.status.since - move.status.since) < _TOGETHER
        for other in devices
    )
