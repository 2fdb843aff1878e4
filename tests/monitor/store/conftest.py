"""One InfluxDB for all tests of the stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.influxdb import InfluxDB, influxdb


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as server:
        yield server
