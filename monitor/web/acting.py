"""What operators do about incidents on the pages: take on, give back, note; one or many at once, by plain forms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from aiohttp import web

from alerts.incident import Incident
from monitor.access.permission import Permission
from monitor.operations import MOST_AT_ONCE
from monitor.web.context import WebContext
from monitor.web.language import N_
from monitor.web.problem import refusal
from monitor.web.route import Route, context_of, reader_of
from monitor.web.security import same_origin

HOURS = ("1", "2", "4", "8", "24")
"""For how long an incident may be taken on by the page, when not until it is resolved."""
ACTIONS = ("acknowledge", "release", "note")


def routes() -> list[Route]:
    """Return the route of the forms."""
    return [Route("POST", "/incidents/act", act, Permission.OPERATE)]


async def act(request: web.Request) -> web.Response:
    """``POST /incidents/act``: ``id`` (several), ``action``, ``note``, ``hours``, ``back``. Raises 400, 403, 409."""
    same_origin(request, required=True)
    form = await request.post()
    context, who = context_of(request), reader_of(request).name
    action, note, hours = (str(form.get(name, "")) for name in ("action", "note", "hours"))
    numbers = await visible(context, [str(one) for one in form.getall("id", [])])
    try:
        done = await _do(context, numbers, action, who, note, hours)
    except ValueError as error:
        raise refusal(web.HTTPBadRequest, error) from error
    if not done:
        raise web.HTTPConflict(
            text=N_("none of these can be changed: they are resolved meanwhile, or nobody has them")
        )
    raise web.HTTPSeeOther(_local(str(form.get("back", "")), f"/incidents/{numbers[0]}"))


async def _do(
    context: WebContext, numbers: Sequence[int], action: str, who: str, note: str, hours: str
) -> list[Incident]:
    """Raises `ValueError` for what cannot be asked."""
    operations = context.operations
    if action not in ACTIONS or hours not in ("", *HOURS):
        raise ValueError(f"action is one of {', '.join(ACTIONS)}; hours one of {', '.join(HOURS)}")
    if action == "note":
        return await operations.note(numbers, who, note)
    if action == "release":
        return await operations.release(numbers, who, note)
    until = context.now() + timedelta(hours=int(hours)) if hours else None
    return await operations.acknowledge(numbers, who, note, until)


async def visible(context: WebContext, texts: Sequence[str]) -> list[int]:
    """Return the incidents that whoever asks is shown. Raises 400."""
    if not texts:
        raise web.HTTPBadRequest(text=N_("nothing is selected: tick the incidents first"))
    if len(texts) > MOST_AT_ONCE or not all(
        one.isascii() and one.isdigit() and len(one) < 16 for one in texts
    ):
        raise web.HTTPBadRequest(text=f"id is the number of an incident, at most {MOST_AT_ONCE} of them")
    numbers = list(dict.fromkeys(map(int, texts)))
    shown = [
        one for one in numbers if one in context.board.incidents or await context.ledger.incidents.by_id(one)
    ]
    if not shown:
        raise web.HTTPNotFound(text=N_("there is no such incident"))
    return shown


def _local(address: str, otherwise: str) -> str:
    """Return where to go back to: a page of ours, never another's."""
    parts = urlsplit(address)
    fits = (
        address.startswith("/")
        and not address.startswith(("//", "/\\"))
        and not (parts.scheme or parts.netloc)
    )
    return address if fits and address.isprintable() and "\\" not in address else otherwise
