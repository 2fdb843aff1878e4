"""Sends text messages through eSMS.vn, unaccented. The same message is never charged twice within a day (RequestId).

Method and codes: developers.esms.vn
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from alerts.telling import notifier, sms
from alerts.telling.gateway import PhoneNotifier, PhoneSettings, request_id
from alerts.telling.http_delivery import CONFIGURATION_PAUSE, Url, decoded
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused, TryLater
from inventory.form import Form
from inventory.secrets import SecretRef

_SENT = "100"
_TAKEN_BEFORE = "124"
_REFUSED = frozenset({"99", "108", "146", "177"})
"""Number blocked or wrong, text unlike the registered one, carrier not registered: no repetition changes that."""
_SETTINGS = frozenset({"101", "102", "103", "104", "118", "140"})
"""Wrong key, no prices, no money, unknown brandname, kind or address of ours."""


class Settings(PhoneSettings):
    """Which account, under which name."""

    kind: Literal["esms"]
    api_key: SecretRef
    secret_key: SecretRef
    brandname: Annotated[
        str, Form("[A-Za-z0-9 ._-]{1,20}", "the registered sender, unaccented, of 20 characters at most")
    ]
    """Registered sender; carriers take only texts like the one that was registered with it."""
    sandbox: bool = False
    """Whether nothing is sent nor charged: for a try."""
    url: Url = "https://rest.esms.vn/MainService.svc/json/SendMultipleMessage_V4_post_json/"


class _Answer(msgspec.Struct):
    CodeResult: str
    SMSID: str = ""


class Notifier(PhoneNotifier[Settings]):
    """One request a number, customer care kind (``SmsType`` 2)."""

    settings_model: ClassVar[type[notifier.Settings]] = Settings

    async def tell(self, message: Message, phone: str) -> str | None:
        """Send to one number; returns eSMS's id."""
        body = {
            "ApiKey": (await self.secret(self.settings.api_key)).reveal(),
            "SecretKey": (await self.secret(self.settings.secret_key)).reveal(),
            "Content": sms.short(message, self.settings.segments),
            "Phone": sms.national(phone),
            "Brandname": self.settings.brandname,
            "SmsType": "2",
            "IsUnicode": "0",
            "Sandbox": "1" if self.settings.sandbox else "0",
            "RequestId": request_id(message.key, phone),
        }
        reply = await self.post(self.settings.url, msgspec.json.encode(body), {})
        reply.raise_for_status()
        answer = decoded(reply, _Answer, "eSMS")
        if answer.CodeResult not in (_SENT, _TAKEN_BEFORE):
            raise _verdict(answer.CodeResult)
        return answer.SMSID or None


def _verdict(code: str) -> Exception:
    said = f"eSMS answered with code {code[:8]!r}"
    if code in _REFUSED:
        return Refused(f"{said}: the number or the text is not accepted")
    if code in _SETTINGS:
        return TryLater(
            f"{said}: the account, its money or the brandname is not in order", CONFIGURATION_PAUSE
        )
    return TryLater(said)
