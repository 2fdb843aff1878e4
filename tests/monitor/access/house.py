"""A province whose pages want a sign-in, and browsers that sign in.

python -m tests.monitor.access.house --port 8098     a dashboard to work on; admin, operator and viewer have PASSWORD
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer

from monitor.access.access import Access, open_access
from monitor.access.oidc import Oidc
from monitor.access.permission import Role
from monitor.access.scope import EVERYWHERE, Scope
from monitor.access.settings import SessionSettings
from monitor.web.app import create_app, serve
from tests.monitor.web.province import Province, province
from tests.monitor.web.scenes import faults

if TYPE_CHECKING:
    from monitor.access.directory import Directory

PASSWORD = "một câu dễ nhớ hơn một từ"
OTHER = "một câu khác hẳn câu trước"
ONE = "18073"
"""The commune of the operator who has one."""


@dataclass
class Clock:
    """The present, and how far a test has moved it."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class House:
    """The parts a test moves."""

    town: Province
    access: Access
    server: TestServer
    clock: Clock
    _stack: AsyncExitStack

    async def browser(self, name: str = "", password: str = PASSWORD) -> Browser:
        """Return a browser, signed in as `name` if one is given."""
        client = TestClient(self.server, cookie_jar=CookieJar(unsafe=True))
        browser = Browser(client, str(self.server.make_url("")).rstrip("/"))
        self._stack.push_async_callback(client.session.close)
        if name:
            answer = await browser.sign_in(name, password)
            assert answer.status == 303, await answer.text()
        return browser

    async def user(self, name: str, role: Role, scope: Scope = EVERYWHERE) -> None:
        """Add somebody who has chosen `PASSWORD`."""
        people = self.access.people
        await people.add(name, role, "test", scope=scope)
        await people.choose(people.named(name), PASSWORD)

    async def token(self, name: str, role: Role, scope: Scope = EVERYWHERE, days: float = 1) -> str:
        """Make a token of somebody."""
        people = self.access.people
        return await people.add_token(people.named(name), "test", role, scope, timedelta(days=days), "test")

    async def record(self) -> list[tuple[str, str, str]]:
        """Return who did what to whom, oldest first."""
        return [
            (one.who, one.what, one.subject) for one in reversed(await self.town.ledger.audit.newest(1000))
        ]


@dataclass
class Browser:
    """What a person's browser does: it keeps cookies, and says where a form comes from."""

    client: TestClient[Any, Any]
    origin: str

    async def get(self, path: str, **more: Any) -> ClientResponse:
        """Open an address, without following where it leads."""
        return await self.client.get(path, allow_redirects=False, **more)

    async def text(self, path: str) -> str:
        """Return a page."""
        answer = await self.get(path)
        assert answer.status == 200, (path, answer.status, answer.headers.get("Location"))
        return await answer.text()

    async def send(self, path: str, page: str = "/account", **fields: str) -> ClientResponse:
        """Send a form of `page` to `path`."""
        key = form_key(await (await self.get(page)).text())
        return await self.post(path, fields | {"csrf": key})

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> ClientResponse:
        """Send exactly these fields."""
        return await self.request("POST", path, fields, **headers)

    async def request(self, method: str, path: str, fields: dict[str, str], **headers: str) -> ClientResponse:
        """Send exactly these fields by a method."""
        return await self.client.request(
            method, path, data=fields, allow_redirects=False, headers={"Origin": self.origin, **headers}
        )

    async def sign_in(self, name: str, password: str = PASSWORD, wish: str = "/") -> ClientResponse:
        """Send the form of the sign-in."""
        return await self.post("/sign-in", {"name": name, "password": password, "next": wish})

    def cookie(self, name: str = "session") -> str:
        """Return what the browser keeps."""
        return next((cookie.value for cookie in self.client.session.cookie_jar if cookie.key == name), "")

    def keep(self, value: str, name: str = "session") -> None:
        """Have the browser keep another cookie."""
        self.client.session.cookie_jar.update_cookies({name: value}, self.server_url)

    @property
    def server_url(self) -> Any:
        return self.client.make_url("/")


def form_key(html: str) -> str:
    """Return what the forms of a page carry; ``""`` when it has none."""
    found = re.search(r'name="csrf" value="([0-9a-f]*)"', html)
    return found[1] if found else ""


@asynccontextmanager
async def house(
    folder: Path,
    *,
    scene: Callable[[Province], Any] | None = None,
    session: SessionSettings | None = None,
    oidc: Oidc | None = None,
    directory: Directory | None = None,
    demanded: Collection[Role] = (),
    **context: object,
) -> AsyncIterator[House]:
    """Open everything; ``admin``, ``operator``, ``viewer`` and ``one`` (of one commune) have `PASSWORD`."""
    async with AsyncExitStack() as stack:
        clock = Clock()
        town = await stack.enter_async_context(province(folder))
        if scene:
            await scene(town)
        opened = open_access(
            town.ledger,
            folder,
            session or SessionSettings(),
            clock,
            oidc=oidc,
            directory=directory,
            demanded=demanded,
        )
        access = await stack.enter_async_context(opened)
        server = TestServer(create_app(town.context(access=access, **context)))
        await server.start_server()
        stack.push_async_callback(server.close)
        built = House(town, access, server, clock, stack)
        await access.people.choose(access.people.named("admin"), PASSWORD)
        await built.user("operator", Role.OPERATOR)
        await built.user("viewer", Role.VIEWER)
        await built.user("one", Role.OPERATOR, Scope((ONE,)))
        yield built


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8098)
    port = parser.parse_args().port
    with tempfile.TemporaryDirectory() as folder:
        async with house(Path(folder), scene=faults) as built:
            context = built.town.context(access=built.access)
            async with serve(context, "127.0.0.1", port) as url:
                print(url, PASSWORD)
                await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
