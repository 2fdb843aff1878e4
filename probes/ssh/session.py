"""A logged-in connection that is kept between two attempts, and the one round trip over it."""

from __future__ import annotations

import contextlib

import asyncssh

from inventory.secrets import Credential
from probes.core.observation import Fact, Outcome
from probes.core.probe import ProbeFailure
from probes.core.text import clean
from probes.core.words import Words
from probes.ssh import linux, sshd_config
from probes.ssh.script import MAX_OUTPUT, Invalid, command, split

_WINDOW = 256 * 1024
"""Bytes the server may send ahead of our reading."""


class SessionLost(Exception):
    """The connection ended while or before the command ran; worth one new login."""


class Session:
    """One login: its connection, whose key and which credential it stands for, and what was learned by it."""

    def __init__(
        self, connection: asyncssh.SSHClientConnection, host_key: str, credential: Credential, opened: float
    ) -> None:
        self.connection = connection
        self.host_key = host_key
        self.opened = opened
        """Monotonic time, seconds."""
        self.facts: tuple[Fact, ...] = ()
        self._identity = _identity(credential)
        self._configured = False

    def serves(self, credential: Credential, approved: frozenset[str]) -> bool:
        """Whether it may still be used: same credential, host key still approved, not closed."""
        return (
            self._identity == _identity(credential)
            and self.host_key in approved
            and not self.connection.is_closed()
        )

    async def collect(self, *, sudo: bool, subject: str) -> dict[str, list[str]]:
        """Run the script once and return its sections. Raises `ProbeFailure`, `SessionLost`.

        What belongs to the configuration is read the first time only and kept in `facts`.
        """
        first = not self._configured
        output = await self._run(command(with_configuration=first, sudo=sudo))
        try:
            sections = split(output, with_configuration=first)
        except Invalid as error:
            raise _not_ours(output, error) from error
        if first:
            self.facts = (*self.facts, *linux.facts(sections), *sshd_config.facts(sections["sshd"], subject))
            self._configured = True
        return sections

    async def _run(self, line: str) -> bytes:
        try:
            process = await self.connection.create_process(
                line, encoding=None, window=_WINDOW, stdin=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL
            )
            try:
                return await _bounded(process.stdout)
            finally:
                process.close()
        except asyncssh.ChannelOpenError as error:
            raise self._closed_or(error) from error
        except (asyncssh.Error, OSError, ValueError) as error:  # ValueError: a damaged packet
            raise SessionLost(clean(str(error), 160)) from error

    def _closed_or(self, error: asyncssh.ChannelOpenError) -> Exception:
        if self.connection.is_closed():
            return SessionLost("opened no session")
        said = clean(error.reason, 160)
        text = Words(f"máy chủ không mở phiên: {said}", f"the server opened no session: {said}")
        return ProbeFailure(Outcome.PROTOCOL_ERROR, text)

    async def close(self) -> None:
        """End the connection at once and wait until its resources are free."""
        self.connection.abort()
        with contextlib.suppress(asyncssh.Error, OSError):
            await self.connection.wait_closed()


async def _bounded(stream: asyncssh.SSHReader[bytes]) -> bytes:
    parts, size = [], 0
    while part := await stream.read(65536):
        parts.append(part)
        size += len(part)
        if size > MAX_OUTPUT:
            text = Words(
                f"trả lời dài hơn {MAX_OUTPUT} byte", f"the answer is longer than {MAX_OUTPUT} bytes"
            )
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, text)
    return b"".join(parts)


def _not_ours(output: bytes, error: Invalid) -> ProbeFailure:
    """A device without a shell (a switch, a forced command) answers the command with something of its own."""
    said = clean(output[:400], 100)
    if b"@@" not in output:
        text = Words(f"không phải máy Linux: trả lời {said!r}", f"no Linux shell answered: {said!r}")
    else:
        text = Words(f"trả lời sai dạng: {error}", f"the answer is malformed: {error}")
    return ProbeFailure(Outcome.PROTOCOL_ERROR, text)


def _identity(credential: Credential) -> tuple[object, ...]:
    settings = tuple(sorted(credential.settings.items()))
    return credential.kind, settings, tuple(sorted(credential.secrets.items(), key=lambda pair: pair[0]))
