"""Tells any gateway over HTTP that has no notifier of its own: brandname SMS of VNPT or Viettel, a switchboard.

The settings hold the request with named places; each is escaped for where it stands.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from alerts.telling import notifier, sms
from alerts.telling.fields import NAMES, fields
from alerts.telling.http_delivery import HttpNotifier, Url
from alerts.telling.notification import Message
from alerts.telling.notifier import FOR_PEOPLE, Limit, Refused, TryLater
from alerts.telling.recipients import Recipients
from alerts.telling.success import Success
from alerts.telling.template_body import TYPES, Content, fault, filled, in_header, in_url, places, unknown
from inventory.form import Form
from inventory.secrets import SecretRef
from probes.core.text import clean

_HEADER = Form("[A-Za-z][A-Za-z0-9-]{0,60}", "the name of a header: letters, digits and -")
_SECRET = Form("[A-Za-z][A-Za-z0-9_]{0,40}", "a name of letters, digits and _")
MAX_ADDRESS = 100


class Settings(notifier.Settings):
    """The request, its secrets, and what says that it was taken."""

    kind: Literal["http"]
    method: Literal["POST", "PUT", "GET"] = "POST"
    url: Url
    """Address, with places in its path or query if need be."""
    headers: Annotated[
        dict[Annotated[str, _HEADER], Annotated[str, Field(max_length=2000)]],
        Field(max_length=20, default_factory=dict),
    ]
    """Further headers, with places."""
    content: Content = "json"
    """What `body` is, and so how places in it are escaped."""
    body: Annotated[str, Field(max_length=20_000)] = ""
    """The body, with places such as ``${to}`` and ``${sms}``."""
    secrets: Annotated[dict[Annotated[str, _SECRET], SecretRef], Field(max_length=10, default_factory=dict)]
    """Values of secrets, by the name their place has."""
    to: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    """Who is told unless a message is for one person: a request for each. Without any there is one request."""
    address_form: Literal["phone", "text"] = "phone"
    """What an address is: a Vietnamese number, which is sent as 84…, or any line of text."""
    segments: Annotated[int, Field(ge=1, le=4)] = 2
    """Segments of ``${sms}`` at most."""
    success: Success = Success()
    refused: Success | None = None
    """What says that this message is never taken, whatever else may be."""
    limit: Limit | None = FOR_PEOPLE

    @model_validator(mode="after")
    def _whole(self) -> Self:
        texts = (self.url, self.body, *self.headers.values())
        if wrong := unknown(texts, self.secrets):
            raise ValueError(wrong)
        if taken := sorted(NAMES.keys() & self.secrets.keys()):
            raise ValueError(f"a place of every message has this name already: {', '.join(taken)}")
        if places(self.url.split("/")[2]):
            raise ValueError("no place may stand for the host of the URL")
        if any(not value.isprintable() for value in self.headers.values()):
            raise ValueError("a header is one line")
        if self.method != "GET" and not self.body:
            raise ValueError(f"{self.method} wants a `body`; without one use `method: GET`")
        if self.method != "GET" and (wrong := fault(self.body, self.content)):
            raise ValueError(f"body {wrong}")
        for one in self.to:
            self._check_address(one)
        if any("to" in places(text) for text in texts) and not self.to:
            raise ValueError('a request with ${to} wants somebody in `to`: ["0912345678"]')
        return self

    def _check_address(self, to: str) -> None:
        try:
            _address(to, self.address_form)
        except ValueError as error:
            others = "; for other addresses `address_form: text`" if self.address_form == "phone" else ""
            raise ValueError(f"`to` {clean(to, 40)!r}: {error}{others}") from None


class Notifier(HttpNotifier[Settings]):
    """One request for each person; redirects are not followed."""

    settings_model: ClassVar[type[notifier.Settings]] = Settings
    addressable = True

    async def __aenter__(self) -> Self:
        """Open the HTTP session."""
        self._recipients = Recipients()
        return await super().__aenter__()

    def address(self, to: str) -> str:
        """Return an address in the form the gateway wants."""
        if not any("to" in places(text) for text in self._texts()):
            raise Refused("the request of this channel has no place ${to}")
        try:
            return _address(to, self.settings.address_form)
        except ValueError as error:
            raise Refused(f"{clean(to, 40)!r}: {error}") from None

    def _texts(self) -> tuple[str, ...]:
        return self.settings.url, self.settings.body, *self.settings.headers.values()

    async def send(self, message: Message) -> str | None:
        """Tell everybody who does not have the message yet."""
        form = self.settings.address_form
        people = (message.to,) if message.to else self.settings.to or ("",)
        addresses = [
            self.address(one) if message.to else _address(one, form) if one else "" for one in people
        ]
        return await self._recipients.each(message.key, addresses, partial(self._tell, message))

    async def _tell(self, message: Message, to: str) -> str | None:
        values = fields(message, self.settings.language, to, self.settings.segments)
        for name, reference in self.settings.secrets.items():
            values[name] = (await self.secret(reference)).reveal()
        reply = await self.request(*self._request(values))
        if self.settings.success.held(reply):
            return None
        if self.settings.refused is not None and self.settings.refused.held(reply):
            raise Refused(f"the gateway refused the message: HTTP {reply.status}")
        reply.raise_for_status()
        raise TryLater("the gateway's answer does not say that it took the message")

    def _request(self, values: dict[str, str]) -> tuple[str, str, bytes | None, dict[str, str]]:
        settings = self.settings
        headers = {name: in_header(text, values) for name, text in settings.headers.items()}
        url = in_url(settings.url, values)
        if settings.method == "GET":
            return "GET", url, None, headers
        body = filled(settings.body, values, settings.content).encode("utf-8", "replace")
        return settings.method, url, body, {"Content-Type": TYPES[settings.content], **headers}


def _address(text: str, form: Literal["phone", "text"]) -> str:
    """Return an address in its form. Raises `ValueError`."""
    if form == "phone":
        return sms.phone(text)
    if not text or clean(text, MAX_ADDRESS) != text:
        raise ValueError(f"wants one line of at most {MAX_ADDRESS} characters")
    return text
