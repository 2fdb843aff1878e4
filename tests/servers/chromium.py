"""Debian's Chromium, driven by Playwright: a page that notes every console error and every foreign request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from playwright.async_api import Page, async_playwright

from tests.servers.debian import require

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions")


@dataclass
class Browser:
    """One page of its own profile, and what went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and exceptions of scripts."""
    addresses: set[str] = field(default_factory=set)
    """``host:port`` of everything that was asked for."""


@asynccontextmanager
async def browser(
    *, width: int = 1366, height: int = 768, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Browser]:
    """Start Chromium without a screen; fails the test, naming the package, when it is not installed."""
    binary = require("chromium", package="chromium")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(binary), args=list(FLAGS))
        try:
            size = {"width": width, "height": height}
            context = await chromium.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
            page = await context.new_page()
            page.set_default_timeout(15_000)
            shown = Browser(page)
            page.on("console", lambda said: _note(shown, said.type, said.text))
            page.on("pageerror", lambda error: shown.complaints.append(str(error)))
            page.on("request", lambda asked: shown.addresses.add(urlsplit(asked.url).netloc))
            yield shown
        finally:
            await chromium.close()


def _note(shown: Browser, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        shown.complaints.append(f"{kind}: {text}")
