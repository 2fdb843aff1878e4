"""Simulated web systems of the province: HTTPS with certificates of the demo, plain HTTP that leads to it."""

from __future__ import annotations

import asyncio
import html
import socket
import ssl

from aiohttp import web

from monitor.demo import faults
from monitor.demo.certificates import Authority
from monitor.demo.layout import HTTP_PORT, HTTPS_PORT
from monitor.demo.listener import Listener
from monitor.demo.machine import Machine

_PAGE = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>Hệ thống mô phỏng của tỉnh trình diễn.</p>
<p>Xin mời <a href="/dang-nhap">đăng nhập</a>.</p></body></html>
"""
_SAFE = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'",
    "Server": "nginx",
}


class WebSystem:
    """The HTTP and HTTPS ports of one system."""

    def __init__(self, machine: Machine, authority: Authority) -> None:
        self._machine = machine
        address, host = machine.place.address, f"{machine.place.name}.demo.example.vn"
        self._good = authority.context(address, host, expired=False)
        self._expired = authority.context(address, host, expired=True)
        self._server = web.Server(self._answer, access_log=None)
        self._redirector = web.Server(self._redirect, access_log=None)
        self._transports: set[asyncio.BaseTransport] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._listeners = (
            Listener(machine, HTTPS_PORT, self._serve_tls),
            Listener(machine, HTTP_PORT, self._serve_plain),
        )
        machine.changed.append(self._drop)

    async def close(self) -> None:
        """Close the ports and every connection."""
        self._machine.changed.remove(self._drop)
        for listener in self._listeners:
            listener.close()
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await self._server.shutdown(0)
        await self._redirector.shutdown(0)
        self._drop()

    def _drop(self) -> None:
        """A new certificate, or a cut, is seen by new connections only: end the old ones."""
        for transport in self._transports:
            if transport.is_closing():
                continue  # CPython 3.11.2 (Debian 12) cannot abort TLS that was closed twice
            transport.abort() if isinstance(transport, asyncio.WriteTransport) else transport.close()
        self._transports.clear()

    def _serve_tls(self, connection: socket.socket) -> None:
        expired = self._machine.has(faults.EXPIRE_CERTIFICATE)
        self._start(connection, self._server, self._expired if expired else self._good)

    def _serve_plain(self, connection: socket.socket) -> None:
        self._start(connection, self._redirector, None)

    def _start(self, connection: socket.socket, server: web.Server, tls: ssl.SSLContext | None) -> None:
        task = asyncio.get_running_loop().create_task(self._greet(connection, server, tls))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _greet(self, visitor: socket.socket, server: web.Server, tls: ssl.SSLContext | None) -> None:
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(server, visitor, ssl=tls)
        except OSError:
            visitor.close()  # not TLS, or gone: ordinary on a port that is surveyed
            return
        self._transports = {known for known in self._transports if not known.is_closing()}
        self._transports.add(transport)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(self._machine.delay)
        if self._machine.has(faults.BAD_GATEWAY):
            return web.Response(status=502, text="<h1>502 Bad Gateway</h1>", content_type="text/html")
        title = html.escape(self._machine.place.title)
        return web.Response(text=_PAGE.format(title=title), content_type="text/html", headers=_SAFE)

    async def _redirect(self, request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(self._machine.delay)
        place = f"https://{self._machine.place.address}:{HTTPS_PORT}/"
        return web.Response(status=301, headers={"Location": place})
