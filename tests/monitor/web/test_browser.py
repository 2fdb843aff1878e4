"""The pages in a real browser: alive without reload, calm, complete from the keyboard, and only ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import expect

from alerts.incident import DeviceState
from inventory.model import Inventory
from monitor.board import Board
from monitor.web import pages
from monitor.web.app import serve
from probes.core.observation import Sample
from tests.monitor.access.house import house
from tests.monitor.web.communes import build_checks
from tests.monitor.web.province import Province
from tests.monitor.web.scenes import faults, outage
from tests.servers.chromium import Browser, browser

TILE = "#site-18100"
OUTSIDE = """[...document.querySelectorAll('.tile')].filter(e => {
  const box = e.getBoundingClientRect();
  return box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth || box.height < 30;
}).map(e => e.title)"""
"""Tiles that are not wholly on the screen."""
CUT = """[...document.querySelectorAll('.tile .name')].filter(
  e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1
    || e.getBoundingClientRect().bottom > e.parentElement.getBoundingClientRect().bottom
).map(e => e.textContent)"""
"""Names that are not wholly in their tile."""
SMALL = """([what, least]) => [...document.querySelectorAll(what)].filter(
  e => e.textContent.trim() && parseFloat(getComputedStyle(e).fontSize) < least).map(e => e.textContent)"""
"""Texts that are too small to be read from afar."""
OFF = """what => [...document.querySelectorAll(what)].filter(e => {
  const box = e.getBoundingClientRect();
  return box.top < 0 || box.left < 0 || box.bottom > innerHeight + 1 || box.right > innerWidth + 1 || box.height < 5;
}).map(e => e.textContent)"""
"""Parts that are not wholly on the screen."""
COVERED = """[...document.querySelectorAll('.tile:has(.corner)')].filter(tile => {
  const corner = tile.querySelector('.corner').getBoundingClientRect();
  const lines = [...tile.querySelectorAll('.name, .word')].flatMap(text => {
    const range = document.createRange();
    range.selectNodeContents(text);
    return [...range.getClientRects()];
  });
  const beside = line => line.right <= corner.left + 1 || line.left >= corner.right - 1;
  return lines.some(line => !beside(line) && line.bottom > corner.top + 1 && line.top < corner.bottom - 1);
}).map(e => e.title)"""
"""Tiles whose shield stands on their name or word."""


@asynccontextmanager
async def looking_at(town: Province, path: str, **size: int) -> AsyncIterator[tuple[Browser, str]]:
    """Serve the demo, open `path`, and check at the end that nothing was wrong or foreign."""
    context = town.context(demo=town.demo)
    async with serve(context, "127.0.0.1", 0) as url, browser(**size) as shown:  # type: ignore[arg-type]
        await shown.page.goto(url + path)
        await expect(shown.page.locator("#clock")).not_to_be_empty()
        yield shown, url
        assert shown.complaints == []
        assert shown.addresses == {urlsplit(url).netloc}


async def test_a_tile_turns_without_a_reload_and_turns_back(town: Province) -> None:
    async with looking_at(town, "/") as (shown, _):
        page = shown.page
        await page.evaluate("window.stillTheSamePage = true")
        await expect(page.locator(TILE)).to_have_attribute("data-state", "up")
        town.set_state("18100/conference", DeviceState.DOWN, "không trả lời")
        await expect(page.locator(TILE)).to_have_attribute("data-state", "down")
        await expect(page.locator(f"{TILE} .word")).to_have_text("Thiết bị hội nghị truyền hình")
        town.set_state("18100/conference", DeviceState.UP)
        await expect(page.locator(TILE)).to_have_attribute("data-state", "up")
        assert await page.evaluate("window.stillTheSamePage")


async def test_a_lost_connection_is_said_loudly_and_the_present_is_right_after_it(town: Province) -> None:
    context = town.context()
    async with browser() as shown:
        page = shown.page
        async with serve(context, "127.0.0.1", 0) as url:
            port = urlsplit(url).port or 0
            await page.goto(url)
            await expect(page.locator("#pulse")).to_have_text("Trực tiếp")
            await asyncio.sleep(0.5)
        await expect(page.locator("#lost")).to_be_visible()
        town.set_state("18100/conference", DeviceState.DOWN, "không trả lời")
        async with serve(context, "127.0.0.1", port):
            await expect(page.locator(TILE)).to_have_attribute("data-state", "down")
            await expect(page.locator("#lost")).to_be_hidden()


async def test_charts_draw_and_change_their_range(town: Province) -> None:
    await town.store.flush()
    async with looking_at(town, "/devices/18073/server") as (shown, _):
        plot = shown.page.locator('.plot[data-metric="system.cpu.utilization"]')
        await expect(plot.locator("canvas")).to_be_visible()
        painted = "e => e.getContext('2d').getImageData(0, 0, e.width, e.height).data.some(v => v > 0)"
        assert await plot.locator("canvas").evaluate(painted)
        async with shown.page.expect_response(lambda answer: _span(answer.url) == 86400) as asked:
            await shown.page.locator('[data-range="86400"]').click()
        assert (await (await asked.value).json())["step"] == pytest.approx(480)
        await expect(shown.page.locator('[data-range="86400"]')).to_have_attribute("aria-pressed", "true")
        await expect(plot.locator("canvas")).to_be_visible()


async def test_charts_survive_a_live_update(town: Province) -> None:
    await town.store.flush()
    async with looking_at(town, "/devices/18073/server") as (shown, _):
        canvas = shown.page.locator('.plot[data-metric="system.cpu.utilization"] canvas')
        await expect(canvas).to_be_visible()
        await canvas.evaluate("e => { e.marked = true }")
        town.set_state("18073/server", DeviceState.DOWN, "mất điện")
        await expect(shown.page.locator(".reason")).to_contain_text("mất điện")
        assert await canvas.evaluate("e => e.marked")


async def test_the_keyboard_reaches_the_content_and_a_tile_with_a_visible_focus(town: Province) -> None:
    async with looking_at(town, "/") as (shown, url):
        page = shown.page
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        await page.locator(TILE).focus()
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.id") == TILE[1:]
        assert await page.locator(TILE).evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{url}/sites/18100")
        await expect(page.locator("h1")).to_contain_text(town.inventory.sites["18100"].name)


async def test_the_language_and_the_theme_are_switched(town: Province) -> None:
    async with looking_at(town, "/") as (shown, _):
        page = shown.page
        await page.get_by_role("link", name="English").click()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.locator("h1")).to_have_text("Wall")
        ground = "getComputedStyle(document.body).backgroundColor"
        before = await page.evaluate(ground)
        await page.locator("#theme").click()
        assert await page.evaluate(ground) != before
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_the_wall_fits_a_full_hd_screen_even_in_a_mass_outage(town: Province) -> None:
    for site in town.inventory.sites.values():
        for device in site.devices:
            town.set_state(device.id, DeviceState.DOWN)
        await town.open(
            "device-down", site.devices[0].id, "Bộ định tuyến mất kết nối, và 4 thiết bị phía sau"
        )
    async with looking_at(town, "/", width=1920, height=1080) as (shown, _):
        room = await shown.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        )
        assert room == [1920, 1080]
        last = await shown.page.locator(".tile").last.bounding_box()
        assert last is not None
        assert last["y"] + last["height"] <= 1080


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1920, 1080)])
async def test_the_kiosk_shows_everything_on_one_screen_and_large_in_an_outage(
    town: Province, width: int, height: int
) -> None:
    await outage(town)
    async with looking_at(town, "/wall?kiosk=1", width=width, height=height) as (shown, _):
        assert await shown.page.locator(".k-squares li").count() == 69
        assert await shown.page.evaluate(SMALL, [".k-where", height * 0.04]) == []
        assert await shown.page.evaluate(SMALL, [".k-what, .k-who, .k-totals span", height * 0.025]) == []
        assert await shown.page.evaluate(OFF, ".k-card, .k-squares li, .k-totals li, #clock") == []
        assert await shown.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        ) == [width, height]


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1920, 1080)])
async def test_names_are_whole_and_shields_beside_them_on_the_wall(
    town: Province, width: int, height: int
) -> None:
    await outage(town)
    async with looking_at(town, "/", width=width, height=height) as (shown, _):
        assert await shown.page.locator(".tile").count() == 69
        assert await shown.page.evaluate(CUT) == []
        assert await shown.page.evaluate(COVERED) == []


async def test_the_wall_fits_with_the_banner_and_twelve_provincial_systems(town: Province) -> None:
    centre = town.inventory.sites["ttdl"]
    more = tuple(
        centre.devices[0].model_copy(update={"id": f"ttdl/more-{n}", "name": f"more-{n}", "title": title})
        for n, title in enumerate(["Phần mềm quản lý hồ sơ công việc", "Cơ sở dữ liệu dùng chung"] * 4)
    )
    sites = [site for site in town.inventory.sites.values() if site.id != "ttdl"]
    wide = centre.model_copy(update={"devices": (*centre.devices, *more)[:12]})
    inventory = Inventory((wide, *sites), town.inventory.roles, {})
    town.board = Board(inventory, build_checks(inventory), town.started)
    await outage(town)
    async with looking_at(town, "/", width=1920, height=1080) as (shown, _):
        assert await shown.page.locator(".pill").count() == 12
        assert await shown.page.evaluate("document.documentElement.scrollHeight") == 1080
        assert await shown.page.evaluate(OUTSIDE) == []


async def test_load_is_drawn_as_three_lines_of_one_chart(town: Province) -> None:
    for minutes in range(5):
        town.observe(
            "18100/server",
            "snmp",
            time=datetime.now(UTC) - timedelta(minutes=minutes),
            samples=tuple(Sample(f"system.linux.cpu.load_{n}m", float(n), "{thread}") for n in (1, 5, 15)),
        )
    await town.store.flush()
    async with looking_at(town, "/devices/18100/server") as (shown, _):
        legend = shown.page.locator("#plot-system-linux-cpu-load .u-series th")
        await expect(legend).to_have_text(["Lúc", "Tải, 1 phút", "Tải, 5 phút", "Tải, 15 phút"])


async def test_nothing_sticks_out_on_a_phone(town: Province) -> None:
    async with looking_at(town, "/", width=390, height=844) as (shown, url):
        for path in (
            "/",
            "/sites/18073",
            "/devices/18073/server",
            "/incidents",
            "/findings",
            "/health",
            "/demo",
        ):
            await shown.page.goto(url + path)
            assert await shown.page.evaluate("document.documentElement.scrollWidth") == 390, path


async def test_a_fault_is_switched_on_and_off_from_the_page(town: Province) -> None:
    async with looking_at(town, "/demo") as (shown, _):
        page = shown.page
        await page.locator("#kind-cut-uplink select").select_option("18073")
        await page.locator("#kind-cut-uplink button").click()
        await expect(page.locator("#on")).to_contain_text("Phường Thành Sen")
        await page.locator("#on button").click()
        await expect(page.locator("#on")).to_contain_text("Mọi thứ đang bình thường")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_stands_out_enough_from_its_ground(town: Province, scheme: str) -> None:
    script = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
    async with looking_at(town, "/", scheme=scheme) as (shown, url):  # type: ignore[arg-type]
        for path in ("/", "/sites/18073", "/devices/18073/server", "/incidents", "/findings"):
            await shown.page.goto(url + path)
            assert await shown.page.evaluate(script) == [], path


def _span(url: str) -> int:
    """Seconds that a request for series asks about, 0 for another request."""
    query = parse_qs(urlsplit(url).query)
    return int(query["to"][0]) - int(query["from"][0]) if "to" in query else 0


async def test_a_server_that_is_gone_is_told_at_once_with_the_time_since(town: Province) -> None:
    async with browser() as shown:
        page = shown.page
        async with serve(town.context(), "127.0.0.1", 0) as url:
            await page.goto(url)
            await asyncio.sleep(0.5)
        await expect(page.locator("#lost")).to_be_visible(timeout=4000)
        await expect(page.locator("#lost")).to_contain_text("Mất kết nối với hệ thống giám sát")
        await expect(page.locator("#lost [data-live]")).to_contain_text("giây", timeout=8000)
        await expect(page.locator("#again")).to_be_hidden()


async def test_who_is_signed_out_is_told_so_and_led_back(tmp_path: Path) -> None:
    async with house(tmp_path, scene=faults) as built, browser() as shown:
        page, signed = shown.page, await built.browser("viewer")
        await page.context.add_cookies([{"name": "session", "value": signed.cookie(), "url": signed.origin}])
        await page.goto(f"{signed.origin}/?province=42")
        await expect(page.locator("#pulse")).to_have_text("Trực tiếp")
        await asyncio.sleep(0.5)
        people = built.access.people
        (session,) = built.access.sessions.of_user(people.named("viewer"))
        await built.access.sessions.end(session, "test")
        built.town.set_state("18100/conference", DeviceState.DOWN)
        await expect(page.locator("#lost")).to_contain_text("Phiên đăng nhập đã kết thúc", timeout=4000)
        await expect(page.locator("#pulse")).to_have_text("Đã đăng xuất")
        await expect(page.locator(TILE)).to_be_visible()
        await page.locator("#again").click()
        await page.wait_for_url("**/sign-in?next=%2F%3Fprovince%3D42")


async def test_a_refused_stream_does_not_take_the_place_of_the_page(
    town: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_VIEWERS", 0)
    async with serve(town.context(), "127.0.0.1", 0) as url, browser() as shown:
        await shown.page.goto(url)
        await expect(shown.page.locator("#lost")).to_be_visible(timeout=4000)
        await expect(shown.page.locator(TILE)).to_be_visible()
