"""The nation as the service serves it, to people who signed in: an administrator, a viewer, officers of communes."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bench.web.nation import nation, record
from monitor.access.access import Access, open_access
from monitor.access.permission import Role
from monitor.access.scope import EVERYWHERE, Scope
from monitor.access.settings import SessionSettings
from monitor.collector import spared_collector
from monitor.quality.figures import Quality
from monitor.web.app import serve
from monitor.web.context import WebContext
from tests.monitor.web.province import Province, province

OFFICERS = 10
"""People whose role holds at one commune each: they share no rendering with anybody."""


@dataclass
class House:
    """What the parts of the bench ask."""

    town: Province
    url: str
    tokens: list[str]
    """Of an administrator, of a viewer, then of the officers."""
    context: WebContext
    _stack: AsyncExitStack

    async def restart(self) -> None:
        """Stop the pages and serve them again at the same address: nothing is rendered, everybody comes back."""
        await self._stack.aclose()
        port = urlsplit(self.url).port or 0
        await self._stack.enter_async_context(serve(self.context, "127.0.0.1", port))


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """Open everything on a free port."""
    async with province(folder, nation()) as town:
        await record(town)
        measured: Quality = town.quality()  # the service does it every ten minutes, in a thread
        async with open_access(town.ledger, folder, SessionSettings(), lambda: datetime.now(UTC)) as access:
            context = town.context(pace=0.5, access=access, quality=lambda: measured)
            tokens = await _tokens(access, town)
            async with AsyncExitStack() as stack:
                url = await stack.enter_async_context(serve(context, "127.0.0.1", 0))
                gc.collect()
                with spared_collector():  # as the service does
                    yield House(town, url, tokens, context, stack)


async def _tokens(access: Access, town: Province) -> list[str]:
    communes = [id for id in town.inventory.sites if id != "ttdl"]
    scopes = [
        EVERYWHERE,
        EVERYWHERE,
        *(Scope((id,)) for id in communes[:: len(communes) // OFFICERS][:OFFICERS]),
    ]
    found = []
    for number, scope in enumerate(scopes):
        role = (Role.ADMIN, Role.VIEWER, *[Role.OPERATOR] * OFFICERS)[number]
        name = f"person-{number}"
        await access.people.add(name, role, "bench", scope=scope)
        user = access.people.named(name)
        await access.people.choose(user, "một câu dễ nhớ hơn một từ")
        user = access.people.named(name)
        found.append(await access.people.add_token(user, "bench", role, scope, timedelta(days=1), "bench"))
    return found
