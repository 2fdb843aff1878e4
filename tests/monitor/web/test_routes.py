"""Every address says who may use it; one that does not is refused."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from monitor.access.permission import Permission
from monitor.web.app import create_app
from monitor.web.route import TABLE
from tests.monitor.web.province import Province

Client = TestClient[Any, Any]

OPEN = {
    "/a/{code:[A-Za-z0-9_-]{16}}",
    "/healthz",
    "/readyz",
    "/sign-in",
    "/sign-in/code",
    "/sign-in/oidc",
    "/sign-in/oidc/callback",
    "/sign-in/passkey",
    "/sign-in/passkey/options",
    "/static/{file:.+}",
}
"""What everybody may ask without being known; whoever adds one has a reason."""


def test_every_route_of_the_application_is_declared(town: Province) -> None:
    app = create_app(town.context(demo=town.demo))
    bare = [str(route) for route in app.router.routes() if app[TABLE].declared(route) is None]
    assert not bare, f"add these to a list of Route(...), with the permission they want: {bare}"
    assert len(app[TABLE].routes) > 35


def test_what_is_open_to_everybody_is_known_by_name(town: Province) -> None:
    routes = create_app(town.context())[TABLE].routes
    assert {route.path for route in routes if route.may is Permission.PUBLIC} == OPEN


def test_what_changes_something_wants_more_than_to_look(town: Province) -> None:
    looking = {Permission.PUBLIC, Permission.VIEW}
    free = {
        "/a/{code:[A-Za-z0-9_-]{16}}",  # wants the code of a message, which nobody can guess
        "/api/v1/inventory/preview",
        "/sign-in",
        "/sign-in/code",
        "/sign-in/passkey",
        "/sign-in/passkey/options",
    }
    changing = [route for route in create_app(town.context())[TABLE].routes if route.method != "GET"]
    assert changing
    assert {route.path for route in changing if route.may in looking} == free


async def test_a_route_that_nobody_declared_is_refused(town: Province) -> None:
    app = create_app(town.context())
    app.router.add_get("/forgotten", _never)
    async with TestClient(TestServer(app)) as client, client.get("/forgotten") as answer:
        assert answer.status == 403
        assert "chưa khai báo ai được dùng địa chỉ này" in await answer.text()


async def _never(request: web.Request) -> web.Response:
    raise AssertionError("a route without a permission was answered")
