"""Every panel of the Grafana dashboard finds what the probes measured, in a real InfluxDB."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import probes.http
import probes.icmp
import probes.sip
import probes.snmp
import probes.ssh
import probes.tls
from inventory.secrets import Credential, Secret
from monitor.demo.layout import HTTPS_PORT, SIP_PORT, SNMP_PORT, SSH_PORT
from monitor.demo.wire import CA_FILE
from monitor.store.influxdb import Access, InfluxDBStore
from probes.core.observation import Answer, Observation, Outcome, Sample
from probes.core.probe import Probe, Target
from tests.conftest import ROOT
from tests.monitor.demo.conftest import Asking
from tests.servers.influxdb import TOKEN, InfluxDB, influxdb

pytestmark = pytest.mark.asyncio(loop_scope="module")

PANELS = json.loads((ROOT / "deploy/grafana/dashboards/commune-monitor.json").read_text("utf-8"))["panels"]
DATABASE = "commune-monitor"


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    with influxdb(tmp_path_factory.mktemp("influxdb")) as server:
        server.create(DATABASE)
        yield server


def questions() -> Iterator[tuple[str, str]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["query"]


def as_grafana_sends(query: str) -> str:
    """Fill in the variables as Grafana does."""
    filled = query.replace("$timeFilter", "time > now() - 1h").replace("$__interval", "10s")
    return filled.replace("/^$device$/", "/^.*$/")


def observation(device: str, check: str, answer: Answer) -> Observation:
    return Observation(
        device, check, check, datetime.now(UTC), 0.01, Outcome.OK, answer.detail, answer.samples, answer.facts
    )


async def asked_twice(asking: Asking, kind: type[Probe[Any]], device: str, credential: Credential) -> Answer:
    """Ask twice with one probe: rates need two readings."""
    async with kind(asking.environment) as probe:
        target = Target(device, asking.place(device).address, credential)
        port = {"port": SSH_PORT if kind is probes.ssh.Probe else SNMP_PORT}
        await probe.ask(target, kind.params(**port))
        await asyncio.sleep(1.1)
        return await probe.ask(target, kind.params(**port))


async def measured(asking: Asking) -> list[Observation]:
    ca = str(asking.province.settings.parent / "simulator" / CA_FILE)
    snmp = Credential("snmp_v2c", {}, {"community": Secret(asking.community)})
    url = f"https://{{address}}:{HTTPS_PORT}/"
    return [
        observation(
            "18073/router", "snmp", await asked_twice(asking, probes.snmp.Probe, "18073/router", snmp)
        ),
        observation(
            "18073/server", "ssh", await asked_twice(asking, probes.ssh.Probe, "18073/server", asking.ssh_key)
        ),
        observation(
            "18073/conference", "sip", await asking.ask(probes.sip.Probe, "18073/conference", port=SIP_PORT)
        ),
        observation("ttdl/dvc", "http", await asking.ask(probes.http.Probe, "ttdl/dvc", url=url, ca_file=ca)),
        observation(
            "ttdl/dvc", "tls", await asking.ask(probes.tls.Probe, "ttdl/dvc", port=HTTPS_PORT, ca_file=ca)
        ),
        # Not every machine lets us ping; its names are kept by tests/test_deployment.py.
        observation(
            "18073/router",
            "icmp",
            Answer(samples=(Sample("icmp.loss", 0.0), Sample("icmp.rtt.mean", 0.001, "s"))),
        ),
    ]


async def test_every_panel_finds_series_with_all_its_labels(
    asking: Asking, influx: InfluxDB, tmp_path: Path
) -> None:
    access = Access(url=influx.url, bucket=DATABASE, org="-", token=Secret(TOKEN))
    async with InfluxDBStore(tmp_path, lambda: access) as store:
        for one in await measured(asking):
            store.append(one)
        await store.flush()
        assert store.health().problem == ""
    empty = [title for title, query in questions() if not complete(influx, query)]
    assert empty == []


def complete(influx: InfluxDB, query: str) -> bool:
    """Whether the query finds at least one series, and one all of whose labels have a value."""
    answer = json.loads(influx.query(as_grafana_sends(query), db=DATABASE))
    series = [series for result in answer["results"] for series in result.get("series", ())]
    return any(all(one["tags"].values()) for one in series)
