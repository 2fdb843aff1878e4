"""The pages and the API of what is quiet: shown where people look, previewed, made, extended, ended."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from alerts.calendar import VIETNAM
from alerts.quiet.planned import load_planned
from alerts.quiet.silence import Silence, read_wish
from tests.monitor.web.province import Province
from tests.monitor.web.test_pages import NASTY, text

Client = TestClient[Any, Any]


def local(hours: float) -> str:
    """A time of Viet Nam as forms send it."""
    return (datetime.now(UTC) + timedelta(hours=hours)).astimezone(VIETNAM).strftime("%Y-%m-%dT%H:%M")


async def silence(town: Province, **asked: object) -> Silence:
    wish = {"where": {"site": "18073"}, "until": local(2), "reason": "Cắt điện"} | asked
    return await town.quiets.add(read_wish(wish).silence("Lê Văn C", datetime.now(UTC)))


async def post(client: Client, address: str, **fields: str) -> tuple[int, str, str]:
    """Send a form as our own page does; return the status, the text, and where it leads."""
    headers = {"Origin": str(client.make_url("/")).rstrip("/")}
    async with client.post(address, data=fields, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text(), answer.headers.get("Location", "")


async def seen(client: Client, address: str) -> dict[str, str]:
    """Return the fields of the form as the page fills them."""
    html = await text(client, address)
    form = html.split('class="quiet-form"')[1].split("</form>")[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and (' type="radio"' not in tag or " checked" in tag):
            found[name[1]] = value[1] if value else ""
    return found | {"hours": "2"}


async def test_without_anything_quiet_the_page_says_that_everything_is_told(client: Client) -> None:
    html = await text(client, "/quiet")
    assert "Không có gì bị tạm dừng" in html and "Chưa có kế hoạch nào" in html


async def test_what_is_quiet_is_shown_on_its_page_the_incident_and_the_device(
    client: Client, town: Province
) -> None:
    incident = await town.open("device-down", "18073/router", "Bộ định tuyến mất kết nối")
    made = await silence(town)
    html = await text(client, "/quiet")
    assert f'id="quiet-{made.id}"' in html and "Cắt điện" in html and "đang giấu" in html
    assert "5 thiết bị" in html
    listed = (await text(client, "/incidents")).split(f'id="incident-{incident.id}"')[1].split("</li>")[0]
    assert "tạm không báo tới" in listed and "nobody" not in listed
    html = await text(client, f"/incidents/{incident.id}")
    until = made.until.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
    assert "Tạm không báo tới" in html and until in html and "(Lê Văn C)" in html
    assert "Tạm không báo tới" in await text(client, "/devices/18073/router")
    assert "Tạm không báo tới" not in await text(client, "/devices/18100/router")


async def test_maintenance_is_on_the_wall_by_shape_and_word_a_silence_is_not(
    client: Client, town: Province
) -> None:
    await silence(town, where={"site": "18100"})
    html = await text(client, "/")
    assert "#mend" not in html
    await silence(town, where={"site": "18073"}, kind="maintenance")
    await silence(town, where={"device": "ttdl/mot-cua"}, kind="maintenance")
    kiosk = await text(client, "/wall?kiosk=1")
    assert "#mend" in kiosk.split('id="square-18073"')[1].split("</li>")[0]
    html = await text(client, "/")
    tile = html.split('id="site-18073"')[1].split("</a>")[0]
    assert "#mend" in tile and "Bảo trì" in tile
    assert "Bảo trì" not in html.split('id="site-18100"')[1].split("</a>")[0]
    assert "Bảo trì" in html.split('id="pill-ttdl-mot-cua"')[1].split("</a>")[0]
    assert "<b>6</b> đang bảo trì" in html
    page = await text(client, "/devices/18073/server")
    assert "Đang bảo trì tới" in page and 'class="mend"' in page.split("</h1>")[0]


async def test_planned_maintenance_is_in_the_calendar_of_the_next_month(
    client: Client, town: Province, tmp_path: Path
) -> None:
    path = tmp_path / "plan.yaml"
    begin = (datetime.now(VIETNAM) - timedelta(days=8)).strftime("%Y-%m-%d 22:00")
    path.write_text(
        "maintenance: [{id: sao-luu, reason: Sao lưu, author: Sở, where: {site: ttdl},"
        f" from: {begin}, for: 4h, repeat: FREQ=DAILY}}]"
    )
    town.quiets.follow(load_planned(path), town.inventory)
    html = await text(client, "/quiet")
    coming, past = html.split('id="coming"')[1].split('id="past"')
    assert 29 <= coming.count('class="day"') <= 31 and "trong tệp:" in coming
    assert 6 <= past.count("Sao lưu") <= 8


async def test_a_silence_is_made_from_an_incident_after_its_preview(client: Client, town: Province) -> None:
    incident = await town.open("device-down", "18073/router", "Bộ định tuyến mất kết nối")
    address = f"/quiet/new?incident={incident.id}"
    assert f'href="{address}"' in await text(client, f"/incidents/{incident.id}")
    form = await seen(client, address)
    assert (form["site"], form["device"], form["rules"]) == ("18073", "18073/router", "device-down")
    assert "Sẽ giấu những gì" in await text(client, address)
    status, _, leads = await post(client, "/quiet/new", **(form | {"reason": "Cắt điện", "action": "save"}))
    (made,) = town.quiets.silences
    assert (status, leads) == (303, f"/quiet#quiet-{made.id}")
    assert made.rules == ("device-down",) and made.who.startswith("web ")
    assert timedelta(hours=2) <= made.until - made.start <= timedelta(hours=2, minutes=1)
    assert town.quiets.hides(incident) is not None


async def test_what_was_not_previewed_is_shown_before_it_is_made(client: Client, town: Province) -> None:
    form = await seen(client, "/quiet/new?device=18073/router")
    widened = form | {"site": "*", "device": "", "reason": "Tất cả", "action": "save"}
    status, html, _ = await post(client, "/quiet/new", **widened)
    assert status == 200 and "350" in html.split('id="effect"')[1] and town.quiets.silences == ()
    again = widened | {"seen": re.search(r'name="seen" value="([^"]*)"', html)[1]}  # type: ignore[index]
    status, _, _ = await post(client, "/quiet/new", **again)
    assert status == 303 and len(town.quiets.silences) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"reason": "x"}, "ghi lý do, ít nhất 3 ký tự"),
        ({"until": "2020-01-01T10:00"}, "đã qua"),
        ({"until": local(24 * 91)}, "nhiều nhất 90 ngày"),
        ({"hours": "9999"}, "chọn thời lượng"),
        ({"site": "[x]"}, "must match the pattern"),
        ({"site": "18703"}, "không có đơn vị &#39;18703&#39; (có phải"),
        ({"rules": "device-dwon"}, "(có phải device-down?); ghi tên có thật, hoặc dùng * để chỉ nhiều tên"),
        ({"from": "yesterday"}, "wants a time of Viet Nam"),
    ],
)
async def test_a_form_that_cannot_be_says_why_and_keeps_what_was_typed(
    client: Client, town: Province, fields: dict[str, str], words: str
) -> None:
    form = await seen(client, "/quiet/new?device=18073/router")
    asked = form | {"reason": "Thay router"} | fields
    status, html, _ = await post(client, "/quiet/new", **(asked | {"action": "preview"}))
    assert status == 422 and words in html and 'value="18073/router"' in html
    assert town.quiets.silences == ()


async def test_nothing_is_made_for_another_site_and_nothing_escapes_its_quotes(
    client: Client, town: Province
) -> None:
    form = await seen(client, "/quiet/new?device=18073/router")
    async with client.post("/quiet/new", data=form, headers={"Origin": "http://evil.example"}) as answer:
        assert answer.status == 403
    await silence(town, reason=NASTY)
    for address in ("/quiet", "/devices/18073/router"):
        html = await text(client, address)
        assert "<script>alert" not in html and "&lt;script&gt;" in html
    async with client.get("/quiet/new", params={"site": NASTY, "reason": NASTY}) as answer:
        assert answer.status == 422 and "<script>alert" not in await answer.text()


async def test_it_is_extended_and_ended_by_buttons(client: Client, town: Province) -> None:
    made = await silence(town)
    status, _, leads = await post(client, f"/quiet/{made.id}", action="extend", hours="4")
    assert (status, leads) == (303, "/quiet")
    assert town.quiets.silences[0].until - made.until == timedelta(hours=4)
    assert (await post(client, f"/quiet/{made.id}", action="extend", hours="9999"))[0] == 400
    assert (await post(client, f"/quiet/{made.id}", action="end"))[0] == 303
    assert (await post(client, f"/quiet/{made.id}", action="end"))[0] == 409
    assert (await post(client, "/quiet/999", action="end"))[0] == 404
    html = await text(client, "/quiet")
    assert "kết thúc sớm bởi" in html.split('id="past"')[1]


async def ask(client: Client, method: str, address: str, body: object = None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    data = json.dumps(body) if body is not None else None
    async with client.request(method, f"/api/v1/{address}", data=data, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_the_api_previews_makes_lists_extends_and_ends(client: Client, town: Province) -> None:
    await town.open("device-down", "18073/router", "Bộ định tuyến mất kết nối")
    wish = {"where": {"site": "18073", "role": ["router", "ups"]}, "until": local(2), "reason": "Cắt điện"}
    status, found = await ask(client, "POST", "silences/preview", wish)
    assert status == 200 and found["devices"] == ["18073/router", "18073/ups"]
    assert len(found["open"]) == len(found["past"]) == 1
    status, made = await ask(client, "POST", "silences", wish)
    assert status == 201 and made["holds"] and made["devices"] == 2
    assert made["where"] == {"role": ["router", "ups"], "site": ["18073"]}
    status, listed = await ask(client, "GET", "silences")
    assert [one["id"] for one in listed["silences"]] == [made["id"]]
    status, longer = await ask(client, "PATCH", f"silences/{made['id']}", {"until": local(5)})
    assert status == 200 and longer["until"] > made["until"]
    status, ended = await ask(client, "DELETE", f"silences/{made['id']}")
    assert status == 200 and not ended["holds"] and ended["ended_by"]
    assert (await ask(client, "DELETE", f"silences/{made['id']}"))[0] == 409
    assert (await ask(client, "DELETE", "silences/999"))[0] == 404
    assert (await ask(client, "GET", "maintenance"))[1] == {"maintenance": []}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "wants a mapping"),
        ({}, "until"),
        ({"until": 5, "reason": "xyz"}, "until"),
        ({"until": local(1), "reason": "xyz"}, "the site * is everything"),
        ({"until": local(1), "reason": "xyz", "where": {"site": ["*"] * 1001}}, "where.site"),
        ({"until": local(1), "reason": "xyz", "where": {"nobody": "x"}}, "unknown key 'nobody'"),
        ({"until": local(1), "reason": "xyz", "who": "root"}, "unknown key 'who'"),
        ({"until": local(1), "reason": "xyz", "where": {"role": "routr"}}, "(did you mean router?)"),
        ({"until": local(1), "reason": "xyz", "where": {"device": "18073/ruoter"}}, "mean 18073/router?"),
    ],
)
async def test_the_api_says_what_is_wrong(client: Client, town: Province, body: object, words: str) -> None:
    status, problem = await ask(client, "POST", "silences", body)
    assert status == 400 and words in problem["detail"], problem
    assert town.quiets.silences == ()


async def test_the_api_wants_json_and_no_other_site(client: Client) -> None:
    async with client.post("/api/v1/silences", data="until=x") as answer:
        assert answer.status == 415
    headers = {"Origin": "http://evil.example", "Content-Type": "application/json"}
    async with client.post("/api/v1/silences", data="{}", headers=headers) as answer:
        assert answer.status == 403
    async with client.delete("/api/v1/silences/1", headers=headers) as answer:
        assert answer.status == 403
    assert (await ask(client, "PATCH", "silences/1", {"until": local(1)}))[0] == 404


async def test_who_would_be_told_says_that_it_would_be_quiet_then(client: Client, town: Province) -> None:
    await silence(town)
    assert "Tạm không báo tới" in await text(client, "/duty/who?about=18073/router")
    later = local(5)
    assert "Tạm không báo tới" not in await text(client, f"/duty/who?about=18073/router&at={later}")


async def test_what_is_quiet_makes_no_sound_on_the_kiosk_and_waits_for_nobody(
    client: Client, town: Province
) -> None:
    one = await town.open("device-down", "18562/router", "Bộ định tuyến mất kết nối")
    loud = await town.open("device-down", "18115/router", "Bộ định tuyến mất kết nối")
    await silence(town, where={"site": "18562"}, kind="maintenance")
    for address in ("/", "/wall?kiosk=1"):
        html = await text(client, address)
        criticals = re.search(r'data-criticals="([^"]*)"', html)
        assert criticals and str(loud.id) in criticals[1].split() and str(one.id) not in criticals[1].split()
        trouble = html.split('id="trouble-18562"')[1].split("</li>")[0]
        assert "tạm không báo tới" in trouble and "chưa ai tiếp nhận" not in trouble
        assert "chưa ai tiếp nhận" in html.split('id="trouble-18115"')[1].split("</li>")[0]
