"""One OPTIONS request over UDP, TCP or TLS until its final response (RFC 3261 §17.1.2, §18)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass

from probes.core.network import Network, at_port, failure
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.text import clean
from probes.core.words import Words
from probes.sip.message import MAX_HEAD, Malformed, Message, Options, parse

T1 = 0.5
"""Seconds until the first retransmission over UDP; each next wait doubles (RFC 3261 §17.1.1.1)."""
T2 = 4.0
"""Seconds between retransmissions at most."""
GRACE = 1.0
"""Seconds the true answer may still take after the device sent something that is no answer."""
MAX_MESSAGES = 32
MAX_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where to ask."""

    ip: str
    port: int

    @property
    def host(self) -> str:
        """Address and port as in a SIP URI."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reply:
    """The final response, and how it came."""

    message: Message
    rtt: float
    """Seconds from the first request to the response, retransmissions included."""
    retransmissions: int = 0
    connect: float | None = None
    """Seconds to open the connection, TLS handshake included; ``None`` over UDP."""
    tls_version: str = ""


class Transaction:
    """What a device said so far to one request: provisional responses, the final one, and what is neither."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.provisional = ""
        self.strange = 0
        self.heard = 0

    def take(self, raw: bytes) -> Message | None:
        """Return the final response when `raw` is it; remember what else it is."""
        self.heard += 1
        try:
            message = parse(raw)
        except Malformed:
            message = None
        if message is None or not self.options.is_answered_by(message):
            self.strange += 1
            return None
        if message.status < 200:
            self.provisional = f"{message.status} {clean(message.reason, 60)}"
            return None
        return message

    def unanswered(self, waited: Words) -> ProbeFailure:
        """Return what it means that no final response came."""
        if self.provisional:
            vi = f"trả lời {self.provisional} rồi không có trả lời cuối"
            en = f"{self.provisional} and then no final response"
            return ProbeFailure(Outcome.PROTOCOL_ERROR, Words(vi, en))
        if self.strange:
            return ProbeFailure(Outcome.PROTOCOL_ERROR, _STRANGE)
        return ProbeFailure(Outcome.TIMEOUT, waited)


_STRANGE = Words(
    "trả lời một thứ không phải câu trả lời cho OPTIONS",
    "answered something that is no response to our OPTIONS",
)
_CONNECTED = Words("kết nối được nhưng không trả lời OPTIONS", "connected, and no answer to OPTIONS")
_CLOSED = Words("đóng kết nối mà không trả lời", "closed the connection without an answer")
_NO_SIP = Words("trả lời một thứ không phải SIP", "answered something that is no SIP")


async def over_udp(network: Network, address: Address, uri: str, wait: float) -> Reply:
    """Ask with retransmissions for `wait` seconds. Raises `ProbeFailure`.

    The socket is connected: answers of other addresses are dropped by the kernel, and a closed port is told.
    """
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as ours:
            ours.setblocking(False)
            ours.connect((address.ip, address.port))
            network.check_peer(ours)
            return await _Datagrams(ours, uri, wait).ask()
    except OSError as error:
        raise failure(error, at_port("UDP", address.port)) from error


class _Datagrams:
    """The client transaction over an unreliable transport: timers E and F."""

    def __init__(self, ours: socket.socket, uri: str, wait: float) -> None:
        self.socket = ours
        self.transaction = Transaction(Options(uri, "UDP", Address(*ours.getsockname()[:2]).host))
        self.loop = asyncio.get_running_loop()
        self.wait = wait
        self.deadline = self.loop.time() + wait

    async def ask(self) -> Reply:
        request = self.transaction.options.encode()
        started, pause, sent = time.perf_counter(), T1, 0
        while (now := self.loop.time()) < self.deadline:
            await self.loop.sock_sendall(self.socket, request)
            sent += 1
            message = await self._until(min(now + pause, self.deadline))
            if message:
                return Reply(message, time.perf_counter() - started, sent - 1)
            pause = min(pause * 2, T2)
        raise self.transaction.unanswered(
            Words(
                f"không trả lời {sent} bản tin OPTIONS trong {self.wait:g} giây",
                f"no reply to {sent} OPTIONS requests in {self.wait:g} s",
            )
        )

    async def _until(self, moment: float) -> Message | None:
        """Return the final response when it comes before `moment`."""
        try:
            async with asyncio.timeout_at(moment):
                while True:
                    message = self.transaction.take(await self.loop.sock_recv(self.socket, 65535))
                    if message or self._enough():
                        return message
        except TimeoutError:
            return None

    def _enough(self) -> bool:
        """Whether the device says so much that is no answer that waiting on is no use."""
        if self.transaction.strange:
            self.deadline = min(self.deadline, self.loop.time() + GRACE)
        if self.transaction.heard >= MAX_MESSAGES:
            self.deadline = 0.0
        return self.transaction.heard >= MAX_MESSAGES


async def over_stream(
    network: Network, address: Address, uri: str, wait: float, tls: ssl.SSLContext | None
) -> Reply:
    """Connect and ask once, all within `wait` seconds. Raises `ProbeFailure`."""
    try:
        return await _ask_stream(network, address, uri, asyncio.get_running_loop().time() + wait, tls)
    except (ssl.SSLError, ssl.CertificateError) as error:
        reason = clean(getattr(error, "reason", None) or type(error).__name__, 80)
        text = Words(
            f"cổng {address.port} không nói TLS: {reason}", f"no TLS on port {address.port}: {reason}"
        )
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, text) from error
    except OSError as error:
        raise failure(error, at_port("TCP", address.port)) from error


async def _ask_stream(
    network: Network, address: Address, uri: str, deadline: float, tls: ssl.SSLContext | None
) -> Reply:
    opened = time.perf_counter()
    async with asyncio.timeout_at(deadline):
        ours = await network.connect(address.ip, address.port)
        name = address.ip if tls else None
        reader, writer = await asyncio.open_connection(
            sock=ours, ssl=tls, server_hostname=name, limit=MAX_HEAD
        )
    try:
        local = Address(*writer.get_extra_info("sockname")[:2]).host
        transaction = Transaction(Options(uri, "TLS" if tls else "TCP", local))
        started = time.perf_counter()
        writer.write(transaction.options.encode())
        message = await _final(reader, transaction, deadline)
        rtt = time.perf_counter() - started
        secured = writer.get_extra_info("ssl_object")
        return Reply(message, rtt, connect=started - opened, tls_version=secured.version() if secured else "")
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)  # the socket closes in the next turn of the loop


async def _final(reader: asyncio.StreamReader, transaction: Transaction, deadline: float) -> Message:
    try:
        async with asyncio.timeout_at(deadline):
            return await _read_final(reader, transaction)
    except TimeoutError as error:
        raise transaction.unanswered(_CONNECTED) from error
    except asyncio.IncompleteReadError as error:
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, _CLOSED) from error
    except (asyncio.LimitOverrunError, Malformed) as error:
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, _NO_SIP) from error


async def _read_final(reader: asyncio.StreamReader, transaction: Transaction) -> Message:
    for _ in range(MAX_MESSAGES):
        head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
        if not head:
            continue  # a keep-alive (RFC 5626 §3.5.1)
        if message := transaction.take(head):
            return message
        length = parse(head).content_length
        if length > MAX_BODY:
            raise Malformed("the body is too large")
        await reader.readexactly(length)
    raise Malformed("many messages and no final response")
