"""The wall: every commune as a tile, the services above, what is open and what changed beside.

A nation is shown by province; a click shows the communes of one. Nothing here walks devices: see `Summaries`.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from alerts.incident import DeviceState, Incident, Kind, Severity, Status
from alerts.rule import Rule, RuleBook
from inventory.model import Site
from monitor.web.collation import name_key
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.live import INCIDENTS, STATES
from monitor.web.services import standings
from monitor.web.summary import BADNESS, Change, Extent, SiteSummary, by_badness, counts, urgency
from monitor.web.view import NoSuch, Params, Values, View

TILES = 400
"""Communes that are shown as a tile each; more are shown by province."""
OPEN_SHOWN = 12
CHANGES_SHOWN = 10
CHANGES_READ = 500
"""Sites whose changes are read, those that changed last."""
_WAVE = timedelta(seconds=90)
BUNDLE_FROM = 6
"""Places with the same trouble that are told in one line."""
_BURST_SPAN = timedelta(minutes=10)
_BURST_SIZE = 4
_LOST = frozenset({DeviceState.DOWN, DeviceState.UNREACHABLE})
_SETTLING = timedelta(minutes=3)
"""After the start every device enters its first state; that is no change."""


class Group(msgspec.Struct, frozen=True):
    """Tiles that stand together: wards and communes of a province."""

    title: str
    """A kind of commune; ``""`` for places that are no commune."""
    tiles: tuple[SiteSummary, ...]


class Province(msgspec.Struct, frozen=True):
    """A province as one tile."""

    code: str
    name: str
    state: DeviceState
    """The worst state of its communes."""
    sites: int
    counts: tuple[tuple[DeviceState, int], ...]
    """Communes in each state, worst first, states without any left out."""
    since: datetime | None
    unowned: int
    """Communes with an incident that nobody has taken on."""


class Wave(msgspec.Struct, frozen=True):
    """Many sites whose devices entered one state together: one line, however many."""

    state: DeviceState
    at: datetime
    """When the last of them did."""
    sites: tuple[Site, ...]


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


class Bundle(msgspec.Struct, frozen=True):
    """The same trouble at many sites, told in one line."""

    rule_id: str
    rule: Rule | None
    severity: Severity
    places: tuple[SiteSummary, ...]
    since: datetime
    """When the first of them began."""
    taken: int
    """At how many of them somebody has everything."""


def view(context: WebContext, params: Params) -> View:
    """Return the wall; ``province`` shows the communes of one. Raises `NoSuch`."""
    code = params.get("province", "")
    if code and not any(_code(site) == code for site in context.board.inventory.sites.values()):
        raise NoSuch("there is no commune of such a province in the inventory")

    async def values() -> Values:
        return wall_values(context, code)

    return View("wall", frozenset({STATES, INCIDENTS}), values, N_("Wall"))


def wall_values(context: WebContext, province: str = "") -> Values:
    """Return what the wall shows."""
    board, rules = context.board, context.rules()
    whole = context.summaries.every(board)
    every = [one for one in whole if not province or _code(one.site) == province]
    communes = [one for one in every if one.site.kind == "commune"]
    by_province = len(communes) > TILES
    incidents = [entry for entry in board.incidents.values() if entry.kind is Kind.INCIDENT]
    hidden_by = {entry.id: hidden for entry in incidents if (hidden := context.quiets.hides(entry))}
    told = [entry for entry in incidents if entry.id not in hidden_by]
    at_large = sorted((entry for entry in incidents if entry.key.at_large), key=urgency)
    lines = troubles(every, rules)
    systems = [one for one in every if one.site.kind != "commune"]
    return {
        "province": provinces(communes)[0] if province else None,
        "provinces": provinces(communes) if by_province else [],
        "groups": [] if by_province else _groups(communes),
        "systems": systems,
        "maintained": context.quiets.maintained,
        "under_maintenance": context.quiets.under_maintenance,
        "services": standings(context) if not province else [],
        "commune_counts": counts(one.state for one in communes),
        "device_counts": by_badness(_added(every)),
        "burst": _burst(every),
        "troubles": lines[:OPEN_SHOWN],
        "more_troubles": max(0, len(lines) - OPEN_SHOWN),
        "at_large": at_large,
        "hidden_by": hidden_by,
        "criticals": sorted(one.id for one in told if is_loud(one)),
        "open_incidents": len(incidents),
        "unowned": sum(entry.status is Status.OPEN for entry in told),
        "open_findings": sum(len(one.findings) for one in every),
        "changes": changes(every, context.vitals().started),
    }


def is_loud(incident: Incident) -> bool:
    """Whether a new one of these makes a sound, if nothing hides it: critical, and nobody has it."""
    return incident.severity is Severity.CRITICAL and incident.status is Status.OPEN


def _added(every: Iterable[SiteSummary]) -> Counter[DeviceState]:
    total: Counter[DeviceState] = Counter()
    for one in every:
        for state, count in one.tally.items():
            total[state] += count
    return total


def _code(site: Site) -> str:
    return site.commune.province_code if site.commune else ""


def provinces(communes: Sequence[SiteSummary]) -> list[Province]:
    """Return the provinces by name: a place on the wall is learnt, and stays."""
    by_code: dict[str, list[SiteSummary]] = {}
    for one in communes:
        by_code.setdefault(_code(one.site), []).append(one)
    return sorted(
        (_province(code, some) for code, some in by_code.items()), key=lambda one: name_key(one.name)
    )


def _province(code: str, sites: Sequence[SiteSummary]) -> Province:
    tally = Counter(one.state for one in sites)
    worst = max(tally, key=BADNESS.__getitem__)
    since = min((one.since for one in sites if one.state is worst and one.since), default=None)
    name = _province_name(sites[0])
    unowned = sum(bool(one.incidents) and not one.acknowledged for one in sites)
    shown = tuple((state, count) for state, count in by_badness(tally) if count)
    return Province(code, name, worst, len(sites), shown, since, unowned)


def _groups(communes: Sequence[SiteSummary]) -> list[Group]:
    name = _province_name if len({_code(one.site) for one in communes}) > 1 else _kind
    by_title: dict[str, list[SiteSummary]] = {}
    for one in sorted(communes, key=lambda one: name_key(one.site.name)):
        by_title.setdefault(name(one), []).append(one)
    return [Group(title, tuple(tiles)) for title, tiles in sorted(by_title.items(), key=_order)]


def _province_name(one: SiteSummary) -> str:
    return one.site.commune.province if one.site.commune else ""


def _kind(one: SiteSummary) -> str:
    return one.site.commune.kind if one.site.commune else ""


def _order(group: tuple[str, list[SiteSummary]]) -> tuple[int, object]:
    order = ("phường", "xã", "đặc khu")
    return (order.index(group[0]) if group[0] in order else len(order), name_key(group[0]))


def troubles(every: Iterable[SiteSummary], rules: RuleBook) -> list[Trouble | Bundle]:
    """One entry a site, or one for many sites with the same, so that a mass outage stays readable; worst first."""
    own = ((one, [entry for entry in one.incidents if not entry.key.at_large]) for one in every)
    found = [Trouble(one, entries[0], len(entries) - 1) for one, entries in own if entries]
    alike: dict[tuple[str, Severity], list[Trouble]] = {}
    for trouble in found:
        alike.setdefault((trouble.first.key.rule, trouble.first.severity), []).append(trouble)
    lines: list[Trouble | Bundle] = []
    for (rule, severity), some in alike.items():
        lines += [_bundle(rules.get(rule), rule, severity, some)] if len(some) >= BUNDLE_FROM else some
    return sorted(lines, key=_weight)


def _bundle(rule: Rule | None, rule_id: str, severity: Severity, some: Sequence[Trouble]) -> Bundle:
    places = tuple(sorted((one.summary for one in some), key=lambda one: name_key(one.site.name)))
    since = min(one.first.opened_at for one in some)
    return Bundle(rule_id, rule, severity, places, since, sum(one.acknowledged for one in places))


def _weight(line: Trouble | Bundle) -> tuple[bool, int, int, bool, float]:
    if isinstance(line, Bundle):
        return (
            line.taken == len(line.places),
            -line.severity.rank,
            -len(line.places),
            False,
            -line.since.timestamp(),
        )
    one, first = line.summary, line.first
    return (
        one.acknowledged,
        -first.severity.rank,
        -1,
        one.extent is not Extent.WHOLE,
        -first.opened_at.timestamp(),
    )


def _burst(every: Iterable[SiteSummary]) -> Burst | None:
    """Return the greatest number of sites lost within ten minutes, if it is great enough to say so."""
    lost = sorted(
        one.since
        for one in every
        if one.extent is Extent.WHOLE and one.state in _LOST and one.since is not None
    )
    best: Sequence[datetime] = ()
    start = 0
    for end, moment in enumerate(lost):
        while moment - lost[start] > _BURST_SPAN:
            start += 1
        if end - start + 1 > len(best):
            best = lost[start : end + 1]
    return Burst(len(best), best[0], best[-1]) if len(best) >= _BURST_SIZE else None


def changes(every: Iterable[SiteSummary], started: datetime) -> list[Change | Wave]:
    """Return the newest changes, many alike as one; what merely became known after the start is none."""
    known = started + _SETTLING
    newest = heapq.nlargest(
        CHANGES_READ, (one for one in every if one.changes), key=lambda one: one.changes[0].at
    )
    found = [
        change
        for one in newest
        for change in one.changes
        if change.at > known or (change.at > started and change.state is not DeviceState.UP)
    ]
    ordered = sorted(found, key=lambda change: change.at, reverse=True)
    return [line for some in _alike(ordered) for line in _told(some)][:CHANGES_SHOWN]


def _alike(ordered: Iterable[Change]) -> list[list[Change]]:
    """Put changes into one state that came soon after one another together; others may lie between."""
    waves: list[list[Change]] = []
    last: dict[DeviceState, list[Change]] = {}
    for change in ordered:
        wave = last.get(change.state)
        if wave is None or wave[-1].at - change.at > _WAVE:
            wave = last[change.state] = []
            waves.append(wave)
        wave.append(change)
    return waves


def _told(wave: Sequence[Change]) -> Sequence[Change | Wave]:
    sites = tuple(dict.fromkeys(change.site.id for change in wave))
    if len(sites) < BUNDLE_FROM:
        return wave
    known = {change.site.id: change.site for change in wave}
    return (Wave(wave[0].state, wave[0].at, tuple(known[id] for id in sites)),)
