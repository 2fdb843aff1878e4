"""Signing in and out: sessions, lock-outs, other people's pages."""

from __future__ import annotations

import asyncio
import stat
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from yarl import URL

from monitor.access.access import open_access
from monitor.access.permission import Role
from monitor.access.settings import SessionSettings
from tests.monitor.access.house import OTHER, PASSWORD, House, house
from tests.monitor.web.province import province


async def test_the_first_start_makes_an_administrator_whose_password_serves_once(tmp_path: Path) -> None:
    async with province(tmp_path) as town:
        settings = SessionSettings()
        async with open_access(town.ledger, tmp_path, settings, town.context().now) as access:
            file = access.first_password
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            (admin,) = access.people.everybody
            assert (admin.name, admin.role, admin.must_change) == ("admin", Role.ADMIN, True)
        before = file.read_text()
        async with open_access(town.ledger, tmp_path, settings, town.context().now):
            assert file.read_text() == before  # a second start makes nobody


async def test_a_one_time_password_must_be_changed_before_anything_else(built: House) -> None:
    password = await built.access.people.add("hoa", Role.ADMIN, "test")
    hoa = await built.browser("hoa", password)
    assert (await hoa.get("/")).headers["Location"] == "/account/password"
    assert (await hoa.get("/api/v1/sites")).status == 403
    for new, again in (
        ("ngắn", "ngắn"),
        (OTHER, OTHER + "!"),
        (password, password),
        ("hoahoahoahoahoa",) * 2,
    ):
        answer = await hoa.send("/account/password", "/account/password", old=password, new=new, again=again)
        assert answer.status == 422
    answer = await hoa.send("/account/password", "/account/password", old=password, new=OTHER, again=OTHER)
    assert answer.status == 303
    assert (await hoa.get("/")).status == 200
    assert (await (await built.browser()).sign_in("hoa", password)).status == 401


async def test_nobody_is_shown_anything_before_signing_in(built: House) -> None:
    nobody = await built.browser()
    answer = await nobody.get("/incidents?status=open")
    assert answer.status == 303
    assert URL(answer.headers["Location"]) == URL("/sign-in").with_query(next="/incidents?status=open")
    for path in ("/api/v1/sites", "/events?view=wall", "/metrics"):
        answer = await nobody.get(path)
        assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
        assert (await answer.json())["status"] == 401
    assert (await nobody.get("/healthz")).status == 200
    page = await nobody.text("/sign-in")
    assert "18073" not in page and 'href="/incidents"' not in page


