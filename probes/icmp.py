"""Does the device answer pings, how fast, and how many get lost?

ICMP echo (RFC 792, RFC 4443) by gufo_ping's compiled socket: thousands of devices share one socket per
address family. The unprivileged datagram socket of Linux is tried first, then a raw socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import itertools
import os
import re
from collections.abc import Iterator
from types import TracebackType
from typing import Annotated, ClassVar, Self, cast

from gufo.ping._fast import PS_DGRAM_RAW, PS_IPV4, PS_IPV6, SocketWrapper
from gufo.ping.proto import SocketProto
from pydantic import Field, model_validator

from probes.core import network, probe
from probes.core.observation import Answer, Outcome, Sample
from probes.core.probe import Environment, ProbeFailure, Target
from probes.core.words import Words, milliseconds, same

NO_PERMISSION = Words(
    "máy giám sát không được phép gửi ICMP: đặt net.ipv4.ping_group_range hoặc CAP_NET_RAW",
    "this machine gives no permission for ICMP: set net.ipv4.ping_group_range or CAP_NET_RAW",
)
_ZONE = Words(
    "chưa hỗ trợ ping tới địa chỉ có vùng (fe80::1%eth0)",
    "pings to an address with a zone (fe80::1%eth0) are not supported",
)
RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes; the usual 208 KiB are overrun by the replies to 500 pings sent at once."""
LONGEST = 8.0
"""Seconds one series may take: less than the probe's timeout, so that the loss can be told."""
SOCKET_AGE = 60.0
"""Seconds after which a new socket, with another ICMP id, takes over: a firewall that holds the old id in a
dead session would otherwise drop our pings until we restart (blackbox_exporter issue 591)."""

_OS_ERROR = re.compile(r"os error (\d+)")


class Params(probe.Params):
    """How many pings make one measurement."""

    count: Annotated[int, Field(ge=1, le=100)] = 3
    """Echo requests in one series."""
    spacing: Annotated[float, Field(ge=0.01, le=5)] = 0.2
    """Seconds between two requests."""
    wait: Annotated[float, Field(ge=0.1, le=LONGEST)] = 2.0
    """Seconds to wait for replies after the last request."""
    size: Annotated[int, Field(ge=64, le=1500)] = 64
    """Bytes of a request with its IP header."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.count - 1) * self.spacing + self.wait > LONGEST:
            raise ValueError(f"(count - 1) x spacing + wait must not be more than {LONGEST:g} seconds")
        return self


class _Series:
    """The requests of one attempt and their replies, in seconds."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.rtts: dict[int, float] = {}
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def replied(self, number: int, rtt: float) -> None:
        self.rtts[number] = rtt
        if len(self.rtts) == self.count and not self.complete.done():
            self.complete.set_result(None)


