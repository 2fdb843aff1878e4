"""Secrets from the command line: stored, listed, rotated, removed, confirmed, and never printed."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from monitor.cli import main
from monitor.clock import utc_now
from monitor.ledger import AuditEntry, Ledger
from tests.end_to_end.site import COMMUNITY, DEVICE, write_service
from tests.permissions import not_ours

CANARY = "canary-5d21"
SNMP = {"port": 11161, "interval": "600s", "timeout": "1s"}


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A service whose community is in the encrypted store, once it is set."""
    path = write_service(tmp_path, {"snmp": SNMP})
    office = tmp_path / "inventory" / "office.yaml"
    office.write_text(office.read_text().replace('{"file": "community"}', '{"secret": "community"}'))
    (tmp_path / "secrets" / "key").write_text("a key")
    return path


def call(settings: Path, *arguments: str, value: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["-s", str(settings), "secret", *arguments], input=value)
    assert CANARY not in result.output
    return result


def stored(settings: Path, name: str = "community") -> None:
    if not (settings.parent / "master.key").exists():
        assert call(settings, "key").exit_code == 0
    assert call(settings, "set", name, value=CANARY).exit_code == 0


def audited(settings: Path) -> list[AuditEntry]:
    async def read() -> list[AuditEntry]:
        async with Ledger(settings.parent / "data" / "ledger.sqlite") as ledger:
            return await ledger.audit.newest()

    return asyncio.run(read())


def test_without_a_master_key_setting_says_how_to_make_one(settings: Path) -> None:
    result = call(settings, "set", "community", value=CANARY)
    assert result.exit_code == 2
    assert "secret key" in result.stderr


def test_a_stored_value_is_used_and_its_name_is_in_the_record(settings: Path) -> None:
    stored(settings)
    plan = CliRunner().invoke(main, ["-s", str(settings), "plan", "--json"])
    assert [check["blocked"] for check in json.loads(plan.stdout)] == [""]
    entry, made = audited(settings)
    assert (entry.what, entry.subject, made.what) == ("secret set", "community", "master key made")


def test_an_existing_value_is_not_replaced_by_accident(settings: Path) -> None:
    stored(settings)
    assert call(settings, "set", "community", value="other").exit_code == 2
    assert call(settings, "set", "community", "--replace", value="other").exit_code == 0


@pytest.mark.parametrize("name", ["../x", "", "a b", "x" * 200])
def test_a_name_is_a_plain_word(settings: Path, name: str) -> None:
    assert call(settings, "set", "--", name, value="x").exit_code == 2


def test_an_empty_value_is_none(settings: Path) -> None:
    call(settings, "key")
    assert call(settings, "set", "community", value="\n").exit_code == 2


def test_the_list_says_what_is_missing_what_is_unused_and_what_uses_it(settings: Path) -> None:
    assert call(settings, "list").exit_code == 1, "something is missing"
    stored(settings)
    stored(settings, "spare")
    result = call(settings, "list", "--json")
    assert result.exit_code == 0
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert (rows["community"]["devices"], rows["community"]["credentials"]) == (1, ["agent"])
    assert rows["spare"]["problem"] == "unused"
    assert rows["key"]["kept_in"] == "file"


def test_a_missing_value_is_a_warning_that_names_the_check(settings: Path) -> None:
    result = CliRunner().invoke(main, ["-s", str(settings), "check"])
    assert result.exit_code == 0
    assert f"{DEVICE}:snmp cannot be asked" in result.stderr


def test_rotating_the_master_key_keeps_the_values(settings: Path) -> None:
    stored(settings)
    assert call(settings, "rotate", "--master-key").exit_code == 0
    assert 'blocked": ""' in CliRunner().invoke(main, ["-s", str(settings), "plan", "--json"]).stdout
    assert call(settings, "rotate").exit_code == 2, "it must be said what to rotate"


def test_a_used_secret_is_removed_only_by_force(settings: Path) -> None:
    stored(settings)
    refused = call(settings, "remove", "community")
    assert refused.exit_code == 2 and "agent" in refused.stderr
    assert call(settings, "remove", "community", "--force").exit_code == 0
    assert call(settings, "remove", "community", "--force").exit_code == 2


def test_the_plain_file_still_works_beside_the_store(tmp_path: Path) -> None:
    path = write_service(tmp_path, {"snmp": SNMP})
    rows = json.loads(call(path, "list", "--json").stdout)
    assert {row["name"] for row in rows} == {"community", "key"}
    assert COMMUNITY not in json.dumps(rows)


def test_nothing_is_done_that_cannot_be_recorded(settings: Path) -> None:
    stored(settings)
    ledger = settings.parent / "data" / "ledger.sqlite"
    ledger.write_bytes(b"no database" * 1000)
    before = (settings.parent / "secrets.vault").read_bytes()
    assert call(settings, "rotate", "community", value="other").exit_code == 2
    assert (settings.parent / "secrets.vault").read_bytes() == before


def test_the_record_names_who_the_system_says_it_is(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "nguyen.van.b")
    stored(settings)
    assert audited(settings)[0].who == pwd.getpwuid(os.getuid()).pw_name


