"""Editing the inventory on a page: the same checks as `check`, the change before it is made, a way back.

Everything works without a script; with one the editor completes from the schema and says mistakes while typing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType, structs

from inventory.communes import Communes
from monitor.access.permission import Permission
from monitor.ledger import Revision
from monitor.web import body, query, revisions
from monitor.web.api import cursor
from monitor.web.api.precondition import ETAG, must_match, must_name_state, tagged
from monitor.web.api.watched import answer
from monitor.web.context import WebContext
from monitor.web.files import Conflict, Effect, InventoryFiles, Refused, compared, digest
from monitor.web.language import N_
from monitor.web.revisions import Compared, files_of
from monitor.web.route import Route, reader_of
from monitor.web.security import same_origin
from monitor.web.view import NoSuch, Params, Values, View

Frame = Callable[[web.Request, str, Mapping[str, object], int], Awaitable[web.Response]]

REVISIONS = 50
"""Revisions on one page."""
MAX_NAMES = 5000
"""Devices that the editor proposes as parents; of a nation it proposes none."""
MAX_BODY = 3 * 1024 * 1024
"""Bytes of a form: a file of a mebibyte, escaped."""


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the API is asked about: texts by the file's name, `None` for a file that goes."""

    files: dict[str, str | None]


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the API is asked to save."""

    files: dict[str, str | None]
    bases: dict[str, str] = {}
    """SHA-256 (hexadecimal) of each file as it was read; ``""`` for a new one."""
    note: str = ""


class FilesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file; without one, their names."""

    file: query.Text | UnsetType = UNSET


class FilesOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """Names of the files, or one file with its digest."""

    files: tuple[str, ...] | UnsetType = UNSET
    file: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    digest: str | UnsetType = UNSET
    """SHA-256, hexadecimal: what `bases` wants when the file is saved."""


class SchemaOut(msgspec.Struct, frozen=True):
    """The JSON Schema of a file of the inventory, and names that no schema has."""

    schema: dict[str, Any]
    communes: list[list[str]]
    """Code and name."""
    roles: dict[str, str]
    credentials: dict[str, str]
    devices: list[str]
    """Empty where there are too many."""


class RevisionsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to read on."""

    limit: query.Limit = REVISIONS
    cursor: query.Cursor = ""
    before: query.Number = 0


class RevisionsOut(msgspec.Struct, frozen=True):
    """Times the files were taken in, the newest first."""

    revisions: tuple[Revision, ...]
    next: str | None
    """Give it as ``cursor`` to read on; `None` at the end."""


class FileQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file."""

    file: query.Text


