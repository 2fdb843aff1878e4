"""Whatever the pages show and do can be shown and done with the API; a page without a twin there has a reason."""

from __future__ import annotations

import pytest

from monitor.web.api.openapi import PREFIX, path_of
from monitor.web.app import create_app
from monitor.web.route import TABLE, Route
from tests.monitor.web.province import Province

V1 = "/api/v1"
TWINS: dict[str, tuple[str, ...]] = {
    "GET /": (f"GET {V1}/sites", f"GET {V1}/incidents", f"GET {V1}/services", f"GET {V1}/events"),
    "GET /wall": (f"GET {V1}/sites", f"GET {V1}/incidents", f"GET {V1}/events"),
    "GET /events": (f"GET {V1}/events",),
    "GET /map": (f"GET {V1}/sites",),
    "GET /services": (f"GET {V1}/services",),
    "GET /sites/{site}": (f"GET {V1}/sites/{{site}}",),
    "GET /devices/{site}/{name}": (f"GET {V1}/devices/{{site}}/{{name}}", f"GET {V1}/series"),
    "GET /incidents": (f"GET {V1}/incidents",),
    "GET /incidents/{id}": (
        f"GET {V1}/incidents/{{id}}",
        f"GET {V1}/incidents/{{id}}/impact",
        f"GET {V1}/incidents/{{id}}/deliveries",
    ),
    "GET /findings": (f"GET {V1}/incidents", f"GET {V1}/rules"),
    "GET /quiet": (f"GET {V1}/silences", f"GET {V1}/maintenance"),
    "GET /quiet/new": (f"POST {V1}/silences/preview",),
    "GET /duty": (f"GET {V1}/duty", f"GET {V1}/duty/notes"),
    "GET /duty/who": (f"GET {V1}/duty/who",),
    "GET /search": (f"GET {V1}/search",),
    "GET /inventory": (f"GET {V1}/coverage",),
    "GET /inventory/drift": (f"GET {V1}/drift",),
    "GET /inventory/neighbours": (f"GET {V1}/neighbours",),
    "GET /inventory/profiles": (f"GET {V1}/profiles",),
    "GET /inventory/files": (f"GET {V1}/inventory/files",),
    "GET /inventory/edit": (f"GET {V1}/inventory/files", f"GET {V1}/inventory/schema"),
    "GET /inventory/revisions": (f"GET {V1}/inventory/revisions",),
    "GET /inventory/revisions/{id}": (f"GET {V1}/inventory/revisions/{{id}}",),
    "GET /inventory/audit": (f"GET {V1}/audit",),
    "GET /quality": (f"GET {V1}/quality",),
    "GET /channels": (f"GET {V1}/channels", f"GET {V1}/deliveries"),
    "GET /health": (f"GET {V1}/health",),
    "GET /demo": (f"GET {V1}/demo/faults",),
    "GET /demo/phone": (f"GET {V1}/demo/received",),
    "GET /api": (f"GET {V1}/openapi.json",),
    "GET /account": (f"GET {V1}/me", f"GET {V1}/me/sessions", f"GET {V1}/me/tokens"),
    "GET /account/password": (f"POST {V1}/me/password",),
    "GET /users": (f"GET {V1}/users",),
    "GET /users/{id}": (
        f"GET {V1}/users/{{name}}",
        f"GET {V1}/users/{{name}}/sessions",
        f"GET {V1}/users/{{name}}/tokens",
    ),
    "POST /incidents/act": (
        f"POST {V1}/incidents/acknowledge",
        f"POST {V1}/incidents/release",
        f"POST {V1}/incidents/note",
    ),
    "POST /incidents/{id}/false": (f"POST {V1}/incidents/{{id}}/false",),
    "POST /quiet/new": (f"POST {V1}/silences/preview", f"POST {V1}/silences"),
    "POST /quiet/{id}": (f"PATCH {V1}/silences/{{id}}", f"DELETE {V1}/silences/{{id}}"),
    "POST /duty/swap": (f"POST {V1}/duty/swaps",),
    "POST /duty/undo": (f"DELETE {V1}/duty/swaps/{{id}}",),
    "POST /duty/handover": (f"POST {V1}/duty/notes",),
    "POST /channels/test": (f"POST {V1}/channels/test",),
    "POST /demo": (f"POST {V1}/demo/faults",),
    "POST /inventory/edit": (
        f"POST {V1}/inventory/preview",
        f"POST {V1}/inventory/files",
        f"PUT {V1}/inventory/files",
        f"DELETE {V1}/inventory/files",
    ),
    "POST /inventory/revisions/{id}": (f"POST {V1}/inventory/revisions/{{id}}/restore",),
    "POST /account/password": (f"POST {V1}/me/password",),
    "POST /account/sessions/{id}/end": (f"DELETE {V1}/me/sessions/{{id}}",),
    "POST /account/tokens": (f"POST {V1}/me/tokens",),
    "POST /account/tokens/{id}/end": (f"DELETE {V1}/me/tokens/{{id}}",),
    "POST /users": (f"POST {V1}/users",),
    "POST /users/{id}": (
        f"PATCH {V1}/users/{{name}}",
        f"POST {V1}/users/{{name}}/reset",
        f"DELETE {V1}/users/{{name}}/second-factors",
        f"DELETE {V1}/users/{{name}}/tokens/{{id}}",
    ),
}
"""What does the same in the API, for each address of a page."""

