"""The `store:` section of the settings file."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from inventory.secrets import SecretMissing, Secrets
from monitor.store.duckdb import DuckDBStore
from monitor.store.influxdb import InfluxDBStore
from monitor.store.settings import StoreSettings, open_store

SETTINGS: TypeAdapter[StoreSettings] = TypeAdapter(StoreSettings)
INFLUX = {
    "kind": "influxdb",
    "url": "http://127.0.0.1:8086",
    "bucket": "province",
    "token": {"file": "influx"},
}


async def test_the_embedded_store_needs_no_settings_but_its_kind(tmp_path: Path) -> None:
    store = open_store(SETTINGS.validate_python({"kind": "duckdb"}), tmp_path, Secrets(tmp_path))
    assert isinstance(store, DuckDBStore)
    async with store:
        pass
    assert (tmp_path / "store" / "hot.duckdb").exists()


def test_the_token_of_influxdb_comes_from_a_file_and_is_never_printed(tmp_path: Path) -> None:
    settings = SETTINGS.validate_python(INFLUX)
    with pytest.raises(SecretMissing, match="influx"):
        open_store(settings, tmp_path, Secrets(tmp_path))
    (tmp_path / "influx").write_text("canary-91\n")
    store = open_store(settings, tmp_path, Secrets(tmp_path))
    assert isinstance(store, InfluxDBStore)
    assert "canary" not in f"{settings!r} {store!r}"


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://x"},
        {"url": "http://user:password@x"},
        {"bucket": ""},
        {"tokn": {"file": "x"}},
        {"token": "plain"},
        {"outbox_megabytes": 0},
        {"kind": "sqlite"},
    ],
)
def test_a_mistake_in_the_settings_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SETTINGS.validate_python(INFLUX | change)
