"""The bench of the pages: what it works out from what was seen."""

from __future__ import annotations

import asyncio
import time

import pytest

from bench.web.hold import holds
from bench.web.nation import nation
from bench.web.outage import LOST, delays
from bench.web.paint import middle
from bench.web.viewers import WATCHES, views


def test_of_incidents_seen_together_the_one_that_waited_longest_counts() -> None:
    judged = [10.0, 10.1, 10.2, 11.0]
    assert delays({2: 10.5, 4: 11.5}, judged) == pytest.approx([0.5, 1.3])


def test_the_nation_is_the_one_of_the_official_list() -> None:
    built = nation()
    communes = [site for site in built.sites.values() if site.kind == "commune"]
    assert (len(communes), sum(len(site.devices) for site in communes)) == (3321, 66_420)
    assert round(len(communes) * LOST) == 996


def test_most_viewers_look_at_the_wall_and_some_see_one_commune_only() -> None:
    found = views(500, ["admin", "viewer", "officer"])
    assert len(found) == 500
    assert all(view == "view=wall&lang=vi" for view, _ in found[:WATCHES])
    assert {token for _, token in found} == {"admin", "viewer", "officer"}


async def test_the_longest_hold_of_the_loop_is_its_own_work() -> None:
    async def busy() -> None:
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass

    with holds() as held:
        await asyncio.create_task(busy())
        await asyncio.sleep(0.2)
    assert 0.05 <= held.longest <= held.total


def test_the_middle_of_three_visits_is_told() -> None:
    visits = [{"first_paint_ms": one, "kB": one / 7, "layout_shift": one / 3000} for one in (3.0, 1.0, 2.0)]
    assert middle(visits) == {"first_paint_ms": 2, "kB": 0.3, "layout_shift": 0.001}
