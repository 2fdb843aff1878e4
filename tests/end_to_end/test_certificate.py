"""A renewal of the certificate that went wrong is seen: on the health page, in ``/metrics``, as a problem."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from monitor.app import pages
from monitor.house import Monitoring, monitoring
from tests.end_to_end.site import load, write_service
from tests.monitor.access.test_tls import put
from tests.patience import eventually
from tests.servers.certificates import Authority

METRIC = 'commune_monitor_problem{part="certificate"} 1.0'


@asynccontextmanager
async def service(folder: Path, authority: Authority) -> AsyncIterator[tuple[Monitoring, str]]:
    """A service with TLS from files, nothing to ask."""
    settings = write_service(folder, {})
    chain, key = put(authority.issue("first"), folder)
    written = json.loads(settings.read_text())
    web = {"port": 0, "login": False, "tls": {"certificate": str(chain), "key": str(key)}}
    settings.write_text(json.dumps(written | {"web": web}))
    configuration = load(settings)
    async with monitoring(configuration) as running, pages(configuration, running) as url:
        yield running, url


async def test_a_renewal_that_went_wrong_is_a_problem_until_it_is_put_right(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    trust = ssl.create_default_context(cafile=str(authority.root))
    async with (
        service(tmp_path, authority) as (running, url),
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session,
    ):

        async def read(path: str) -> str:
            async with session.get(f"{url}{path}") as answer:
                return await answer.text()

        assert METRIC not in await read("/metrics")
        (tmp_path / "key.pem").write_bytes(authority.issue("other").key.read_bytes())
        await eventually(lambda: "certificate" in {one.part for one in running.vitals().problems})
        assert METRIC in await read("/metrics")
        assert "Chứng chỉ TLS" in await read("/health")
        health = json.loads(await read("/healthz"))
        assert any("key.pem" in one for one in health["problems"])
        assert health["status"] != "failing", "states and alerts are as true as before"
        put(authority.issue("second"), tmp_path)
        await eventually(lambda: "certificate" not in {one.part for one in running.vitals().problems})
