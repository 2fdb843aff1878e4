"""Approved host keys: known at once, also when another process approved them, and never many."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from monitor.ledger import Ledger
from monitor.ledger.hostkeys import KEYS_PER_ADDRESS, fingerprint
from probes.core.hostkeys import HostKeys
from tests.monitor.ledger.steps import T0
from tests.patience import eventually
from tests.servers.debian import require

PLACE = ("18073/server", "10.42.1.1", 22)


def key(number: int = 0) -> str:
    return "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519" + bytes([number]) * 36).decode()


@pytest_asyncio.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger(tmp_path / "ledger.sqlite", watch_every=0.01) as opened:
        yield opened


async def test_a_reported_key_waits_and_is_not_trusted(ledger: Ledger) -> None:
    keys: HostKeys = ledger.host_keys
    keys.report(*PLACE, key())
    keys.report(*PLACE, key())
    (pending,) = await ledger.host_keys.stored("pending")
    assert (pending.device, pending.address, pending.port, pending.key) == (*PLACE, key())
    assert keys.approved(*PLACE) == ()


async def test_an_approved_key_is_trusted_at_exactly_its_address_and_port(ledger: Ledger) -> None:
    ledger.host_keys.report(*PLACE, key())
    (pending,) = await ledger.host_keys.stored("pending")
    (approved,) = await ledger.host_keys.approve(PLACE[0], pending.fingerprint, "an", T0)
    assert (approved.state, approved.decided_by) == ("approved", "an")
    (told,) = await ledger.audit.newest()
    assert (told.who, told.what, told.subject) == ("an", "host key approved", PLACE[0])
    assert ledger.host_keys.approved(*PLACE) == (key(),)
    assert ledger.host_keys.approved(PLACE[0], "10.42.1.2", 22) == ()
    assert ledger.host_keys.approved(PLACE[0], PLACE[1], 2222) == ()
    assert ledger.host_keys.approved("18073/router", *PLACE[1:]) == ()
    assert await ledger.host_keys.stored("pending") == []


async def test_approval_by_another_process_is_seen_and_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger(path, watch_every=0.01) as service:
        service.host_keys.report(*PLACE, key())
        await service.host_keys.stored("pending")
        async with Ledger(path) as command_line:
            (pending,) = await command_line.host_keys.stored("pending")
            await command_line.host_keys.approve(PLACE[0], pending.fingerprint, "an", T0)
        async with asyncio.timeout(5):
            while not service.host_keys.approved(*PLACE):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    async with Ledger(path) as restarted:
        assert restarted.host_keys.approved(*PLACE) == (key(),)


async def test_a_revoked_key_is_not_trusted_and_not_asked_about_again(ledger: Ledger) -> None:
    ledger.host_keys.report(*PLACE, key())
    (pending,) = await ledger.host_keys.stored("pending")
    await ledger.host_keys.approve(PLACE[0], pending.fingerprint, "an", T0)
    await ledger.host_keys.revoke(PLACE[0], pending.fingerprint, "an", T0)
    ledger.host_keys.report(*PLACE, key())
    assert ledger.host_keys.approved(*PLACE) == ()
    assert await ledger.host_keys.stored("pending") == []
    assert await ledger.host_keys.stored("approved") == []


async def test_a_fingerprint_nobody_saw_cannot_be_approved(ledger: Ledger) -> None:
    ledger.host_keys.report(*PLACE, key())
    assert await ledger.host_keys.approve(PLACE[0], fingerprint(key(1)) or "", "an", T0) == []
    assert ledger.host_keys.approved(*PLACE) == ()


async def test_a_server_with_endless_keys_fills_nothing(ledger: Ledger) -> None:
    for number in range(100):
        ledger.host_keys.report(*PLACE, key(number))
    assert len(await ledger.host_keys.stored("pending")) == KEYS_PER_ADDRESS


@pytest.mark.parametrize(
    "garbage", ["", "ssh-ed25519", "ssh-ed25519 %%%", "a b c", "ssh-ed25519 " + "A" * 20000]
)
async def test_what_is_no_key_is_not_kept(ledger: Ledger, garbage: str) -> None:
    ledger.host_keys.report(*PLACE, garbage)
    assert await ledger.host_keys.stored("pending") == []


def test_the_fingerprint_is_the_one_openssh_shows(tmp_path: Path) -> None:
    keygen = require("ssh-keygen", package="openssh-client")
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    shown = subprocess.run(
        [keygen, "-lf", tmp_path / "key.pub"], check=True, capture_output=True, text=True
    ).stdout.split()[1]
    line = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    assert fingerprint(line) == shown


async def test_a_ledger_that_cannot_be_read_is_a_problem_until_it_can(ledger: Ledger, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as other:
        other.execute("ALTER TABLE host_keys RENAME TO away")
        await eventually(lambda: "host_keys" in ledger.problem)
        other.execute("ALTER TABLE away RENAME TO host_keys")
        await eventually(lambda: not ledger.problem)