CEREMONY = "a person proves with a browser who they are; programs have tokens"
TELLING = "the link of a message, whose code is the right; programs acknowledge with a token"
PLAIN = "for load balancers and for Prometheus, which want them where they are"
LOOKS = "how the pages look"
ALONE = {
    "GET /sign-in": CEREMONY,
    "POST /sign-in": CEREMONY,
    "POST /sign-in/code": CEREMONY,
    "GET /sign-in/oidc": CEREMONY,
    "GET /sign-in/oidc/callback": CEREMONY,
    "POST /sign-in/passkey": CEREMONY,
    "POST /sign-in/passkey/options": CEREMONY,
    "POST /sign-out": CEREMONY,
    "GET /account/second-factor": CEREMONY,
    "POST /account/second-factor": CEREMONY,
    "POST /account/second-factor/remove": CEREMONY,
    "POST /account/passkeys": CEREMONY,
    "POST /account/passkeys/options": CEREMONY,
    "POST /account/passkeys/remove": CEREMONY,
    "GET /a/{code}": TELLING,
    "POST /a/{code}": TELLING,
    "GET /healthz": PLAIN,
    "GET /readyz": PLAIN,
    "GET /metrics": PLAIN,
    "GET /static/{file}": LOOKS,
}
"""Pages without a twin, and why."""


@pytest.fixture
def routes(town: Province) -> list[Route]:
    """Every declared route."""
    return list(create_app(town.context(demo=town.demo))[TABLE].routes)


def named(route: Route) -> str:
    """Return a route as the tables name it."""
    return f"{route.method} {path_of(route)}"


def test_every_page_has_a_twin_in_the_api_or_a_reason(routes: list[Route]) -> None:
    pages = {named(route) for route in routes if not route.path.startswith(PREFIX)}
    bare = pages - TWINS.keys() - ALONE.keys()
    assert not bare, (
        f"say in TWINS what does the same in the API, or in ALONE why nothing does: {sorted(bare)}"
    )
    assert not (TWINS.keys() | ALONE.keys()) - pages, "these pages are gone"
    assert not TWINS.keys() & ALONE.keys()


def test_the_twins_are_there_and_want_no_more_than_the_pages(routes: list[Route]) -> None:
    """Whoever may do it on a page may do it with the API, but for what a person does to their own account."""
    declared = {named(route): route for route in routes}
    for page, twins in TWINS.items():
        assert not [twin for twin in twins if twin not in declared], page
        may = {declared[twin].may for twin in twins}
        assert declared[page].may in may or page == "GET /quiet/new", (page, may)
