"""Tells through one of the services that the library Apprise knows: Slack, Matrix, ntfy, PagerDuty, GSM modems, SMPP …

github.com/caronc/apprise/wiki describes their addresses.
"""

from __future__ import annotations

import logging
import re
import warnings
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import parse_qsl, quote, urlsplit

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat
from apprise.manager_plugins import NotificationManager
from pydantic import Field

from alerts.telling import bounded_requests, notifier
from alerts.telling.confined import Confined, Forbidden, Stuck
from alerts.telling.http_delivery import CONFIGURATION_PAUSE
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused, TryLater
from alerts.telling.plain import unlinked
from alerts.telling.sms import short
from inventory.form import Form
from inventory.secrets import Secret, SecretRef
from probes.core.text import clean

TO = "{to}"
"""Place of one person's address in the URL."""
_LOCAL = frozenset({"dbus", "kde", "qt", "gio", "glib", "gnome", "windows", "macosx", "syslog", "blink1"})
"""Services of this machine itself: they start programs or show something on a screen that a server does not have."""
_FILES = frozenset({"fcm", "vapid"})
"""Services that read keys from files of this machine."""
_FILE_PARAMETERS = frozenset({"template", "keyfile", "subfile", "pgpkey", "pgp"})
_ADDRESS = r"[A-Za-z0-9+@._-]{1,100}"
_WANTED = "an address of letters, digits and + @ . _ - only, such as +84912345678"
_QUIET = ("apprise", "urllib3")
"""Loggers that would write addresses, which hold secrets."""


class Settings(notifier.ForPeople):
    """Which service, and whom it tells."""

    kind: Literal["apprise"]
    url: SecretRef
    """Address of the service as Apprise writes it, with its keys; ``{to}`` in it stands for whom a message is for."""
    to: Annotated[tuple[Annotated[str, Form(_ADDRESS, _WANTED)], ...], Field(max_length=20)] = ()
    """Who is told unless a message is for one person, where the address has a place for it."""
    short: bool = False
    """Whether the message is one for a small screen, unaccented: for modems and SMS."""
    segments: Annotated[int, Field(ge=1, le=4)] = 2
    """Segments of such a message at most."""


class Notifier(notifier.Notifier[Settings]):
    """Runs the library in two threads, confined to what this channel may reach. The library sends each message once."""

    settings_model: ClassVar[type[notifier.Settings]] = Settings
    addressable = True

    async def __aenter__(self) -> Self:
        """Prepare the threads."""
        bounded_requests.install()
        self._confined = Confined("apprise", self.network.refusal)
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        return self

    def address(self, to: str) -> str:
        """Return the address of a person as the URL takes it."""
        if not re.fullmatch(_ADDRESS, to):
            raise Refused(f"{clean(to, 40)!r} is no address that Apprise could be given")
        return to

    async def send(self, message: Message) -> None:
        """Tell everybody in one call."""
        people = (self.address(message.to),) if message.to else self.settings.to
        url = await self.secret(self.settings.url)
        try:
            taken = await self._confined.run(lambda: self._tell(url, people, message))
        except Forbidden as error:
            raise TryLater(str(error), CONFIGURATION_PAUSE) from None
        except Stuck:
            raise TryLater("earlier messages still hang in the service", 30.0) from None
        if not taken:
            raise TryLater("the service did not take the message")

    def _tell(self, url: Secret, people: tuple[str, ...], message: Message) -> bool:
        services = _services(url.reveal(), people, self.settings.timeout)
        if self.settings.short:
            title, body = "", short(message, self.settings.segments)
        else:
            title, body = _harmless(message.title, message.link), _harmless(message.text, message.link)
        return bool(services.notify(title=title, body=body, body_format=NotifyFormat.TEXT))


def _services(url: str, people: tuple[str, ...], timeout: float) -> Apprise:
    """Return the service of `url` for each of `people`. Raises `Refused`, `TryLater`; no text holds the URL."""
    if people and TO not in url:
        raise Refused("the address of this service has no place {to} for one person")
    if TO in url and not people:
        raise TryLater(
            "the address has a place {to}, and the settings name nobody under `to`", CONFIGURATION_PAUSE
        )
    asset = AppriseAsset(async_mode=False, secure_logging=True, storage_mode="memory", service_timeout=0)
    services = Apprise(asset=asset)
    for one in people or ("",):
        services.add(_service(url.replace(TO, quote(one, safe="")), asset, timeout))
    return services


def _service(url: str, asset: AppriseAsset, timeout: float) -> NotifyBase:
    schema = url.partition("://")[0].lower()
    if why := refusal(url):
        raise TryLater(why, CONFIGURATION_PAUSE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a module of the library warns of one of Python's it can do without
        service = Apprise.instantiate(url, asset=asset)
        if service is None:
            raise TryLater(_unknown(schema), CONFIGURATION_PAUSE)
    service.redirects = False
    service.socket_connect_timeout = service.socket_read_timeout = timeout
    return service


def _unknown(schema: str) -> str:
    """Return why there is no service for an address: the library has none, or not what that one needs."""
    name = schema if re.fullmatch("[a-z0-9]{1,20}", schema) else "?"
    known = NotificationManager()  # type: ignore[no-untyped-call]
    if schema in known and not known[schema].enabled:
        wanted = known[schema].requirements.get("packages_required") or "something that is not installed"
        packages = wanted if isinstance(wanted, str) else ", ".join(wanted)
        return f"{name}:// wants the Python package {packages}, installed beside the service"
    return f"Apprise knows no such service or address: {name}://…"


def refusal(url: str) -> str:
    """Return why a service is not used, ``""`` when it may be; the text does not hold the URL."""
    schema = url.partition("://")[0].lower()
    if schema in _LOCAL:
        return f"{schema}:// starts programs or shows things on this machine, which tells nobody on duty"
    if schema in _FILES:
        return f"{schema}:// reads its keys from files of this machine"
    try:
        named = {name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    except ValueError:
        return "the address is no URL"
    if named & _FILE_PARAMETERS:
        return (
            f"the parameter {min(named & _FILE_PARAMETERS)} names a file of this machine, which is not read"
        )
    return ""


def _harmless(text: str, own: str) -> str:
    """Return text that no chat service takes for markup or a link of somebody else's."""
    plain = text.replace("](", "] (").replace("<", "‹").replace(">", "›").replace("`", "'")
    return unlinked(plain, own)