def test_bytes_that_are_no_text_are_refused(settings: Path) -> None:
    call(settings, "key")
    command = [sys.executable, "-m", "monitor", "-s", str(settings), "secret", "set", "community"]
    done = subprocess.run(command, input=b"\xff\xfe", capture_output=True, check=False)
    assert done.returncode == 2 and b"Traceback" not in done.stderr


def test_what_was_not_done_after_all_is_in_the_record_as_such(settings: Path) -> None:
    assert call(settings, "set", "community", value=CANARY).exit_code == 2, "there is no key"
    failed, tried = audited(settings)
    assert (tried.what, failed.what, failed.subject) == ("secret set", "not done after all", "community")
    assert failed.detail.startswith("secret set: the master key")
    assert call(settings, "key").exit_code == 0
    again = call(settings, "key")
    assert again.exit_code == 2 and "rotate --master-key" in again.stderr
    assert [one.what for one in audited(settings)].count("master key made") == 1


def test_secrets_that_are_not_ours_to_read_are_told_without_a_traceback(settings: Path) -> None:
    (settings.parent / "secrets" / "key").write_text("")
    stored(settings)
    rows = {row["name"]: row for row in json.loads(call(settings, "list", "--json").stdout)}
    assert (rows["key"]["problem"], rows["community"]["problem"]) == ("unusable", "")
    with not_ours(settings.parent):
        for arguments in (["secret", "list"], ["secret", "key"], ["secret", "confirm"], ["audit"]):
            done = CliRunner().invoke(main, ["-s", str(settings), *arguments])
            assert done.exit_code == 2 and isinstance(done.exception, SystemExit), arguments
            assert "ermission denied" in done.stderr, arguments


def test_nothing_is_confirmed_where_nobody_can_be_asked(settings: Path) -> None:
    stored(settings)
    home = "192.0.2.9:161"

    async def bind_elsewhere() -> None:
        async with Ledger(settings.parent / "data" / "ledger.sqlite") as ledger:
            await ledger.bindings.attach({(DEVICE, "snmp"): frozenset({home})}, utc_now())

    asyncio.run(bind_elsewhere())
    shown = call(settings, "confirm", DEVICE)
    assert shown.exit_code == 2 and "--yes" in shown.stderr
    assert home in shown.stdout and "127.0.0.1:11161" in shown.stdout
    assert call(settings, "confirm").stderr == "1 waiting.\n"
    assert call(settings, "confirm", DEVICE, "--yes").exit_code == 0
    assert call(settings, "confirm").stderr == "0 waiting.\n"


def test_the_record_is_printed_and_a_change_of_it_is_found(settings: Path) -> None:
    stored(settings)

    def audit(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["-s", str(settings), "audit", *arguments])

    assert audit().exit_code == 0
    told = audit("--verify")
    assert told.exit_code == 0 and "2 lines, all as they were written" in told.stdout
    seal = told.stdout.split()[-1]
    assert "secret set" not in told.stdout
    assert json.loads(audit("--verify", "--json").stdout) == {"broken_at": None, "seal": seal}
    assert audit("--verify", "--seal", seal).exit_code == 0
    assert audit("--verify", "--seal", f"9{seal}").exit_code == 1
    assert audit("--verify", "--seal", "what").exit_code == 2
    assert "secret set" not in audit("--what", "master key made").stdout
    assert "secret set" in audit().stdout and "master key made" in audit().stdout
    assert [
        one["what"] for one in json.loads(audit("--subject", "community", "--json").stdout)["entries"]
    ] == ["secret set"]
    with closing(sqlite3.connect(settings.parent / "data" / "ledger.sqlite")) as db, db:
        db.execute("DROP TRIGGER audit_is_never_changed")
        db.execute("UPDATE audit SET who = char(27) || '[2J', at = -9223372036854775807 WHERE id = 1")
    assert audit().exit_code == 1 and "\x1b" not in audit().stdout
    assert audit("--verify").exit_code == 1 and audit("--json").exit_code == 1
    assert "line 1" in audit().stderr and "backup" in audit().stderr


def test_without_a_record_audit_says_so(settings: Path) -> None:
    result = CliRunner().invoke(main, ["-s", str(settings), "audit"])
    assert result.exit_code == 2 and "nothing was recorded yet" in result.stderr


def test_what_a_notifier_uses_is_not_unused_and_the_next_message_has_the_new_value(settings: Path) -> None:
    document = yaml.safe_load(settings.read_text())
    document["notifiers"] = {
        "hook": {"kind": "webhook", "url": "https://example.gov.vn/", "bearer_token": {"secret": "hook"}}
    }
    settings.write_text(yaml.safe_dump(document))
    stored(settings)
    stored(settings, "hook")
    row = next(one for one in json.loads(call(settings, "list", "--json").stdout) if one["name"] == "hook")
    assert (row["credentials"], row["problem"]) == (["notifier hook"], "")
    assert call(settings, "remove", "hook").exit_code == 2
    assert "the next time that notifier hook sends" in call(settings, "rotate", "hook", value="next").stdout
    assert "within seconds" in call(settings, "rotate", "community", value="next").stdout
