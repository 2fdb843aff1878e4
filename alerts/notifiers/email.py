"""Tells people by e-mail over SMTP, encrypted by STARTTLS or TLS."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, parseaddr
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import aiosmtplib
from pydantic import AfterValidator, Field, model_validator

from alerts.telling import notifier
from alerts.telling.http_delivery import CONFIGURATION_PAUSE
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused, TryLater
from alerts.telling.recipients import Recipients
from inventory.form import Form
from inventory.secrets import Secret, SecretRef
from probes.core.probe import ProbeFailure
from probes.core.text import clean

MAX_ADDRESS = 320
"""Characters of a name and an address."""

_HOST = r"[A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{0,40}:[0-9A-Fa-f.]{0,15}"
_WANTED = "a host name or an address such as mail.example.vn, without a port (that is `port`)"


def _address(text: str) -> str:
    found = getaddresses([text])
    if len(text) > MAX_ADDRESS or not text.isprintable() or len(found) != 1 or "@" not in found[0][1]:
        raise ValueError("wants one e-mail address: name@example.vn or Name <name@example.vn>")
    return text


Address = Annotated[str, AfterValidator(_address)]


class Settings(notifier.ForPeople):
    """Which server, from whom, to whom."""

    kind: Literal["email"]
    host: Annotated[str, Form(_HOST, _WANTED)]
    """SMTP server."""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """``tls`` from the first byte (port 465), ``starttls`` (587), ``none`` for a relay on this machine."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, for a server with an internal one."""
    user: str | None = None
    password: SecretRef | None = None
    sender: Address
    to: Annotated[tuple[Address, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together: give both or neither")
        if self.user is not None and self.security == "none":
            raise ValueError("a password is not sent without encryption; use starttls or tls")
        return self


class Notifier(notifier.Notifier[Settings]):
    """One mail to all. Mails of one incident form a thread; a repeated one has the same Message-ID.

    When the server wants some to wait, only they are in the envelope of the next attempt.
    """

    settings_model: ClassVar[type[notifier.Settings]] = Settings
    addressable = True

    async def __aenter__(self) -> Self:
        """Remember nobody yet."""
        self._recipients = Recipients()
        return self

    def address(self, to: str) -> str:
        """Return an e-mail address as it is."""
        try:
            return _address(to)
        except ValueError as error:
            raise Refused(f"{clean(to, 80)!r}: {error}") from None

    async def send(self, message: Message) -> None:
        """Send the mail on a connection of its own."""
        mail = self._mail(message)
        people = (self.address(message.to),) if message.to else self.settings.to
        password = await self.secret(self.settings.password) if self.settings.password else None
        try:
            await self._recipients.together(message.key, people, partial(self._deliver, mail, password))
        except aiosmtplib.SMTPAuthenticationError as error:
            text = f"the mail server does not accept our user and password: {error.code}"
            raise TryLater(text, CONFIGURATION_PAUSE) from None
        except aiosmtplib.SMTPDataError as error:
            raise _verdict(error.code, error.message) from None
        except aiosmtplib.SMTPResponseException as error:
            text = f"the mail server does not want to talk to us: {error.code}: {clean(error.message, 120)}"
            raise TryLater(text, CONFIGURATION_PAUSE if error.code >= 500 else None) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise TryLater(f"the mail server cannot be used: {type(error).__name__}") from None

    async def _deliver(
        self, mail: EmailMessage, password: Secret | None, people: Sequence[str]
    ) -> dict[str, Exception]:
        """Hand the mail over for `people`; return what the server says of those it does not take."""
        connection = await self._connect()
        addresses = {parseaddr(one)[1]: one for one in people}
        try:
            refused, _ = await aiosmtplib.send(
                mail,
                recipients=list(addresses),
                sock=connection,
                hostname=self.settings.host,
                use_tls=self.settings.security == "tls",
                start_tls=self.settings.security == "starttls",
                tls_context=self._context(),
                username=self.settings.user,
                password=password.reveal() if password else None,
                timeout=self.settings.timeout,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return {addresses[one.recipient]: _verdict(one.code, one.message) for one in error.recipients}
        except BaseException:  # cancelled too: the library has not taken the socket over yet
            _close(connection)
            raise
        return {addresses[one]: _verdict(said.code, said.message) for one, said in refused.items()}

    async def _connect(self) -> socket.socket:
        """Connect to the server. Raises `OSError`, `TryLater`."""
        try:
            return await self.network.connect(
                await self.network.resolve(self.settings.host), self.settings.port
            )
        except ProbeFailure as failure:
            raise TryLater(failure.detail.en, CONFIGURATION_PAUSE) from None

    def _context(self) -> ssl.SSLContext | None:
        if self.settings.security == "none":
            return None
        return ssl.create_default_context(cafile=self.settings.ca_file)

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        thread = f"<incident-{message.incident.id}@commune-monitor>"
        try:
            mail["Subject"] = message.title
            mail["From"] = self.settings.sender
            mail["To"] = self.address(message.to) if message.to else ", ".join(self.settings.to)
            mail["Date"] = format_datetime(message.incident.changed_at)
            mail["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:40]}@commune-monitor>"
            mail["References"] = thread
            mail["In-Reply-To"] = thread
            mail["Auto-Submitted"] = "auto-generated"
        except (ValueError, MessageError) as error:
            raise Refused(f"a header of the mail is not possible: {type(error).__name__}") from None
        mail.set_content(message.text)
        return mail


def _close(connection: socket.socket) -> None:
    """Close a connection unless the library has taken it over, which closes it itself."""
    with suppress(RuntimeError, ValueError):
        asyncio.get_running_loop().remove_reader(connection)  # refuses one that a transport uses
        connection.close()


def _verdict(code: int, said: str) -> Exception:
    """Return what an SMTP reply code means: 5yz is for good, 4yz for now (RFC 5321 4.2.1)."""
    text = f"the mail server answered {code}: {clean(said, 120)}"
    return Refused(text) if 500 <= code < 600 else TryLater(text)
