"""One's own account by the API, in the session of a person; and what an administrator's program does for them."""

from __future__ import annotations

from typing import Any

from monitor.access.permission import Role
from tests.monitor.access.house import OTHER, PASSWORD, Browser, House

ME = "/api/v1/me"


async def ask(
    browser: Browser, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, Any]:
    """Send JSON as a script of our own page does; return the status and what came back."""
    sent = {"Origin": browser.origin, **headers}
    async with browser.client.request(method, path, json=body, headers=sent) as answer:
        return answer.status, await answer.json() if answer.status != 204 else None


async def test_somebody_sees_where_they_are_signed_in_and_ends_a_session(built: House) -> None:
    here, there = await built.browser("viewer"), await built.browser("viewer")
    status, told = await ask(here, "GET", f"{ME}/sessions")
    assert status == 200
    (other,) = [one for one in told["sessions"] if not one["this"]]
    assert other["method"] == "password" and "digest" not in other
    async with here.client.delete(f"{ME}/sessions/{other['id']}", headers={"Origin": here.origin}) as answer:
        assert answer.status == 204, "without a body"
    assert (await ask(there, "GET", ME))[0] == 401
    assert (await ask(here, "GET", ME))[0] == 200
    assert (await ask(here, "DELETE", f"{ME}/sessions/{other['id']}"))[0] == 404
    assert ("viewer", "session ended", "viewer") in await built.record()


async def test_nobody_ends_the_session_of_another_or_for_another_origin(built: House) -> None:
    viewer, operator = await built.browser("viewer"), await built.browser("operator")
    (mine,) = (await ask(viewer, "GET", f"{ME}/sessions"))[1]["sessions"]
    assert (await ask(operator, "DELETE", f"{ME}/sessions/{mine['id']}"))[0] == 404
    evil = {"Origin": "https://evil.example"}
    assert (await ask(viewer, "DELETE", f"{ME}/sessions/{mine['id']}", **evil))[0] == 403
    assert (await ask(viewer, "GET", ME))[0] == 200


async def test_a_token_has_no_account(built: House) -> None:
    api = await built.browser()
    bearer = {"Authorization": f"Bearer {await built.token('admin', Role.ADMIN)}"}
    for method, path in (("GET", "sessions"), ("GET", "tokens"), ("POST", "tokens"), ("POST", "password")):
        status, told = await ask(api, method, f"{ME}/{path}", {} if method == "POST" else None, **bearer)
        assert status == 403 and "not for tokens" in told["detail"]


async def test_tokens_of_ones_own_are_made_and_ended(built: House) -> None:
    viewer = await built.browser("viewer")
    status, made = await ask(viewer, "POST", f"{ME}/tokens", {"title": "report", "days": 7})
    assert status == 201 and made["key"].startswith("cmt_")
    assert (await ask(viewer, "POST", f"{ME}/tokens", {"title": "x", "role": "admin"}))[0] == 422
    (listed,) = (await ask(viewer, "GET", f"{ME}/tokens"))[1]["tokens"]
    assert listed["key"] is None
    assert (await ask(viewer, "DELETE", f"{ME}/tokens/{made['id']}"))[0] == 204
    assert (await ask(viewer, "DELETE", f"{ME}/tokens/{made['id']}"))[0] == 404


async def test_another_password_ends_every_other_session(built: House) -> None:
    here, there = await built.browser("viewer"), await built.browser("viewer")
    wish = {"old": PASSWORD, "new": OTHER}
    assert (await ask(here, "POST", f"{ME}/password", wish | {"old": "wrong"}))[0] == 403
    assert (await ask(here, "POST", f"{ME}/password", wish | {"new": "short"}))[0] == 422
    assert (await ask(here, "POST", f"{ME}/password", wish | {"new": PASSWORD}))[0] == 422
    assert (await ask(here, "POST", f"{ME}/password", wish))[0] == 204
    assert (await ask(here, "GET", ME))[0] == 200
    assert (await ask(there, "GET", ME))[0] == 401
    await built.browser("viewer", OTHER)


async def test_an_administrators_program_signs_somebody_out_and_takes_their_factors_away(
    built: House,
) -> None:
    viewer, api = await built.browser("viewer"), await built.browser()
    bearer = {"Authorization": f"Bearer {await built.token('admin', Role.ADMIN)}"}
    path = "/api/v1/users/viewer"
    (one,) = (await ask(api, "GET", f"{path}/sessions", **bearer))[1]["sessions"]
    assert (await ask(api, "DELETE", f"{path}/sessions/{one['id']}", **bearer))[0] == 204
    assert (await ask(viewer, "GET", ME))[0] == 401
    assert (await ask(api, "DELETE", f"{path}/second-factors", **bearer))[0] == 204
    assert ("admin (test)", "second factors removed", "viewer") in await built.record()


async def test_a_change_of_a_user_is_made_only_if_they_are_as_they_were_read(built: House) -> None:
    api, path = await built.browser(), "/api/v1/users/viewer"
    bearer = {"Authorization": f"Bearer {await built.token('admin', Role.ADMIN)}"}
    async with api.client.get(path, headers=bearer) as answer:
        tag = answer.headers["ETag"]
    assert tag.startswith('"'), "a weak one could not be matched (RFC 9110, 13.1.1)"
    assert (await ask(api, "PATCH", path, {"title": "x"}, **bearer))[0] == 400
    assert (await ask(api, "PATCH", path, {"role": "operator"}, **bearer, **{"If-Match": tag}))[0] == 200
    status, told = await ask(api, "PATCH", path, {"role": "viewer"}, **bearer, **{"If-Match": tag})
    assert status == 412 and "read it again" in told["detail"]
    for wrong in ('W/"x"', "garbage", '"x", "y"'):
        assert (await ask(api, "PATCH", path, {"role": "viewer"}, **bearer, **{"If-Match": wrong}))[0] == 412
    assert (await ask(api, "PATCH", path, {"role": "viewer"}, **bearer, **{"If-Match": "*"}))[0] == 200


async def test_the_record_is_read_in_pages_by_administrators(built: House) -> None:
    for number in range(7):
        await built.town.ledger.audit.add(built.clock(), "test", "noted", str(number))
    admin, viewer = await built.browser("admin"), await built.browser("viewer")
    assert (await ask(viewer, "GET", "/api/v1/audit"))[0] == 403
    seen: list[int] = []
    cursor = ""
    while True:
        status, told = await ask(admin, "GET", f"/api/v1/audit?limit=4&cursor={cursor}")
        assert status == 200 and told["broken_at"] is None
        seen += [one["id"] for one in told["entries"]]
        if not (cursor := told["next"] or ""):
            break
    assert seen == list(range(max(seen), 0, -1))
