"""What does the device say of itself over SNMP: uptime, interfaces, CPU, memory, storage?"""

from __future__ import annotations

import asyncio
import time
import weakref
from enum import StrEnum
from types import TracebackType
from typing import Annotated, Self
from zlib import crc32

import msgspec
from pydantic import Field

from inventory.readings import MAX_ROWS
from inventory.secrets import Secret
from probes.core import probe as core
from probes.core.observation import Answer, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.core.words import Words
from probes.snmp.credentials import KINDS, security_of
from probes.snmp.engine import Engine, Peer, socket_address
from probes.snmp.keys import KeyRing
from probes.snmp.memory import EngineMemory
from probes.snmp.neighbours import Neighbours
from probes.snmp.security import Community, Security
from probes.snmp.session import MAX_REQUESTS, POLLS_PER_PLAN, Session, studies
from probes.snmp.usm import EngineState, User

MAX_SESSIONS = 100_000
SAVE_EVERY = 300.0
"""Seconds between two writings of what is known of v3 engines."""


class What(StrEnum):
    """What is read of a device."""

    HEALTH = "health"
    """Uptime, interfaces, processors, memory, storage, sensors: what its profile says."""
    NEIGHBOURS = "neighbours"
    """Who is connected where: LLDP, CDP, the tables of addresses."""


class Params(core.Params):
    """Parameters of the probe `snmp`."""

    read: What = What.HEALTH
    """What is read: the device's `health`, or its `neighbours`, which propose links for the inventory."""
    port: Annotated[int, Field(ge=1, le=65535)] = 161
    """UDP port of the agent."""
    wait: Annotated[float, Field(gt=0, le=10)] = 2.0
    """Seconds to wait for one answer; each question is asked at most twice."""
    max_interfaces: Annotated[int, Field(ge=0, le=MAX_ROWS)] = MAX_ROWS
    """Interfaces that are read at most, in the device's order."""
    interfaces: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()
    """Only interfaces whose name fits one of these patterns (``"Gi*"``); all when empty."""
    requests: Annotated[int, Field(ge=500, le=100_000)] = MAX_REQUESTS
    """Requests that one poll may cost; a first poll that needs more goes on at the next."""


class _Known(msgspec.Struct):
    target: Target
    session: Session | Neighbours
    lock: asyncio.Lock
    """Shared by all sessions with one agent: it is never asked by two at a time."""
    moved: bool = False
    """Whether its name should be looked up again, because it was silent."""


class Probe(core.Probe[Params]):
    """Polls agents by SNMP v2c or v3, after the profile that the inventory names or that fits the device."""

    params = Params
    credential_kinds = KINDS
    needs_credential = True
    interval = 60.0
    timeout = 10.0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.engine = Engine()
        self._ring = KeyRing()
        self._known: dict[tuple[str, Params], _Known] = {}
        self._locks: weakref.WeakValueDictionary[tuple[str, int], asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )
        self._users: dict[str, User] = {}
        self._communities: dict[tuple[str, Secret], Community] = {}
        skew = time.time() - time.monotonic()
        self._memory = EngineMemory(environment.state_dir / "snmp-engines.json", skew)
        self._recalled: dict[str, EngineState] = {}
        self._saved = 0.0

    async def __aenter__(self) -> Self:
        """Recall the v3 engines of an earlier run; sockets open with the first question."""
        self._recalled = await asyncio.to_thread(self._memory.read)
        self._saved = time.monotonic()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what is known of v3 engines, close the sockets."""
        await self.engine.__aexit__(kind, error, trace)
        await self._save()

    async def ask(self, target: Target, params: Params) -> Answer:
        """Poll `target` once. Rates come from the second poll on.

        Raises `ProbeFailure`: timeout, refused, unreachable, auth_failed, protocol_error, not_ready.
        """
        known = self._known.get((target.device, params))
        if known is None or known.moved or known.target != target:
            known = await self._meet(target, params, known)
        async with known.lock:
            try:
                answer = await known.session.poll()
            except ProbeFailure as failure:
                known.moved = failure.outcome.is_silence and known.session.peer.address[0] != target.address
                raise
        if self._users and time.monotonic() - self._saved > SAVE_EVERY:
            await self._save()
        return answer

    async def _meet(self, target: Target, params: Params, known: _Known | None) -> _Known:
        """Begin a session; a changed address or credential begins a new one (abuse case A45)."""
        found = await self.environment.network.resolve(target.address)
        address = socket_address(found, params.port)
        if known is not None and known.target == target and known.session.peer.address == address:
            known.moved = False
            return known
        peer = Peer(address, self._security(target, params.port), params.wait)
        if len(self._known) >= MAX_SESSIONS:
            del self._known[next(iter(self._known))]
        lock = self._locks.setdefault((target.device, params.port), asyncio.Lock())
        session = self._session(target, params, peer)
        known = self._known[target.device, params] = _Known(target, session, lock)
        return known

    def _session(self, target: Target, params: Params, peer: Peer) -> Session | Neighbours:
        if params.read is What.NEIGHBOURS:
            return Neighbours(self.engine, peer, params.requests)
        study = studies(self.environment.profiles, target.profile, params.max_interfaces, params.interfaces)
        phase = crc32(target.device.encode()) % POLLS_PER_PLAN
        return Session(self.engine, peer, study, phase=phase, budget=params.requests)

    def _security(self, target: Target, port: int) -> Security:
        if target.credential is None:
            text = Words("SNMP cần tài khoản (community hoặc người dùng v3)", "SNMP needs a credential")
            raise ProbeFailure(Outcome.NOT_READY, text)
        security = security_of(target.credential, self._ring, time.monotonic)
        if isinstance(security, Community):
            name = target.credential.kind, target.credential.secrets["community"]
            return self._communities.setdefault(name, security)
        if isinstance(security, User):
            asked = f"{target.device}:{port}"
            self._users[asked] = security
            recalled = self._recalled.pop(asked, None)
            if recalled:
                security.recall(recalled)
        return security

    async def _save(self) -> None:
        self._saved = time.monotonic()
        states = {name: user.state for name, user in self._users.items() if user.state}
        if states:
            await asyncio.to_thread(self._memory.write, self._recalled | states)


def _is_literal(known: _Known) -> bool:
    return known.session.peer.address[0] == known.target.address
