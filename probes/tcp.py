"""Can a TCP port be opened, and how fast?

Where a port should be closed (Telnet), the answer is the evidence and a rule judges it: a refused connection
and an open one are both answers. Silence is neither: the port may be filtered, or the device away.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from probes.core import network, probe
from probes.core.observation import Answer, Fact, Outcome, Sample
from probes.core.probe import ProbeFailure, Target
from probes.core.text import clean
from probes.core.words import Words, milliseconds

BANNER_BYTES = 256
BANNER_SECONDS = 1.0
_NEGOTIATION = re.compile(rb"\xff[\xfb-\xfe].|\xff\xfa.*?\xff\xf0", re.DOTALL)
"""Telnet's option negotiation: IAC WILL/WONT/DO/DONT option, IAC SB … IAC SE (RFC 854)."""
_LOGIN_PROMPT = re.compile(rb"(login|user ?name|password)\s{0,8}:\s{0,8}$", re.IGNORECASE)


class Params(probe.Params):
    """Which port, and what it should be."""

    port: Annotated[int, Field(ge=1, le=65535)]
    """TCP port number."""
    expect: Literal["open", "closed"] = "open"
    """With `closed`, a refused connection is a good answer."""
    banner: bool = False
    """Read what the server says first, for at most a second, and recognise Telnet by it."""


class Probe(probe.Probe[Params]):
    """TCP connect, and the first line the server says."""

    params: ClassVar[type[Params]] = Params

    async def ask(self, target: Target, params: Params) -> Answer:
        """Connect once. A closed port is REFUSED unless that is expected; the fact is told in both cases."""
        address = await self.environment.network.resolve(target.address)
        started = time.perf_counter()
        try:
            ours = await self.environment.network.connect(address, params.port)
        except ConnectionRefusedError as error:
            return _closed(params, error)
        except OSError as error:
            raise network.failure(error, network.at_port("TCP", params.port)) from error
        with ours:
            duration = time.perf_counter() - started
            said = await _banner(ours) if params.banner else b""
        return _open(params, duration, said)


async def _banner(ours: socket.socket) -> bytes:
    """Return the first line, or what comes within the time and size allowed."""
    said = b""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):  # TimeoutError is one; a reset ends the banner like an end of file
        async with asyncio.timeout(BANNER_SECONDS):
            while len(said) < BANNER_BYTES and b"\n" not in said:
                more = await loop.sock_recv(ours, BANNER_BYTES - len(said))
                if not more:
                    break
                said += more
    return said


def _closed(params: Params, error: OSError) -> Answer:
    name = network.at_port("TCP", params.port)
    words = Words(f"{name.vi} đóng", f"{name.en} is closed")
    answer = Answer(facts=(Fact("tcp.port", "closed", str(params.port)),), detail=words)
    if params.expect == "open":
        raise ProbeFailure(Outcome.REFUSED, answer.detail, answer) from error
    return answer


def _open(params: Params, duration: float, said: bytes) -> Answer:
    port = str(params.port)
    facts = [Fact("tcp.port", "open", port)]
    if said:
        facts.append(Fact("tcp.telnet", _is_telnet(said), port))
    if text := clean(_NEGOTIATION.sub(b"", said)):
        facts.append(Fact("tcp.banner", text, port))
    name, took = network.at_port("TCP", port), milliseconds(duration)
    detail = Words(f"{name.vi} mở, {took.vi}", f"{name.en} is open, {took.en}")
    if params.expect == "closed":
        detail = Words(f"{name.vi} đang mở, lẽ ra phải đóng", f"{name.en} is open and should be closed")
    return Answer((Sample("tcp.connect.duration", duration, "s"),), tuple(facts), detail)


def _is_telnet(said: bytes) -> bool:
    return bool(_NEGOTIATION.search(said) or _LOGIN_PROMPT.search(said))
