"""The ping to a watcher outside: only while the monitor works, by the permitted way, without telling the address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.incident import Words
from inventory.network_policy import NetworkPolicy
from inventory.secrets import SecretMissing, SecretRef, Secrets
from monitor.scheduler import Load
from monitor.selfwatch.heartbeat import LATE, Heartbeat, fail_address
from monitor.selfwatch.settings import HeartbeatSettings
from monitor.store import StoreHealth
from monitor.vitals import Problem, Vitals
from tests import loopback
from tests.servers.ports import free_port
from tests.servers.webhook import webhook

NOW = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
SECRET = "5f1c-bi-mat"


def vitals(*problems: Problem, late: float = 0.0) -> Vitals:
    load = Load(1, 0, 0, 0, 0, 0.0, late, late)
    return Vitals(NOW, "0", load, StoreHealth("duckdb", 0, 0, 0), 0, None, problems)


def problem(part: str, *, grave: bool) -> Problem:
    return Problem(Words("x", "x"), part, grave)


@asynccontextmanager
async def heart(
    folder: Path, url: str, state: Vitals, policy: NetworkPolicy = loopback.POLICY, **more: Any
) -> AsyncIterator[Heartbeat]:
    (folder / "heartbeat").write_text(url + "\n")
    (folder / "heartbeat").chmod(0o600)
    said = {"url": SecretRef(file="heartbeat"), "timeout": "1s", **more}
    settings = HeartbeatSettings.model_validate(said)
    async with Heartbeat(settings, Secrets(folder), policy, lambda: state, lambda: NOW) as found:
        yield found


async def test_a_monitor_that_works_pings_the_address(tmp_path: Path) -> None:
    async with webhook() as hook, heart(tmp_path, f"{hook.url}/{SECRET}", vitals()) as beating:
        await beating.beat()
        assert [request.path for request in hook.requests] == [f"/{SECRET}"]
        assert (beating.last.at, beating.last.well, beating.last.problem) == (NOW, True, "")


@pytest.mark.parametrize(
    "state", [vitals(problem("ledger", grave=True)), vitals(late=LATE + 1)], ids=["ledger", "late"]
)
async def test_a_monitor_that_does_not_work_says_so_or_keeps_silent(tmp_path: Path, state: Vitals) -> None:
    async with webhook() as hook:
        async with heart(tmp_path, f"{hook.url}/{SECRET}", state) as beating:
            await beating.beat()
        assert [request.path for request in hook.requests] == [f"/{SECRET}/fail"]
        async with heart(tmp_path, f"{hook.url}/{SECRET}", state, failing="silent") as beating:
            await beating.beat()
        assert len(hook.requests) == 1


async def test_what_is_not_grave_keeps_nobody_from_pinging(tmp_path: Path) -> None:
    state = vitals(problem("store", grave=False))
    async with webhook() as hook, heart(tmp_path, hook.url, state) as beating:
        await beating.beat()
        assert beating.last.well


@pytest.mark.parametrize("status", [301, 404, 429, 500])
async def test_a_watcher_that_does_not_take_it_is_a_problem_without_the_address(
    tmp_path: Path, status: int
) -> None:
    headers = {"Location": "http://127.0.0.1:1/"}
    async with (
        webhook(status=status, headers=headers) as hook,
        heart(tmp_path, f"{hook.url}/{SECRET}", vitals()) as beating,
    ):
        await beating.beat()
        assert beating.last.problem == f"the watcher answers HTTP {status}"
        assert beating.last.at is None
        hook.status = 200
        await beating.beat()
        assert beating.last.problem == ""


async def test_a_watcher_that_is_away_or_slow_or_no_address_tells_no_secret(tmp_path: Path) -> None:
    async with webhook(delay=5) as slow:
        addresses = (
            f"http://127.0.0.1:{free_port()}/{SECRET}", f"{slow.url}/{SECRET}", f"ftp://x/{SECRET}",
            f"http://user:{SECRET}@127.0.0.1/", f"http://[{SECRET}/", f"http://127.0.0.1:99999/{SECRET}",
        )  # fmt: skip
        for address in addresses:
            async with heart(tmp_path, address, vitals()) as beating:
                await beating.beat()
                assert beating.last.problem
                assert SECRET not in beating.last.problem


async def test_an_address_that_is_not_permitted_is_not_connected_to(tmp_path: Path) -> None:
    async with webhook() as hook:
        async with heart(tmp_path, hook.url, vitals(), NetworkPolicy()) as beating:
            await beating.beat()
            assert "127.0.0.1" in beating.last.problem and "`allow:` of the heartbeat" in beating.last.problem
        assert not hook.requests
        async with heart(tmp_path, hook.url, vitals(), NetworkPolicy(), allow=("127.0.0.1",)) as beating:
            await beating.beat()
        assert hook.requests


def test_a_missing_address_stops_the_start(tmp_path: Path) -> None:
    settings = HeartbeatSettings(url=SecretRef(file="heartbeat"))
    with pytest.raises(SecretMissing):
        Heartbeat(settings, Secrets(tmp_path), loopback.POLICY, vitals, lambda: NOW)


def test_fail_comes_behind_the_path_and_before_the_question() -> None:
    assert fail_address("https://hc.example/ping/uuid/?rid=1") == "https://hc.example/ping/uuid/fail?rid=1"
