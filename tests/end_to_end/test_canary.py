"""A secret appears nowhere: not in logs at their most talkative, pages, metrics, the record, the store (A44, A46)."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from inventory.secrets import Secret
from inventory.vault import Vault
from monitor.app import pages
from monitor.clock import utc_now
from monitor.house import monitoring
from tests.end_to_end.site import DEVICE, load, write_service
from tests.end_to_end.test_reload import Thief
from tests.patience import eventually
from tests.servers.nginx import nginx
from tests.servers.ports import free_port, free_udp_port

CANARY = "canary-9c4e1f"
QUICK = {"interval": "1s", "timeout": "1s"}
DENYING = "listen 127.0.0.1:{port}; return 401;"
PATHS = (
    "/",
    "/incidents",
    "/findings",
    "/health",
    "/sites/18073",
    f"/devices/{DEVICE}",
    "/metrics",
    "/healthz",
    "/api/v1/sites",
    f"/api/v1/devices/{DEVICE}",
    "/api/v1/incidents",
)


def forms(secret: str) -> Iterator[bytes]:
    """Yield how a secret may look: as it is, and in what HTTP Basic sends."""
    yield secret.encode()
    for user in ("monitor:", "xmonitor:", "xxmonitor:"):
        yield base64.b64encode(f"{user}{secret}".encode())[8:-4]


def write(tmp_path: Path, web: int, snmp: int) -> Path:
    """Write a service with every kind of secret: in a file, in the store, of a channel."""
    checks: dict[str, dict[str, object]] = {
        "snmp": {"port": snmp, **QUICK},
        "gone": {"probe": "snmp", "port": free_udp_port(), **QUICK},
        "http": {"url": f"http://127.0.0.1:{web}/", **QUICK},
    }
    hook = {
        "kind": "webhook",
        "url": f"http://127.0.0.1:{free_port()}/",
        "bearer_token": {"file": "token"},
        "min_severity": "low",
    }
    settings = write_service(tmp_path, checks, notifiers={"hook": hook})
    for name in ("community", "token"):
        (tmp_path / "secrets" / name).write_text(CANARY)
        (tmp_path / "secrets" / name).chmod(0o600)
    office = tmp_path / "inventory" / "office.yaml"
    written = json.loads(office.read_text())
    written["credentials"]["web"] = {"kind": "http_basic", "user": "monitor", "password": {"secret": "web"}}
    written["defaults"]["credentials"]["http"] = "web"
    office.write_text(json.dumps(written))
    vault = Vault(tmp_path / "secrets.vault", tmp_path / "master.key")
    vault.create_key()
    vault.put("web", Secret(CANARY), utc_now())
    return settings


async def test_a_secret_appears_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    port, agent = free_udp_port(), Thief()
    async with nginx(tmp_path / "nginx", DENYING) as web, agent.listening(port):
        settings = write(tmp_path, web, port)
        configuration = load(settings)
        async with (
            monitoring(configuration) as running,
            pages(configuration, running) as url,
            aiohttp.ClientSession(url) as session,
        ):
            await eventually(lambda: any(CANARY.encode() in heard for heard in agent.heard))
            await eventually(lambda: running.board.incidents)
            await eventually(lambda: running.board.last(f"{DEVICE}:http"))
            answers = [await _body(session, path) for path in PATHS]
            await running.store.flush()
    shown = [*answers, caplog.text.encode(), *(part.encode() for part in capfd.readouterr())]
    kept = [path.read_bytes() for path in _kept(tmp_path)]
    assert kept
    for form in forms(CANARY):
        assert not any(form in text for text in (*shown, *kept)), form


async def _body(session: aiohttp.ClientSession, path: str) -> bytes:
    async with session.get(path) as response:
        assert response.status in (200, 503), path
        return await response.read()


def _kept(folder: Path) -> list[Path]:
    """Return every file that the service keeps or reads, but for the folder of secrets."""
    files = [path for path in folder.rglob("*") if path.is_file() and "nginx" not in path.parts]
    return [path for path in files if path.parent.name != "secrets"]
