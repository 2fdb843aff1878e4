"""Who may do what, and where: roles, scopes, tokens, forms of other pages."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import monitor.web
from alerts.incident import Words
from alerts.quiet.silence import read_wish
from monitor.access.permission import MAY, Permission, Role
from monitor.access.scope import EVERYWHERE, Scope, parse_scope
from monitor.vitals import Problem
from monitor.web.app import create_app
from monitor.web.context import WebContext
from monitor.web.narrow.monitoring import NARROWED, SHARED, narrowed
from monitor.web.route import TABLE
from tests.monitor.access.house import ONE, House, form_key
from tests.monitor.web.scenes import faults

FOREIGN = "18562"
"""A commune that ``one`` has nothing to do with."""


async def test_a_viewer_changes_nothing_and_an_operator_administers_nothing(built: House) -> None:
    """A50: every route that changes something, with every role that may not use it."""
    for name, role in (("viewer", Role.VIEWER), ("operator", Role.OPERATOR)):
        browser = await built.browser(name)
        key = form_key(await browser.text("/account"))
        for route in create_app(built.town.context())[TABLE].routes:
            if route.method == "GET" or route.may in MAY[role]:
                continue
            answer = await browser.request(route.method, _filled(route.path), {"csrf": key})
            assert answer.status == 403, route.path


async def test_whoever_looks_sees_no_page_of_administrators(built: House) -> None:
    viewer = await built.browser("viewer")
    for path in ("/users", "/users/1", "/inventory/audit", "/events?view=audit"):
        assert (await viewer.get(path)).status == 403
    assert (await (await built.browser("admin")).get("/users")).status == 200


async def test_an_operator_of_one_commune_sees_no_other_anywhere(built: House) -> None:
    """A50: every address is asked as somebody of one commune; no other commune, device or incident shows."""
    await faults(built.town)
    one = await built.browser("one")
    foreign = _foreign_words(built)
    asked = 0
    for route in create_app(built.town.context())[TABLE].routes:
        if route.method != "GET" or route.path.startswith(("/static", "/events", "/api/v1/events")):
            continue
        for path in (_filled(route.path, ONE), _filled(route.path, FOREIGN)):
            answer = await one.get(path)
            text = await answer.text() if answer.status < 300 else ""
            assert not [word for word in foreign if word in text], path
            asked += answer.status == 200
            assert answer.status != 500, path
    assert asked > 12


async def test_a_foreign_commune_does_not_exist_for_an_operator_of_another(built: House) -> None:
    await faults(built.town)
    one = await built.browser("one")
    foreign = next(
        incident.id
        for incident in built.town.board.incidents.values()
        if not incident.key.device.startswith(ONE)
    )
    for path in (
        f"/sites/{FOREIGN}",
        f"/devices/{FOREIGN}/server",
        f"/incidents/{foreign}",
        f"/api/v1/sites/{FOREIGN}",
        f"/api/v1/devices/{FOREIGN}/server",
        f"/api/v1/incidents/{foreign}",
        f"/api/v1/series?device={FOREIGN}/server&metric=icmp.rtt.mean",
        f"/events?view=site&site={FOREIGN}",
    ):
        assert (await one.get(path)).status == 404, path
    mine = (await (await one.get("/api/v1/incidents?limit=1000")).json())["incidents"]
    assert {incident["key"]["device"].partition("/")[0] for incident in mine} == {ONE}
    assert (await (await one.get(f"/api/v1/search?q={FOREIGN}")).json())["total"] == 0
    sites = (await (await one.get("/api/v1/sites")).json())["sites"]
    assert [site["id"] for site in sites] == [ONE]
    for path in ("/metrics", "/inventory", "/inventory/files", "/api/v1/coverage"):
        assert (await one.get(path)).status == 403, path


async def test_the_stream_of_somebody_with_one_commune_tells_of_no_other(built: House) -> None:
    one = await built.browser("one")
    async with one.client.get("/events?view=wall") as stream:
        await faults(built.town)
        told = (await stream.content.readuntil(b"\n\n")).decode()
        told += (await stream.content.readuntil(b"\n\n")).decode()
    assert not [word for word in _foreign_words(built) if word in told]


async def test_a_stream_ends_with_the_session_it_began_in(built: House) -> None:
    viewer = await built.browser("viewer")
    async with viewer.client.get("/events?view=wall") as stream:
        await stream.content.readuntil(b"\n\n")
        people = built.access.people
        await people.set_disabled(people.named("viewer"), True, "test")
        await faults(built.town)
        assert len(await stream.content.read()) < 300_000  # it ends


async def test_an_operator_of_one_commune_takes_on_incidents_of_that_commune_only(built: House) -> None:
    mine = await built.town.open("cpu-high", f"{ONE}/server", "CPU")
    foreign = await built.town.open("cpu-high", f"{FOREIGN}/server", "CPU")
    narrow = narrowed(built.town.context(), Scope((ONE,)))
    done = await narrow.operations.acknowledge([mine.id, foreign.id], "one")
    assert [incident.id for incident in done] == [mine.id]


async def test_of_an_outage_that_is_larger_an_operator_of_one_commune_learns_that_it_is_one(
    built: House,
) -> None:
    whole = await built.town.open(
        "carrier-down", "@carrier/42/x", f"Mất 2 xã: {ONE}, {FOREIGN}", evidence=FOREIGN
    )
    incident = msgspec.structs.replace(whole, sites=(ONE, FOREIGN))
    built.town.board.set_incident(incident)
    board = narrowed(built.town.context(), Scope((ONE,))).board
    shown = board.incidents[incident.id]
    assert shown.sites == (ONE,)
    assert FOREIGN not in str(msgspec.to_builtins(shown))
    elsewhere = narrowed(built.town.context(), Scope(("18100",))).board
    assert incident.id not in elsewhere.incidents
    page = await (await built.browser("one")).text(f"/incidents/{incident.id}")
    assert "Sự cố diện rộng" in page and FOREIGN not in page


def test_every_field_of_the_context_is_narrowed_or_known_to_show_nothing_by_itself() -> None:
    fields = {field.name for field in dataclasses.fields(WebContext)}
    assert fields == SHARED | NARROWED, (
        "say in monitor/web/narrow.py whether somebody of one site may have it"
    )


def test_every_form_that_posts_carries_the_key_of_its_session() -> None:
    templates = Path(monitor.web.__file__).parent / "templates"
    bare = [
        f"{path.name}: {form}"
        for path in templates.rglob("*.html")
        for form in re.findall(r'<form[^>]*method="post"[^>]*>(?!{{ csrf\(\) }})', path.read_text("utf-8"))
    ]
    assert not bare, "put {{ csrf() }} right behind the tag"


async def test_what_other_pages_send_is_refused(built: House) -> None:
    """A51."""
    operator = await built.browser("admin")
    key = form_key(await operator.text("/account"))
    fields = {"csrf": key, "title": "x", "role": "viewer", "days": "7", "scope": ""}
    assert (await operator.post("/account/tokens", fields, Origin="https://evil.example")).status == 403
    assert (await operator.post("/account/tokens", fields, Origin="null")).status == 403
    assert (await operator.post("/account/tokens", fields | {"csrf": ""})).status == 403
    assert (await operator.post("/account/tokens", fields | {"csrf": "0" * 96})).status == 403
    assert (await operator.post("/account/tokens", fields | {"csrf": key[:-1] + "ă"})).status == 403
    other = form_key(await (await built.browser("viewer")).text("/account"))
    assert (await operator.post("/account/tokens", fields | {"csrf": other})).status == 403
    client = operator.client
    assert (await client.post("/account/tokens", data=fields)).status == 403  # no Origin at all
    assert (await client.post("/api/v1/demo/faults", json={})).status == 403
    text = {"Content-Type": "text/plain", "Origin": operator.origin}
    assert (await client.post("/account/tokens", data=b"x", headers=text)).status == 415
    stranger = await built.browser()
    assert (await stranger.post("/sign-in", {"name": "viewer"}, Origin="https://evil.example")).status == 403
    assert (await operator.post("/account/tokens", fields)).status == 200


async def test_a_body_larger_than_the_route_says_is_refused(built: House) -> None:
    browser = await built.browser()
    assert (await browser.post("/sign-in", {"name": "x" * 9000})).status == 413


async def test_a_token_does_what_its_role_and_its_user_may_where_both_may(built: House) -> None:
    api = await built.browser()
    wide = await built.token("one", Role.VIEWER)  # the user has one commune: so has the token
    narrow = await built.token("admin", Role.ADMIN, Scope((ONE,)))
    full = await built.token("admin", Role.VIEWER)
    for token, sites, metrics in ((wide, 1, 403), (narrow, 1, 403), (full, 70, 200)):
        bearer = {"Authorization": f"Bearer {token}"}
        answer = await api.get("/api/v1/sites", headers=bearer)
        assert len((await answer.json())["sites"]) == sites
        assert (await api.get("/metrics", headers=bearer)).status == metrics
        assert (await api.get("/users", headers=bearer)).status == 403
        assert (await api.get("/account", headers=bearer)).status == 403


async def test_a_token_ends_when_it_expires_is_ended_or_its_user_is_let_in_no_more(built: House) -> None:
    api, people = await built.browser(), built.access.people
    viewer = people.named("viewer")
    tokens = [await built.token("viewer", Role.VIEWER, days=days) for days in (1, 30, 30)]

    async def works(token: str) -> bool:
        answer = await api.get("/api/v1/sites", headers={"Authorization": f"Bearer {token}"})
        assert answer.status in (200, 401)
        return bool(answer.status == 200)

    assert [await works(token) for token in tokens] == [True] * 3
    built.clock.ahead += built.clock.ahead.__class__(days=2)
    assert [await works(token) for token in tokens] == [False, True, True]
    await people.end_token(viewer, people.tokens_of(viewer)[0].id, "test")
    assert [await works(token) for token in tokens] == [False, True, False]
    await people.set_disabled(viewer, True, "test")
    assert not await works(tokens[1])


async def test_a_token_is_shown_once_and_kept_as_a_digest_only(built: House) -> None:
    browser = await built.browser("viewer")
    made = await browser.send("/account/tokens", title="report", role="viewer", days="30", scope="")
    found = re.search(r"cmt_[\w-]{43}", await made.text())
    assert found and found[0] not in await browser.text("/account")
    await built.town.ledger.audit.add(built.clock(), "test", "flush", "")
    files = b"".join(map(Path.read_bytes, built.access.first_password.parent.glob("ledger.sqlite*")))
    assert found[0].encode() not in files and browser.cookie().encode() not in files
    too_much = await browser.send("/account/tokens", title="x", role="admin", days="30", scope="")
    assert too_much.status == 422


async def test_a_token_in_an_address_is_refused_and_not_logged(
    built: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A54."""
    token = await built.token("viewer", Role.VIEWER)
    api = await built.browser()
    for query in (f"token={token}", f"q=%63mt_{token[4:]}", "access_token=anything"):
        answer = await api.get(f"/api/v1/sites?{query}")
        assert answer.status == 400
        assert "Authorization: Bearer" in (await answer.json())["detail"]
    assert token not in caplog.text and token[4:] not in caplog.text


