"""What plain rules would have told on the same attempts: no rechecks, no parents, a perfect memory over restarts.

They see exactly the planned attempts of the same run. In their favour their clocks never jump, they are never
restarted, and a check asked each five minutes counts like any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from bench.detection.luck import SILENCE, Asked
from bench.detection.score import Told

GROUP_WAIT, GROUP_INTERVAL = 30.0, 300.0
"""Seconds Alertmanager waits before it tells of a group, and before it tells of what was added (its defaults)."""


def in_a_row(checks: Sequence[Asked], failures: int) -> list[Told]:
    """Each check by itself: `failures` failed attempts in a row are a page."""
    return [
        Told(begins, "", frozenset({check.device}))
        for check in checks
        for begins, _ in _runs(check, failures)
    ]


def firing_for(checks: Sequence[Asked], seconds: float) -> list[Told]:
    """Each check fires when it failed for `seconds`; what fires at one site is grouped as Alertmanager does."""
    by_site: defaultdict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for check in checks:
        failures = int(seconds // check.interval) + 1
        by_site[check.site] += [(at, end, check.device) for at, end in _runs(check, max(failures, 1))]
    return [page for alerts in by_site.values() for page in _grouped(sorted(alerts))]


def _grouped(alerts: list[tuple[float, float, str]]) -> Iterator[Told]:
    """Yield the notifications of one group: the first after a wait, later ones for what was added."""
    waiting: list[str] = []
    due = ends = float("-inf")
    for at, end, device in alerts:
        if waiting and at > due:
            yield Told(due, "", frozenset(waiting))
            waiting, last = [], due
        else:
            last = due
        if not waiting:
            due = max(at + GROUP_WAIT, last + GROUP_INTERVAL) if at < ends else at + GROUP_WAIT
        waiting.append(device)
        ends = max(ends, end)
    if waiting:
        yield Told(due, "", frozenset(waiting))


def _runs(check: Asked, failures: int) -> Iterator[tuple[float, float]]:
    """Yield when a row of failures became long enough, and when it ended."""
    failed = [index for index, number in _numbers(check) if _fails(check, index, number)]
    row = 0
    for place, index in enumerate(failed):
        row = row + 1 if place and failed[place - 1] == index - 1 else 1
        if row == failures:
            after = place
            while after + 1 < len(failed) and failed[after + 1] == failed[after] + 1:
                after += 1
            yield check.planned(index) + SILENCE[check.probe], check.planned(failed[after] + 1)


def _numbers(check: Asked) -> Iterator[tuple[int, float]]:
    for index, number in check.special:
        yield int(index), float(number)


def _fails(check: Asked, index: int, number: float) -> bool:
    return check.ending(check.planned(index), number).outcome.is_silence
