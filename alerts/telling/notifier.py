"""What a notifier is: one way of telling people. `ls alerts/notifiers/` is the list of them."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar, Union

from pydantic import BaseModel, ConfigDict, Field

from alerts import notifiers
from alerts.incident import Kind, Severity
from alerts.quantity import Seconds
from alerts.telling.notification import Message
from inventory.network_policy import NetworkPolicy, Networks
from inventory.secrets import Secret, SecretMissing, SecretRef, Secrets, references
from probes.core.network import Network


class Refused(Exception):
    """The message itself is not accepted and never will be. The text is for people and holds no secret."""


class TryLater(Exception):
    """It did not work this time: the channel is away, busy or badly configured. The text holds no secret."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        """Seconds the channel asked to be left alone, if it did."""


class Limit(BaseModel):
    """How much a channel is told at most; what is more goes together in one message."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    messages: Annotated[int, Field(ge=1, le=10_000)]
    per: Annotated[Seconds, Field(ge=1, le=3600)]
    """Seconds, an hour at most."""


FOR_PEOPLE = Limit(messages=20, per=60.0)
"""What one person can follow, and what Telegram takes for one group in a minute (core.telegram.org/bots/faq)."""


class Settings(BaseModel):
    """What every channel has; a notifier's own settings add to it. Secrets are references only."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: str
    """Name of the notifier."""
    language: Literal["vi", "en"] = "vi"
    min_severity: Severity = Severity.WARNING
    """Nothing milder is told here."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = (Kind.INCIDENT, Kind.FINDING)
    timeout: Annotated[Seconds, Field(gt=0, le=300)] = 20.0
    """Seconds one attempt may take in all."""
    limit: Limit | None = None
    """How much is told at most, where more would be a flood."""
    allow: Networks = ()
    """Networks this channel may reach although they usually are not: ``127.0.0.1`` for a relay on this machine."""

    def wants(self, kind: Kind, severity: Severity) -> bool:
        """Whether an incident of this kind and severity is told here."""
        return kind in self.kinds and severity.rank >= self.min_severity.rank


class ForPeople(Settings):
    """What a channel that people read has: a flood of messages is merged unless the settings say otherwise."""

    limit: Limit | None = FOR_PEOPLE


S = TypeVar("S", bound=Settings)


class Notifier(ABC, Generic[S]):
    """One channel. A subclass named ``Notifier`` lives in the module that gives the kind its name.

    Construction raises `inventory.secrets.SecretMissing`. Use as ``async with``. The dispatcher owns the deadline and
    sends one message at a time. Secrets are read for each message, so that another value is used without a restart.
    """

    settings_model: ClassVar[type[Settings]]

    def __init__(
        self, settings: S, secrets: Secrets, policy: NetworkPolicy, state: Path | None = None
    ) -> None:
        """`state`: where the channel may keep a file of its own across restarts."""
        self.settings = settings
        self.secrets = secrets
        self.state = state
        for reference in references(settings):
            reference.read(secrets)
        self.network = Network(policy.also(settings.allow), permit="`allow:` of this channel")
        """The only way out: a host name of the settings may lead to this machine itself one day (abuse case A20)."""

    async def __aenter__(self) -> Self:
        """Open what sending needs. Asks nobody: a channel that is away must not stop the start."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""

    async def secret(self, reference: SecretRef) -> Secret:
        """Return a value as it is now. Raises `TryLater`."""
        try:
            return await asyncio.to_thread(reference.read, self.secrets)
        except SecretMissing as error:
            raise TryLater(str(error)) from None

    room: ClassVar[int] = 20_000
    """Characters of one message: a digest names as many incidents as fit."""

    addressable: ClassVar[bool] = False
    """Whether it can tell one person by `Message.to`; else only those its settings name."""

    def address(self, to: str) -> str:
        """Return the address of one person in the form the channel wants. Raises `Refused` when it is none."""
        raise Refused("this channel tells those its settings name, and nobody else")

    @abstractmethod
    async def send(self, message: Message) -> str | None:
        """Tell `message.to`, or those the settings name; returning means delivered.

        Returns what the channel calls the message, where it says so: a later message about the same incident has it in
        `Message.thread`. Raises `Refused` or `TryLater`.
        """


def discover() -> dict[str, type[Notifier[Any]]]:
    """Return every notifier class by kind (the name of its module), sorted."""
    names = sorted(info.name for info in pkgutil.iter_modules(notifiers.__path__))
    return {name: importlib.import_module(f"alerts.notifiers.{name}").Notifier for name in names}


def settings_type() -> Any:
    """Return the type of one channel in the settings file: any notifier's settings, by ``kind``."""
    models = tuple(notifier.settings_model for notifier in discover().values())
    return Annotated[Union[models], Field(discriminator="kind")]  # noqa: UP007  a tuple known at run time only


def open_channels(
    settings: dict[str, Settings], secrets: Secrets, policy: NetworkPolicy, state: Path | None = None
) -> dict[str, Notifier[Any]]:
    """Return a notifier, not yet entered, for every channel by name; in the folder `state` they keep files.

    Raises `SecretMissing`.
    """
    known = discover()
    return {
        name: known[chosen.kind](chosen, secrets, policy, state / name if state else None)
        for name, chosen in settings.items()
    }