async def test_the_last_administrator_cannot_be_lost(built: House) -> None:
    admin = await built.browser("admin")
    number = built.access.people.named("admin").id
    page = f"/users/{number}"
    assert (await admin.send(page, page, action="disable")).status == 422
    assert (await admin.send(page, page, action="role", role="viewer", scope="")).status == 422
    assert (await admin.send(page, page, action="role", role="admin", scope=ONE)).status == 422
    assert (await admin.get("/users")).status == 200


async def test_what_ails_the_monitor_is_told_to_those_who_see_every_site(built: House) -> None:
    words = Words(f"thiết bị {FOREIGN}/server", f"the device {FOREIGN}/server")
    built.town.problems.append(Problem(words, "bindings"))
    asked = [await built.browser(name) for name in ("", "one", "viewer")]
    told = [await (await browser.get("/healthz")).text() for browser in asked]
    assert [FOREIGN in text for text in told] == [False, False, True]
    pages = [await browser.text("/incidents") for browser in asked[1:]]
    assert [FOREIGN in text for text in pages] == [False, True]
    assert all("Hệ thống giám sát đang bị lỗi" in text for text in pages)


async def test_an_administrator_adds_somebody_and_hands_over_a_password_that_is_shown_once(
    built: House,
) -> None:
    admin = await built.browser("admin")
    made = await admin.send("/users", "/users", name="Lan", title="Trần Lan", role="operator", scope=ONE)
    found = re.search(r'class="shown-once">([^<]+)<', await made.text())
    assert made.status == 200 and found
    assert found[1] not in await admin.text("/users")
    lan = built.access.people.named("lan")
    assert (lan.role, lan.scope, lan.must_change) == (Role.OPERATOR, Scope((ONE,)), True)
    again = await admin.send("/users", "/users", name="lan", title="", role="operator", scope="")
    assert again.status == 422
    assert ("admin", "user added", "lan") in await built.record()


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("", EVERYWHERE),
        ("18073, 18562", Scope(("18073", "18562"))),
        ("province:42 ttdl", Scope(("ttdl",), ("42",))),
    ],
)
def test_a_scope_is_written_in_words(text: str, scope: Scope) -> None:
    assert parse_scope(text) == scope


