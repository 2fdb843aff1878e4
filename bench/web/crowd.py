"""500 viewers: a quiet minute, the mass outage, and all of them coming back at once after a cut."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import Any

from bench.web.child import Child, child
from bench.web.hold import holds
from bench.web.house import House
from bench.web.outage import Outage, delays
from bench.web.screen import Screen, screen
from bench.web.wheel import Watch, turning

AFTER = 5.0
"""Seconds that are still measured after the last loss."""
BACK = 15.0
"""Seconds in which everybody must be back."""


async def measure(house: House, viewers: int, quiet: float, *, chromium: bool) -> dict[str, Any]:
    """Return what was seen: the quiet time first, then the outage with the same viewers, then the cut."""
    async with turning(house.town) as watch, child("bench.web.viewers", house.url, str(viewers)) as crowd:
        await crowd.say(json.dumps(house.tokens))
        found: dict[str, Any] = {"viewers": viewers}
        async with screen(house, chromium=chromium) as shown:
            watch.clear()
            with holds() as held:
                await asyncio.sleep(quiet)
            found["quiet"] = watch.told() | {"seconds": quiet, "loop_busy": round(held.total / quiet, 2)}
            found["outage"] = await _outage(house, crowd, shown, watch)
        for how in ("cut", "restart"):
            found[how] = await _comeback(house, crowd, watch, how)
        told = await crowd.result()
    outage = found["outage"]
    outage |= _seen(told["seen"], outage.pop("judged"))
    outage |= _wall(told["wall"]) | {"kB_per_viewer": told["kB_per_viewer"]}
    return found


async def _outage(house: House, crowd: Child, shown: Screen, watch: Watch) -> dict[str, Any]:
    await crowd.say("clear")
    watch.clear()
    outage = Outage(house.town)
    await shown.begin()
    begun = time.monotonic()
    with holds() as held:
        await outage.run()
    busy = held.total / (time.monotonic() - begun)
    await asyncio.sleep(AFTER)
    found: dict[str, Any] = watch.told() | {
        "longest_hold_ms": round(held.longest * 1000, 1),
        "loop_busy": round(busy, 2),
        "judged": outage.judged,
    }
    return found | shown.told(await shown.end(), outage.judged)


async def _comeback(house: House, crowd: Child, watch: Watch, how: str) -> dict[str, Any]:
    """Cut all connections, as a proxy in front would, or restart the pages; then everybody comes back."""
    watch.clear()
    with holds() as held:
        await crowd.say(how)
        if how == "restart":
            await house.restart()
        await asyncio.sleep(BACK)
    back = sorted(json.loads(await crowd.say("back")))
    return {
        "back": len(back),
        "back_s_median": round(statistics.median(back), 2),
        "back_s_last": round(back[-1], 2),
        **watch.told(),
        "longest_hold_ms": round(held.longest * 1000, 1),
    }


def _seen(seen: dict[str, float], judged: list[float]) -> dict[str, Any]:
    found = delays({int(count): at for count, at in seen.items() if int(count)}, judged)
    return {
        "updates": len(found),
        "stream_delay_s_median": round(statistics.median(found), 2),
        "stream_delay_s_max": round(max(found), 2),
        "all_seen": max(map(int, seen)) == len(judged),
    }


def _wall(asked: list[tuple[float, int]]) -> dict[str, Any]:
    times = sorted(took for took, _ in asked)
    at = {
        f"wall_ms_p{part}": round(times[min(len(times) - 1, len(times) * part // 100)] * 1000, 1)
        for part in (50, 95, 99)
    }
    return at | {
        "wall_ms_max": round(times[-1] * 1000, 1),
        "walls": len(times),
        "wall_kB": round(max(size for _, size in asked) / 1000, 1),
    }
