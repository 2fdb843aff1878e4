"""The record of who did what, for programs of administrators."""

from __future__ import annotations

import msgspec
from aiohttp import web

from monitor.access.permission import Permission
from monitor.ledger.audit import AuditEntry
from monitor.web import query
from monitor.web.api import cursor
from monitor.web.api.watched import answer
from monitor.web.route import Route, context_of


class AuditQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page."""

    limit: query.Limit = 100
    cursor: query.Cursor = ""


class AuditOut(msgspec.Struct, frozen=True):
    """Lines of the record, the newest first."""

    entries: tuple[AuditEntry, ...]
    next: str | None
    """Give it as ``cursor`` to read on; `None` at the end."""
    broken_at: int | None
    """The first line that is not as it was written, or is missing; `None` when all are as they were."""


def routes() -> list[Route]:
    """Return the route."""
    return [
        Route("GET", "/api/v1/audit", record, Permission.ADMIN, whole=True,
              summary="Who did what, and whether the record is as it was written", query=AuditQuery,
              answer=AuditOut),
    ]  # fmt: skip


async def record(request: web.Request) -> web.Response:
    """``GET /api/v1/audit``."""
    asked, ledger = query.decode(request, AuditQuery), context_of(request).ledger
    found = await ledger.audit.newest(asked.limit, cursor.number(asked.cursor))
    verified = await ledger.audit.verify()
    more = cursor.after(found, lambda one: one.id, asked.limit)
    return answer(AuditOut(tuple(found), more, verified.broken_at))
