"""What stops a command before it starts is one line on stderr and exit code 2, never a traceback."""

from __future__ import annotations

import asyncio
import base64
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import main
from monitor.ledger import Ledger
from monitor.ledger.hostkeys import fingerprint


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings for one device whose only check asks a closed port."""
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    (inventory / "a.yaml").write_text(
        "sites: {18073: {devices: {door: {address: 192.0.2.1, role: door}}}}\n"
        "roles: {door: {title: {vi: Cửa, en: Door}, checks: {open: {probe: tcp, port: 1}}}}\n",
        encoding="utf-8",
    )
    path = tmp_path / "commune-monitor.yaml"
    path.write_text("web: {port: 0}\n", encoding="utf-8")
    return path


def run(settings: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["-s", str(settings), *arguments])


@pytest.mark.parametrize("command", [("run",), ("probe", "18073/door"), ("trust",)])
def test_a_data_folder_that_cannot_be_made_is_one_line_with_its_name(
    settings: Path, command: tuple[str, ...]
) -> None:
    settings.write_text("data: commune-monitor.yaml/data\n", encoding="utf-8")
    result = run(settings, *command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "commune-monitor.yaml/data: Not a directory" in result.stderr
    assert "Traceback" not in result.output


def test_a_port_in_use_is_said(settings: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.write_text(f"web: {{port: {taken.getsockname()[1]}}}\n", encoding="utf-8")
        result = run(settings, "run")
    assert result.exit_code == 2
    assert "address already in use" in result.stderr


def test_trust_refuses_a_device_that_is_not_in_the_inventory(settings: Path) -> None:
    result = run(settings, "trust", "18073/dor")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no device '18073/dor'" in result.stderr


def test_a_host_key_is_approved_and_revoked_and_both_are_in_the_record(settings: Path) -> None:
    device, line = "18073/door", f"ssh-ed25519 {base64.b64encode(bytes(51)).decode()}"
    asyncio.run(_seen(settings.parent / "data" / "ledger.sqlite", device, line))
    print_ = fingerprint(line)
    assert print_ is not None
    assert run(settings, "trust", device, print_).exit_code == 0
    assert "approved" in run(settings, "trust").stdout
    assert run(settings, "trust", "--revoke", device, print_).exit_code == 0
    assert "revoked" in run(settings, "trust").stdout
    record = run(settings, "audit").stdout
    assert "host key approved" in record and "host key revoked" in record
    for words in ((device,), (), (device, "SHA256:other")):
        result = run(settings, "trust", "--revoke", *words)
        assert result.exit_code == 2 and "lists them" in result.stderr


async def _seen(path: Path, device: str, line: str) -> None:
    path.parent.mkdir()
    async with Ledger(path) as ledger:
        ledger.host_keys.report(device, "192.0.2.1", 22, line)


def test_trust_says_what_to_do_when_nothing_was_seen(settings: Path) -> None:
    result = run(settings, "trust")
    assert result.exit_code == 0
    assert "No host key was seen yet" in result.stderr
