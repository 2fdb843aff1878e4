"""Sends a template registered with the Zalo Notification Service to phone numbers. Paid, and approved beforehand.

Method and codes: zalo.cloud/zns; the tokens: `alerts.telling.zalo_token`. Some kinds of templates are not delivered at
night (22:00 to 06:00): give the people another channel too.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import Field, field_validator

from alerts.telling import notifier
from alerts.telling.fields import NAMES, fields
from alerts.telling.gateway import PhoneNotifier, PhoneSettings, request_id
from alerts.telling.http_delivery import CONFIGURATION_PAUSE, Reply, Url, decoded, read
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused, TryLater
from alerts.telling.zalo_token import ZaloToken
from inventory.form import Form
from inventory.secrets import SecretRef

_EXPIRED = -124
_REFUSED = frozenset({-108, -110, -111, -112, -114, -118, -119, -121, -132, -133, -139, -141})
"""Number wrong or without Zalo, parameters not of the template, not at this hour, not wanted by the person."""
_PLACE = re.compile(r"\$\{([a-z]+)\}")


class Settings(PhoneSettings):
    """Which application, which template, and what goes where in it."""

    kind: Literal["zns"]
    app_id: Annotated[str, Form("[0-9]{1,25}", "the number of the application")]
    secret_key: SecretRef
    """Secret key of the application."""
    refresh_token: SecretRef
    """A first refresh token; from then on each one brings the next, kept in the data folder."""
    template_id: Annotated[str, Form("[0-9]{1,20}", "the number of a template that Zalo approved")]
    template_data: Annotated[dict[str, str], Field(min_length=1, max_length=30)]
    """Parameters of the template: each a text with places such as ``${place}`` or ``${summary}``."""
    max_length: Annotated[int, Field(ge=10, le=400)] = 100
    """Characters of one parameter at most; longer ones are cut."""
    mode: Literal["production", "development"] = "production"
    """``development`` sends to administrators of the application only, for a try."""
    url: Url = "https://business.openapi.zalo.me/message/template"
    token_url: Url = "https://oauth.zaloapp.com/v4/oa/access_token"  # noqa: S105  an address

    @field_validator("template_data")
    @classmethod
    def _places_exist(cls, data: dict[str, str]) -> dict[str, str]:
        unknown = sorted({place for text in data.values() for place in _PLACE.findall(text)} - NAMES.keys())
        if unknown:
            raise ValueError(f"no such place: {', '.join(unknown)}; there are: {', '.join(NAMES)}")
        return data


class _Sent(msgspec.Struct):
    msg_id: str = ""


class _Answer(msgspec.Struct):
    error: int
    data: msgspec.Raw = msgspec.Raw(b"null")


class Notifier(PhoneNotifier[Settings]):
    """One request a number, with the access token of the official account."""

    settings_model: ClassVar[type[notifier.Settings]] = Settings

    async def __aenter__(self) -> Notifier:
        """Open the HTTP session."""
        await super().__aenter__()
        self._token = ZaloToken(self.state, self.settings.app_id, self.settings.token_url, self._ask_token)
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        """Let a renewal under way end, and close."""
        await self._token.settle()
        await super().__aexit__(*exc_info)

    async def _ask_token(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        return await self.request("POST", url, body, headers)

    async def tell(self, message: Message, phone: str) -> str | None:
        """Send to one number; a token that the service no longer takes is renewed once."""
        body = msgspec.json.encode(self._body(message, phone))
        answer = await self._post(body, renew=False)
        if answer.error == _EXPIRED:
            answer = await self._post(body, renew=True)
        if answer.error != 0:
            raise _verdict(answer.error)
        return _id(answer.data)

    async def _post(self, body: bytes, *, renew: bool) -> _Answer:
        key = await self.secret(self.settings.secret_key)
        seed = await self.secret(self.settings.refresh_token)
        access = await (self._token.renewed(key, seed) if renew else self._token.access(key, seed))
        reply = await self.post(self.settings.url, body, {"access_token": access.reveal()})
        reply.raise_for_status()
        return decoded(reply, _Answer, "ZNS")

    def _body(self, message: Message, phone: str) -> dict[str, Any]:
        places = fields(message, self.settings.language, phone)
        data = {
            name: _PLACE.sub(lambda found: places[found[1]], text)[: self.settings.max_length]
            for name, text in self.settings.template_data.items()
        }
        body: dict[str, Any] = {
            "phone": phone,
            "template_id": self.settings.template_id,
            "template_data": data,
            "tracking_id": request_id(message.key, phone),
        }
        if self.settings.mode == "development":
            body["mode"] = "development"
        return body


def _id(data: msgspec.Raw) -> str | None:
    sent = read(data, _Sent)
    return (sent and sent.msg_id) or None


def _verdict(code: int) -> Exception:
    said = f"ZNS answered with error {code}"
    if code in _REFUSED:
        return Refused(f"{said}: not to this number, not these parameters, or not at this hour")
    if code == -100:
        return TryLater(said)
    text = f"{said}: the application, its template, rights, quota or money is not in order"
    return TryLater(text, CONFIGURATION_PAUSE)