@pytest.mark.parametrize("text", ["province:hà-tĩnh", "x" * 101, " ".join(["a"] * 201)])
def test_a_scope_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"province:42|at most"):
        parse_scope(text)


def test_each_role_may_all_that_the_one_before_may() -> None:
    assert MAY[Role.VIEWER] < MAY[Role.OPERATOR] < MAY[Role.ADMIN] == frozenset(Permission)


def _filled(path: str, site: str = ONE) -> str:
    """Return an address of a route, about `site`."""
    values = {"site": site, "name": "server", "id": "1"}
    return re.sub(r"{(\w+)(?::[^{}]*(?:{[^{}]*})?)?}", lambda found: values.get(found[1], "x"), path)


def _foreign_words(built: House) -> list[str]:
    """Return what would show another commune: ids and addresses of devices, names."""
    sites: Any = [site for site in built.town.inventory.sites.values() if site.id != ONE]
    names = [site.name for site in sites if len(site.name) > 9]
    return [*names, *(device.id for site in sites for device in site.devices)]


async def test_an_operator_of_one_commune_makes_quiet_that_commune_only(built: House) -> None:
    """The silences of others are not shown, and cannot be ended."""
    until = (datetime.now(UTC) + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M")
    for site in (FOREIGN, ONE):
        wish = read_wish({"where": {"site": site}, "until": until, "reason": f"điện của {site}"})
        await built.town.quiets.add(wish.silence("root", datetime.now(UTC)))
    browser = await built.browser("one")
    html = await browser.text("/quiet")
    assert f"điện của {ONE}" in html and f"điện của {FOREIGN}" not in html
    key = form_key(html)
    assert (await browser.post("/quiet/1", {"csrf": key, "action": "end"})).status == 404
    assert (await browser.post("/quiet/2", {"csrf": key, "action": "end"})).status == 303
    asked = {"csrf": key, "action": "save", "hours": "2", "reason": "thử"}
    for where, status in (
        ({"site": ONE}, 303),
        ({"role": "router"}, 403),
        ({"site": "*"}, 403),
        ({"site": FOREIGN}, 403),
    ):
        shown = await (await browser.post("/quiet/new", {**asked, **where, "action": "preview"})).text()
        seen = re.search(r'name="seen" value="([^"]*)"', shown)
        answer = await browser.post("/quiet/new", {**asked, **where, "seen": seen[1] if seen else ""})
        assert answer.status == status, where
