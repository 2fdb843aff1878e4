"""Which store keeps the time series, as the settings file says it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from inventory.secrets import SecretRef, Secrets
from monitor.store import Store
from monitor.store.retention import Retention

if TYPE_CHECKING:
    from monitor.store.influxdb import Access


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class DuckDBSettings(_Settings):
    """The embedded store, in the data folder: nothing else to install."""

    kind: Literal["duckdb"] = "duckdb"
    retention: Retention = Retention()


class InfluxDBSettings(_Settings):
    """InfluxDB 2.x or 3.x with a token, or 1.8 and later with user and password.

    ``bucket`` is ``database`` or ``database/retention-policy`` on 1.x. The server's own settings say how long
    data is kept.
    """

    kind: Literal["influxdb"]
    url: Annotated[str, Field(pattern=r"^https?://[^\s@?#]{1,500}$")]
    bucket: Annotated[str, Field(min_length=1, max_length=200)]
    org: Annotated[str, Field(min_length=1, max_length=200)] = "-"
    token: SecretRef | None = None
    user: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^:]+$")] | None = None
    password: SecretRef | None = None
    outbox_megabytes: Annotated[int, Field(ge=1, le=1_000_000)] = 512
    """What may wait on disk while the server is away; the oldest is dropped beyond it."""


StoreSettings = Annotated[DuckDBSettings | InfluxDBSettings, Field(discriminator="kind")]
"""``store:`` in the settings file."""


def open_store(settings: DuckDBSettings | InfluxDBSettings, data_dir: Path, secrets: Secrets) -> Store:
    """Return the store, not entered yet. Raises `inventory.secrets.SecretMissing`.

    Only the store in use is imported: both databases take long, and commands that open none should answer at once.
    """
    folder = data_dir / "store"
    if isinstance(settings, DuckDBSettings):
        from monitor.store.duckdb import DuckDBStore

        return DuckDBStore(folder, retention=settings.retention)
    from monitor.store.influxdb import InfluxDBStore

    access = partial(influx_access, settings, secrets)
    access()  # a missing value is told at the start
    return InfluxDBStore(folder, access, outbox_bytes=settings.outbox_megabytes * 1024 * 1024)


def influx_access(settings: InfluxDBSettings, secrets: Secrets) -> Access:
    """Return where the server is and how it knows us, as it is now. Raises `inventory.secrets.SecretMissing`."""
    from monitor.store.influxdb import Access

    return Access(
        url=settings.url,
        bucket=settings.bucket,
        org=settings.org,
        token=settings.token.read(secrets) if settings.token else None,
        user=settings.user or "",
        password=settings.password.read(secrets) if settings.password else None,
    )
