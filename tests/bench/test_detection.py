"""The detection laboratory: a short run meets the aims, and what it leaves out changes nothing."""

from __future__ import annotations

import pytest

from bench.detection import peers
from bench.detection.__main__ import once, repeats, told
from bench.detection.faults import Truth
from bench.detection.luck import every_check
from bench.detection.run import Laboratory, Report
from bench.detection.score import score
from bench.detection.world import make_world
from tests.alerts.province import built_in

HURRY = 20.0


def run(truth: Truth, seed: int, *, skip: bool = True) -> Report:
    return Laboratory(truth, built_in(), seed, skip=skip).run()


@pytest.mark.parametrize(("seed", "loss"), [(3, 0.05), (8, None)])
def test_a_short_run_meets_the_aims(seed: int, loss: float | None) -> None:
    truth = Truth(make_world(seed, 16, loss), seed, 0.4, HURRY)
    report = run(truth, seed)
    ours = score(truth, told(once(report.pages)), report.away)
    assert ours.outages >= 10
    assert (ours.missed, ours.false_by_rule) == ([], {})
    assert ours.per_outage <= 1.2
    assert report.undelivered == 0 and report.still_open == []
    assert repeats(report) <= report.kills
    theirs = score(truth, peers.in_a_row(every_check(truth, seed), 3))
    assert theirs.per_outage > 3 * ours.per_outage


def test_what_is_left_out_changes_nothing() -> None:
    truth = Truth(make_world(5, 8), 5, 0.3, HURRY)
    quick, whole = run(truth, 5), run(truth, 5, skip=False)
    assert quick.skipped > 0.2 * whole.observations and whole.skipped == 0
    assert len(whole.transitions) > 10
    assert [(at, t.key, t.step) for at, t in quick.transitions] == [
        (at, t.key, t.step) for at, t in whole.transitions
    ]
