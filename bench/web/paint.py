"""What a reader waits for, in the terms of Lighthouse, by Chromium: python -m bench.web.paint URL TOKEN.

First contentful paint, largest contentful paint, total blocking time, cumulative layout shift, interaction to next
paint, bytes over the wire; on this machine as it is, and with a CPU four times slower on a line of 1.6 Mbit/s, 150 ms.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, async_playwright

from bench.web.child import child
from bench.web.house import House
from tests.servers.chromium import FLAGS
from tests.servers.debian import require

SCRIPT = Path(__file__).with_name("paint.js")
PROFILES: Mapping[str, tuple[int, Mapping[str, float] | None]] = {
    "as it is": (1, None),
    "slow": (4, {"latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}),
}
"""How many times slower the CPU is, and the line."""
SETTLED = 1500
"""Milliseconds after the load event in which a page comes to rest."""
TIMES = 3
"""Visits of which the median is told."""
BLOCKING = 50.0
"""Milliseconds of a task that block nobody."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start Debian's Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=str(require("chromium", package="chromium")), args=list(FLAGS)
        )
        try:
            yield started
        finally:
            await started.close()


class Visit:
    """A page of a browser that never was here before, and what came over its wire."""

    def __init__(self, page: Page, wire: CDPSession) -> None:
        self.page = page
        self._wire = wire
        self.bytes = 0.0
        wire.on("Network.dataReceived", self._came)
        wire.on("Network.responseReceivedExtraInfo", self._headed)

    def _came(self, event: Mapping[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]

    def _headed(self, event: Mapping[str, Any]) -> None:
        self.bytes += len(event.get("headersText", ""))

    async def slow(self, cpu: int, line: Mapping[str, float] | None) -> None:
        """Make CPU and line slower."""
        await self._wire.send("Network.enable")
        await self._wire.send("Emulation.setCPUThrottlingRate", {"rate": cpu})
        if line:
            await self._wire.send("Network.emulateNetworkConditions", {"offline": False, **line})

    async def told(self) -> dict[str, float]:
        """Return what was waited for on the page that is shown."""
        seen = await self.page.evaluate("window.waited")
        blocked = sum(max(0.0, took - BLOCKING) for begun, took in seen["tasks"] if begun >= seen["first"])
        return {
            "first_paint_ms": seen["first"],
            "largest_paint_ms": seen["largest"],
            "blocking_ms": blocked,
            "layout_shift": seen["shift"],
        }


@asynccontextmanager
async def visiting(browser: Browser, profile: str, token: str) -> AsyncIterator[Visit]:
    """Open a browser profile of its own."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    context = await browser.new_context(viewport={"width": 1366, "height": 768}, extra_http_headers=headers)
    await context.add_init_script(path=SCRIPT)
    page = await context.new_page()
    page.set_default_timeout(60_000)
    visit = Visit(page, await context.new_cdp_session(page))
    await visit.slow(*PROFILES[profile])
    try:
        yield visit
    finally:
        await context.close()


async def look(browser: Browser, profile: str, address: str, token: str = "") -> dict[str, float]:
    """Return the median of some first visits of `address`."""
    found = []
    for _ in range(TIMES):
        async with visiting(browser, profile, token) as visit:
            await visit.page.goto(address)
            await visit.page.wait_for_timeout(SETTLED)
            found.append({"kB": visit.bytes / 1000} | await visit.told())
    return middle(found)


async def act(browser: Browser, profile: str, url: str, token: str) -> dict[str, float]:
    """Return how long hands wait: search and type, open a commune, take an incident on. Milliseconds until painted."""
    found = []
    for _ in range(TIMES):
        async with visiting(browser, profile, token) as visit:
            page = visit.page
            await page.goto(f"{url}/?province=42")
            await page.wait_for_timeout(SETTLED)
            await page.keyboard.press("/")
            await page.keyboard.type("thanh sen", delay=60)
            await page.locator("#hits li").first.wait_for()
            typed = max(await page.evaluate("window.waited.events"), default=0.0)
            await page.keyboard.press("Escape")
            opened = await _follow(page, ".tile")
            await page.goto(f"{url}/incidents")
            await page.locator("#current input[name=id]").first.check()
            ticked = max(await page.evaluate("window.waited.events"), default=0.0)
            taken = await _follow(page, "#bulk button[value=acknowledge]")
            found.append(
                {
                    "search_inp_ms": typed,
                    "open_commune_ms": opened,
                    "tick_inp_ms": ticked,
                    "take_on_ms": taken,
                }
            )
    return middle(found)


async def _follow(page: Page, what: str) -> float:
    """Click what leads to another page, and return the milliseconds until that is painted."""
    await page.evaluate("document.addEventListener('click', () => { sessionStorage.at = Date.now(); }, true)")
    async with page.expect_navigation():
        await page.locator(what).first.click()
    while not await page.evaluate("window.waited?.first"):  # noqa: ASYNC110  it is another process
        await asyncio.sleep(0.02)
    return float(
        await page.evaluate("performance.timeOrigin + window.waited.first - Number(sessionStorage.at)")
    )


def middle(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    each = {name: statistics.median(one[name] for one in found) for name in found[0]}
    return {
        name: round(value, 3 if name == "layout_shift" else 0 if name.endswith("ms") else 1)
        for name, value in each.items()
    }


async def measure(house: House) -> dict[str, Any]:
    """Return the figures of another process."""
    async with child("bench.web.paint", house.url, house.tokens[0]) as process:
        found: dict[str, Any] = await process.result()
        return found


async def main(url: str, token: str) -> None:
    """Print the figures when a line of the input asks for them."""
    await asyncio.to_thread(sys.stdin.readline)
    site = "18073"
    pages = {
        "wall": "/", "wall of a province": "/?province=42", "commune": f"/sites/{site}",
        "device": f"/devices/{site}/d0", "incidents": "/incidents",
    }  # fmt: skip
    found: dict[str, Any] = {}
    async with chromium() as browser:
        for profile in PROFILES:
            found[profile] = {
                name: await look(browser, profile, url + path, token) for name, path in pages.items()
            }
            found[profile]["hands"] = await act(browser, profile, url, token)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
