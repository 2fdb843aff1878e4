"""Users and tokens by the API: an administrator's program does what the pages do."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.access.permission import Role
from tests.monitor.access.house import ONE, House


class Program:
    """A client that has a token."""

    def __init__(self, client: Any, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self._client.request(method, path, json=body, headers=self._headers) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None


@pytest.fixture
async def program(built: House) -> Program:
    return Program((await built.browser()).client, await built.token("admin", Role.ADMIN))


async def test_a_user_is_added_changed_and_let_in_no_more(built: House, program: Program) -> None:
    new = {"name": "Lan", "role": "operator", "sites": ONE, "title": "Trần Lan"}
    status, made = await program.ask("POST", "/api/v1/users", new)
    assert status == 201 and made["name"] == "lan" and len(made["password"]) == 19
    status, lan = await program.ask("GET", "/api/v1/users/lan")
    assert (status, lan["role"], lan["sites"], lan["must_change"]) == (200, "operator", ONE, True)
    assert "password" not in lan
    status, lan = await program.ask("PATCH", "/api/v1/users/lan", {"role": "viewer"})
    assert (status, lan["role"], lan["sites"]) == (200, "viewer", ONE)
    status, lan = await program.ask("PATCH", "/api/v1/users/lan", {"disabled": True, "sites": ""})
    assert (status, lan["disabled"], lan["sites"]) == (200, True, "")
    status, again = await program.ask("POST", "/api/v1/users/lan/reset")
    assert status == 200 and again["password"] != made["password"]
    names = [user["name"] for user in (await program.ask("GET", "/api/v1/users"))[1]["users"]]
    assert names == ["admin", "lan", "one", "operator", "viewer"]
    assert ("admin (test)", "user disabled", "lan") in await built.record()


async def test_tokens_are_made_and_ended(built: House, program: Program) -> None:
    path = "/api/v1/users/operator/tokens"
    status, made = await program.ask("POST", path, {"title": "report", "days": 7, "sites": ONE})
    assert status == 201 and made["role"] == "viewer"
    report = Program((await built.browser()).client, made["key"])
    status, me = await report.ask("GET", "/api/v1/me")
    assert (status, me["name"], me["sites"]) == (200, "operator (report)", ONE)
    assert me["may"] == ["public", "view"]
    (listed,) = (await program.ask("GET", path))[1]["tokens"]
    assert listed["key"] is None
    assert (await program.ask("DELETE", f"{path}/{made['id']}"))[0] == 204
    assert (await program.ask("DELETE", f"{path}/{made['id']}"))[0] == 404
    assert (await report.ask("GET", "/api/v1/me"))[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/users", {"name": "x"}, 400),
        ("POST", "/api/v1/users", {"name": "x", "role": "king"}, 400),
        ("POST", "/api/v1/users", {"name": "x", "role": "viewer", "more": 1}, 400),
        ("POST", "/api/v1/users", {"name": "x y", "role": "viewer"}, 422),
        ("POST", "/api/v1/users", {"name": "viewer", "role": "viewer"}, 422),
        ("POST", "/api/v1/users", {"name": "x", "role": "viewer", "sites": "province:x"}, 422),
        ("PATCH", "/api/v1/users/admin", {"disabled": True}, 422),
        ("PATCH", "/api/v1/users/admin", {"role": "viewer"}, 422),
        ("PATCH", "/api/v1/users/nobody", {"disabled": True}, 404),
        ("PATCH", "/api/v1/users/admin", [], 400),
        ("POST", "/api/v1/users/viewer/tokens", {"title": "x", "role": "admin"}, 422),
        ("POST", "/api/v1/users/viewer/tokens", {"title": "x", "days": 10**9}, 422),
        ("POST", "/api/v1/users/viewer/tokens", {"title": "x" * 20_000}, 413),
    ],
)
async def test_what_cannot_be_is_refused_and_said(
    program: Program, method: str, path: str, body: object, status: int
) -> None:
    found, told = await program.ask(method, path, body)
    assert found == status, told
    assert told["status"] == status and told["detail"]


async def test_nobody_else_manages_users_by_the_api(built: House) -> None:
    for name in ("viewer", "operator", "one"):
        program = Program((await built.browser()).client, await built.token(name, Role.VIEWER))
        for path in ("/api/v1/users", "/api/v1/users/admin", "/api/v1/users/admin/tokens"):
            assert (await program.ask("GET", path))[0] == 403
        assert (await program.ask("POST", "/api/v1/users", {"name": "x", "role": "admin"}))[0] == 403
