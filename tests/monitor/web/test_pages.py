"""Every page: what it says, that it says it safely, and what it answers to nonsense."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.incident import DeviceState, Severity
from monitor.web.app import create_app
from monitor.web.pages import PAGES
from monitor.web.security import own_hosts
from probes.core.observation import Fact, Observation, Outcome, Sample
from tests.monitor.web.province import Province

Client = TestClient[Any, Any]
ADDRESSES = (
    "/",
    "/wall?kiosk=1",
    "/?province=42",
    "/map",
    "/map?by=power",
    "/services",
    "/sites/18073",
    "/sites/ttdl",
    "/devices/18073/server",
    "/devices/ttdl/mot-cua",
    "/incidents",
    "/incidents?status=resolved&kind=all",
    "/incidents?status=open&severity=critical&site=18100&rule=device-down",
    "/incidents/1",
    "/quiet",
    "/quality",
    "/quiet/new",
    "/findings",
    "/duty",
    "/duty/who?about=18073/server",
    "/search?q=thanh+sen",
    "/channels",
    "/health",
    "/inventory",
    "/inventory/drift",
    "/inventory/neighbours",
    "/inventory/audit",
    "/inventory/profiles",
    "/demo",
    "/demo/phone",
)
NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


async def text(client: Client, address: str) -> str:
    async with client.get(address) as answer:
        assert answer.status == 200, (address, answer.status)
        return await answer.text()


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("address", ADDRESSES)
async def test_every_page_answers_in_both_languages(client: Client, address: str, language: str) -> None:
    joint = "&" if "?" in address else "?"
    html = await text(client, f"{address}{joint}lang={language}")
    assert f'<html lang="{language}"' in html
    assert "<h1" in html


async def test_every_answer_has_the_security_headers(client: Client) -> None:
    for address in (*ADDRESSES, "/nothing", "/api/v1/sites", "/api/v1/nothing", "/static/style.css"):
        async with client.get(address) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_no_page_holds_inline_script_or_style(client: Client) -> None:
    for address in ADDRESSES:
        html = await text(client, address)
        assert "style=" not in html
        assert "<style" not in html
        assert " on" not in {part[:3] for part in html.split("<") if part.startswith(" on")}
        assert html.count("<script") == html.count("<script src=")


async def test_every_page_of_the_demo_says_that_it_is_one(client: Client, town: Province) -> None:
    for address in (*ADDRESSES, "/devices/18073/router"):
        assert "BẢN TRÌNH DIỄN: dữ liệu mô phỏng" in await text(client, address)
    async with TestClient(TestServer(create_app(town.context()))) as real:
        assert "BẢN TRÌNH DIỄN" not in await text(real, "/")
        assert (await real.get("/demo")).status == 404
        assert (await real.get("/api/v1/demo/faults")).status == 404


async def test_the_wall_has_a_tile_for_each_of_the_69_communes(client: Client) -> None:
    html = await text(client, "/")
    assert html.count('class="tile"') == 69
    assert html.index("Bắc Hồng Lĩnh") < html.index("Hà Huy Tập") < html.index(">Can Lộc<")


async def test_the_wall_tells_a_lost_commune_from_a_lost_device(client: Client, town: Province) -> None:
    town.set_state("18073/router", DeviceState.DOWN)
    html = await text(client, "/")
    assert 'href="/sites/18073" data-state="down" data-extent="part"' in html
    assert 'data-state="down" data-extent="whole"' in html


async def test_what_a_device_reports_is_escaped_everywhere(client: Client, town: Province) -> None:
    device = "18073/server"
    town.set_state(device, DeviceState.DOWN, NASTY)
    town.observe(
        device,
        "snmp",
        detail=NASTY,
        samples=(Sample(NASTY, 1.0, NASTY, ((NASTY, NASTY),)),),
        facts=(Fact(NASTY, (NASTY,), NASTY),),
    )
    incident = await town.open("device-down", device, NASTY, evidence=NASTY)
    for address in ("/", "/sites/18073", f"/devices/{device}", "/incidents", f"/incidents/{incident.id}"):
        html = await text(client, address)
        assert "<script>" not in html
        assert "<img" not in html
        assert "&lt;script&gt;alert(1)" in html, address


async def test_a_device_page_shows_checks_values_facts_and_the_pending_key(client: Client) -> None:
    html = await text(client, "/devices/18073/server")
    for word in (
        "CPU đang dùng",
        "14 ngày",
        "Cách đăng nhập SSH",
        "password, publickey",
        "Chưa kiểm tra",
        "commune-monitor trust 18073/server SHA256:",
        'data-metric="system.cpu.utilization"',
    ):
        assert word in html


async def test_an_incident_page_shows_timeline_playbook_and_whom_to_call(client: Client) -> None:
    html = await text(client, "/incidents?status=resolved")
    assert "Bộ định tuyến mất kết nối" in html
    number = html.split('href="/incidents/')[1].split('"')[0]
    page = await text(client, f"/incidents/{number}")
    for word in ("Phát sinh", "Đã khắc phục", "Gọi đầu mối tại xã", "tel:0912345678", "20 phút"):
        assert word in page


async def test_findings_of_one_rule_share_one_remedy(client: Client) -> None:
    html = await text(client, "/findings")
    assert html.count("PasswordAuthentication no") == 1
    assert html.count("ssh.auth_methods = password, publickey") == 5
    assert html.index("SNMP-01") < html.index("SSH-12") < html.index("TLS-11")


@pytest.mark.parametrize(
    "address",
    [
        "/sites/99999",
        "/sites/..%2f..%2fetc",
        "/devices/18073/nothing",
        "/incidents/999999",
        "/incidents/abc",
        "/incidents?status=strange",
        "/incidents?before=-1",
        "/no-such-page",
        "/static/../app.py",
    ],
)
async def test_what_does_not_exist_is_a_404_that_says_what_to_do(client: Client, address: str) -> None:
    async with client.get(address) as answer:
        assert answer.status == 404
        html = await answer.text()
        assert 'href="/"' in html
        assert "Not Found" not in html


async def test_a_failing_page_is_a_500_that_shows_nothing_of_the_inside(town: Province) -> None:
    def broken() -> Any:
        raise RuntimeError("canary-secret")

    app = create_app(town.context(vitals=broken))
    async with TestClient(TestServer(app)) as client, client.get("/health") as answer:
        html = await answer.text()
        assert answer.status == 500
        assert "canary-secret" not in html
        assert "Việc giám sát và cảnh báo vẫn tiếp tục" in html


async def test_the_language_chosen_once_is_kept(client: Client) -> None:
    assert "Màn hình giám sát" in await text(client, "/")
    await text(client, "/?lang=en")
    assert '<html lang="en"' in await text(client, "/incidents")
    assert '<html lang="en"' in await text(client, "/?lang=xx")


async def test_a_foreign_host_name_is_refused_when_hosts_are_named(town: Province) -> None:
    app = create_app(town.context(hosts=own_hosts("127.0.0.1", "https://giamsat.example/")))
    async with TestClient(TestServer(app)) as client:
        for strange in (
            "evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "[::1",
            "127.0.0.1@evil",
        ):
            assert (await client.get("/", headers={"Host": strange})).status == 421, strange
        for own in ("127.0.0.1:8080", "LOCALHOST:9000", "[::1]:8080", "giamsat.example"):
            assert (await client.get("/", headers={"Host": own})).status == 200, own


def test_any_host_name_is_answered_beyond_loopback() -> None:
    assert own_hosts("0.0.0.0", "") is None
    assert own_hosts("giamsat.example", "") is None
    assert own_hosts("localhost", "") == frozenset({"localhost", "127.0.0.1", "::1"})
    assert "127.0.0.5" in (own_hosts("127.0.0.5", "") or ())


async def test_faults_are_switched_by_our_own_page_only(client: Client, town: Province) -> None:
    form = {"kind": "cut-uplink", "target": "18073", "on": "1"}
    own = str(client.make_url("/")).rstrip("/")
    assert (await client.post("/demo", data=form)).status == 403
    assert (await client.post("/demo", data=form, headers={"Origin": "http://evil.example"})).status == 403
    assert await town.demo.faults() == ()
    async with client.post("/demo", data=form, headers={"Origin": own}, allow_redirects=False) as answer:
        assert answer.status == 303
    assert [fault.kind for fault in await town.demo.faults()] == ["cut-uplink"]
    assert "Phường Thành Sen" in (await text(client, "/demo")).split('id="on"')[1].split("</ol>")[0]
    wrong = {**form, "kind": "explode"}
    assert (await client.post("/demo", data=wrong, headers={"Origin": own})).status == 400


def test_every_page_has_a_test() -> None:
    covered = {address.split("?")[0].split("/")[1] for address in ADDRESSES}
    assert {page.path.split("/")[1] for page in PAGES.values()} <= covered


async def test_severity_is_said_in_words(client: Client, town: Province) -> None:
    await town.open("memory-high", "18073/server", "Bộ nhớ đầy", severity=Severity.WARNING)
    assert "Cảnh báo" in await text(client, "/incidents")


async def test_a_device_that_is_another_than_it_was_stands_on_the_page_of_differences(
    client: Client, town: Province
) -> None:
    device = town.inventory.devices["18073/server"]
    for serial in ("A1", NASTY):
        facts = (Fact("device.serial", serial),)
        observed = Observation(device.id, "snmp", "snmp", datetime.now(UTC), 0.1, Outcome.OK, facts=facts)
        town.ledger.identities.note(observed)
    html = await text(client, "/inventory/drift")
    assert "Số sê-ri" in html and "A1" in html and "thấy lần đầu" in html
    assert NASTY not in html and "&lt;script&gt;" in html
    async with client.get("/api/v1/drift") as answer:
        (found,) = (await answer.json())["drift"]
    assert (found["device"], found["what"], found["expected"]) == (device.id, "serial", "A1")


async def test_what_is_connected_elsewhere_and_what_nobody_declared_stand_on_the_page_of_neighbours(
    client: Client, town: Province
) -> None:
    told = ("LLDP", NASTY, "", "gi1", "192.0.2.200", "")
    facts = (Fact("neighbours.name", "r"), Fact("neighbours.told", told, "ether5"))
    check = town.board.checks("18073/router")[0].name
    town.board.observe(
        Observation("18073/router", check, "snmp", datetime.now(UTC), 0.1, Outcome.OK, facts=facts)
    )
    html = await text(client, "/inventory/neighbours")
    assert "192.0.2.200" in html and "ether5" in html
    assert NASTY not in html and "&lt;script&gt;" in html
    async with client.get("/api/v1/neighbours") as answer:
        body = await answer.json()
    assert body["asked"] == 1
    assert body["neighbourhood"]["strangers"][0]["seen_by"] == "18073/router"


async def test_the_page_of_profiles_says_what_reads_each_device(client: Client, town: Province) -> None:
    check = next(check for check in town.board.checks("18073/server") if check.probe == "snmp")
    facts = (Fact("snmp.profile", "net-snmp-linux"), Fact("device.vendor", NASTY))
    observed = Observation(
        "18073/server", check.name, "snmp", datetime.now(UTC), 0.1, Outcome.OK, facts=facts
    )
    town.board.observe(observed)
    town.ledger.identities.note(observed)
    html = await text(client, "/inventory/profiles?profile=net-snmp-linux")
    assert "Máy chủ" in html and NASTY not in html and "&lt;script&gt;" in html
    assert (
        "net-snmp-linux"
        not in (await text(client, "/inventory/profiles?profile=generic")).split('id="profiles"')[1]
    )
