"""A handful of polite connections that find out which versions and weak suites a TLS server accepts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum

import msgspec

from probes.core.network import Network, at_port, failure
from probes.core.observation import Fact, Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import Words
from probes.tls import suites
from probes.tls.hello import (
    NAMES,
    SSL_2,
    SSL_3,
    TLS_1_0,
    TLS_1_1,
    TLS_1_2,
    TLS_1_3,
    Alert,
    Malformed,
    Reader,
    ServerHello,
    client_hello,
    is_ssl2_server_hello,
    ssl2_client_hello,
)

_ORDER = (TLS_1_2, TLS_1_3, TLS_1_1, TLS_1_0, SSL_3)
_REFUSALS = frozenset({40, 47, 70, 71})
"""handshake_failure, illegal_parameter, protocol_version, insufficient_security: a clear no."""


class NoAnswer(Enum):
    """What came instead of an answer."""

    CLOSED = "closed"
    SILENT = "silent"
    NONSENSE = "nonsense"


Reply = ServerHello | Alert | NoAnswer


class Findings(msgspec.Struct, frozen=True):
    """What is certain. `None` means it could not be found out, which is not the same as "no"."""

    accepted: tuple[int, ...]
    untested: tuple[int, ...]
    weak_suites: tuple[str, ...] | None
    forward_secrecy: bool | None
    best: ServerHello | None
    """The answer to the newest version before TLS 1.3, whose certificate is in the clear."""
    dh_bits: int | None

    def facts(self, subject: str) -> tuple[Fact, ...]:
        """Evidence about the port `subject`.

        A list of versions that is not complete could pass for a good one: it is given only when every version
        was tested, or when something in it is bad anyway.
        """
        found: list[Fact] = []
        names = tuple(NAMES[version] for version in sorted(self.accepted))
        if not self.untested or min(self.accepted, default=TLS_1_3) < TLS_1_2:
            found.append(Fact("tls.versions", names, subject))
        if self.untested:
            found.append(
                Fact("tls.untested_versions", tuple(NAMES[v] for v in sorted(self.untested)), subject)
            )
        if self.weak_suites is not None:
            found.append(Fact("tls.weak_ciphers", self.weak_suites, subject))
        if self.forward_secrecy is not None:
            found.append(Fact("tls.forward_secrecy", self.forward_secrecy, subject))
        if self.dh_bits is not None:
            found.append(Fact("tls.dh_bits", self.dh_bits, subject))
        if self.best is not None:
            found.append(Fact("tls.compression", self.best.compression, subject))
            found.append(Fact("tls.secure_renegotiation", self.best.secure_renegotiation, subject))
        return tuple(found)


class Survey:
    """Asks one server; `pause` seconds between connections, at most `patience` seconds for a later one."""

    def __init__(
        self,
        network: Network,
        address: str,
        port: int,
        server_name: str,
        *,
        pause: float,
        patience: float,
    ) -> None:
        self._network = network
        self._address, self._port, self._name = address, port, server_name
        self._pause, self._patience = pause, patience

    async def run(self) -> Findings:
        """Ask everything. Raises `ProbeFailure` when nothing at the other end speaks TLS."""
        replies = await self._versions()
        accepted = tuple(version for version, reply in replies.items() if _accepts(reply, version))
        ssl2 = await self._ssl2()
        untested = tuple(v for v, reply in replies.items() if not _is_clear(reply))
        old = [version for version in accepted if version < TLS_1_3]
        best = replies[max(old)] if old else None
        return Findings(
            accepted=(*accepted, SSL_2) if ssl2 else accepted,
            untested=(*untested, SSL_2) if ssl2 is None else untested,
            weak_suites=await self._weak_suites(max(old)) if old else _certain_without_old(untested),
            forward_secrecy=await self._forward_secrecy(accepted),
            best=best if isinstance(best, ServerHello) else None,
            dh_bits=await self._dh_bits(max(old)) if old else None,
        )

    async def _versions(self) -> dict[int, Reply]:
        replies: dict[int, Reply] = {_ORDER[0]: await self._first()}
        for version in _ORDER[1:]:
            offered = suites.TLS_1_3 if version == TLS_1_3 else suites.GENERAL
            replies[version] = await self._ask(client_hello(version, offered, self._name))
        if not any(isinstance(reply, ServerHello) for reply in replies.values()):
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, _why_nothing(list(replies.values())))
        return replies

    async def _first(self) -> Reply:
        """The runner's deadline, not `patience`, limits the first answer; what is not TLS ends the survey."""
        hello = client_hello(_ORDER[0], suites.GENERAL, self._name)
        try:
            return await self._exchange(hello)
        except OSError as error:
            raise failure(error, at_port("TLS", self._port)) from error
        except Malformed as error:
            text = Words(f"không phải TLS: {error}", f"not TLS: {error}")
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, text) from error

    async def _ask(self, hello: bytes) -> Reply:
        await asyncio.sleep(self._pause)
        try:
            async with asyncio.timeout(self._patience):
                return await self._exchange(hello)
        except TimeoutError:
            return NoAnswer.SILENT
        except (ConnectionResetError, BrokenPipeError):
            return NoAnswer.CLOSED
        except (OSError, Malformed):
            return NoAnswer.NONSENSE

    async def _exchange(self, hello: bytes) -> Reply:
        reader, writer = await self._connect()
        try:
            writer.write(hello)
            answer = Reader()
            while data := await reader.read(16384):
                reply = answer.feed(data)
                if reply is not None:
                    return reply
            return answer.so_far or NoAnswer.CLOSED
        finally:
            writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(sock=await self._network.connect(self._address, self._port))

    async def _ssl2(self) -> bool | None:
        await asyncio.sleep(self._pause)
        try:
            async with asyncio.timeout(self._patience):
                reader, writer = await self._connect()
                try:
                    writer.write(ssl2_client_hello())
                    return is_ssl2_server_hello(await reader.read(1024))
                finally:
                    writer.transport.abort()
        except TimeoutError:
            return None  # it waits for the rest of what it takes for a longer record, or drops it
        except ConnectionResetError:
            return False
        except OSError:
            return None

    async def _weak_suites(self, version: int) -> tuple[str, ...] | None:
        """Offer weak suites only; what is taken shows one kind, which is then left out of the next offer."""
        found: list[str] = []
        kinds = list(suites.WEAK)
        while kinds:
            reply = await self._ask(
                client_hello(version, [number for kind in kinds for number in kind], self._name)
            )
            taken = [kind for kind in kinds if isinstance(reply, ServerHello) and reply.suite in kind]
            if not taken or not isinstance(reply, ServerHello):
                return tuple(found) if found or _is_clear(reply) else None
            found.append(taken[0][reply.suite])
            kinds.remove(taken[0])
        return tuple(found)

    async def _forward_secrecy(self, accepted: Sequence[int]) -> bool | None:
        if TLS_1_3 in accepted:
            return True
        if TLS_1_2 not in accepted:
            return False if accepted else None
        reply = await self._ask(client_hello(TLS_1_2, suites.FORWARD_SECRET, self._name))
        return isinstance(reply, ServerHello) if _is_clear(reply) else None

    async def _dh_bits(self, version: int) -> int | None:
        reply = await self._ask(client_hello(version, suites.FINITE_FIELD, self._name))
        return reply.dh_bits if isinstance(reply, ServerHello) else None


def _accepts(reply: Reply, version: int) -> bool:
    return isinstance(reply, ServerHello) and reply.version == version


def _is_clear(reply: Reply) -> bool:
    """Whether it settles the question: a choice, a plain refusal, or hanging up (others were answered)."""
    if isinstance(reply, Alert):
        return reply.description in _REFUSALS
    return isinstance(reply, ServerHello) or reply is NoAnswer.CLOSED


def _certain_without_old(untested: Sequence[int]) -> tuple[str, ...] | None:
    """TLS 1.3 alone has no weak suite; that it is alone must be certain."""
    return None if untested else ()


def _why_nothing(replies: list[Reply]) -> Words:
    alerts = ", ".join(map(str, sorted({reply.description for reply in replies if isinstance(reply, Alert)})))
    if alerts:
        return Words(
            f"không nhận phiên bản TLS nào; mã cảnh báo (alert) {alerts}",
            f"no TLS version was accepted; alerts {alerts}",
        )
    return Words(
        "thiết bị ngắt mọi lần bắt tay TLS mà không trả lời",
        "the device ends every TLS handshake without an answer",
    )
