"""One-time codes and recovery codes."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pyotp

from tests.monitor.access.house import Browser, House

PAGE = "/account/second-factor"


async def switch_on(browser: Browser, built: House) -> tuple[pyotp.TOTP, list[str]]:
    """Scan the key, show the first code; return the app and the recovery codes."""
    html = await browser.text(PAGE)
    assert "<svg" in html
    secret, key = (
        re.search(rf"{pattern}", html)
        for pattern in (r"<code>([A-Z2-7]{32})<", r'name="key" value="([^"]+)"')
    )
    assert secret and key
    app = pyotp.TOTP(secret[1])
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', html)
    assert csrf
    fields = {"csrf": csrf[1], "key": key[1], "code": app.at(built.clock())}
    answer = await browser.post(PAGE, fields)
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", await answer.text())
    assert len(codes) == 10
    return app, codes


async def second_step(browser: Browser, page: str, code: str) -> int:
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key, page[-2000:]
    answer = await browser.post("/sign-in/code", {"key": key[1], "code": code, "next": "/"})
    return int(answer.status)


async def test_where_codes_are_wanted_the_password_alone_does_not_do(built: House) -> None:
    app, codes = await switch_on(await built.browser("viewer"), built)
    browser = await built.browser()
    page = await (await browser.sign_in("viewer")).text()
    assert (await browser.get("/api/v1/sites")).status == 401
    assert await second_step(browser, page, "000000") == 401
    built.clock.ahead += timedelta(seconds=60)
    code = app.at(built.clock())
    assert await second_step(browser, page, code) == 303
    assert (await browser.get("/api/v1/sites")).status == 200
    other = await built.browser()
    page = await (await other.sign_in("viewer")).text()
    assert await second_step(other, page, code) == 401  # a code serves once, whoever saw it
    assert await second_step(other, page, codes[0]) == 303
    third = await built.browser()
    page = await (await third.sign_in("viewer")).text()
    assert await second_step(third, page, codes[0]) == 401
    assert ("viewer", "recovery code used", "viewer") in await built.record()


async def test_guessing_codes_is_slow_from_everywhere_and_the_first_step_does_not_wait_for_ever(
    built: House,
) -> None:
    app, _ = await switch_on(await built.browser("viewer"), built)
    browser = await built.browser()
    page = await (await browser.sign_in("viewer")).text()
    assert [await second_step(browser, page, f"{n:06}") for n in range(7)] == [401] * 5 + [429] * 2
    built.clock.ahead += timedelta(minutes=6)
    assert await second_step(browser, page, app.at(built.clock())) == 401  # the first step is too long ago
    page = await (await browser.sign_in("viewer")).text()
    assert await second_step(browser, page, app.at(built.clock())) == 303


async def test_codes_are_switched_off_with_a_code_or_by_an_administrator(built: House) -> None:
    viewer = await built.browser("viewer")
    app, _ = await switch_on(viewer, built)
    built.clock.ahead += timedelta(seconds=60)
    assert (await viewer.send(f"{PAGE}/remove", PAGE, code="123456")).status == 422
    assert (await viewer.send(f"{PAGE}/remove", PAGE, code=app.at(built.clock()))).status == 303
    assert (await (await built.browser()).sign_in("viewer")).status == 303
    await switch_on(viewer, built)
    admin, number = await built.browser("admin"), built.access.people.named("viewer").id
    answer = await admin.send(f"/users/{number}", f"/users/{number}", action="remove-factors")
    assert answer.status == 200
    assert (await (await built.browser()).sign_in("viewer")).status == 303


async def test_the_key_of_codes_stands_sealed_in_the_ledger(built: House) -> None:
    app, _ = await switch_on(await built.browser("viewer"), built)
    folder = built.access.first_password.parent
    assert app.secret.encode() not in b"".join(path.read_bytes() for path in sorted(folder.glob("ledger*")))
    assert (folder / "access.key").stat().st_mode & 0o777 == 0o600


async def test_guessing_many_codes_at_once_is_as_slow_as_one_after_another(built: House) -> None:
    """Attempts that come together are counted as they are: the sixth is closed out though none had failed yet."""
    await switch_on(await built.browser("viewer"), built)
    browser = await built.browser()
    page = await (await browser.sign_in("viewer")).text()
    answers = await asyncio.gather(*(second_step(browser, page, f"{n:06}") for n in range(40)))
    assert sorted(answers) == [401] * 5 + [429] * 35
