"""Where the settings demand a second factor of a role, whoever has none sets one up at the next sign-in."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from inventory.document import Invalid
from monitor.access.permission import Permission, Role
from monitor.ledger.users import User
from monitor.settings import load_settings
from monitor.web.app import create_app
from monitor.web.route import TABLE
from tests.monitor.access.house import House, form_key, house
from tests.monitor.access.test_second_factor import PAGE, second_step, switch_on

BOTH = (Role.ADMIN, Role.OPERATOR)


async def test_who_has_no_second_factor_may_set_one_up_and_nothing_else(tmp_path: Path) -> None:
    async with house(tmp_path, demanded=BOTH) as built:
        admin = await built.browser("admin")
        for path in ("/", "/account", "/users", "/incidents/1"):
            answer = await admin.get(path)
            assert (answer.status, answer.headers["Location"]) == (303, PAGE), path
        told = await admin.get("/api/v1/sites")
        assert told.status == 403 and PAGE in (await told.json())["detail"]
        html = await admin.text(PAGE)
        assert "Vai trò của bạn" in html
        token = await admin.post("/account/tokens", _token(html))
        assert token.headers.get("Location") == PAGE and built.access.people.tokens_of(_admin(built)) == []
        await switch_on(admin, built)
        assert (await admin.get("/users")).status == 200


async def test_nothing_but_what_begins_is_open_to_who_has_no_second_factor(tmp_path: Path) -> None:
    """Every declared route is asked; a newcomer is closed unless it says otherwise."""
    async with house(tmp_path, demanded=BOTH) as built:
        admin = await built.browser("admin")
        key = form_key(await admin.text(PAGE))
        for route in create_app(built.town.context())[TABLE].routes:
            if route.may is Permission.PUBLIC or route.begins:
                continue
            path = re.sub(r"{(\w+)(?::[^{}]*(?:{[^{}]*})?)?}", "1", route.path)
            answer = await admin.request(route.method, path, {"csrf": key})
            assert answer.status == 403 or answer.headers.get("Location") == PAGE, (route.method, path)


async def test_viewers_programs_and_those_with_codes_go_on(tmp_path: Path) -> None:
    async with house(tmp_path, demanded=BOTH) as built:
        assert (await (await built.browser("viewer")).get("/")).status == 200
        token = await built.token("admin", Role.ADMIN)
        api = await built.browser()
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await api.get("/api/v1/users", headers=bearer)).status == 200
        app, _ = await switch_on(await built.browser("operator"), built)
        built.clock.ahead += timedelta(minutes=2)
        again = await built.browser()
        page = await (await again.sign_in("operator")).text()
        assert await second_step(again, page, app.at(built.clock())) == 303
        assert (await again.get("/")).status == 200


async def test_who_removes_it_sets_one_up_again(tmp_path: Path) -> None:
    async with house(tmp_path, demanded=BOTH) as built:
        admin = await built.browser("admin")
        await switch_on(admin, built)
        await built.access.people.remove_factors(_admin(built), "test")
        assert (await admin.get("/")).headers["Location"] == PAGE


@pytest.mark.parametrize(
    ("written", "roles"), [("admin", (Role.ADMIN,)), ("[admin, operator]", BOTH), ("[]", ())]
)
def test_the_settings_say_of_whom(tmp_path: Path, written: str, roles: tuple[Role, ...]) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(f"web: {{second_factor: {written}}}\n")
    assert load_settings(file).web.second_factor == roles


def test_a_role_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("web: {second_factor: [boss]}\n")
    with pytest.raises(Invalid, match="viewer"):
        load_settings(file)


def _admin(built: House) -> User:
    return built.access.people.named("admin")


def _token(html: str) -> dict[str, str]:
    return {"csrf": form_key(html), "title": "x", "role": "admin", "days": "7", "scope": ""}
