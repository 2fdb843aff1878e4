"""Is the SSH server sound, and how does the Linux host behind it do?

Before any login the server's version, algorithms and host key are read. The credential is sent only when an
operator has approved that host key for this device at this address; then one command collects everything in
one round trip (`probes.ssh.script`). The connection is kept and used again, because a login costs both sides
and OpenSSH counts connections.

References: RFC 4251, 4252, 4253; proc(5), df(1), systemctl(1), sshd_config(5), os-release(5).
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Annotated

from pydantic import Field

from inventory.secrets import Credential
from probes.core.observation import Answer, Fact, Outcome, Sample
from probes.core.probe import Params, ProbeFailure, Target
from probes.core.probe import Probe as BaseProbe
from probes.core.words import Words, same
from probes.ssh import linux
from probes.ssh.login import Client, connect, ended, normal, private_key, with_answer
from probes.ssh.session import Session, SessionLost
from probes.ssh.wire import Wire, greeting


class SshParams(Params):
    """What to ask an SSH server."""

    port: Annotated[int, Field(ge=1, le=65535)] = 22
    """TCP port."""
    keep: Annotated[float, Field(ge=0, le=86400)] = 900.0
    """Seconds one login is used before a new one; algorithms and configuration are read anew with each."""
    exclude: tuple[str, ...] = ()
    """Mount points to leave out: ``[/mnt/backup]``."""
    sudo: bool = False
    """Read sshd's effective configuration with ``sudo -n``. Where that is not allowed, sudo logs each try."""
    legacy: bool = False
    """Also accept algorithms that are no longer secure, to log in to an old device at all."""


Place = tuple[str, str, int]
"""Device id, address, port."""


