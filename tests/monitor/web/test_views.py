"""Services and their chain, the map, the kiosk, interfaces, and the stream that all viewers share."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime

import msgspec
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import expect

from alerts.incident import DeviceState
from inventory.communes import Communes
from inventory.model import Commune, Inventory, Service, Text
from inventory.outlines import outline
from monitor.board import Board
from monitor.ledger.teller import Nobody
from monitor.web.app import create_app, serve
from monitor.web.drawing import LETTER, LINE, Box, Mark, Spot, draw
from monitor.web.interfaces import Seen, interfaces
from monitor.web.rendered import BEGIN, Rendered, packed
from monitor.web.services import chain, standings
from monitor.web.wall import Wave, changes, wall_values
from probes.core.observation import Fact, Sample
from tests.monitor.ledger.steps import acknowledge
from tests.monitor.web.communes import build_checks
from tests.monitor.web.province import Province
from tests.servers.chromium import browser


def service(name: str, *needs: str) -> Service:
    return Service(
        name=name, title=Text(vi=name, en=name), runs_on=(f"ttdl/{name}",), needs=needs, used_by=()
    )


def with_services(town: Province) -> None:
    """Let the portal need the one-stop desk, and that the bus."""
    named = (
        service("cong-dvc", "mot-cua"),
        service("mot-cua", "truc-lien-thong"),
        service("truc-lien-thong"),
    )
    inventory = Inventory(
        tuple(town.inventory.sites.values()),
        town.inventory.roles,
        {},
        services={one.name: one for one in named},
    )
    town.inventory, town.board = inventory, Board(inventory, build_checks(inventory), town.started)
    for device in inventory.devices:
        town.set_state(device, DeviceState.UP)


async def test_a_service_stops_with_what_it_needs_and_says_so(town: Province) -> None:
    with_services(town)
    town.set_state("ttdl/truc-lien-thong", DeviceState.DOWN)
    found = {one.service.name: one for one in standings(town.context())}
    assert {one.state for one in found.values()} == {DeviceState.DOWN}
    assert [one.name for one in found["cong-dvc"].blamed] == ["mot-cua"]
    assert not found["cong-dvc"].own and found["truc-lien-thong"].own
    town.set_state("ttdl/truc-lien-thong", DeviceState.NO_DATA)
    assert {one.state for one in standings(town.context())} == {DeviceState.NO_DATA}, "unknown is no outage"


async def test_the_page_of_services_names_the_incident_that_stops_one_and_who_has_it(town: Province) -> None:
    with_services(town)
    broken = await town.open("service-failed", "ttdl/truc-lien-thong", "https không trả lời")
    async with TestClient(TestServer(create_app(town.context(pace=0.0)))) as client:
        html = await (await client.get("/services")).text()
        assert f'href="/incidents/{broken.id}">https không trả lời' in html and "chưa ai tiếp nhận" in html
        taken = await acknowledge(town.ledger, broken.id, "Lê Văn C", "", datetime.now(UTC), Nobody())
        town.board.set_incident(taken or broken)
        assert "✓ Lê Văn C" in await (await client.get("/services")).text()


async def test_the_chain_begins_with_what_nothing_needs(town: Province) -> None:
    with_services(town)
    steps = [(step.standing.service.name, step.depth) for step in chain(standings(town.context()))]
    assert steps == [("cong-dvc", 0), ("mot-cua", 1), ("truc-lien-thong", 2)]


def test_the_map_keeps_directions_and_draws_the_worst_on_top() -> None:
    def spot(name: str, latitude: float, longitude: float, state: DeviceState = DeviceState.UP) -> Spot:
        return Spot(latitude, longitude, "/", name, state, "part", None)

    drawing = draw(
        [spot("Bắc", 18.7, 105.5, DeviceState.DOWN), spot("Nam", 18.0, 106.3), spot("Trùng", 18.7, 105.5001)]
    )
    assert drawing is not None
    by_name = {mark.name: mark for mark in drawing.marks}
    assert by_name["Bắc"].y < by_name["Nam"].y and by_name["Bắc"].x < by_name["Nam"].x
    assert drawing.marks[-1].name == "Bắc"
    assert all(0 < mark.x < 1000 and 0 < mark.y < drawing.height for mark in drawing.marks)
    assert drawing.scale_km == 20 and 0 < drawing.scale < 300
    assert draw([]) is None
    (alone,) = draw([spot("Một", 18.3, 105.9)], outline("42")).marks  # type: ignore[union-attr]
    assert alone.label == "Một"


def test_names_on_the_map_never_lie_on_one_another_and_the_worst_get_theirs() -> None:
    communes = Communes.load().province("42")
    spots = [_spot(one) for one in communes]
    drawing = draw(spots, outline("42"))
    assert drawing is not None and len(drawing.marks) == 69 and drawing.outline.startswith("M")
    boxes = [_box(mark) for mark in drawing.marks if mark.label]
    assert len(boxes) > 40, "most names have room"
    assert not any(one.hits(other) for at, one in enumerate(boxes) for other in boxes[:at])
    lost = msgspec.structs.replace(spots[0], state=DeviceState.DOWN)
    worst = draw([lost, *spots[1:]], outline("42"))
    assert worst is not None and worst.marks[-1].label == communes[0].name


def _spot(commune: Commune) -> Spot:
    latitude, longitude = commune.middle or (0.0, 0.0)
    return Spot(latitude, longitude, "/", commune.name, DeviceState.UP, "part", None)


def _box(mark: Mark) -> Box:
    wide = len(mark.label) * LETTER
    left = mark.label_x - {"start": 0.0, "middle": wide / 2, "end": wide}[mark.anchor]
    return Box(left + 0.2, mark.label_y - LINE / 2, left + wide - 0.2, mark.label_y)


async def test_the_map_shows_communes_in_their_province_and_the_rest_as_tiles(town: Province) -> None:
    sites = [site for site in town.inventory.sites.values()]
    stray = sites[1].model_copy(update={"commune": None, "id": "nha-kho", "name": "Kho", "devices": ()})
    inventory = Inventory((*sites, stray), town.inventory.roles, {})
    board = Board(inventory, build_checks(inventory), town.started)
    async with serve(town.context(board=board), "127.0.0.1", 0) as url, browser() as shown:
        await shown.page.goto(f"{url}/map")
        await expect(shown.page.locator(".mark")).to_have_count(69)
        await expect(shown.page.locator(".land")).to_have_count(1)
        await expect(shown.page.locator(".area .tile")).to_have_count(1)
        await shown.page.locator(".mark").first.focus()
        await shown.page.keyboard.press("Enter")
        await expect(shown.page.locator("h1")).to_contain_text("Xã")
        assert shown.complaints == []


def test_interfaces_are_rows_and_what_is_not_told_stays_unknown() -> None:
    now = datetime.now(UTC)

    def seen(metric: str, value: float, name: str, way: str = "") -> Seen:
        labels = (("direction", way),) if way else ()
        return Seen(Sample(metric, value, "", (*labels, ("interface", name))), now, False)

    found = interfaces(
        [
            seen("hw.network.up", 1.0, "eth10"),
            seen("hw.network.io", 125.0, "eth10", "receive"),
            seen("hw.network.errors", 1.0, "eth10", "receive"),
            seen("hw.network.errors", 2.0, "eth10", "transmit"),
            seen("hw.network.up", 0.0, "eth2"),
        ],
        [Fact("neighbours.told", ("LLDP", "switch-a"), "eth10")],
    )
    assert [one.name for one in found] == ["eth2", "eth10"]
    assert (found[0].up, found[0].received, found[0].errors, found[0].neighbour) == (False, None, None, "")
    assert (found[1].received, found[1].sent, found[1].errors, found[1].neighbour) == (
        1000.0,
        None,
        3.0,
        "switch-a",
    )


def test_blocks_compressed_apart_are_one_stream() -> None:
    one, two = Rendered("<p>Xã Hương Sơn</p>" * 50), Rendered("<p>khác</p>")
    stream = BEGIN + one.packed("") + packed(b"event: alive\ndata:\n\n") + two.packed("") + one.packed("")
    told = zlib.decompressobj(31).decompress(stream)
    assert told == one.message("") + b"event: alive\ndata:\n\n" + two.message("") + one.message("")
    assert len(one.packed("")) < len(one.message("")) / 5


async def test_the_kiosk_sounds_once_for_new_criticals_after_one_click(town: Province) -> None:
    async with serve(town.context(), "127.0.0.1", 0) as url, browser(width=1920, height=1080) as shown:
        page = shown.page
        await page.goto(f"{url}/wall?kiosk=1")
        await town.open("device-down", "18244/router", "trước khi cho phép")
        await expect(page.locator("#trouble-18244")).to_be_visible()
        assert await page.evaluate("document.body.dataset.sounded ?? null") is None
        await page.locator("#sound").click()
        for number in ("18262", "18277"):
            await town.open("device-down", f"{number}/router", "mới")
        await expect(page.locator("body")).to_have_attribute("data-sounded", "1")
        assert shown.complaints == []


async def test_many_alike_changes_are_one_line(town: Province) -> None:
    sites = [site for site in town.inventory.sites.values() if site.kind == "commune"][10:30]
    for number, site in enumerate(sites):
        for device in site.devices:
            town.set_state(device.id, DeviceState.UNREACHABLE, minutes=number / 60)
    town.set_state("ttdl/van-ban", DeviceState.DOWN, minutes=0.1)
    context = town.context()
    waves = [
        one for one in changes(context.summaries.every(town.board), town.started) if isinstance(one, Wave)
    ]
    assert [(wave.state, len(wave.sites)) for wave in waves] == [(DeviceState.UNREACHABLE, 20)]
    html = str(wall_values(context)["changes"])
    assert "ttdl" in html, "another change is not swallowed"


async def test_nothing_moves_under_the_hand_until_it_leaves(town: Province) -> None:
    async with serve(town.context(), "127.0.0.1", 0) as url, browser() as shown:
        page = shown.page
        await page.goto(url)
        await page.locator("#now h2").hover()
        await town.open("device-down", "18244/router", "mới đây")
        await page.wait_for_timeout(1500)
        assert await page.locator("#trouble-18244").count() == 0
        await page.locator("#totals").hover()
        await expect(page.locator("#trouble-18244")).to_be_visible()


async def test_keys_search_walk_and_go(town: Province) -> None:
    async with serve(town.context(), "127.0.0.1", 0) as url, browser() as shown:
        page = shown.page
        await page.goto(url)
        await expect(page.locator("#clock")).not_to_be_empty()
        await page.keyboard.press("?")
        await expect(page.locator("#keys")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#keys")).to_be_hidden()
        await page.keyboard.press("/")
        await expect(page.locator(".find input")).to_be_focused()
        await page.keyboard.type("thanh sen")
        await expect(page.locator("#hits li").first).to_contain_text("Thành Sen")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{url}/sites/18073")
        await page.keyboard.press("g")
        await page.keyboard.press("i")
        await page.wait_for_url(f"{url}/incidents")
        await page.keyboard.press("j")
        assert await page.evaluate("document.activeElement.className") == "summary"


def test_readers_with_keys_of_their_own_share_one_compression() -> None:
    shown = Rendered("<form>MARK</form>" * 20 + "<p>Xã</p>", "MARK")
    for key in ("", "a1b2", "c3" * 32):
        told = zlib.decompressobj(31).decompress(BEGIN + shown.packed(key) + shown.packed(key))
        assert told == shown.message(key) * 2
        assert told.decode().count(f"<form>{key}</form>") == 40
    assert "MARK" not in shown.message("k").decode()