class FileText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file is to hold."""

    text: str
    note: Annotated[str, Meta(max_length=200)] = ""


class Restore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    note: Annotated[str, Meta(max_length=150)] = ""


def files_view(context: WebContext, params: Params) -> View:
    """Return the list of files, with what is wrong in them."""
    files = files_of(context)

    async def values() -> Values:
        state = context.reloader.state if context.reloader else None
        return {"names": await files.names(), "state": state, "editing": context.editing}

    return View("files", frozenset(), values, N_("Inventory: files"), lasting=2.0)


def revisions_view(context: WebContext, params: Params) -> View:
    """Return the revisions, newest first; ``before`` pages on."""
    files_of(context)
    before = int(params["before"]) if params.get("before", "").isdecimal() else None

    async def values() -> Values:
        return {"revisions": await context.ledger.revisions.newest(REVISIONS, before), "size": REVISIONS}

    return View("revisions", frozenset(), values, N_("Inventory: revisions"))


def must_be_allowed(context: WebContext, request: web.Request) -> str:
    """Return who edits. Raises 403 where nobody may; that it is an administrator, the guard has seen."""
    if not context.editing:
        raise web.HTTPForbidden(
            text=N_("editing is switched off; web.editing in the settings switches it on")
        )
    if reader_of(request).token is None:
        same_origin(request, required=True)
    return reader_of(request).name


class Editing:
    """The handlers of the editor and of the revisions."""

    def __init__(self, context: WebContext, frame: Frame) -> None:
        """`frame` makes whole pages of templates."""
        self._context = context
        self._frame = frame

    def routes(self) -> list[Route]:
        """Return every route."""
        view, admin, revision = Permission.VIEW, Permission.ADMIN, r"/inventory/revisions/{id:\d{1,15}}"
        files = "/api/v1/inventory/files"
        return [
            Route("GET", "/inventory/edit", self.open, view, whole=True),
            Route("POST", "/inventory/edit", self.submit, admin, whole=True, max_body=MAX_BODY),
            Route("GET", revision, self.revision, view, whole=True),
            Route("POST", revision, self.restore, admin, whole=True),
            Route("GET", "/api/v1/inventory/schema", self.schema, view, whole=True,
                  summary="The JSON Schema of a file of the inventory, and names that it may use",
                  answer=SchemaOut),
            Route("POST", "/api/v1/inventory/preview", self.preview, view, whole=True, max_body=MAX_BODY,
                  summary="What files would do, were they saved", body=Draft, answer=Effect, errors=(404,)),
            Route("GET", files, self.read, view, whole=True,
                  summary="Names of the inventory's files, or one of them with its digest",
                  query=FilesQuery, answer=FilesOut, errors=(404,)),
            Route("POST", files, self.write, admin, whole=True, max_body=MAX_BODY,
                  summary="Save files of the inventory, if they are as they were read", body=Change, answer=Effect,
                  errors=(404, 409)),
            Route("PUT", files, self.put, admin, whole=True, max_body=MAX_BODY,
                  summary="Save one file, if it is as `If-Match` says; `If-None-Match: *` for a new one",
                  query=FileQuery, body=FileText, answer=Effect, errors=(404, 412, 428)),
            Route("DELETE", files, self.delete, admin, whole=True,
                  summary="Delete one file, if it is as `If-Match` says", query=FileQuery, answer=Effect,
                  errors=(404, 412, 422, 428)),
            Route("GET", f"/api/v1{revision}", self.one_revision, view, whole=True,
                  summary="What a revision changed, and what going back to it would do", answer=Compared),
            Route("POST", f"/api/v1{revision}/restore", self.go_back, admin, whole=True,
                  summary="Make all files what they were at a revision", body=Restore, answer=Effect,
                  errors=(409,)),
            Route("GET", "/api/v1/inventory/revisions", self.listed, view, whole=True,
                  summary="Revisions of the inventory, the newest first", query=RevisionsQuery,
                  answer=RevisionsOut),
        ]  # fmt: skip

    async def open(self, request: web.Request) -> web.Response:
        """``GET /inventory/edit?file=NAME``: the editor with a file, or with a new one that has that name."""
        files, name = files_of(self._context), request.query.get("file", "")
        text = await self._text(files, name)
        return await self._page(request, name, text or "", digest(text.encode()) if text is not None else "")

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """``POST /inventory/edit``: show what the edit does, save it, or delete the file."""
        who, form = must_be_allowed(self._context, request), await _form(request)
        files, name = files_of(self._context), form.get("file", "")
        gone = form.get("action") == "delete"
        text = form.get("text", "").replace("\r\n", "\n")
        texts, bases = {name: None if gone else text}, {name: form.get("base", "")}
        old = await self._text(files, name)
        shown: dict[str, Any] = {
            "note": form.get("note", ""),
            "diff": compared(old, None if gone else text),
            "gone": gone,
        }
        try:
            if form.get("action") not in ("save", "delete") or (gone and not form.get("sure")):
                shown["effect"] = await files.effect(texts)
                return await self._page(request, name, text, form.get("base", ""), **shown)
            effect = shown["effect"] = await files.save(texts, bases, who, form.get("note", "")[:200])
        except Conflict as error:
            base = digest(old.encode()) if old is not None else ""
            return await self._page(request, name, text, base, conflict=str(error), status=409, **shown)
        except Refused as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        if not effect.savable:
            return await self._page(request, name, text, form.get("base", ""), status=422, **shown)
        raise web.HTTPSeeOther("/inventory/revisions")

    async def revision(self, request: web.Request) -> web.Response:
        """``GET /inventory/revisions/{id}``: what a revision changed, and what going back to it would."""
        found = await revisions.look_at(self._context, int(request.match_info["id"]))
        values = {"page": "revisions", "editing": self._may_edit(request), **structs.asdict(found)}
        return await self._frame(request, "revision", values, 200)

    async def restore(self, request: web.Request) -> web.StreamResponse:
        """``POST /inventory/revisions/{id}``: write all files as they were then."""
        who = must_be_allowed(self._context, request)
        await revisions.restore(self._context, int(request.match_info["id"]), who)
        raise web.HTTPSeeOther("/inventory/revisions")

    async def schema(self, request: web.Request) -> web.Response:
        """``GET /api/v1/inventory/schema``: the JSON Schema of a file, and names that no schema has."""
        inventory = self._context.board.inventory
        provinces = {site.commune.province_code for site in inventory.sites.values() if site.commune}
        communes = [
            [commune.code, commune.name]
            for commune in Communes.load()
            if commune.province_code in provinces or not provinces
        ]
        return answer(
            SchemaOut(
                self._context.schema(),
                communes,
                {name: role.title.vi for name, role in inventory.roles.items()},
                {name: spec.kind for name, spec in inventory.credentials.items()},
                list(inventory.devices) if len(inventory.devices) <= MAX_NAMES else [],
            )
        )

    async def preview(self, request: web.Request) -> web.Response:
        """``POST /api/v1/inventory/preview``: what these texts would do; nothing is written."""
        same_origin(request, required=False)
        draft = await body.decode(request, Draft)
        try:
            return answer(await files_of(self._context).effect(draft.files))
        except Refused as error:
            raise web.HTTPBadRequest(text=str(error)) from error

    async def read(self, request: web.Request) -> web.Response:
        """``GET /api/v1/inventory/files``: their names; with ``?file=NAME`` its text and digest."""
        files = files_of(self._context)
        asked = query.decode(request, FilesQuery)
        if isinstance(asked.file, UnsetType):
            return answer(FilesOut(files=tuple(await files.names())))
        text = await self._text(files, asked.file)
        if text is None:
            raise NoSuch("there is no such file")
        return _read_answer(asked.file, text)

    async def write(self, request: web.Request) -> web.Response:
        """``POST /api/v1/inventory/files``: save; 409 when a file is not as it was, 422 with the mistakes."""
        who, change = must_be_allowed(self._context, request), await body.decode(request, Change)
        try:
            effect = await files_of(self._context).save(change.files, change.bases, who, change.note[:200])
        except Conflict as error:
            raise web.HTTPConflict(text=str(error)) from error
        except Refused as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return answer(effect, 200 if effect.savable else 422)

    async def listed(self, request: web.Request) -> web.Response:
        """``GET /api/v1/inventory/revisions``: newest first."""
        asked = query.decode(request, RevisionsQuery)
        before = cursor.number(asked.cursor) or asked.before or None
        found = await self._context.ledger.revisions.newest(asked.limit, before)
        return answer(RevisionsOut(tuple(found), cursor.after(found, lambda one: one.id, asked.limit)))

    async def one_revision(self, request: web.Request) -> web.Response:
        """``GET /api/v1/inventory/revisions/{id}``. Raises 404."""
        return answer(await revisions.look_at(self._context, int(request.match_info["id"])))

    async def go_back(self, request: web.Request) -> web.Response:
        """``POST /api/v1/inventory/revisions/{id}/restore``. Raises 404, 409, 422."""
        who, wish = must_be_allowed(self._context, request), await body.decode(request, Restore)
        number = int(request.match_info["id"])
        return answer(await revisions.restore(self._context, number, who, wish.note))

    async def put(self, request: web.Request) -> web.Response:
        """``PUT /api/v1/inventory/files?file=NAME``: save one file, if it is as ``If-Match`` says. Raises 412, 428."""
        change = await body.decode(request, FileText)
        return await self._put(request, change.text, change.note)

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /api/v1/inventory/files?file=NAME``. Raises 404, 412, 428."""
        return await self._put(request, None, "")

    async def _put(self, request: web.Request, text: str | None, note: str) -> web.Response:
        who, name = must_be_allowed(self._context, request), query.decode(request, FileQuery).file
        must_name_state(request)
        files = files_of(self._context)
        old = await self._text(files, name)
        if old is None and text is None:
            raise NoSuch("there is no such file")
        must_match(request, None if old is None else _read_answer(name, old))
        base = "" if old is None else digest(old.encode())
        try:
            effect = await files.save({name: text}, {name: base}, who, note)
        except Conflict as error:
            raise web.HTTPPreconditionFailed(text=str(error)) from error
        except Refused as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        made = answer(effect, 200 if effect.savable else 422)
        if effect.savable and text is not None:
            made.headers[ETAG] = f'"{digest(text.encode())}"'
        return made

    async def _page(
        self, request: web.Request, name: str, text: str, base: str, *, status: int = 200, **more: object
    ) -> web.Response:
        """Return the editor; `base` is the digest of the file the text began with."""
        values = {
            "page": "files",
            "file": name,
            "text": text,
            "base": base,
            "note": "",
            "editing": self._may_edit(request),
            "effect": None,
            "conflict": "",
            "gone": False,
            "diff": (),
            **more,
        }
        return await self._frame(request, "edit", values, status)

    def _may_edit(self, request: web.Request) -> bool:
        return self._context.editing and reader_of(request).may(Permission.ADMIN, whole=True)

    async def _text(self, files: InventoryFiles, name: str) -> str | None:
        try:
            return await files.text(name)
        except Refused as error:
            raise web.HTTPBadRequest(text=str(error)) from error


def _read_answer(name: str, text: str) -> web.Response:
    """Return a file as it is read; its ETag is the digest that `bases` want."""
    return tagged(FilesOut(file=name, text=text, digest=digest(text.encode())), tag=digest(text.encode()))


async def _form(request: web.Request) -> dict[str, str]:
    """Return a form of texts."""
    raw = await request.read()
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20))
