"""An admin who knows nothing writes a commune's file on the page, from completion alone, and the service follows."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page, expect

from alerts.incident import DeviceState
from monitor.app import pages
from monitor.house import Monitoring, monitoring
from tests.end_to_end.site import load, write_service
from tests.patience import eventually
from tests.servers.chromium import Browser, browser
from tests.servers.nginx import nginx
from tests.servers.ports import free_port

QUICK = {"interval": "2s", "timeout": "1s"}
PAGE = "listen 127.0.0.1:{port}; return 200;"
DOCUMENT = "document.getElementById('editor').editor.state.doc.toString()"
WRITTEN = """\
sites:
  18562:
    owner:
      name: Nguyễn Văn An
    devices:
      real:
        address: 127.0.0.1
        role: real"""


@asynccontextmanager
async def service(folder: Path, port: int, **web: object) -> AsyncIterator[tuple[Monitoring, str]]:
    """The service with its pages, watching one office that has a web page on `port`."""
    checks = {"web": {"probe": "http", "url": f"http://127.0.0.1:{port}/", **QUICK}}
    settings = write_service(folder, checks)
    written = json.loads(settings.read_text())
    settings.write_text(json.dumps(written | {"web": {"port": 0, "editing": True, "login": False, **web}}))
    configuration = load(settings)
    async with monitoring(configuration) as running, pages(configuration, running) as url:
        yield running, url


@asynccontextmanager
async def editing(folder: Path, name: str) -> AsyncIterator[tuple[Monitoring, Page, Browser]]:
    """The editor open on a file in a real browser, with a service behind it."""
    async with (
        nginx(folder / "nginx", PAGE) as port,
        service(folder, port) as (running, url),
        browser() as shown,
    ):
        await eventually(lambda: running.board.status("18073/server").state is DeviceState.UP)
        await shown.page.goto(f"{url}/inventory/edit?file={name}&lang=en")
        await expect(shown.page.locator(".cm-content")).to_be_visible()
        await shown.page.wait_for_load_state("networkidle")
        yield running, shown.page, shown


async def complete(page: Page, typed: str, chosen: str) -> None:
    """Type a few letters and take what is proposed first, which must be `chosen`."""
    await page.keyboard.type(typed, delay=10)
    await expect(page.locator(".cm-tooltip-autocomplete li").first).to_contain_text(chosen)
    await page.wait_for_timeout(
        100
    )  # the list takes no key in its first moment, lest one is caught by accident
    await page.keyboard.press("Enter")


async def test_a_commune_is_written_from_completion_previewed_saved_and_watched(tmp_path: Path) -> None:
    async with editing(tmp_path, "18562.yaml") as (running, page, shown):
        await page.locator(".cm-content").click()
        await complete(page, "sit", "sites")
        await complete(page, "thach ha", "Xã Thạch Hà")
        await complete(page, "own", "owner")
        await complete(page, "na", "name")
        await page.keyboard.type("Nguyễn Văn An")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Backspace")
        await complete(page, "dev", "devices")
        await complete(page, "rea", "real")
        await page.keyboard.type("127.0.0.1")
        assert await page.evaluate(DOCUMENT) == WRITTEN
        await expect(page.locator("#said")).to_have_text("No mistake")
        await page.keyboard.press("Control+s")
        await expect(page.locator("#effect")).to_contain_text("18562/real")
        assert "18562/real" not in running.board.inventory.devices, "a preview changes nothing"
        await page.get_by_role("button", name="Save and put in force").click()
        await expect(page.locator("h1")).to_contain_text("revisions")
        await eventually(lambda: "18562/real" in running.board.inventory.devices, within=5)
        await eventually(lambda: running.board.status("18562/real").state is DeviceState.UP)
        assert (tmp_path / "inventory" / "18562.yaml").read_text() == WRITTEN
        await expect(page.locator("tbody tr").first).to_contain_text("web 127.0.0.1")
        assert shown.complaints == []


async def test_a_mistake_is_shown_at_its_place_and_cannot_be_saved(tmp_path: Path) -> None:
    async with editing(tmp_path, "18562.yaml") as (running, page, shown):
        await page.locator(".cm-content").click()
        await page.keyboard.insert_text("sites: {18562: {devices: {a: {adress: 192.0.2.1, role: ruoter}}}}")
        await expect(page.locator("#said")).to_contain_text("mistakes")
        await expect(page.locator(".mistake")).to_have_count(3)
        await expect(page.locator("#found")).to_contain_text("did you mean 'address'?")
        await expect(page.locator("#found")).to_contain_text("did you mean 'router'?")
        await expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
        await page.get_by_role("button", name="Show what changes").click()
        await expect(page.locator("#problems")).to_contain_text("cannot be saved")
        assert await page.get_by_role("button", name="Save").count() == 0
        assert not (tmp_path / "inventory" / "18562.yaml").exists()
        assert list(running.board.inventory.sites) == ["18073"]
        assert shown.complaints == []


async def test_a_revision_can_be_gone_back_to(tmp_path: Path) -> None:
    async with editing(tmp_path, "office.yaml") as (running, page, shown):
        office = tmp_path / "inventory" / "office.yaml"
        before = office.read_text()
        office.write_text(before.replace('"server"', '"kiosk"'))
        await eventually(lambda: "18073/kiosk" in running.board.inventory.devices, within=10)
        await eventually(lambda: running.reloader.state.revision == 2)
        await page.goto(page.url.split("/inventory")[0] + "/inventory/revisions/1?lang=en")
        await expect(page.locator("#effect")).to_contain_text("18073/server")
        await page.get_by_role("button", name="Write the files as they were then").click()
        await expect(page.locator("tbody tr").first).to_contain_text("back to revision 1")
        assert office.read_text() == before
        assert "18073/server" in running.board.inventory.devices
        assert shown.complaints == []


async def test_the_page_works_without_a_script_and_refuses_what_changed_meanwhile(tmp_path: Path) -> None:
    async with service(tmp_path, free_port()) as (running, url), aiohttp.ClientSession(url) as session:
        office = tmp_path / "inventory" / "office.yaml"
        text = office.read_text()
        own = {"Origin": url}
        form = {
            "file": "office.yaml",
            "text": text.replace("server", "kiosk"),
            "base": "0" * 64,
            "action": "save",
        }
        async with session.post("/inventory/edit", data=form, headers=own) as answer:
            assert answer.status == 409 and "meanwhile" in await answer.text()
        assert office.read_text() == text
        async with session.get("/api/v1/inventory/files", params={"file": "office.yaml"}) as answer:
            form["base"] = (await answer.json())["digest"]
        async with session.post("/inventory/edit", data=form, headers=own, allow_redirects=False) as answer:
            assert answer.status == 303
        assert "18073/kiosk" in running.board.inventory.devices


@pytest.mark.parametrize(
    "name",
    [
        "../outside.yaml",
        "/etc/passwd",
        "a/../../b.yaml",
        ".hidden.yaml",
        "a.txt",
        "a b.yaml",
        "link/x.yaml",
        "",
    ],
)
async def test_no_file_outside_the_inventory_is_read_or_written(tmp_path: Path, name: str) -> None:
    async with service(tmp_path, free_port()) as (_, url), aiohttp.ClientSession(url) as session:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "inventory" / "link").symlink_to(tmp_path / "elsewhere")
        body = {"files": {name: "sites: {}"}, "bases": {name: ""}}
        async with session.post("/api/v1/inventory/files", json=body, headers={"Origin": url}) as answer:
            assert answer.status == 400, await answer.text()
        async with session.get("/api/v1/inventory/files", params={"file": name}) as answer:
            assert answer.status == 400
        assert {path.name for path in _yaml(tmp_path)} == {"office.yaml", "commune-monitor.yaml"}
        assert not list((tmp_path / "elsewhere").iterdir())


def _yaml(folder: Path) -> list[Path]:
    return list(folder.rglob("*.yaml"))


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 403), ({"Origin": "http://evil.example"}, 403)], ids=["none", "foreign"]
)
async def test_only_our_own_page_saves(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async with service(tmp_path, free_port()) as (_, url), aiohttp.ClientSession(url) as session:
        form = {"file": "new.yaml", "text": "sites: {}", "base": "", "action": "save"}
        async with session.post("/inventory/edit", data=form, headers=headers) as answer:
            assert answer.status == status
        assert not (tmp_path / "inventory" / "new.yaml").exists()


async def test_where_editing_is_off_nothing_is_saved_and_the_answer_says_how_to_switch_it_on(
    tmp_path: Path,
) -> None:
    async with (
        service(tmp_path, free_port(), editing=False) as (_, url),
        aiohttp.ClientSession(url) as session,
    ):
        form = {"file": "new.yaml", "text": "sites: {}", "base": "", "action": "save"}
        async with session.post("/inventory/edit", data=form, headers={"Origin": url}) as answer:
            assert answer.status == 403 and "web.editing" in await answer.text()
        async with session.get("/inventory/edit", params={"file": "office.yaml"}) as answer:
            assert answer.status == 200 and "readonly" in await answer.text()


async def test_a_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async with service(tmp_path, free_port()) as (_, url), aiohttp.ClientSession(url) as session:
        body = io.BytesIO(json.dumps({"files": {"a.yaml": "#" * 4_000_000}}).encode())
        headers = {"Origin": url, "Content-Type": "application/json"}
        async with session.post("/api/v1/inventory/preview", data=body, headers=headers) as answer:
            assert answer.status == 413


async def test_editing_where_others_reach_it_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="loopback"):
        async with service(tmp_path, free_port(), host="0.0.0.0"):
            pass


async def test_the_api_saves_a_file_only_as_it_was_read_and_goes_back(tmp_path: Path) -> None:
    """412 for another state, 428 for none: nobody's work is written over unseen."""
    async with (
        service(tmp_path, free_port()) as (running, url),
        aiohttp.ClientSession(url, headers={"Origin": url}) as session,
    ):
        path, office = "/api/v1/inventory/files?file=office.yaml", tmp_path / "inventory" / "office.yaml"

        async def send(method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.request(method, path, json=body, headers=named) as answer:
                return answer.status, answer.headers.get("ETag", "")

        status, tag = await send("GET", path)
        assert status == 200 and tag.startswith('"')
        before = office.read_text()
        text = before.replace("0912345678", "0987654321")
        assert (await send("PUT", path, {"text": text}))[0] == 428
        assert (await send("PUT", path, {"text": text}, If_Match='"other"'))[0] == 412
        assert (await send("PUT", path, {"text": text}, If_None_Match="*"))[0] == 412
        assert (await send("PUT", path, {"text": "sites: ["}, If_Match=tag))[0] == 422
        assert office.read_text() == before
        status, after = await send("PUT", path, {"text": text, "note": "đổi người"}, If_Match=tag)
        assert status == 200 and (await send("GET", path))[1] == after
        assert (await send("DELETE", path, If_Match=tag))[0] == 412
        new = "/api/v1/inventory/files?file=new.yaml"
        assert (await send("DELETE", new, If_Match="*"))[0] == 404
        assert (await send("PUT", new, {"text": "sites: {}\n"}, If_None_Match="*"))[0] == 200
        assert (await send("DELETE", new, If_Match="*"))[0] == 200
        async with session.get("/api/v1/inventory/revisions?limit=2") as answer:
            told = await answer.json()
        assert len(told["revisions"]) == 2 and told["next"]
        async with session.get(f"/api/v1/inventory/revisions?cursor={told['next']}") as answer:
            first = (await answer.json())["revisions"][-1]["id"]
        async with session.get(f"/api/v1/inventory/revisions/{first}") as answer:
            assert "office.yaml" in (await answer.json())["back"]
        status, _ = await send("POST", f"/api/v1/inventory/revisions/{first}/restore", {"note": "nhầm"})
        assert status == 200 and office.read_text() == before
        assert (await send("POST", "/api/v1/inventory/revisions/999/restore", {}))[0] == 404
        assert (await running.ledger.revisions.newest(1))[0].note == f"back to revision {first}: nhầm"