class Probe(BaseProbe[SshParams]):
    """Reads the outside of any SSH server, and the inside of a Linux host when there is a credential."""

    params = SshParams
    credential_kinds = ("ssh_key", "ssh_password")
    interval = 60.0
    timeout = 20.0

    _sessions: dict[Place, Session]
    _cpu: dict[Place, linux.CpuTime]
    _expiries: dict[Place, asyncio.TimerHandle]

    async def __aenter__(self) -> Probe:
        """Start without connections."""
        self._sessions, self._cpu, self._expiries = {}, {}, {}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections kept."""
        for timer in self._expiries.values():
            timer.cancel()
        await asyncio.gather(*(session.close() for session in self._sessions.values()))
        self._sessions.clear()

    async def ask(self, target: Target, params: SshParams) -> Answer:
        """Read the server from outside, then, with a credential and an approved host key, the host."""
        place = (target.device, target.address, params.port)
        wire = Wire(
            self.environment.network, await self.environment.network.resolve(target.address), params.port
        )
        if target.credential is None:
            return await self._look(wire, target, params)
        kept = await self._take(place, target.credential)
        if kept is not None:
            try:
                await self._greet(kept, wire)
                return await self._collect(kept, place, params)
            except SessionLost:
                pass  # the server was restarted or dropped an idle connection: not a failure yet
        try:
            session = await self._log_in(wire, target, target.credential, params)
            return await self._collect(session, place, params)
        except SessionLost as error:
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, ended(error)) from error

    async def _greet(self, kept: Session, wire: Wire) -> None:
        try:
            await greeting(self.environment.network, wire.address, wire.port)
        except BaseException:
            kept.connection.abort()
            raise

    async def _look(self, wire: Wire, target: Target, params: SshParams) -> Answer:
        client = Client((), None, None)
        try:
            connection = await connect(wire, client, "nobody", legacy=params.legacy)
        except ProbeFailure as error:
            answer = self._evidence(target, params, wire, client)
            if error.outcome is not Outcome.UNTRUSTED:
                raise with_answer(error, answer) from error
            self._require_unchanged(target, params, client, answer)
            return answer
        connection.abort()  # not possible: without a credential no host key is accepted
        raise AssertionError("a login without a credential")

    async def _log_in(self, wire: Wire, target: Target, credential: Credential, params: SshParams) -> Session:
        key = private_key(credential)
        client = Client(self._approved(target, params), credential, key)
        try:
            connection = await connect(wire, client, credential.user, legacy=params.legacy)
        except ProbeFailure as error:
            answer = self._evidence(target, params, wire, client)
            if error.outcome is Outcome.UNTRUSTED:
                raise self._untrusted(target, params, client, answer) from error
            raise with_answer(error, answer) from error
        if not client.offered:
            client.methods = ("none",)  # let in without any credential (baseline SSH-13)
        line = client.host_key.line if client.host_key else ""
        session = Session(connection, line, credential, time.monotonic())
        session.facts = self._evidence(target, params, wire, client).facts
        return session

    async def _collect(self, session: Session, place: Place, params: SshParams) -> Answer:
        try:
            sections = await session.collect(sudo=params.sudo, subject=str(params.port))
        except ProbeFailure as error:
            await session.close()
            raise with_answer(error, Answer(facts=session.facts)) from error
        except BaseException:
            session.connection.abort()
            raise
        samples = (*linux.samples(sections, params.exclude), *self._cpu_samples(place, sections["stat"]))
        units = linux.failed_units(sections["units"])
        facts = session.facts if units is None else (*session.facts, Fact("system.units.failed", units))
        await self._keep(place, session, params)
        return Answer(samples, facts, _summary(facts, samples))

    def _cpu_samples(self, place: Place, section: linux.Section) -> tuple[Sample, ...]:
        now, before = linux.cpu_time(section), self._cpu.get(place)
        if now is None:
            return ()
        self._cpu[place] = now
        ratio = now.utilization_since(before) if before else None
        return () if ratio is None else (Sample("system.cpu.utilization", ratio),)

    def _approved(self, target: Target, params: SshParams) -> tuple[str, ...]:
        keys = self.environment.host_keys.approved(target.device, target.address, params.port)
        return tuple(normal(key) for key in keys)

    def _evidence(self, target: Target, params: SshParams, wire: Wire, client: Client) -> Answer:
        subject = str(params.port)
        facts: list[Fact] = []
        offer = wire.overture.offer if wire.overture else None
        if offer is not None:
            facts += offer.facts(subject)
        if client.host_key is not None:
            facts += client.host_key.facts(subject)
            approved = self._approved(target, params)
            if approved:
                facts.append(Fact("ssh.host_key_changed", client.host_key.line not in approved, subject))
        if client.methods:
            facts.append(Fact("ssh.auth_methods", client.methods, subject))
        return Answer(facts=tuple(facts), detail=same(offer.version if offer else ""))

    def _untrusted(self, target: Target, params: SshParams, client: Client, answer: Answer) -> ProbeFailure:
        if client.host_key is None:
            return ProbeFailure(Outcome.PROTOCOL_ERROR, _UNREADABLE, answer)
        key = client.host_key
        self.environment.host_keys.report(target.device, target.address, params.port, key.line)
        if self._approved(target, params):
            text = Words(
                f"khóa máy chủ nay là {key.fingerprint}, khác khóa đã duyệt; không gửi tài khoản",
                f"the host key is now {key.fingerprint}, not the approved one; no credential was sent",
            )
        else:
            text = Words(
                f"khóa máy chủ {key.fingerprint} chờ duyệt; chưa gửi tài khoản",
                f"host key {key.fingerprint} waits for approval; no credential was sent",
            )
        return ProbeFailure(Outcome.UNTRUSTED, text, answer)

    def _require_unchanged(self, target: Target, params: SshParams, client: Client, answer: Answer) -> None:
        approved = self._approved(target, params)
        if approved and (client.host_key is None or client.host_key.line not in approved):
            raise self._untrusted(target, params, client, answer)

    async def _take(self, place: Place, credential: Credential) -> Session | None:
        """Take the kept connection out, if it may still be used: nobody else can use it meanwhile."""
        session = self._sessions.pop(place, None)
        if session is None:
            return None
        timer = self._expiries.pop(place, None)
        if timer is not None:
            timer.cancel()
        approved = self.environment.host_keys.approved(*place)
        if session.serves(credential, frozenset(normal(key) for key in approved)):
            return session
        await session.close()
        return None

    async def _keep(self, place: Place, session: Session, params: SshParams) -> None:
        left = session.opened + params.keep - time.monotonic()
        if left <= 0 or place in self._sessions:
            await session.close()
            return
        self._sessions[place] = session
        self._expiries[place] = asyncio.get_running_loop().call_later(left, self._expire, place)

    def _expire(self, place: Place) -> None:
        self._expiries.pop(place, None)
        session = self._sessions.pop(place, None)
        if session is not None:
            session.connection.abort()


def _summary(facts: tuple[Fact, ...], samples: tuple[Sample, ...]) -> Words:
    named = (same(str(fact.value)) for fact in facts if fact.name == "os.description")
    system = next(named, Words("đã đăng nhập", "logged in"))
    load = next((sample.value for sample in samples if sample.metric == "system.linux.cpu.load_1m"), None)
    if load is None:
        return system
    text = f"{load:g}"
    return Words(f"{system.vi}, tải {text.replace('.', ',')}", f"{system.en}, load {text}")


_UNREADABLE = Words(
    "không đọc được khóa máy chủ; không gửi tài khoản", "the host key cannot be read; no credential was sent"
)
