"""What strangers, other origins and the wrong hands send to every declared route; a newcomer is walked over as well."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alerts.quiet.silence import read_wish
from monitor.access.permission import Permission, Role
from monitor.web.api.openapi import PREFIX
from monitor.web.app import create_app
from monitor.web.route import TABLE, Route
from tests.monitor.access.house import ONE, House, form_key

FOREIGN = "18562"
JSON = "application/json"
ENDLESS = ("/events", "/api/v1/events")
PROGRAMS = ("/api/", *ENDLESS, "/metrics")
BODIES: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"1e400",
    b'{"strange": 1}',
    b'{"ids": {"a": []}, "where": 7, "files": [1], "role": "king", "text": 5, "until": [], "rota": {}}',
    b"\xff\xfe\x00",
    b"[" * 3000,
    b'{"a": ' + b"9" * 3000 + b"}",
)
"""No body of ours."""
REFUSED = {400, 403, 404, 412, 415, 422, 428}
FOREIGN_WISHES: dict[str, dict[str, object]] = {
    "/api/v1/incidents/acknowledge": {"ids": [0]},
    "/api/v1/incidents/release": {"ids": [0]},
    "/api/v1/incidents/note": {"ids": [0], "note": "x"},
    "/api/v1/incidents/{id}/false": {"false": True},
    "/api/v1/silences": {"where": {"site": FOREIGN}, "until": "", "reason": "xxx"},
    "/api/v1/silences/preview": {"where": {"site": FOREIGN}, "until": "", "reason": "xxx"},
    "/api/v1/silences/{id}": {"until": ""},
    "/incidents/act": {"action": "acknowledge", "id": "0"},
    "/incidents/{id}/false": {"false": "1"},
    "/quiet/new": {"site": FOREIGN, "action": "save", "hours": "1", "reason": "xxx"},
    "/quiet/{id}": {"action": "end"},
}
"""How somebody of one commune would reach for another, for each route that changes something and wants no more."""


def routes(built: House) -> Iterator[Route]:
    """Every route but the files of the pages."""
    for route in create_app(built.town.context(demo=built.town.demo))[TABLE].routes:
        if not route.path.startswith("/static"):
            yield route


def filled(route: Route, number: object = 1, site: str = ONE) -> str:
    """Return an address of a route."""
    values = {"site": site, "name": "viewer" if "/users/" in route.path else "server", "id": str(number)}
    found = re.sub(
        r"{(\w+)(?::[^{}]*(?:{[^{}]*})?)?}", lambda part: values.get(part[1], "A" * 16), route.path
    )
    return f"{found}?file=x.yaml" if route.method in ("PUT", "DELETE") and route.query else found


async def test_without_a_token_nothing_is_told_or_done(built: House) -> None:
    stranger = await built.browser()
    for route in routes(built):
        if route.may is Permission.PUBLIC:
            continue
        for headers in ({}, {"Authorization": "Bearer cmt_wrong"}, {"Cookie": "session=wrong"}):
            answer = await stranger.client.request(
                route.method, filled(route), headers=headers, allow_redirects=False
            )
            away = answer.headers.get("Location", "").startswith("/sign-in?next=")
            assert answer.status == 401 or (answer.status == 303 and away), (route.method, route.path)
            if route.path.startswith(PROGRAMS):
                assert answer.status == 401 and answer.content_type == "application/problem+json", route.path


async def test_no_page_of_another_origin_changes_anything(built: House) -> None:
    """A51: with everything else right, for forms and for JSON, and for a request that does not say where from."""
    admin = await built.browser("admin")
    key = form_key(await admin.text("/account"))
    for route in routes(built):
        if route.method == "GET":
            continue
        for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
            for sent in _both_ways(key):
                answer = await admin.client.request(
                    route.method, filled(route), headers=origin, allow_redirects=False, **sent
                )
                assert answer.status == 403, (route.method, route.path, origin)


def _both_ways(key: str) -> tuple[dict[str, Any], ...]:
    return {"data": {"csrf": key}}, {"json": {}}


async def test_a_form_without_the_key_of_its_session_changes_nothing(built: House) -> None:
    admin = await built.browser("admin")
    for route in routes(built):
        if route.method == "POST" and route.may is not Permission.PUBLIC:
            for key in ("", "0" * 96):
                answer = await admin.post(filled(route), {"csrf": key})
                assert answer.status == 403, route.path


async def test_a_body_larger_than_the_route_says_is_refused_by_all(built: House) -> None:
    """With its length said, and without."""
    admin = await built.browser("admin")

    async def pieces(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 65536):
            yield b" " * min(65536, size - start)

    for route in routes(built):
        if route.method == "GET":
            continue
        headers = {"Origin": admin.origin, "Content-Type": JSON}
        for body in (io.BytesIO(b" " * (route.max_body + 1)), pieces(route.max_body + 1)):
            answer = await admin.client.request(
                route.method, filled(route), data=body, headers=headers, allow_redirects=False
            )
            assert answer.status == 413, (route.method, route.path)


async def test_what_is_no_body_of_ours_is_refused_by_all(built: House) -> None:
    """Never 500, never done; also what is no JSON."""
    admin = await built.browser("admin")
    asked = 0
    for route in routes(built):
        if route.body is None:
            continue
        for body in BODIES:
            headers = {"Origin": admin.origin, "Content-Type": JSON}
            answer = await admin.client.request(route.method, filled(route), data=body, headers=headers)
            assert answer.status in REFUSED, (route.method, route.path, body[:30], answer.status)
            assert answer.content_type == "application/problem+json", (route.path, body[:30])
            asked += 1
        text = {"Origin": admin.origin, "Content-Type": "text/plain"}
        answer = await admin.client.request(route.method, filled(route), data=b"{}", headers=text)
        assert answer.status in {403, 404, 415}, (route.method, route.path)
    assert asked > 150


async def test_wrong_parameters_are_refused_by_all(built: House) -> None:
    """One that nobody knows, one that is there twice, one of another type."""
    api = await built.browser()
    bearer = {"Authorization": f"Bearer {await built.token('admin', Role.ADMIN)}"}
    for route in routes(built):
        if not route.path.startswith(PREFIX) or route.method != "GET" or route.may is Permission.ACCOUNT:
            continue
        address = filled(route)
        for query in ("strange=1", *_wrong(route)):
            answer = await api.get(f"{address}?{query}", headers=bearer)
            if answer.status == 404 and route.path.startswith("/api/v1/inventory/"):
                continue  # no files are behind these pages
            assert answer.status == 400, (route.path, query, answer.status)
            assert "errors" in await answer.json(), (route.path, query)


def _wrong(route: Route) -> Iterator[str]:
    for field in msgspec.structs.fields(route.query) if route.query else ():
        name = field.encode_name
        yield f"{name}=1&{name}=1"
        yield f"{name}={'x' * 300}"


@pytest.mark.parametrize("length", [1, 5000])
async def test_strange_addresses_are_refused_by_all(built: House, length: int) -> None:
    """What is no number, no site, no name; and what is very long."""
    admin = await built.browser("admin")
    for route in routes(built):
        if "{" not in route.path or route.method != "GET":
            continue
        for odd in ("%00", "%2e%2e%2f", "%F0%9F%92%A9", "%ff", "-1", "'", "<script>"):
            path = re.sub(r"{(\w+)(?::[^{}]*(?:{[^{}]*})?)?}", odd * length, route.path)
            if len(path) > 7000:
                path = path[:7000]
            answer = await admin.get(path)
            assert 400 <= answer.status < 500, (route.path, odd)


async def test_an_operator_of_one_commune_reaches_for_another_in_vain_everywhere(built: House) -> None:
    """Every route that changes something: refused, or without any effect on what is not theirs."""
    foreign = await built.town.open("cpu-high", f"{FOREIGN}/server", "CPU 97 %")
    silence = await _quiet(built)
    one = await built.browser("one")
    key = form_key(await one.text("/account"))
    for route in routes(built):
        if route.method == "GET" or route.may in (Permission.PUBLIC, Permission.ACCOUNT):
            continue
        number = silence if "silences" in route.path or "quiet" in route.path else foreign.id
        path = filled(route, number, FOREIGN)
        named = re.sub(r"{(\w+)[^/]*}?}", r"{\1}", route.path)
        closed = route.whole or route.may is Permission.ADMIN
        assert closed or named in FOREIGN_WISHES or route.method == "DELETE", (
            f"say how to reach for another: {named}"
        )
        wish = _aimed(FOREIGN_WISHES.get(named, {}), foreign.id)
        if route.path.startswith(PREFIX):
            sent: dict[str, Any] = {"json": wish}
        else:
            sent = {"data": {"csrf": key, **wish}}
        headers = {"Origin": one.origin}
        answer = await one.client.request(route.method, path, headers=headers, allow_redirects=False, **sent)
        if named.endswith("silences/preview"):
            assert answer.status == 403 and "devices" not in await answer.json()
        elif named == "/quiet/new":
            assert answer.status == 403 and f"{FOREIGN}/" not in await answer.text()
        else:
            assert answer.status in ({403} if closed else {403, 404}), (route.method, path, answer.status)
    after = await built.town.ledger.incidents.by_id(foreign.id)
    assert after is not None and not after.acknowledged_by
    assert await built.town.ledger.false_alarms.of(foreign.id) is None
    assert [one.id for one in built.town.quiets.silences] == [silence]


def _aimed(wish: dict[str, object], number: int) -> dict[str, object]:
    aimed = {"ids": [number], "id": str(number), "until": _tomorrow()}
    return {name: aimed.get(name, value) for name, value in wish.items()}


def _tomorrow() -> str:
    return f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d %H:%M}"


async def _quiet(built: House) -> int:
    """Somebody else has made the other commune quiet."""
    wish = read_wish({"where": {"site": FOREIGN}, "until": _tomorrow(), "reason": "sửa điện"})
    made = await built.town.quiets.add(wish.silence("root", built.clock()))
    return made.id
