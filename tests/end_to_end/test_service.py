"""Three lines of YAML and a real device is polled, stored, judged and alerted on, and again when it is back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.incident import DeviceState
from monitor.house import Monitoring, monitoring
from monitor.store import SeriesKey
from probes.core.observation import Outcome, Sample
from tests.end_to_end.site import COMMUNITY, DEVICE, load, open_rules, outcome, write_service
from tests.patience import eventually
from tests.servers.certificates import Authority
from tests.servers.nginx import nginx, tls
from tests.servers.ports import free_port, free_udp_port
from tests.servers.smtp import smtp
from tests.servers.snmpd import snmpd
from tests.servers.sshd import HARDENED, Server, account, open_folder, sshd

EVERY = {"interval": "2s", "timeout": "2s"}


async def test_a_real_agent_is_polled_stored_alerted_on_when_stopped_and_again_when_back(
    tmp_path: Path,
) -> None:
    port = free_udp_port()
    web = free_port()
    async with smtp() as mailbox:
        settings = write_service(
            tmp_path,
            {
                "snmp": {"port": port, **EVERY},
                "portal": {
                    "probe": "http",
                    "url": f"http://127.0.0.1:{web}/",
                    "interval": "2s",
                    "timeout": "1s",
                },
            },
            smtp=mailbox.port,
        )
        page = 'listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }}'
        async with nginx(tmp_path / "nginx", page, port=web), monitoring(load(settings)) as running:
            with snmpd(tmp_path / "snmpd", community=COMMUNITY, port=port):
                await eventually(lambda: outcome(running, "snmp") is Outcome.OK)
                await eventually(lambda: running.board.status(DEVICE).state is DeviceState.UP)
            await eventually(lambda: running.board.incidents)
            assert running.board.status(DEVICE).state is DeviceState.DEGRADED, "the portal still answers"
            await eventually(lambda: mailbox.mails)
            with snmpd(tmp_path / "snmpd", community=COMMUNITY, port=port):
                await eventually(lambda: not running.board.incidents)
                await eventually(lambda: len(mailbox.mails) == 2)
                await eventually(lambda: running.board.status(DEVICE).state is DeviceState.UP)
            opened, resolved = (str(mail["Subject"]) for mail in mailbox.mails)
            assert "Phường Thành Sen" in opened
            assert "ĐÃ KHẮC PHỤC" in resolved
            assert "0912345678" in mailbox.mails[0].get_content()
            await assert_stored(running)


async def assert_stored(running: Monitoring) -> None:
    await running.store.flush()
    latest = {value.key.metric for value in await running.store.latest(DEVICE)}
    assert {"system.uptime", "probe.duration", "probe.success"} <= latest
    now = datetime.now(UTC)
    success = SeriesKey(DEVICE, "probe.success", (("check", "snmp"),))
    buckets = await running.store.range(success, now - timedelta(minutes=5), now + timedelta(seconds=1), 1)
    assert 0.0 < buckets[0].mean < 1.0, "it worked, failed and worked again"


async def test_a_server_that_is_stopped_is_down_and_one_message_says_so(tmp_path: Path) -> None:
    port = free_udp_port()
    async with smtp() as mailbox:
        settings = write_service(tmp_path, {"snmp": {"port": port, **EVERY}}, smtp=mailbox.port)
        async with monitoring(load(settings)) as running:
            with snmpd(tmp_path / "snmpd", community=COMMUNITY, port=port) as agent:
                await eventually(lambda: running.board.status(DEVICE).state is DeviceState.UP)
                with frozen(agent.pid):
                    await eventually(lambda: mailbox.mails)
                    assert running.board.status(DEVICE).state is DeviceState.DOWN
                    await asyncio.sleep(5)
                    assert len(mailbox.mails) == 1
                    assert open_rules(running) == {"device-down"}
                await eventually(lambda: len(mailbox.mails) == 2)
                assert running.board.status(DEVICE).state is DeviceState.UP


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Let a process neither answer nor refuse, as a machine without power."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_restart_remembers_what_is_open_and_tells_nothing_twice(tmp_path: Path) -> None:
    web = free_port()
    portal = {
        "portal": {"probe": "http", "url": f"http://127.0.0.1:{web}/", "interval": "2s", "timeout": "1s"}
    }
    async with smtp() as mailbox:
        settings = write_service(tmp_path, portal, smtp=mailbox.port)
        async with monitoring(load(settings)) as running:
            await eventually(lambda: mailbox.mails)
            (before,) = running.board.incidents
        async with monitoring(load(settings)) as running:
            await eventually(lambda: outcome(running, "portal"))
            await asyncio.sleep(6)
            assert list(running.board.incidents) == [before]
            assert len(mailbox.mails) == 1
            async with nginx(tmp_path / "nginx", "listen 127.0.0.1:{port}; return 200;", port=web):
                await eventually(lambda: len(mailbox.mails) == 2)
        assert "ĐÃ KHẮC PHỤC" in str(mailbox.mails[1]["Subject"])


async def test_no_credential_is_sent_before_the_host_key_is_approved_and_login_follows_approval(
    tmp_path: Path,
) -> None:
    hardened = HARDENED.replace("prohibit-password", "no")
    with account() as who, open_folder() as readable:
        async with sshd(readable, hardened, who=who) as server:
            await login_after_approval(tmp_path, server)


async def login_after_approval(tmp_path: Path, server: Server) -> None:
    settings = write_service(
        tmp_path, {"ssh": {"port": server.port, "interval": "5s", "timeout": "5s"}}, ssh=server
    )
    async with monitoring(load(settings)) as running:
        await eventually(lambda: outcome(running, "ssh") is Outcome.UNTRUSTED)
        (pending,) = await running.ledger.host_keys.stored("pending")
        assert await running.ledger.host_keys.approve(DEVICE, pending.fingerprint, "admin", datetime.now(UTC))
        await eventually(lambda: outcome(running, "ssh") is Outcome.OK)
        metrics = {value.metric for value in last_samples(running, "ssh")}
        assert {"system.uptime", "system.memory.utilization"} <= metrics
        await asyncio.sleep(6)
        assert not open_rules(running) - ALLOWED_OF_A_HARDENED_SERVER


ALLOWED_OF_A_HARDENED_SERVER = {"disk-full", "cpu-high", "memory-high", "units-failed"}
"""What the machine that runs the tests may truly suffer from."""


def last_samples(running: Monitoring, check: str) -> tuple[Sample, ...]:
    last = running.board.last(f"{DEVICE}:{check}")
    assert last is not None
    return last.samples


@pytest.mark.parametrize("expired", [True, False])
async def test_an_expired_certificate_is_a_finding_with_evidence_and_a_good_one_is_none(
    tmp_path: Path, expired: bool
) -> None:
    authority = Authority(tmp_path / "ca")
    pair = authority.issue("server", days=(-90, -2) if expired else (-1, 200))
    async with nginx(tmp_path / "nginx", tls(pair)) as port:
        settings = write_service(tmp_path, {"tls": {"port": port, "interval": "5s", "timeout": "5s"}})
        async with monitoring(load(settings)) as running:
            await eventually(lambda: outcome(running, "tls") is Outcome.OK)
            if not expired:
                await asyncio.sleep(8)
                assert not {rule for rule in open_rules(running) if rule in ("TLS-01", "TLS-07", "TLS-11")}
                return
            await eventually(lambda: "TLS-01" in open_rules(running))
            (finding,) = [one for one in running.board.incidents.values() if one.key.rule == "TLS-01"]
            assert finding.evidence
