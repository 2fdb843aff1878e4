"""What must be kept is watched while the service runs: the record of who did what, the master key."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from inventory.secrets import Secret
from inventory.vault import Vault
from monitor.house import monitoring
from monitor.ledger import Ledger
from tests.end_to_end.site import load, write_service
from tests.end_to_end.test_reload import browsing, office, text
from tests.monitor.ledger.steps import T0
from tests.patience import eventually
from tests.permissions import not_ours

SNMP = {"port": 11161, "interval": "600s", "timeout": "1s"}


def sealed(folder: Path) -> Path:
    """A service whose community is in the encrypted store, with folders of their own for key and store."""
    settings = write_service(folder, {"snmp": SNMP}, master_key="keys/master.key", vault="vault/secrets")
    office(folder).write_text(office(folder).read_text().replace('{"file": "community"}', '{"secret": "x"}'))
    vault = Vault(folder / "vault" / "secrets", folder / "keys" / "master.key")
    vault.create_key()
    vault.put("x", Secret("public"), T0)
    return settings


async def test_a_record_that_was_changed_is_told_on_every_page_in_the_metrics_and_by_its_own_page(
    tmp_path: Path,
) -> None:
    settings = write_service(tmp_path, {"snmp": SNMP})
    (tmp_path / "data").mkdir()
    async with Ledger(tmp_path / "data" / "ledger.sqlite") as ledger:
        for name in ("a", "b", "<b>c"):
            await ledger.audit.add(T0, "an", "secret set", name)
    with closing(sqlite3.connect(tmp_path / "data" / "ledger.sqlite")) as db, db:
        db.execute("DROP TRIGGER audit_is_never_changed")
        db.execute("UPDATE audit SET at = 9223372036854775807, who = CAST(x'ff' AS TEXT) WHERE id = 2")
    async with browsing(settings) as (_, session):
        for page in ("/", "/incidents", "/health", "/sites/18073", "/inventory/audit"):
            assert "Nhật ký ai đã làm gì: dòng 2 hoặc dòng trước đó" in await text(session, page), page
        assert 'commune_monitor_problem{part="audit"} 1.0' in await text(session, "/metrics")
        shown = await text(session, "/inventory/audit?lang=en")
        assert 'id="broken"' in shown and "line 2 or one before it" in shown
        assert "&lt;b&gt;c" in shown and "20/11/2026" in shown


async def test_a_key_that_is_gone_is_told_until_it_is_back(tmp_path: Path) -> None:
    settings = sealed(tmp_path)
    key = tmp_path / "keys" / "master.key"
    key.rename(tmp_path / "away")
    async with browsing(settings) as (running, session):
        assert 'commune_monitor_problem{part="secrets"} 1.0' in await text(session, "/metrics")
        assert "Bí mật đã lưu: the master key" in await text(session, "/")
        (tmp_path / "away").rename(key)
        office(tmp_path).write_text(office(tmp_path).read_text() + "\n")
        await eventually(lambda: not running.vitals().problems, within=10)


async def test_folders_of_secrets_that_are_closed_to_the_service_leave_it_following_its_files(
    tmp_path: Path,
) -> None:
    settings = sealed(tmp_path)
    with not_ours(*(tmp_path / name for name in ("keys", "vault", "secrets"))):
        async with monitoring(load(settings)) as running:
            revision = running.reloader.state.revision
            office(tmp_path).write_text(office(tmp_path).read_text().replace('"server"', '"other"'))
            await eventually(lambda: running.reloader.state.revision > revision, within=10)
            (problem,) = running.vitals().problems
    assert problem.part == "secrets" and "Permission denied" in problem.words.en
