"""The command line as an operator uses it: help, exit codes, results on stdout, everything else on stderr."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from monitor.cli import main
from tests.end_to_end.site import COMMUNITY, DEVICE, write_service
from tests.patience import eventually
from tests.servers.ports import free_port, free_udp_port
from tests.servers.smtp import smtp
from tests.servers.snmpd import snmpd

QUICK = {"interval": "2s", "timeout": "1s"}


def call(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def commands() -> list[str]:
    return main.list_commands(click.Context(main))


@pytest.mark.parametrize("command", commands())
def test_every_command_explains_itself(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    one = main.get_command(click.Context(main), command)
    assert isinstance(one, click.Command)
    assert one.help
    assert result.stdout.startswith("Usage: ")


def test_check_says_what_is_valid_and_leaves_with_zero(tmp_path: Path) -> None:
    result = call("-s", write_service(tmp_path, {"icmp": {}}), "check")
    assert result.exit_code == 0, result.stderr
    assert "1 sites, 1 devices, 1 checks" in result.stdout


def test_check_prints_every_mistake_to_stderr_and_leaves_with_two(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"icmp": {"cuont": 3}, "tcp": {"port": 99999}})
    result = call("-s", settings, "check")
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert sum("office.yaml:1:" in line for line in lines) == 2
    assert "count" in result.stderr


def test_check_as_json_is_one_value(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"icmp": {"cuont": 3}})
    result = call("-s", settings, "check", "--json")
    assert result.exit_code == 2
    answer = json.loads(result.stdout)
    assert answer["valid"] is False
    assert answer["problems"][0]["line"] == 1


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    result = call("-s", tmp_path / "none.yaml", "plan")
    assert result.exit_code == 2
    assert "none.yaml" in result.stderr
    assert "--settings FILE" in result.stderr


def test_plan_lists_checks_and_an_unknown_device_is_a_usage_error(tmp_path: Path) -> None:
    settings = write_service(
        tmp_path, {"icmp": {}, "telnet": {"probe": "tcp", "port": 23, "expect": "closed"}}
    )
    listed = json.loads(call("-s", settings, "plan", "--json").stdout)
    assert [check["id"] for check in listed] == [f"{DEVICE}:icmp", f"{DEVICE}:telnet"]
    assert call("-s", settings, "plan", "--device", "18073/none").exit_code == 2


def test_plan_never_prints_a_secret(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"snmp": {}})
    result = call("-s", settings, "plan", "--json")
    assert DEVICE in result.stdout
    assert COMMUNITY not in result.output


def test_probe_shows_everything_read_with_units(tmp_path: Path) -> None:
    with snmpd(tmp_path / "snmpd", community=COMMUNITY) as agent:
        settings = write_service(tmp_path, {"snmp": {"port": agent.port}})
        result = call("-s", settings, "probe", DEVICE)
        assert result.exit_code == 0, result.output
        assert "snmp: ok" in result.stdout
        assert "system.uptime = " in result.stdout
        assert "snmp.sys_name: may-chu-xa" in result.stdout
        observations = json.loads(call("-s", settings, "probe", DEVICE, "--json").stdout)
    assert observations[0]["outcome"] == "ok"


def test_probe_says_why_it_failed_and_leaves_with_one(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"snmp": {"port": free_udp_port(), **QUICK}})
    result = call("-s", settings, "probe", DEVICE)
    assert result.exit_code == 1
    assert "snmp: refused" in result.stdout


async def test_a_notifier_that_takes_the_message_is_told_apart_from_one_that_does_not(tmp_path: Path) -> None:
    async with smtp() as mailbox:
        settings = write_service(tmp_path, {"icmp": {}}, smtp=mailbox.port)
        good = await asyncio.to_thread(call, "-s", settings, "test-notifier", "duty")
        assert good.exit_code == 0, good.output
        assert len(mailbox.mails) == 1
        mailbox.recipient_reply = "550 no such user"
        bad = await asyncio.to_thread(call, "-s", settings, "test-notifier", "duty")
    assert bad.exit_code == 1
    assert "did not take the message" in bad.stderr
    unknown = call("-s", settings, "test-notifier", "nobody")
    assert unknown.exit_code == 2
    assert "duty" in unknown.stderr


@contextmanager
def running(settings: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the service in a process of its own."""
    command = [sys.executable, "-m", "monitor", "-s", str(settings), "run"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_service_stops_gracefully_when_told(tmp_path: Path, number: signal.Signals) -> None:
    settings = write_service(tmp_path, {"tcp": {"port": free_port(), **QUICK}})
    with running(settings) as process:
        assert process.stderr is not None
        while b"Dashboard" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        assert process.wait(20) == 0


def test_a_second_service_on_the_same_data_says_so_and_does_not_start(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"tcp": {"port": free_port(), **QUICK}})
    with running(settings) as process:
        assert process.stderr is not None
        while b"Dashboard" not in process.stderr.readline():
            assert process.poll() is None
        second = subprocess.run(
            [sys.executable, "-m", "monitor", "-s", str(settings), "run"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert second.returncode != 0
    assert "Traceback" not in second.stderr
    assert str(tmp_path) in second.stderr


async def test_after_kill_9_the_open_incident_is_remembered_and_not_told_again(tmp_path: Path) -> None:
    async with smtp() as mailbox:
        checks = {"web": {"probe": "http", "url": f"http://127.0.0.1:{free_port()}/", **QUICK}}
        settings = write_service(tmp_path, checks, smtp=mailbox.port)
        with running(settings) as process:
            await eventually(lambda: mailbox.mails)
            await asyncio.sleep(1)  # until it is noted: what is in flight may be told again
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.wait)
        with running(settings):
            await asyncio.sleep(12)
        assert len(mailbox.mails) == 1
