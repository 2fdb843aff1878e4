"""The record of who did what: append-only, and a change is found."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from monitor.ledger import Ledger
from tests.monitor.ledger.steps import T0


async def written(path: Path) -> None:
    async with Ledger(path) as ledger:
        for number in range(5):
            await ledger.audit.add(T0, "an", "secret set", f"snmp-{number}")


async def test_lines_come_back_newest_first_and_unbroken(tmp_path: Path) -> None:
    await written(tmp_path / "ledger.sqlite")
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert [entry.subject for entry in await ledger.audit.newest(2)] == ["snmp-4", "snmp-3"]
        found = await ledger.audit.verify()
        assert (found.broken_at, found.seal.id) == (None, 5)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit SET who = 'nobody' WHERE id = 3",
        "DELETE FROM audit WHERE id = 3",
    ],
)
async def test_a_line_can_neither_be_changed_nor_removed(tmp_path: Path, tampering: str) -> None:
    await written(tmp_path / "ledger.sqlite")
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db, pytest.raises(sqlite3.IntegrityError):
        db.execute(tampering)


@pytest.mark.parametrize(
    ("tampering", "first"),
    [
        ("UPDATE audit SET who = 'nobody' WHERE id = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 2", 3),
        ("DELETE FROM audit WHERE id >= 4", 4),
        ("DELETE FROM audit WHERE id > 0", 1),
        ("UPDATE audit SET detail = CAST(x'ff' AS TEXT) WHERE id = 3", 3),
        ("UPDATE audit SET at = 9223372036854775807 WHERE id = 3", 3),
        ("UPDATE audit SET digest = CAST(x'ff' AS TEXT) WHERE id = 5", 5),
    ],
)
async def test_who_changes_it_all_the_same_is_found(tmp_path: Path, tampering: str, first: int) -> None:
    path = tmp_path / "ledger.sqlite"
    await written(path)
    with sqlite3.connect(path) as db:
        for name in ("audit_is_never_changed", "audit_is_never_shortened"):
            db.execute(f"DROP TRIGGER {name}")
        db.execute(tampering)
    async with Ledger(path) as ledger:
        assert (await ledger.audit.verify()).broken_at == first
        await ledger.audit.newest()
        await ledger.audit.add(T0, "an", "secret set", "and the record goes on")
        assert (await ledger.audit.newest(1))[0].subject == "and the record goes on"


async def test_who_noted_a_seal_sees_lines_cut_off_and_a_record_written_anew(tmp_path: Path) -> None:
    await written(tmp_path / "ledger.sqlite")
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        noted = (await ledger.audit.verify()).seal
        await ledger.audit.add(T0, "an", "secret set", "more")
        assert (await ledger.audit.verify(noted)).broken_at is None
    async with Ledger(tmp_path / "other.sqlite") as ledger:
        for number in range(6):
            assert (await ledger.audit.verify(noted)).broken_at == number + 1 if number < 5 else 5
            await ledger.audit.add(T0, "another", "secret set", f"snmp-{number}")
        assert (await ledger.audit.verify()).broken_at is None
