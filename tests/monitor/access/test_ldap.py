"""Sign-in with a real OpenLDAP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from ldap3 import Connection
from pydantic import ValidationError

from inventory.secrets import Secret
from monitor.access.directory import Directory
from monitor.access.permission import Role
from monitor.access.pool import Pool
from monitor.access.settings import LdapSettings
from tests.monitor.access.house import House, house
from tests.servers.certificates import Authority
from tests.servers.ports import free_port
from tests.servers.slapd import BASE, PASSWORD, READER, READER_PASSWORD, Slapd, slapd

SEARCH = {"search_as": READER, "search_password": {"secret": "reader"}}
BIND = {"bind_as": f"uid={{name}},ou=people,{BASE}"}
ROLES = [{"group": "noc", "role": "operator"}]


def settings(server: str, **more: Any) -> LdapSettings:
    given = {"servers": server, "base": BASE, "roles": ROLES} | (more or SEARCH)
    return LdapSettings.model_validate(given)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Slapd, Authority]]:
    authority = Authority(folder / "ca")
    async with slapd(folder / "slapd", authority.issue("ldap")) as server:
        yield server, authority


@asynccontextmanager
async def estate(
    folder: Path, given: LdapSettings, root: Path | None, reader: str = READER_PASSWORD
) -> AsyncIterator[House]:
    with Pool("directory", 2, 8) as pool:
        directory = Directory(given, lambda: Secret(reader), root, pool)
        async with house(folder, directory=directory) as built:
            yield built


@pytest.mark.parametrize("way", ["ldaps", "ldap"])
@pytest.mark.parametrize("more", [SEARCH, BIND], ids=["by search", "by name"])
async def test_people_of_the_directory_sign_in_with_the_role_of_their_groups(
    tmp_path: Path, way: str, more: dict[str, Any]
) -> None:
    async with (
        served(tmp_path) as (server, authority),
        estate(tmp_path, settings(getattr(server, way), **more), authority.root) as built,
    ):
        browser = await built.browser("Lan", PASSWORD)
        lan = built.access.people.named("lan")
        assert (lan.role, lan.source, lan.title) == (Role.OPERATOR, "ldap", "Trần Thị Lan")
        assert len(lan.subject) == 36  # what never changes, not the name
        assert (await browser.get("/account/password")).status == 404
        for name, password in (("lan", "wrong"), ("lan", ""), ("hoa", PASSWORD), ("nobody", PASSWORD)):
            assert (await (await built.browser()).sign_in(name, password)).status == 401, name
        assert (await (await built.browser()).sign_in("viewer")).status == 303  # local users stay
        await built.access.people.set_disabled(lan, True, "test")
        assert (await (await built.browser()).sign_in("lan", PASSWORD)).status == 401


@pytest.mark.parametrize("more", [SEARCH, BIND], ids=["by search", "by name"])
async def test_a_refusal_is_the_same_work_for_local_names_those_of_the_directory_and_nobodys(
    tmp_path: Path, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A49. Work is counted, not seconds; and the directory is not told what was typed for a local name."""
    done: list[str] = []
    told: list[object] = []
    for kind, name in ((PasswordHasher, "verify"), (Connection, "bind"), (Connection, "search")):
        _count(monkeypatch, kind, name, done, told)
    groups = more | {"group_base": f"ou=groups,{BASE}"}
    async with (
        served(tmp_path) as (server, authority),
        estate(tmp_path, settings(server.ldaps, **groups), authority.root) as built,
    ):
        works = {}
        for name in ("viewer", "lan", "hoa", "nobody"):
            done.clear()
            told.clear()
            assert (await (await built.browser()).sign_in(name, "a wrong guess")).status == 401
            works[name] = tuple(done)
            assert name != "viewer" or "a wrong guess" not in told
    assert len(set(works.values())) == 1, works


def _count(
    monkeypatch: pytest.MonkeyPatch, kind: type, name: str, done: list[str], told: list[object]
) -> None:
    real = getattr(kind, name)

    def counted(self: Any, *args: Any, **more: Any) -> Any:
        done.append(name)
        told.append(getattr(self, "password", None))
        return real(self, *args, **more)

    monkeypatch.setattr(kind, name, counted)


