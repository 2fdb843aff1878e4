"""The style sheets and scripts, compressed once and kept: on a slow line a first visit waits for them most."""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from monitor.access.permission import Permission
from monitor.web.route import Route
from monitor.web.view import NoSuch

PREFIX = "/static/"


class Assets:
    """The files of ``static/``; nothing else is reached by whatever name."""

    def __init__(self) -> None:
        folder = Path(str(files("monitor.web").joinpath("static")))
        self._paths = {name: path for name, path in _inside(folder)}
        self._packed: dict[str, bytes] = {}

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("GET", f"{PREFIX}{{file:.+}}", self.file, Permission.PUBLIC)]

    async def file(self, request: web.Request) -> web.Response:
        """``GET /static/NAME``. Raises `NoSuch`."""
        name = request.match_info["file"]
        path = self._paths.get(name)
        if path is None:
            raise NoSuch("there is no such file")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        charset = "utf-8" if kind.startswith("text/") or kind.endswith(("javascript", "xml")) else None
        headers = {"Vary": "Accept-Encoding"}
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            body = await asyncio.to_thread(path.read_bytes)
            return web.Response(body=body, content_type=kind, charset=charset, headers=headers)
        if name not in self._packed:
            self._packed[name] = await asyncio.to_thread(_packed, path)
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=self._packed[name], content_type=kind, charset=charset, headers=headers)


def _inside(folder: Path) -> Iterator[tuple[str, Path]]:
    return ((str(path.relative_to(folder)), path) for path in folder.rglob("*") if path.is_file())


def _packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)
