"""Access in a real browser: signing in, codes, passkeys, and whether everybody can use these pages."""

from __future__ import annotations

import re
from pathlib import Path

import pyotp
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.monitor.access.house import PASSWORD, House
from tests.servers.chromium import Browser, browser


def url(built: House, path: str) -> str:
    """Return an address by a name: passkeys are good for names, not for numbers."""
    return f"http://localhost:{built.server.port}{path}"


async def sign_in(page: Page, built: House, name: str) -> None:
    await page.goto(url(built, "/sign-in"))
    await page.fill("input[name=name]", name)
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url(url(built, "/"))


async def must_be_usable(shown: Browser) -> None:
    """The whole page: the navigation of a phone has targets too."""
    found = await Axe().run(shown.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()
    wide = await shown.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


async def test_every_page_of_access_can_be_used_by_everybody_on_a_phone_too(built: House) -> None:
    for width, height in ((1366, 768), (390, 844)):
        async with browser(width=width, height=height) as shown:
            await shown.page.goto(url(built, "/sign-in"))
            await must_be_usable(shown)
            await sign_in(shown.page, built, "admin")
            for path in ("/account", "/account/password", "/account/second-factor", "/users", "/users/2"):
                await shown.page.goto(url(built, path))
                await must_be_usable(shown)
            assert shown.complaints == []


async def test_a_passkey_is_made_and_signs_in_without_name_and_password(built: House) -> None:
    async with browser() as shown:
        page = shown.page
        chromium = await page.context.new_cdp_session(page)
        await chromium.send("WebAuthn.enable")
        device = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        await chromium.send("WebAuthn.addVirtualAuthenticator", {"options": device})
        await sign_in(page, built, "operator")
        await page.goto(url(built, "/account"))
        await page.fill("form[data-passkey] input[name=title]", "máy bàn trực")
        await page.click("form[data-passkey] button")
        await page.wait_for_selector("#passkeys td:has-text('máy bàn trực')")
        await page.click("form[action='/sign-out'] button")
        await page.wait_for_selector("form[data-passkey] button")
        await page.click("form[data-passkey] button")
        await page.wait_for_url(url(built, "/"))
        assert "operator" in await page.inner_text(".tools")
        sessions = built.access.sessions.of_user(built.access.people.named("operator"))
        assert [session.method for session in sessions] == ["passkey"]
        await built.access.people.set_disabled(built.access.people.named("operator"), True, "test")
        await page.goto(url(built, "/sign-in"))
        await page.click("form[data-passkey] button")
        await page.wait_for_selector("form[data-passkey] [role=alert]:visible")


async def test_codes_are_switched_on_by_scanning_and_asked_for_afterwards(
    built: House, tmp_path: Path
) -> None:
    async with browser() as shown:
        page = shown.page
        await sign_in(page, built, "viewer")
        await page.goto(url(built, "/account/second-factor"))
        secret = await page.inner_text(".steps code")
        assert re.fullmatch("[A-Z2-7]{32}", secret)
        await page.fill("input[name=code]", pyotp.TOTP(secret).now())
        await page.click(".steps button")
        codes = await page.locator(".codes code").all_inner_texts()
        await page.goto(url(built, "/account"))
        await page.click("form[action='/sign-out'] button")
        await page.fill("input[name=name]", "viewer")
        await page.fill("input[name=password]", PASSWORD)
        await page.press("input[name=password]", "Enter")
        await page.fill("input[name=code]", codes[0])
        await page.press("input[name=code]", "Enter")
        await page.wait_for_url(url(built, "/"))
