"""What gateways to telephones have in common: numbers of Viet Nam, and one request for each."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from functools import partial
from typing import Annotated, ClassVar, Self, TypeVar

from pydantic import Field

from alerts.telling import notifier, sms
from alerts.telling.http_delivery import HttpNotifier
from alerts.telling.notification import Message
from alerts.telling.notifier import FOR_PEOPLE, Limit, Refused
from alerts.telling.recipients import Recipients
from probes.core.text import clean


class PhoneSettings(notifier.Settings):
    """Whom to send to, and how much."""

    to: Annotated[tuple[sms.Phone, ...], Field(min_length=1, max_length=20)]
    """Numbers that are told unless a message is for one person."""
    segments: Annotated[int, Field(ge=1, le=4)] = 2
    """Segments of one message at most: each is charged."""
    limit: Limit | None = FOR_PEOPLE


P = TypeVar("P", bound=PhoneSettings)


class PhoneNotifier(HttpNotifier[P]):
    """Tells each number on its own."""

    addressable: ClassVar[bool] = True

    async def __aenter__(self) -> Self:
        """Open the HTTP session."""
        self._recipients = Recipients()
        return await super().__aenter__()

    def address(self, to: str) -> str:
        """Return a Vietnamese number in the international form without plus."""
        try:
            return sms.phone(to)
        except ValueError as error:
            raise Refused(f"{clean(to, 40)!r}: {error}") from None

    async def send(self, message: Message) -> str | None:
        """Tell every number that does not have the message yet."""
        people = (self.address(message.to),) if message.to else self.settings.to
        return await self._recipients.each(message.key, people, partial(self.tell, message))

    @abstractmethod
    async def tell(self, message: Message, phone: str) -> str | None:
        """Tell one number. Returns what the gateway calls it. Raises `Refused`, `TryLater`."""


def request_id(key: str, phone: str) -> str:
    """Return the same for the same message to the same number."""
    return hashlib.sha256(f"{key}\0{phone}".encode()).hexdigest()[:32]
