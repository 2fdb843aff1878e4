"""The same service on InfluxDB: series arrive, and a server that is away delays no alert."""

from __future__ import annotations

import asyncio
from pathlib import Path

from monitor.house import monitoring
from probes.core.observation import Outcome
from tests.end_to_end.site import DEVICE, load, outcome, write_service
from tests.patience import eventually
from tests.servers.influxdb import TOKEN, influxdb
from tests.servers.nginx import nginx
from tests.servers.ports import free_port
from tests.servers.smtp import smtp

PAGE = 'listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }}'


def portal(port: int) -> dict[str, dict[str, object]]:
    return {
        "portal": {"probe": "http", "url": f"http://127.0.0.1:{port}/", "interval": "2s", "timeout": "1s"}
    }


def influx(url: str, token: bool) -> dict[str, object]:
    settings: dict[str, object] = {"kind": "influxdb", "url": url, "bucket": "province"}
    return settings | ({"token": {"file": "token"}} if token else {})


async def test_series_reach_influxdb_and_are_read_back_for_the_charts(tmp_path: Path) -> None:
    (tmp_path / "influx").mkdir()
    with influxdb(tmp_path / "influx") as server:
        await asyncio.to_thread(server.create, "province")
        async with nginx(tmp_path / "nginx", PAGE) as port:
            settings = write_service(tmp_path, portal(port), store=influx(server.url, token=True))
            (tmp_path / "secrets" / "token").write_text(TOKEN)
            async with monitoring(load(settings)) as running:
                await eventually(lambda: outcome(running, "portal") is Outcome.OK)
                await eventually(lambda: running.store.health().written > 0)
                metrics = {value.key.metric for value in await running.store.latest(DEVICE)}
    assert {"probe.duration", "http.response.status_code"} <= metrics


async def test_an_influxdb_that_is_away_delays_no_alert_and_says_so(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with smtp() as mailbox:
        settings = write_service(
            tmp_path, portal(free_port()), smtp=mailbox.port, store=influx(nowhere, token=False)
        )
        async with monitoring(load(settings)) as running:
            await eventually(lambda: mailbox.mails, within=15)
            await eventually(lambda: running.store.health().problem)
            assert running.store.health().waiting > 0, "nothing is lost meanwhile"
