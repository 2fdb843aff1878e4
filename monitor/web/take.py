"""Taking an incident on by the link in a message: nobody signs in at three in the morning on a phone.

Looking changes nothing, for messengers look at links by themselves; only the button does. The code is good for its one
incident, once; of whoever got the message it says who they are. A further message about it has a code of its own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Protocol

from aiohttp import web

from alerts.incident import Incident, Status
from monitor.access.permission import Permission
from monitor.ledger.takes import Take
from monitor.web.incidents import place
from monitor.web.language import N_
from monitor.web.route import Route, context_of
from monitor.web.security import same_origin
from monitor.web.view import NoSuch

PATH = "/a/{code:[A-Za-z0-9_-]{16}}"
MAX_BODY = 4096
_CODE = re.compile(r"[A-Za-z0-9_-]{16}")


class Frame(Protocol):
    """Makes a whole page of a template."""

    def __call__(
        self, request: web.Request, name: str, values: Mapping[str, object], status: int = 200
    ) -> Awaitable[web.Response]:
        """Return the page."""
        ...


def routes(frame: Frame) -> list[Route]:
    """Return the routes of the link."""

    return [
        Route("GET", PATH, partial(show, frame), Permission.PUBLIC),
        Route("POST", PATH, partial(take, frame), Permission.PUBLIC, max_body=MAX_BODY),
    ]


async def show(frame: Frame, request: web.Request) -> web.Response:
    """Show what it is about, and the button. Raises 404 for a code that is none."""
    found, incident = await _found(request)
    return await _page(request, frame, found, incident)


async def take(frame: Frame, request: web.Request) -> web.Response:
    """Note that the receiver has taken it on. Raises 403, 404."""
    same_origin(request, required=True)
    found, incident = await _found(request)
    context, form = context_of(request), await request.post()
    if incident.status is Status.OPEN and found.used_at is None:
        if await context.operations.take_on([incident.id], found.who, str(form.get("note", ""))):
            await context.ledger.takes.use(request.match_info["code"], context.now())
        found, incident = await _found(request)  # somebody else may have been first in this very instant
    return await _page(request, frame, found, incident)


async def _found(request: web.Request) -> tuple[Take, Incident]:
    context, code = context_of(request), request.match_info["code"]
    found = await context.ledger.takes.find(code) if _CODE.fullmatch(code) else None
    incident = await context.ledger.incidents.by_id(found.incident) if found else None
    if found is None or incident is None:
        raise NoSuch("this link is not, or no longer, good for anything")
    return found, incident


async def _page(request: web.Request, frame: Frame, found: Take, incident: Incident) -> web.Response:
    context = context_of(request)
    entry, inventory = place(context.board, incident), context.board.inventory
    known = incident.key.device in inventory.devices
    owner = inventory.owner_of(incident.key.device) if known else (entry.site.owner if entry.site else None)
    values = {
        "page": "take",
        "title": N_("Take an incident on"),
        "entry": entry,
        "take": found,
        "owner": owner,
        "rule": context.rules().get(incident.key.rule),
    }
    return await frame(request, "take", values)