class _EchoSocket:
    """One ICMP socket and the requests that wait for a reply.

    gufo_ping's own `PingSocket` is not used: it breaks when an attempt is cancelled and cannot be closed.
    Raises `OSError` (`PermissionError`) when the system gives no socket.
    """

    def __init__(self, version: int) -> None:
        family = PS_IPV4 if version == 4 else PS_IPV6
        compiled = SocketWrapper(family + PS_DGRAM_RAW, int(LONGEST * 1e9), False)
        self._socket = cast("SocketProto", compiled)
        self._socket.set_recv_buffer_size(RECEIVE_BUFFER)
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, tuple[_Series, int]] = {}
        self._users = 0
        self._retired = False
        self.born = self._loop.time()
        self._loop.add_reader(self._socket.get_fd(), self._read)

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """Keep the socket open for the block, even when a younger one takes over meanwhile."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._retired:
                self.retire()

    def retire(self) -> None:
        """Close the socket as soon as nobody uses it."""
        self._retired = True
        if not self._users:
            self._loop.remove_reader(self._socket.get_fd())
            del self._socket  # the last reference: the descriptor closes with it

    def send(self, address: str, size: int, series: _Series, number: int) -> int:
        """Send one echo request; return its identity. Raises `OSError` with its errno."""
        try:
            identity: int = self._socket.send(self._socket.clean_ip(address), size)
        except OSError as error:  # the compiled side tells the number in the text only
            found = _OS_ERROR.search(str(error))
            raise OSError(int(found[1]), os.strerror(int(found[1]))) if found else error from error
        self._waiting[identity] = (series, number)
        return identity

    def forget(self, identities: list[int]) -> None:
        """Take no more replies to these requests."""
        lost = [identity for identity in identities if self._waiting.pop(identity, None)]
        if lost:
            self._read()  # lets the compiled side drop what has expired, even when no reply ever comes

    def _read(self) -> None:
        for identity, nanoseconds in (self._socket.recv() or {}).items():
            waiting = self._waiting.pop(identity, None)
            if waiting and nanoseconds:  # zero: given up by the compiled side
                series, number = waiting
                series.replied(number, nanoseconds / 1e9)


class Probe(probe.Probe[Params]):
    """ICMP echo: loss, round-trip times, jitter."""

    params: ClassVar[type[Params]] = Params

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._sockets: dict[int, _EchoSocket] = {}

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the sockets."""
        while self._sockets:
            self._sockets.popitem()[1].retire()

    async def ask(self, target: Target, params: Params) -> Answer:
        """Ping once; some replies are an answer, none is TIMEOUT with ``icmp.loss`` 1."""
        address = await self.environment.network.resolve(target.address)
        if "%" in address:
            raise ProbeFailure(Outcome.NOT_READY, _ZONE)
        echo = self._socket(ipaddress.ip_address(address).version)
        series = _Series(params.count)
        with echo.use():
            await _run(echo, address, params, series)
        return _answer(series)

    def _socket(self, version: int) -> _EchoSocket:
        current = self._sockets.get(version)
        if current and asyncio.get_running_loop().time() - current.born < SOCKET_AGE:
            return current
        try:
            fresh = _EchoSocket(version)
        except PermissionError as error:
            raise ProbeFailure(Outcome.NOT_READY, NO_PERMISSION) from error
        except OSError as error:
            said, words = f"no ICMP socket for IPv{version}", network.words_of(error)
            vi = f"không mở được ICMP cho IPv{version}: {words.vi}"
            raise ProbeFailure(Outcome.NOT_READY, Words(vi, f"{said}: {words.en}")) from error
        if current:
            current.retire()
        self._sockets[version] = fresh
        return fresh


async def _run(echo: _EchoSocket, address: str, params: Params, series: _Series) -> None:
    sent: list[int] = []
    try:
        for number in range(params.count):
            if number:
                await asyncio.sleep(params.spacing)
            sent.append(echo.send(address, params.size, series, number))
        async with asyncio.timeout(params.wait):
            await series.complete
    except TimeoutError:
        pass  # what has not come is lost
    except OSError as error:
        if not series.rtts:
            raise network.failure(error, same("ping")) from error
    finally:
        echo.forget(sent)


def _answer(series: _Series) -> Answer:
    rtts = [series.rtts[number] for number in sorted(series.rtts)]
    loss = Sample("icmp.loss", 1 - len(rtts) / series.count)
    if not rtts:
        requests = "1 echo request" if series.count == 1 else f"{series.count} echo requests"
        silent = Words(f"không có trả lời cho {series.count} gói ping", f"no reply to {requests}")
        raise ProbeFailure(Outcome.TIMEOUT, silent, Answer(samples=(loss,)))
    mean = sum(rtts) / len(rtts)
    samples = [
        loss,
        Sample("icmp.rtt.min", min(rtts), "s"),
        Sample("icmp.rtt.mean", mean, "s"),
        Sample("icmp.rtt.max", max(rtts), "s"),
    ]
    if len(rtts) > 1:
        samples.append(Sample("icmp.jitter", _jitter(rtts), "s"))
    came, took = len(rtts), milliseconds(mean)
    detail = Words(
        f"{came}/{series.count} gói có trả lời, trung bình {took.vi}",
        f"{came} of {series.count} replies, {took.en} on average",
    )
    return Answer(tuple(samples), detail=detail)


def _jitter(rtts: list[float]) -> float:
    """Mean difference between neighbouring round-trip times (as in RFC 3550 §6.4.1, not smoothed)."""
    return sum(abs(after - before) for before, after in itertools.pairwise(rtts)) / (len(rtts) - 1)
