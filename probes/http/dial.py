"""One fresh connection for one HTTP request, with the time each phase took and the certificate shown.

aiohttp's own connector measures name, TCP and TLS together and lets go of the connection, and so of its
certificate, before a short answer is returned.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import suppress

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace

from probes.core.network import Network, at_port, failure
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.text import clean
from probes.core.words import Words

_FAULTS = {
    9: "chưa đến ngày có hiệu lực",
    10: "đã hết hạn",
    18: "tự ký",
    19: "trong chuỗi có chứng chỉ gốc tự ký, không được tin cậy",
    20: "không có chứng chỉ của nơi cấp trong danh sách tin cậy",
    21: "thiếu chứng chỉ trung gian",
    62: "không đúng tên miền",
    64: "không đúng địa chỉ IP",
}
"""What OpenSSL's verify codes (x509_vfy.h) mean, in Vietnamese."""


class CertificateRefused(Exception):
    """The server's certificate did not pass."""

    def __init__(self, error: ssl.SSLCertVerificationError) -> None:
        reason = clean(error.verify_message, 120)
        super().__init__(reason)
        known = _FAULTS.get(error.verify_code)
        self.words = Words(f"{known} ({reason})" if known else reason, reason)
        """OpenSSL's reason."""


class Dial(aiohttp.BaseConnector):
    """Connects once, to `address`, whatever the URL's host would resolve to now.

    `phases` are seconds by name: ``connect``, ``tls``.
    """

    def __init__(self, network: Network, address: str, settings: ssl.SSLContext, server_name: str) -> None:
        super().__init__(force_close=True)
        self.phases: dict[str, float] = {}
        self.certificate: bytes | None = None
        self._network = network
        self._address = address
        self._settings = settings
        self._server_name = server_name
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None

    def hang_up(self) -> None:
        """Drop the connection at once: waiting for a polite end of TLS would leave it to the server."""
        if self._transport is None or self._socket is None:
            return
        if not self._transport.is_closing():
            self._transport.abort()
            return
        with suppress(OSError):  # gone already. CPython 3.11.2 (Debian 12) cannot abort what was closed twice
            self._socket.shutdown(socket.SHUT_RDWR)

    async def _create_connection(
        self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        host, port = req.url.host or "", req.url.port or 0
        self._socket = connected = await self._connect(port)
        try:
            return await self._speak(connected, host, secure=req.url.scheme == "https")
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(error) from error
        except ssl.SSLError as error:
            reason = clean(error.reason or "no reason given", 80)
            text = Words(f"bắt tay TLS thất bại: {reason}", f"TLS handshake failed: {reason}")
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, text) from error
        except OSError as error:
            raise failure(error, at_port("TLS", port)) from error

    async def _connect(self, port: int) -> socket.socket:
        start = time.perf_counter()
        try:
            connected = await self._network.connect(self._address, port)
        except OSError as error:
            raise failure(error, at_port("TCP", port)) from error
        self.phases["connect"] = time.perf_counter() - start
        return connected

    async def _speak(self, connected: socket.socket, host: str, *, secure: bool) -> ResponseHandler:
        loop = asyncio.get_running_loop()
        start = time.perf_counter()
        name = (self._server_name or host) if secure else None
        self._transport, protocol = await loop.create_connection(
            self._factory, sock=connected, ssl=self._settings if secure else None, server_hostname=name
        )
        if secure:
            self.phases["tls"] = time.perf_counter() - start
            shown: ssl.SSLObject = self._transport.get_extra_info("ssl_object")
            self.certificate = shown.getpeercert(binary_form=True)
        return protocol
