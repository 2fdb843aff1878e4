"""Every page by the rules of axe-core (WCAG 2.2 A and AA) in Chromium: light, dark, high contrast, and on a phone.

One browser and one service look at all pages, so that this takes seconds.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from monitor.web.app import serve
from tests.monitor.web.province import Province
from tests.monitor.web.scenes import outage
from tests.servers.chromium import browser

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
ADDRESSES = (
    "/",
    "/wall?kiosk=1",
    "/map",
    "/services",
    "/sites/18100",
    "/devices/18073/server",
    "/incidents",
    "/incidents/1",
    "/findings",
    "/quiet",
    "/quiet/new",
    "/duty",
    "/channels",
    "/search?q=thanh+sen",
    "/health",
    "/inventory",
    "/inventory/profiles",
    "/inventory/audit",
    "/demo",
)


async def violations(page: Page) -> list[str]:
    """Return what axe says against a page, a line each."""
    found: dict[str, Any] = (await Axe().run(page, options=RULES)).response
    return [
        f"{rule['id']} {node['target']}: {node['html'][:140]}"
        for rule in found["violations"]
        for node in rule["nodes"][:3]
    ]


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
async def test_every_page_is_accessible(town: Province, theme: str) -> None:
    await outage(town)
    bad: dict[str, list[str]] = {}
    context = town.context(demo=town.demo)
    async with serve(context, "127.0.0.1", 0) as url, browser() as shown:
        await shown.page.context.add_cookies([{"name": "theme", "value": theme, "url": url}])
        for address in ADDRESSES:
            await shown.page.goto(url + address)
            if found := await violations(shown.page):
                bad[address] = found
        if theme == "light":
            await shown.page.set_viewport_size({"width": 390, "height": 844})
            for address in ("/", "/incidents", "/incidents/1", "/map"):
                await shown.page.goto(url + address)
                if found := await violations(shown.page):
                    bad[f"{address} on a phone"] = found
    assert not bad, json.dumps(bad, indent=1, ensure_ascii=False)