async def test_guesses_count_while_the_directory_is_away_whoever_is_meant(tmp_path: Path) -> None:
    async with estate(tmp_path, settings(f"ldaps://localhost:{free_port()}"), None) as built:
        for name in ("viewer", "nobody"):
            browser = await built.browser()
            answers = [(await browser.sign_in(name, "a wrong guess")).status for _ in range(7)]
            assert answers[:5] == [503] * 5 and answers[-1] == 429, name


@pytest.mark.parametrize("name", ["*", "lan)(uid=*", "lan,ou=people", "lan\x00", "l\\61n", "(|(uid=lan))"])
async def test_names_are_names_and_no_filters(tmp_path: Path, name: str) -> None:
    async with (
        served(tmp_path) as (server, authority),
        estate(tmp_path, settings(server.ldaps), authority.root) as built,
    ):
        assert (await (await built.browser()).sign_in(name, PASSWORD)).status == 401


async def test_groups_that_list_their_members_are_found(tmp_path: Path) -> None:
    more = SEARCH | {"groups": "no-such", "group_base": f"ou=groups,{BASE}"}
    async with (
        served(tmp_path) as (server, authority),
        estate(tmp_path, settings(server.ldaps, **more), authority.root) as built,
    ):
        assert (await (await built.browser()).sign_in("lan", PASSWORD)).status == 303


@pytest.mark.parametrize("way", ["ldaps", "ldap"])
async def test_no_password_goes_to_a_server_that_nobody_vouches_for(tmp_path: Path, way: str) -> None:
    stranger = Authority(tmp_path / "other")
    async with (
        served(tmp_path) as (server, _),
        estate(tmp_path, settings(getattr(server, way)), stranger.root) as built,
    ):
        answer = await (await built.browser()).sign_in("lan", PASSWORD)
        assert answer.status == 503 and "Danh bạ" in await answer.text()


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # ldap3 leaves that socket to Python
async def test_a_certificate_of_another_name_is_not_the_directory(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    pair = authority.issue("ldap", ("another.example",))
    async with (
        slapd(tmp_path / "slapd", pair) as server,
        estate(tmp_path, settings(server.ldaps), authority.root) as built,
    ):
        assert (await (await built.browser()).sign_in("lan", PASSWORD)).status == 503


async def test_the_next_server_is_asked_when_one_is_away_and_local_users_need_none(tmp_path: Path) -> None:
    dead = f"ldaps://localhost:{free_port()}"
    async with served(tmp_path) as (server, authority):
        given = LdapSettings.model_validate(
            {"servers": [dead, server.ldaps], "base": BASE, "roles": ROLES} | SEARCH
        )
        async with estate(tmp_path, given, authority.root) as built:
            assert (await (await built.browser()).sign_in("lan", PASSWORD)).status == 303
        (tmp_path / "again").mkdir()
        async with estate(tmp_path / "again", settings(dead), authority.root) as built:
            browser = await built.browser()
            assert (await browser.sign_in("lan", PASSWORD)).status == 503
            assert (await browser.sign_in("viewer")).status == 303


async def test_a_reader_that_cannot_sign_in_is_said_and_nobody_gets_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        served(tmp_path) as (server, authority),
        estate(tmp_path, settings(server.ldaps), authority.root, "wrong") as built,
    ):
        assert (await (await built.browser()).sign_in("lan", PASSWORD)).status == 503
        told = str([record.__dict__ for record in caplog.records])
        assert "search_password" in told and PASSWORD not in told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"servers": "http://x"}, "ldaps://host"),
        ({"search_as": ""}, "either bind_as"),
        ({"search_password": None}, "search_password"),
        ({"filter": "(uid=lan)"}, "{name}"),
        ({"roles": []}, "at least 1"),
        ({"roles": [{"group": "noc", "role": "operator", "sites": "province:x"}]}, "province:42"),
    ],
)
def test_settings_that_cannot_work_are_refused(more: dict[str, Any], told: str) -> None:
    given = {"servers": "ldaps://localhost", "base": BASE, "roles": ROLES} | SEARCH | more
    with pytest.raises(ValidationError, match=told):
        LdapSettings.model_validate(given)
