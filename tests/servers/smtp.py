"""A real SMTP server on a loopback port that keeps what it gets, and refuses or dawdles on demand.

async with smtp() as server:      # or smtp(reply="451 busy"), smtp(tls=context, user="u", password="p")
    ...server.port, server.mails...
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Mailbox:
    """What the server got, and how it behaves; both may be changed while it runs."""

    port: int = 0
    reply: str = "250 OK"
    """Answer to a whole mail."""
    recipient_reply: str = "250 OK"
    """Answer to each recipient."""
    refused: dict[str, str] = field(default_factory=dict)
    """Answers to some recipients, by address."""
    delay: float = 0.0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self.refused.get(address, self.recipient_reply)
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.delay)
        if self.reply.startswith("250"):
            mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients.append(envelope.rcpt_tos)
        return self.reply


@contextlib.asynccontextmanager
async def smtp(
    *,
    reply: str = "250 OK",
    recipient_reply: str = "250 OK",
    delay: float = 0.0,
    tls: ssl.SSLContext | None = None,
    user: str = "",
    password: str = "",
) -> AsyncIterator[Mailbox]:
    """Serve until left. With `tls` STARTTLS is required; with `user` a login too."""
    mailbox = Mailbox(reply=reply, recipient_reply=recipient_reply, delay=delay)

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        right = (given.login, given.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=False)

    def protocol() -> SMTP:
        return SMTP(
            mailbox,
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=authenticate if user else None,
            auth_required=bool(user),
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        await server.wait_closed()
