"""The settings file: where things are, which store, which notifiers. Every path is relative to the file itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, create_model, model_validator

import alerts.telling.notifier
from alerts.quantity import Seconds
from inventory.document import load
from inventory.model import Model, Slug
from inventory.network_policy import NetworkPolicy, Networks, is_loopback
from monitor.access.settings import LdapSettings, OidcSettings, RolesListed, SessionSettings, TlsSettings
from monitor.selfwatch.settings import HeartbeatSettings, MorningSettings
from monitor.store.settings import DuckDBSettings, StoreSettings
from monitor.webhook_settings import WebhookSettings

Port = Annotated[int, Field(ge=0, le=65535)]


class WebSettings(Model):
    """Where the dashboard and the API listen."""

    host: str = "127.0.0.1"
    port: Port = 8080
    base_url: str = ""
    """Address of the dashboard as people reach it, for links in messages, when it is not ``http://host:port``."""

    editing: bool = False
    """Whether an administrator may edit the inventory on a page."""
    login: bool = True
    """Whether people must sign in. Without, whoever reaches the pages may do everything: on a loopback address only."""
    session: SessionSettings = SessionSettings()
    second_factor: RolesListed = ()
    """Roles that must sign in with a second factor: who has none sets it up at the next sign-in."""
    tls: TlsSettings | None = None
    oidc: OidcSettings | None = None
    ldap: LdapSettings | None = None
    proxies: Networks = ()
    """Networks of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed."""

    @model_validator(mode="after")
    def _open_to_whom(self) -> Self:
        if not self.login and not is_loopback(self.host):
            raise ValueError(
                f"login: false wants a loopback host such as 127.0.0.1, for then everybody may do everything;"
                f" found {self.host}"
            )
        return self

    @property
    def address(self) -> str:
        """Where people find the dashboard."""
        return self.base_url or f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


class TrapSettings(Model):
    """Where SNMP traps come in."""

    host: str = "0.0.0.0"  # noqa: S104  devices send traps from anywhere in the network
    port: Port = 1162


class DiscoverSettings(Model):
    """What `commune-monitor discover` may sweep."""

    networks: Networks = ()
    """Networks that may be swept; none, and nothing is."""


class FailoverSettings(Model):
    """When a service that stands by replaces the one that runs (``run --standby``)."""

    after: Annotated[Seconds, Field(ge=2, le=3600)] = 60.0
    """The running service signs the ledger four times within it; silent for longer, it does not work."""


class Settings(Model):
    """Everything the service needs to know besides what it watches."""

    inventory: str = "inventory"
    """Folder of the inventory."""
    data: str = "data"
    """Folder the service writes: series, ledger, state of the probes."""
    secrets: str = "secrets"
    """Folder with one file a secret: one's own, ``/run/secrets`` of a container, the credentials folder of systemd."""
    vault: str = "secrets.vault"
    """File with the secrets that ``commune-monitor secret set`` encrypts."""
    master_key: str = "master.key"
    """File with the key to it. Keep it where backups of the rest do not go."""
    rules: str | None = None
    """Folder with further rules; one with the id of a built-in rule replaces it."""
    duty: str | None = None
    """File with people, rotas, routes and escalation; without one every channel is told of everything it wants."""
    maintenance: str | None = None
    """File or folder with planned maintenance; folders are followed at once, a single file within seconds."""
    language: Literal["vi", "en"] = "vi"
    """Language of the pages until the reader chooses."""
    store: StoreSettings = DuckDBSettings(kind="duckdb")
    web: WebSettings = WebSettings()
    traps: TrapSettings | None = None
    network: NetworkPolicy = NetworkPolicy()
    """Addresses that may be asked although they usually are not, and such that never are."""
    discover: DiscoverSettings = DiscoverSettings()
    failover: FailoverSettings = FailoverSettings()
    """When a second service takes over."""
    heartbeat: HeartbeatSettings | None = None
    """Who outside is pinged while the monitor works."""
    morning: MorningSettings = MorningSettings()
    """The word each morning that it lives."""
    notifiers: Mapping[Slug, alerts.telling.notifier.Settings] = {}
    """Channels by name; what each wants follows from its ``kind``."""
    webhooks: Mapping[Slug, WebhookSettings] = {}
    """Programs that are told of every step of every incident, by name."""


def load_settings(path: Path) -> Settings:
    """Read the settings file. Raises `inventory.document.Invalid` with every mistake."""
    return load(path, settings_model())


@cache
def settings_model() -> type[Settings]:
    """Return the settings model with the channels that exist: what a notifier wants is known to its module only.

    It is one class, for models of two classes are never equal.
    """
    channel: Any = alerts.telling.notifier.settings_type()
    fields: dict[str, Any] = {"notifiers": (dict[Slug, channel], {})}
    return create_model("Settings", __base__=Settings, **fields)
