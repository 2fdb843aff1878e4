"""The description of the API: as OpenAPI for programs, and as a page for people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from monitor.access.permission import Permission
from monitor.web.api.openapi import PREFIX, document
from monitor.web.api.watched import answer
from monitor.web.route import TABLE, Route

Frame = Callable[[web.Request, str, Mapping[str, object], int], Awaitable[web.Response]]


class DocumentOut(msgspec.Struct, frozen=True):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]
    servers: list[dict[str, Any]]


class Operation(msgspec.Struct, frozen=True):
    """One operation, as the page lists it."""

    method: str
    path: str
    summary: str
    may: str
    whole: bool
    parameters: tuple[str, ...]
    body: str
    answer: str


class Reference:
    """The handlers."""

    def __init__(self, frame: Frame) -> None:
        """`frame` makes whole pages of templates."""
        self._frame = frame
        self._document: dict[str, Any] | None = None

    def routes(self) -> list[Route]:
        """Return every route."""
        view = Permission.VIEW
        return [
            Route("GET", f"{PREFIX}openapi.json", self.openapi, view, summary="This description",
                  answer=DocumentOut),
            Route("GET", "/api", self.page, view),
        ]  # fmt: skip

    async def openapi(self, request: web.Request) -> web.Response:
        """``GET /api/v1/openapi.json``."""
        return answer(self._of(request))

    async def page(self, request: web.Request) -> web.Response:
        """``GET /api``: the operations, without a script."""
        found: dict[str, list[Operation]] = {}
        for path, operations in self._of(request)["paths"].items():
            for method, one in operations.items():
                found.setdefault(one["tags"][0], []).append(_operation(method, path, one))
        return await self._frame(request, "reference", {"page": "reference", "groups": found}, 200)

    def _of(self, request: web.Request) -> dict[str, Any]:
        if self._document is None:
            self._document = document(request.app[TABLE].routes)
        return self._document


def _operation(method: str, path: str, one: Mapping[str, Any]) -> Operation:
    _, permission, where = one["description"].split("`")
    good = next(answer for status, answer in one["responses"].items() if status.startswith("2"))
    return Operation(
        method.upper(),
        path,
        one["summary"],
        permission,
        "every site" in where,
        tuple(given["name"] for given in one.get("parameters", ()) if given["in"] == "query"),
        _model(one.get("requestBody", {})),
        _model(good),
    )


def _model(holder: Mapping[str, Any]) -> str:
    """Return the name of the model of a body or an answer, ``""`` for none."""
    contents = [*holder.get("content", {}).values()]
    return str(contents[0]["schema"]["$ref"]).rpartition("/")[2] if contents else ""
