"""The service itself notices a record that was changed, and secrets that do not open."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inventory.secrets import Secret
from inventory.vault import Vault
from monitor.custody import Custody
from monitor.ledger import Ledger

T0 = datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC)


def tampered(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for name in ("audit_is_never_changed", "audit_is_never_shortened"):
            db.execute(f"DROP TRIGGER IF EXISTS {name}")
        for statement in statements:
            db.execute(statement)


async def test_a_changed_line_and_a_missing_key_are_noticed_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vault = Vault(tmp_path / "secrets.vault", tmp_path / "master.key")
    vault.create_key()
    vault.put("snmp", Secret("x"), T0)
    key = vault.key_path.read_bytes()
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for name in ("a", "b"):
            await ledger.audit.add(T0, "an", "secret set", name)
        custody = Custody(ledger, vault)
        await custody.look()
        assert (custody.audit, custody.secrets) == (None, "")
        tampered(tmp_path / "ledger.sqlite", "DELETE FROM audit WHERE subject = 'a'")
        vault.key_path.unlink()
        await custody.look()
        await custody.look()
        assert custody.audit and "line 2 or one before it" in custody.audit.en
        assert "dòng 2" in custody.audit.vi
        assert "secret key" in custody.secrets
        vault.key_path.write_bytes(key)
        await custody.look()
        assert custody.secrets == ""
    told = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert sorted(told) == ["stored secrets cannot be used", "the record of who did what was tampered with"]


@pytest.mark.parametrize(
    "tampering",
    [
        ["DELETE FROM audit WHERE id = 2", "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'audit'"],
        ["DROP TABLE audit"],
    ],
    ids=["cut off, and the count with it", "gone"],
)
async def test_what_was_seen_once_is_missed_later(tmp_path: Path, tampering: list[str]) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for name in ("a", "b"):
            await ledger.audit.add(T0, "an", "secret set", name)
        custody = Custody(ledger, Vault(tmp_path / "secrets.vault", tmp_path / "master.key"))
        await custody.look()
        assert custody.audit is None
        tampered(tmp_path / "ledger.sqlite", *tampering)
        await custody.look()
        assert custody.audit is not None


async def test_the_seal_is_in_the_log_out_of_reach_of_who_writes_the_ledger(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.audit.add(T0, "an", "secret set", "a")
        custody = Custody(ledger, Vault(tmp_path / "secrets.vault", tmp_path / "master.key"))
        await custody.look()
        await custody.look()
        seal = str((await ledger.audit.verify()).seal)
    assert [record.__dict__["seal"] for record in caplog.records if "grown" in record.message] == [seal]
