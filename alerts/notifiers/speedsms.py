"""Sends text messages through SpeedSMS, unaccented. What it took and did not confirm may arrive twice.

It has no key by which it would know a repeated message. Method and codes: speedsms.vn/sms-api-service
"""

from __future__ import annotations

import base64
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import Field

from alerts.telling import notifier, sms
from alerts.telling.gateway import PhoneNotifier, PhoneSettings
from alerts.telling.http_delivery import CONFIGURATION_PAUSE, Url, decoded, read
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused, TryLater
from inventory.secrets import SecretRef

_REFUSED = frozenset({"101", "105", "110", "113"})
"""Parameters or number wrong, letters not accepted, too long."""
_SETTINGS = frozenset({"007", "008", "009", "300"})
"""Our address locked, account blocked or without the right, no money."""


class Settings(PhoneSettings):
    """Which account, which kind of message, which sender."""

    kind: Literal["speedsms"]
    token: SecretRef
    """Access token of the account."""
    sms_type: Annotated[int, Field(ge=2, le=5)] = 3
    """2 random number, 3 brandname, 4 the service's own name (Notify), 5 an Android phone of yours."""
    sender: Annotated[str, Field(max_length=40)] = ""
    """Brandname, or id of the phone."""
    url: Url = "https://api.speedsms.vn/index.php/sms/send"


class _Answer(msgspec.Struct):
    status: str
    code: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Sent(msgspec.Struct):
    tranId: int | str = ""


class Notifier(PhoneNotifier[Settings]):
    """One request a number, with Basic authentication: the token as user, ``x`` as password."""

    settings_model: ClassVar[type[notifier.Settings]] = Settings

    async def tell(self, message: Message, phone: str) -> str | None:
        """Send to one number; returns SpeedSMS's id of the transaction."""
        token = await self.secret(self.settings.token)
        proof = base64.b64encode(f"{token.reveal()}:x".encode()).decode()
        body = {
            "to": [phone],
            "content": sms.short(message, self.settings.segments),
            "sms_type": self.settings.sms_type,
            "sender": self.settings.sender,
        }
        headers = {"Authorization": f"Basic {proof}"}
        reply = await self.post(self.settings.url, msgspec.json.encode(body), headers)
        answer = decoded(reply, _Answer, "SpeedSMS")
        if answer.status != "success":
            reply.raise_for_status()
            raise _verdict(answer.code)
        return _transaction(answer.data)


def _transaction(data: msgspec.Raw) -> str | None:
    sent = read(data, _Sent)
    return (sent and str(sent.tranId)) or None


def _verdict(code: str) -> Exception:
    said = f"SpeedSMS answered with code {code[:8]!r}"
    if code in _REFUSED:
        return Refused(f"{said}: the number or the text is not accepted")
    if code in _SETTINGS:
        return TryLater(f"{said}: the account, its money or the sender is not in order", CONFIGURATION_PAUSE)
    return TryLater(said)
