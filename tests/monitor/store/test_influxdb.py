"""The store in InfluxDB when the server is away, slow, full or refuses: what it could have had arrives."""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from inventory.secrets import Secret, SecretMissing
from monitor.store import SeriesKey, StoreUnavailable
from monitor.store.influxdb import Access, InfluxDBStore
from monitor.store.sender import Fate, judge, retry_after
from probes.core.words import say
from tests.monitor.store.samples import T0, Clock, observed, sample
from tests.patience import eventually
from tests.servers.influx_trouble import Answer, Troubled, status, troubled_influxdb
from tests.servers.influxdb import TOKEN, InfluxDB


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Troubled]:
    async with troubled_influxdb() as running:
        yield running


def store_at(url: str, folder: Path, **settings: object) -> InfluxDBStore:
    defaults: dict[str, object] = {"flush_every": 3600, "backoff": 0.02, "timeout": 0.3, "clock": Clock()}
    return InfluxDBStore(folder, lambda: Access(url, "db"), **(defaults | settings))  # type: ignore[arg-type]


def fields(server: Troubled) -> set[str]:
    """Lines of metric a.n as sent, without time."""
    return {line.split(" ")[1] for line in server.lines if line.startswith("a,")}


TROUBLES: dict[str, list[Answer | str]] = {
    "429": [status(429), status(429)],
    "503 with Retry-After": [status(503, **{"Retry-After": "0"})],
    "500": [status(500, "internal")],
    "502": [status(502, "<html>bad gateway")],
    "401": [status(401, '{"code":"unauthorized","message":"unauthorized access"}')],
    "404": [status(404, '{"code":"not found","message":"bucket not found"}')],
    "reset": ["reset", "reset"],
    "hang after storing": ["hang"],
    "redirect": [status(307, Location="http://127.0.0.1:1/steal")],
    "one after another": [status(429), "reset", status(503), "hang", status(500)],
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_every_sample_arrives_once_the_trouble_is_over(
    server: Troubled, tmp_path: Path, trouble: str
) -> None:
    server.plan.extend(TROUBLES[trouble])
    async with store_at(server.url, tmp_path) as store:
        for number in range(20):
            store.append(observed(sample("a.n", number), time=T0 + timedelta(seconds=number)))
            await store.flush()
        await eventually(lambda: store.health().waiting == 0 and not store.health().problem)
        assert fields(server) == {f"n={number}.0" for number in range(20)}
        health = store.health()
        assert (health.written, health.dropped, health.problem) == (60, 0, "")


async def test_while_the_server_is_away_health_says_so_and_appending_goes_on(tmp_path: Path) -> None:
    async with store_at("http://127.0.0.1:1", tmp_path) as store:
        store.append(observed(sample("a.n", 1)))
        await store.flush()
        await eventually(lambda: "cannot be reached" in say(store.health().problem, "en"))
        assert store.health().waiting == 3
        with pytest.raises(StoreUnavailable):
            await store.latest("18073/router")
    async with troubled_influxdb() as server, store_at(server.url, tmp_path) as store:
        await eventually(lambda: store.health().waiting == 0)
        assert fields(server) == {"n=1.0"}


async def test_a_refused_token_is_an_alarm_without_the_token_in_it(
    server: Troubled, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.plan.extend([status(401, '{"code":"unauthorized","message":"unauthorized access"}')] * 100)
    access = Access(server.url, "db", token=Secret("canary-7f3a"))
    with caplog.at_level(logging.DEBUG):
        async with InfluxDBStore(
            tmp_path, lambda: access, flush_every=3600, backoff=0.02, clock=Clock()
        ) as store:
            store.append(observed(sample("a.n", 1)))
            await store.flush()
            await eventually(lambda: "does not accept our token" in say(store.health().problem, "en"))
            assert "canary" not in f"{store.health()} {access!r} {store!r}"
    assert "canary" not in caplog.text + repr([record.__dict__ for record in caplog.records])


async def test_retry_after_is_kept(server: Troubled, tmp_path: Path) -> None:
    server.plan.append(status(429, **{"Retry-After": "1"}))
    async with store_at(server.url, tmp_path) as store:
        store.append(observed(sample("a.n", 1)))
        await store.flush()
        await eventually(lambda: store.health().waiting == 0)
    assert server.times[1] - server.times[0] >= 0.95


async def test_a_partly_refused_batch_is_kept_aside_and_never_sent_again(
    server: Troubled, tmp_path: Path
) -> None:
    server.plan.append(
        status(400, '{"code":"invalid","message":"partial write: field type conflict dropped=1"}')
    )
    async with store_at(server.url, tmp_path) as store:
        store.append(observed(sample("a.n", 1)))
        await store.flush()
        store.append(observed(sample("a.n", 2)))
        await store.flush()
        await eventually(lambda: store.health().waiting == 0)
        assert (store.health().dropped, store.health().written) == (1, 5)
        assert server.requests == 2
    with sqlite3.connect(tmp_path / "outbox.sqlite") as db:
        ((samples, reason),) = db.execute("SELECT samples, reason FROM refused").fetchall()
    db.close()
    assert samples == 3
    assert "field type conflict" in reason


async def test_a_batch_too_large_for_the_server_is_split_until_it_fits(tmp_path: Path) -> None:
    async with troubled_influxdb(max_body=600) as server, store_at(server.url, tmp_path) as store:
        for number in range(100):
            store.append(observed(sample("a.n", number), time=T0 + timedelta(seconds=number)))
        await store.flush()
        await eventually(lambda: store.health().waiting == 0)
        assert fields(server) == {f"n={number}.0" for number in range(100)}
        assert (store.health().written, store.health().dropped) == (300, 0)


async def test_a_full_outbox_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    async with store_at("http://127.0.0.1:1", tmp_path, outbox_bytes=1000) as store:
        for number in range(100):
            store.append(observed(sample("a.n", number), time=T0 + timedelta(seconds=number)))
            await store.flush()
        health = store.health()
        assert health.dropped + health.waiting == 300
        assert 0 < health.waiting < 60
    async with troubled_influxdb() as server, store_at(server.url, tmp_path) as store:
        await eventually(lambda: store.health().waiting == 0)
        assert "n=99.0" in fields(server)
        assert "n=0.0" not in fields(server)


async def test_a_broken_outbox_is_put_aside(server: Troubled, tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").write_bytes(b"not a database" * 1000)
    async with store_at(server.url, tmp_path) as store:
        store.append(observed(sample("a.n", 1)))
        await store.flush()
        await eventually(lambda: fields(server) == {"n=1.0"})
    assert len(list(tmp_path.glob("outbox.broken-*"))) == 1  # noqa: ASYNC240


CHILD = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from monitor.store.influxdb import Access, InfluxDBStore
from probes.core.words import say
from tests.monitor.store.samples import T0, Clock, observed, sample

async def main():
    access = Access(sys.argv[2], "db")
    folder = Path(sys.argv[1])
    async with InfluxDBStore(folder, lambda: access, flush_every=3600, backoff=0.02, clock=Clock()) as store:
        for n in range(100000):
            store.append(observed(sample("a.n", n), time=T0 + timedelta(milliseconds=n)))
            await store.flush()
            print(n, flush=True)

asyncio.run(main())
"""


async def test_kill_9_loses_nothing_that_was_acknowledged(server: Troubled, tmp_path: Path) -> None:
    server.plan.extend([status(503), status(429), "reset"])
    command = [sys.executable, "-c", CHILD, str(tmp_path), server.url]
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    async for line in child.stdout:
        if int(line) >= 40:
            child.send_signal(signal.SIGKILL)
            break
    acknowledged = max([40, *map(int, (await child.stdout.read()).split())])
    await child.wait()
    async with store_at(server.url, tmp_path) as store:
        await eventually(lambda: store.health().waiting == 0)
    assert {f"n={number}.0" for number in range(acknowledged + 1)} <= fields(server)


async def test_a_wide_line_carries_all_fields_of_a_measurement(server: Troubled, tmp_path: Path) -> None:
    async with store_at(server.url, tmp_path) as store:
        store.append(observed(sample("m.a", 1), sample("m.b", 2.5), sample("m.a", 3, port="eth 0")))
        await store.flush()
        await eventually(lambda: store.health().waiting == 0)
    ms = int(T0.timestamp() * 1000)
    assert sorted(server.lines) == [
        f"m,device=18073/router a=1.0,b=2.5 {ms}",
        f"m,device=18073/router,port=eth\\ 0 a=3.0 {ms}",
        f"probe,check=snmp,device=18073/router duration=0.25,success=1.0 {ms}",
    ]


def test_retry_after_is_read_as_seconds_or_date_and_bounded() -> None:
    now = datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert retry_after({"retry-after": "7"}, now) == 7
    assert retry_after({"Retry-After": "Fri, 20 Nov 2026 08:00:30 GMT"}, now) == 30
    assert retry_after({"Retry-After": "99999999999"}, now) == 300
    assert [retry_after({"Retry-After": text}, now) for text in ("-5", "soon", "", "1e9", "٣")] == [0.0] * 5


def test_an_error_of_the_server_is_one_clean_line() -> None:
    verdict = judge(500, {}, '{"message":"line one\\nline two \\u001b[31m"}')
    assert verdict.fate is Fate.RETRY
    assert "\n" not in verdict.problem
    assert "\x1b" not in verdict.problem
    assert judge(400, {}, "[" * 100_000).fate is Fate.REFUSED


async def test_a_server_error_in_a_query_is_told(influx: InfluxDB, tmp_path: Path) -> None:
    access = Access(influx.url, "no such database", token=Secret(TOKEN))
    async with InfluxDBStore(tmp_path, lambda: access, flush_every=3600, clock=Clock()) as store:
        with pytest.raises(StoreUnavailable, match="database not found"):
            await store.range(SeriesKey("a", "b.c"), T0, T0 + timedelta(minutes=1), 1)
    access = Access(influx.url, "db", token=Secret("wrong"))
    async with InfluxDBStore(tmp_path, lambda: access, flush_every=3600, clock=Clock()) as store:
        with pytest.raises(StoreUnavailable, match="401"):
            await store.range(SeriesKey("a", "b.c"), T0, T0 + timedelta(minutes=1), 1)


async def test_samples_reach_influxdb_through_restarts_of_the_store(influx: InfluxDB, tmp_path: Path) -> None:
    access = Access(influx.url, influx.create(f"db{uuid.uuid4().hex}"), token=Secret(TOKEN))
    for number in range(3):
        async with InfluxDBStore(tmp_path, lambda: access, flush_every=3600, clock=Clock()) as store:
            store.append(observed(sample("a.n", number), time=T0 + timedelta(seconds=number)))
    async with InfluxDBStore(tmp_path, lambda: access, flush_every=3600, clock=Clock()) as store:
        await eventually(lambda: store.health().waiting == 0)
        (bucket,) = await store.range(SeriesKey("18073/router", "a.n"), T0, T0 + timedelta(minutes=1), 1)
        assert (bucket.count, bucket.maximum) == (3, 2.0)


async def test_leaving_does_not_wait_for_a_server_that_hangs(server: Troubled, tmp_path: Path) -> None:
    server.plan.append("hang")
    started = asyncio.get_running_loop().time()
    async with store_at(server.url, tmp_path, timeout=30, linger=0.1) as store:
        store.append(observed(sample("a.n", 1)))
    assert asyncio.get_running_loop().time() - started < 5
    async with store_at(server.url, tmp_path) as store:
        assert store.health().waiting == 3


def test_a_user_and_password_take_the_place_of_a_token() -> None:
    access = Access("http://x", "db", user="an", password=Secret("pw"))
    assert access.bearer == "an:pw"
    assert access.headers() == {"Authorization": "Basic YW46cHc="}
    assert Access("http://x", "db").headers() == {}


async def test_another_token_is_used_without_a_restart(influx: InfluxDB, tmp_path: Path) -> None:
    tokens = [Secret("wrong")]

    def access() -> Access:
        if not tokens:
            raise SecretMissing("the secret 'influx' is not stored")
        return Access(influx.url, database, token=tokens[-1])

    database = influx.create(f"db{uuid.uuid4().hex}")
    async with InfluxDBStore(tmp_path, access, flush_every=3600, backoff=0.02, clock=Clock()) as store:
        store.append(observed(sample("a.n", 1)))
        await store.flush()
        await eventually(lambda: "does not accept our token" in say(store.health().problem, "en"))
        tokens.append(Secret("canary-7f3a\nX-Header: 1"))
        await eventually(lambda: "no header may hold" in say(store.health().problem, "en"))
        tokens.clear()
        await eventually(lambda: "is not stored" in say(store.health().problem, "en"))
        with pytest.raises(StoreUnavailable, match="is not stored"):
            await store.latest("18073/router")
        tokens.append(Secret(TOKEN))
        await eventually(lambda: store.health().waiting == 0 and not store.health().problem)
        (bucket,) = await store.range(SeriesKey("18073/router", "a.n"), T0, T0 + timedelta(minutes=1), 1)
        assert bucket.count == 1
