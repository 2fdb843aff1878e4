"""`who`, `silence` and the others against a monitor that wants a sign-in: from anywhere, by a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.duty.roster import load_duty
from monitor.access.permission import Role
from monitor.cli import main
from tests.monitor.access.house import ONE, House, house
from tests.monitor.access.test_leaks import DUTY, FOREIGN
from tests.monitor.web.province import CHANNELS
from tests.monitor.web.scenes import faults


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, scene=faults) as opened:
        file = tmp_path / "duty.yaml"
        file.write_text(DUTY, "utf-8")
        opened.town.duty = load_duty(file, list(CHANNELS))
        yield opened


class Terminal:
    """An operator's, somewhere else: no settings file, an address and a token."""

    def __init__(self, built: House, token: Path) -> None:
        self.file = token
        self.env = {
            "COMMUNE_MONITOR_URL": str(built.server.make_url("")),
            "COMMUNE_MONITOR_TOKEN_FILE": str(token),
            "COMMUNE_MONITOR_SETTINGS": str(token.parent / "none.yaml"),
        }

    async def run(self, *words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, main, words, env=self.env)


async def terminal(built: House, tmp_path: Path, name: str, role: Role) -> Terminal:
    file = tmp_path / f"{name}.token"
    file.write_text(await built.token(name, role))
    return Terminal(built, file)


async def test_an_operator_makes_lists_extends_and_ends_a_silence(built: House, tmp_path: Path) -> None:
    shell = await terminal(built, tmp_path, "operator", Role.OPERATOR)
    add = ("silence", "add", "--site", ONE, "--until", "2h", "--reason", "thay router")
    made = await shell.run(*add, "--json")
    assert made.exit_code == 0, made.output
    number = str(json.loads(made.stdout)["silence"]["id"])
    assert len(json.loads(made.stdout)["effect"]["devices"]) == 5
    text = await shell.run("silence", "list")
    assert text.exit_code == 0 and "thay router" in text.stdout and f"site {ONE}" in text.stdout
    assert (await shell.run("silence", "extend", number, "--until", "3h")).exit_code == 0
    assert (await shell.run("silence", "preview", "--role", "ups")).exit_code == 0
    assert (await shell.run("silence", "end", number)).exit_code == 0
    over = await shell.run("silence", "end", number)
    assert over.exit_code == 1 and "silence list --all" in over.output
    assert (await shell.run("silence", "end", "999")).exit_code == 1
    assert "(test)" in built.town.quiets.silences[0].who


async def test_who_would_be_told_is_asked_of_the_monitor(built: House, tmp_path: Path) -> None:
    shell = await terminal(built, tmp_path, "viewer", Role.VIEWER)
    answer = await shell.run("who", f"{ONE}/router")
    assert answer.exit_code == 0 and "Trần Bình" in answer.stdout, answer.output
    plan = json.loads((await shell.run("who", ONE, "--at", "2026-12-01 22:00", "--json")).stdout)
    assert plan["plan"]["policies"] == ["own"] and plan["quiet"] is None
    gone = await shell.run("who", "nowhere/router")
    assert gone.exit_code == 2 and "no such device or site" in gone.output


async def test_an_operator_of_one_commune_is_told_of_it_and_no_other(built: House, tmp_path: Path) -> None:
    shell = await terminal(built, tmp_path, "one", Role.OPERATOR)
    found = json.loads((await shell.run("incidents", "--status", "all", "--json")).stdout)["incidents"]
    assert {one["key"]["device"].partition("/")[0] for one in found} <= {ONE}
    status = await shell.run("status")
    assert status.exit_code in (0, 1) and "of 1 sites up" in status.stdout
    assert (await shell.run("who", FOREIGN)).exit_code == 2
    refused = await shell.run("silence", "add", "--site", FOREIGN, "--until", "2h", "--reason", "thay router")
    assert refused.exit_code == 2 and "some sites only" in refused.output


async def test_a_viewer_is_told_why_not_and_what_to_do(built: House, tmp_path: Path) -> None:
    shell = await terminal(built, tmp_path, "viewer", Role.VIEWER)
    number = str(next(iter(built.town.board.incidents)))
    for words in (
        ("ack", number),
        ("note", number, "x"),
        ("release", number),
        ("silence", "add", "--site", ONE, "--until", "2h", "--reason", "thay router"),
        ("silence", "end", "1"),
    ):
        answer = await shell.run(*words)
        assert answer.exit_code == 2 and "an administrator gives others" in answer.output, words
    shell.file.write_text("cmt_" + "x" * 43)
    wrong = await shell.run("status")
    assert wrong.exit_code == 2 and "commune-monitor user token" in wrong.output
    shell.file.unlink()
    missing = await shell.run("status")
    assert missing.exit_code == 2 and "viewer.token" in missing.output and "Traceback" not in missing.output
    del shell.env["COMMUNE_MONITOR_TOKEN_FILE"]
    assert "--token-file" in (await shell.run("incidents")).output


@pytest.mark.parametrize("text", ["\x00\x01", "", "two\nlines", "ă" * 50])
async def test_a_file_that_holds_no_token_is_said(built: House, tmp_path: Path, text: str) -> None:
    shell = await terminal(built, tmp_path, "viewer", Role.VIEWER)
    shell.file.write_text(text)
    answer = await shell.run("status")
    assert answer.exit_code == 2 and "holds no token" in answer.output, answer.output
    assert answer.exception is None or isinstance(answer.exception, SystemExit)
