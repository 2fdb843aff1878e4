"""A wall in a real browser during the outage: when a change is on the screen, and whether the wall is calm.

python -m bench.web.screen URL TOKEN: a line of the input begins, the next ends.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.web.child import Child, child
from bench.web.house import House
from bench.web.outage import delays
from tests.servers.chromium import browser

WATCH = Path(__file__).with_name("watch.js")


class Screen:
    """The browser of another process; ``None`` where there is none."""

    def __init__(self, process: Child | None) -> None:
        self._process = process

    async def begin(self) -> None:
        """Note from now on."""
        if self._process:
            await self._process.say("begin")

    async def end(self) -> dict[str, Any] | None:
        """Return what was noted."""
        return await self._process.result() if self._process else None

    def told(self, seen: dict[str, Any] | None, judged: list[float]) -> dict[str, Any]:
        """Return the figures of what was noted."""
        if seen is None:
            return {}
        found = delays({int(count): at for count, at in seen["painted"].items()}, judged)
        return {
            "screen_delay_s_median": round(statistics.median(found), 2),
            "screen_delay_s_max": round(max(found), 2),
            "screen_updates_per_s": round(seen["batches"] / seen["seconds"], 1),
            "dom_mutations_per_s": round(seen["records"] / seen["seconds"], 1),
            "dom_nodes_per_s": round(seen["nodes"] / seen["seconds"], 1),
            "tiles_that_changed_state": len(seen["tiles"]),
            "most_changes_of_one_tile": max(seen["tiles"].values(), default=0),
            "parts_replaced": seen["replaced"],
            "layout_shift": round(seen["shift"], 3),
            "longest_task_ms": round(max(seen["tasks"], default=0)),
        }


@asynccontextmanager
async def screen(house: House, *, chromium: bool) -> AsyncIterator[Screen]:
    """Open the wall in Chromium while the context is open."""
    if not chromium:
        yield Screen(None)
        return
    async with child("bench.web.screen", house.url, house.tokens[1]) as process:
        await process.line()
        yield Screen(process)


async def main(url: str, token: str) -> None:
    """Say ``ready``, then obey."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with browser(width=1920, height=1080) as shown:
        await shown.page.set_extra_http_headers({"Authorization": f"Bearer {token}"})
        await shown.page.goto(url)
        await shown.page.wait_for_timeout(1500)
        print("ready", flush=True)
        await lines.readline()
        await shown.page.evaluate(WATCH.read_text(encoding="utf-8"))
        begun = asyncio.get_running_loop().time()
        print("begun", flush=True)
        await lines.readline()
        seen = await shown.page.evaluate("window.seen")
        print(json.dumps(seen | {"seconds": asyncio.get_running_loop().time() - begun}), flush=True)
        await lines.readline()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