async def test_a_sign_in_leads_where_one_wanted_to_go_and_nowhere_else(built: House) -> None:
    for wish, goes in (
        ("/incidents?status=open", "/incidents?status=open"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\tx", "/"),
    ):
        answer = await (await built.browser()).sign_in("viewer", wish=wish)
        assert answer.headers["Location"] == goes


async def test_wrong_names_and_wrong_passwords_look_and_last_the_same(
    built: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A49. What takes the time is counted, for this machine may be busy with other things."""
    verified: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, digest: str, password: str) -> bool:
        verified.append(digest.rpartition("$")[0].rpartition("$")[0])
        return bool(verify(self, digest, password))

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    await built.access.people.set_disabled(built.access.people.named("operator"), True, "test")
    texts = set()
    for name, password in (("viewer", "no"), ("nobody", "no"), ("operator", PASSWORD), ("ADMIN ", "no")):
        answer = await (await built.browser()).sign_in(name, password)
        assert answer.status == 401
        texts.add((await answer.text()).replace(f'value="{name}"', "").partition("<main")[2])
    assert len(texts) == 1
    assert verified == ["$argon2id$v=19$m=19456,t=2,p=1"] * 4


async def test_a_session_has_a_new_key_at_each_sign_in_and_none_that_others_chose(built: House) -> None:
    """A52."""
    browser = await built.browser()
    browser.keep("chosen-by-the-attacker")
    await browser.sign_in("viewer")
    first = browser.cookie()
    assert first not in ("", "chosen-by-the-attacker")
    await browser.sign_in("viewer")
    assert browser.cookie() not in ("", first)


async def test_a_cookie_is_worth_nothing_after_signing_out(built: House) -> None:
    """A52."""
    browser = await built.browser("viewer")
    key = browser.cookie()
    assert (await browser.send("/sign-out")).status == 303
    assert browser.cookie() == ""
    browser.keep(key)
    assert (await browser.get("/api/v1/sites")).status == 401


async def test_a_cookie_is_worth_nothing_after_another_role_password_or_a_ban(built: House) -> None:
    """A52."""
    people = built.access.people
    viewer = people.named("viewer")
    for change in (
        partial(people.set_role, viewer, Role.OPERATOR, viewer.scope, "test"),
        partial(people.choose, viewer, PASSWORD),
        partial(people.set_disabled, viewer, True, "test"),
    ):
        browser = await built.browser("viewer")
        assert (await browser.get("/api/v1/sites")).status == 200
        await change()
        assert (await browser.get("/api/v1/sites")).status == 401


async def test_sessions_end_when_idle_and_when_old(tmp_path: Path) -> None:
    async with house(tmp_path, session=SessionSettings(idle="1h", longest="3h")) as built:  # type: ignore[arg-type]
        idle, busy = await built.browser("viewer"), await built.browser("viewer")
        for _ in range(3):
            built.clock.ahead += timedelta(minutes=50)
            assert (await busy.get("/api/v1/sites")).status == 200
        assert (await idle.get("/api/v1/sites")).status == 401
        built.clock.ahead += timedelta(minutes=40)
        assert (await busy.get("/api/v1/sites")).status == 401


async def test_sessions_outlive_a_restart(built: House) -> None:
    browser = await built.browser("viewer")
    async with open_access(built.town.ledger, Path(), SessionSettings(), built.clock) as again:
        reader = again.sessions.of_session(browser.cookie())
    assert reader is not None and reader.name == "viewer"


async def test_one_sees_ones_sessions_and_ends_them_but_not_those_of_others(built: House) -> None:
    here, elsewhere, other = [await built.browser(name) for name in ("viewer", "viewer", "operator")]
    viewer, operator = (built.access.people.named(name) for name in ("viewer", "operator"))
    older = built.access.sessions.of_user(viewer)[-1]
    (foreign,) = built.access.sessions.of_user(operator)
    assert (await elsewhere.send(f"/account/sessions/{foreign.id}/end")).status == 404
    assert (await elsewhere.send(f"/account/sessions/{older.id}/end")).status == 303
    assert (await here.get("/account")).headers["Location"].startswith("/sign-in")
    assert (await other.get("/account")).status == 200


async def test_guessing_closes_the_door_for_this_place_and_not_for_the_duty_officer(tmp_path: Path) -> None:
    async with house(tmp_path, proxies=("127.0.0.1",)) as built:
        guesser, officer = await built.browser(), await built.browser()

        async def attempt(browser: object, password: str, address: str) -> int:
            answer = await browser.post(  # type: ignore[attr-defined]
                "/sign-in", {"name": "operator", "password": password}, **{"X-Forwarded-For": address}
            )
            return int(answer.status)

        statuses = [await attempt(guesser, f"guess {n}", "203.0.113.7") for n in range(8)]
        assert statuses == [401] * 5 + [429] * 3
        assert await attempt(guesser, PASSWORD, "203.0.113.7") == 429
        assert await attempt(officer, PASSWORD, "198.51.100.9") == 303
        # Even from the same address: a browser in which they signed in before answers for itself.
        await officer.send("/sign-out")
        assert await attempt(officer, PASSWORD, "203.0.113.7") == 303
        built.clock.ahead += timedelta(minutes=20)
        assert await attempt(guesser, PASSWORD, "203.0.113.7") == 303
        told = [one for one in await built.record() if one[1] == "sign-in refused again and again"]
        assert told == [("", "sign-in refused again and again", "operator")]


async def test_a_flood_of_sign_ins_is_refused_and_costs_the_pages_nothing(built: House) -> None:
    """A48: only few passwords are looked at, everything else answers 429 at once; pages answer meanwhile."""
    viewer, flood = await built.browser("viewer"), await built.browser()
    attempts = [asyncio.create_task(flood.sign_in(f"user{number}", "x")) for number in range(120)]
    await asyncio.sleep(0.05)
    slowest = 0.0
    for _ in range(5):
        start = time.perf_counter()
        assert (await viewer.get("/api/v1/sites")).status == 200
        slowest = max(slowest, time.perf_counter() - start)
    statuses = [(await attempt).status for attempt in attempts]
    assert set(statuses) == {401, 429}
    assert statuses.count(429) > 60
    assert slowest < 20.0  # all of it shares one process, and a machine that may be busy with other tests


async def test_everything_about_signing_in_is_in_the_record(built: House) -> None:
    browser = await built.browser("viewer")
    await browser.send("/sign-out")
    record = await built.record()
    assert ("viewer", "signed in", "viewer") in record
    assert ("viewer", "session ended", "viewer") in record
    assert ("first start", "user added", "admin") in record
    assert PASSWORD not in str(record)
