"""Rules tried against a history in a real InfluxDB: the same week, the same answer as from the embedded store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.rule import BUILT_IN, load_rules
from inventory.secrets import Secret
from monitor import configuration
from monitor.cli import main
from monitor.replay.attempts import Attempts
from monitor.replay.influx import InfluxHistory
from monitor.replay.trial import try_rules
from monitor.store import StoreUnavailable, influxql
from monitor.store.influxdb import Access, InfluxDBStore
from tests.end_to_end.site import write_service
from tests.monitor.replay.test_trial import BEGAN, BUSY, HOUR, PING, attempts, written
from tests.patience import eventually
from tests.servers.influxdb import TOKEN, InfluxDB, influxdb


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, server: InfluxDB) -> Path:
    """A service's settings with three hours behind them, in InfluxDB."""
    folder = tmp_path_factory.mktemp("service")
    duty = {"kind": "webhook", "url": "http://127.0.0.1:1/", "allow": ["127.0.0.1"]}
    store = {
        "kind": "influxdb",
        "url": server.url,
        "bucket": server.create("week"),
        "token": {"file": "influx"},
    }
    settings = write_service(folder, {"icmp": PING, "snmp": PING}, notifiers={"duty": duty}, store=store)
    (folder / "secrets" / "influx").write_text(TOKEN)
    asyncio.run(stored(folder / "data" / "store", server.url))
    return settings


async def stored(folder: Path, url: str) -> None:
    def access() -> Access:
        return Access(url, "week", token=Secret(TOKEN))

    async with InfluxDBStore(folder, access, flush_every=60.0) as store:
        for observation in attempts():
            store.append(observation)
        await store.flush()
        await eventually(lambda: store.health().waiting == 0)


def test_attempts_come_back_as_they_were(watched: Path) -> None:
    url = configuration.load(watched).settings.store.url  # type: ignore[union-attr]
    together = Attempts(configuration.load(watched).inventory)
    access = Access(url, "week", token=Secret(TOKEN))
    with InfluxHistory(watched.parent / "data" / "store", together, access) as history:
        span = history.span(BEGAN - HOUR, datetime.now(UTC))
        assert span is not None and span[0] == BEGAN
        back = list(history.observations(*span, {"system.cpu.utilization"}))
    assert [(one.time, one.check, one.outcome, one.duration, one.samples) for one in back] == [
        (one.time, one.check, one.outcome, one.duration, one.samples) for one in attempts()
    ]


def test_rules_are_tried_against_it(watched: Path, tmp_path: Path) -> None:
    loaded = configuration.load(watched)
    book = load_rules(*BUILT_IN, written(tmp_path, BUSY))
    found = try_rules(loaded, book, BEGAN - HOUR, datetime.now(UTC))
    assert found.attempts == 360
    assert found.comparison.incidents == (1, 2) and found.comparison.messages == (2, 4)
    (new,) = found.comparison.new
    assert new.rule == "cpu-busy"


def test_an_hour_too_large_for_one_answer_is_asked_for_in_parts(
    watched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influxql, "MAX_ANSWER", 3000)  # a smaller bound: an hour here has some 12 KB
    loaded = configuration.load(watched)
    assert try_rules(loaded, loaded.rules, BEGAN - HOUR, datetime.now(UTC)).attempts == 360


def test_where_nothing_was_written_and_when_nobody_answers_that_is_said(
    watched: Path, server: InfluxDB
) -> None:
    loaded = configuration.load(watched)
    with pytest.raises(StoreUnavailable, match="no history in InfluxDB in this time"):
        try_rules(loaded, loaded.rules, BEGAN - 9 * HOUR, BEGAN - 8 * HOUR)
    text = watched.read_text()
    (watched.parent / "away.yaml").write_text(text.replace(server.url, "http://127.0.0.1:9"))
    result = CliRunner().invoke(main, ["-s", str(watched.parent / "away.yaml"), "rules", "test"])
    assert result.exit_code == 1 and "InfluxDB cannot be asked" in result.stderr
