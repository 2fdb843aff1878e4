"""Going back to a revision of the inventory, for the page and the API."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from monitor.ledger import Revision
from monitor.web.context import WebContext
from monitor.web.files import Effect, InventoryFiles, Refused, compared, digest
from monitor.web.view import NoSuch

MAX_SHOWN = 20
"""Files of a revision that are compared."""


class Compared(msgspec.Struct, frozen=True):
    """A revision, what it changed, and what going back to it would do."""

    revision: Revision
    diffs: dict[str, list[str]]
    """Lines as ``diff -u`` shows them, by the file's name; of `MAX_SHOWN` files at most."""
    more: int
    """Files left out."""
    back: dict[str, str | None]
    """The edit that makes the files what they were; `None` for one that goes."""
    effect: Effect | None
    """What going back would do; `None` when everything is as it was then."""


def files_of(context: WebContext) -> InventoryFiles:
    """Return the inventory's files. Raises `NoSuch` where the pages have none."""
    if context.reloader is None:
        raise NoSuch("no files are behind these pages")
    return InventoryFiles(context.reloader)


async def look_at(context: WebContext, number: int) -> Compared:
    """Return a revision compared with the one before it and with the present. Raises `NoSuch`."""
    revision, texts = await _find(context, number)
    before = await context.ledger.revisions.files(revision.id - 1)
    touched = (*revision.added, *revision.changed, *revision.removed)
    diffs = {
        name: compared(_decoded(before.get(name)), _decoded(texts.get(name))) for name in touched[:MAX_SHOWN]
    }
    files = files_of(context)
    back = await _back(files, texts)
    effect = await files.effect(back) if back else None
    return Compared(revision, diffs, max(0, len(touched) - MAX_SHOWN), back, effect)


async def restore(context: WebContext, number: int, who: str, note: str = "") -> Effect:
    """Write all files as they were then. Raises `NoSuch`, 409, 422."""
    revision, texts = await _find(context, number)
    files = files_of(context)
    back = await _back(files, texts)
    now = {name: await files.text(name) for name in back}
    bases = {name: "" if text is None else digest(text.encode()) for name, text in now.items()}
    said = ": ".join(filter(None, (f"back to revision {revision.id}", note)))
    try:
        effect = await files.save(back, bases, who, said[:200])
    except Refused as error:
        raise web.HTTPConflict(text=str(error)) from error
    if not effect.savable:
        raise web.HTTPUnprocessableEntity(text="\n".join(str(problem) for problem in effect.problems[:20]))
    return effect


async def _find(context: WebContext, number: int) -> tuple[Revision, Mapping[str, bytes]]:
    found = await context.ledger.revisions.newest(1, number + 1)
    if not found or found[0].id != number:
        raise NoSuch(f"there is no revision {number}")
    return found[0], await context.ledger.revisions.files(number)


async def _back(files: InventoryFiles, texts: Mapping[str, bytes]) -> dict[str, str | None]:
    """Return the edit that makes the files on the disk what they were."""
    now = {name: await files.text(name) for name in {*await files.names(), *texts}}
    return {
        name: _decoded(texts.get(name)) for name, text in now.items() if text != _decoded(texts.get(name))
    }


def _decoded(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", "replace")
