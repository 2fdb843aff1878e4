"""The service itself notices a record that was changed, and secrets that do not open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from inventory.secrets import Secret
from inventory.vault import Vault
from monitor.custody import Custody
from monitor.ledger import Ledger

T0 = datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC)


async def test_a_changed_line_and_a_missing_key_are_noticed(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "secrets.vault", tmp_path / "master.key")
    vault.create_key()
    vault.put("snmp", Secret("x"), T0)
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for name in ("a", "b"):
            await ledger.audit(T0, "an", "secret set", name)
        custody = Custody(ledger, vault)
        await custody.look()
        assert (custody.audit, custody.secrets) == ("", "")
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db, db:
            db.execute("DROP TRIGGER audit_is_never_shortened")
            db.execute("DELETE FROM audit WHERE subject = 'a'")
        vault.key_path.unlink()
        await custody.look()
    assert "line 2 or one before it" in custody.audit
    assert "secret key" in custody.secrets
