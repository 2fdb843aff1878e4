"""What changed rules would open and resolve now, by what every check saw last."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.incident import Kind, Severity, Step, Words
from alerts.rule import Rule, RuleBook
from monitor.board import Board
from monitor.cli import main
from monitor.cli.rules import say_forecast
from monitor.last_seen import NAME, LastSeen, last_seen
from monitor.ledger import Ledger
from monitor.replay.present import Forecast, Would, forecast
from probes.core.observation import Fact, Observation, Outcome, Sample
from probes.core.words import say
from tests.alerts.province import Watch, built_in, device, inventory
from tests.end_to_end.site import DEVICE, load, write_service

NOW = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
DEVICES = inventory(device("router"), device("server", "router"))
SERVER = "18562/server"
BOOK = built_in()


def seen(cpu: float = 0.1, outcome: Outcome = Outcome.OK) -> list[Observation]:
    """What the checks saw last: the server's with its CPU and a weak algorithm."""
    found = [
        Observation(f"18562/{name}", check, check, NOW, 0.1, Outcome.OK)
        for name in ("router", "server")
        for check in ("icmp", "snmp")
        if (name, check) != ("server", "snmp")
    ]
    samples, facts = (Sample("system.cpu.utilization", cpu),), (Fact("os.kernel", "5.10"),)
    return [*found, Observation(SERVER, "snmp", "snmp", NOW, 0.1, outcome, "", samples, facts)]


def rule(**given: object) -> Rule:
    return Rule.model_validate({"title": {"vi": "x", "en": "x"}, **given})


def with_rule(*more: Rule, without: str = "") -> RuleBook:
    return RuleBook([*(one for one in BOOK if one.id != without), *more])


def difference(proposed: RuleBook, watch: Watch | None = None, cpu: float = 0.1) -> Forecast:
    incidents = watch.open_incidents() if watch else ()
    return forecast(BOOK, proposed, DEVICES, incidents, seen(cpu), NOW)


LOWER = {"metric": "system.cpu.utilization", "warning": {"above": "50%", "clear": "40%"}}


def test_the_same_rules_make_no_difference() -> None:
    assert difference(built_in()).steps == difference(built_in()).instead == ()


def test_a_lower_threshold_would_open_an_incident_though_it_waits_for_attempts() -> None:
    (step,) = difference(with_rule(rule(id="cpu-lower", threshold=LOWER, attempts=10)), cpu=0.6).steps
    assert (step.step, step.rule, step.device) == (Step.OPENED, "cpu-lower", SERVER)


def test_a_rule_about_a_fact_is_tried_too() -> None:
    wanted = {"name": "os.kernel", "expect": {"equals": "6.1"}}
    (step,) = difference(
        with_rule(rule(id="old", kind=Kind.FINDING, severity=Severity.LOW, fact=wanted))
    ).steps
    assert (step.rule, step.severity) == ("old", "low")


def test_a_rule_that_is_gone_resolves_what_is_open_about_it() -> None:
    watch = Watch(BOOK, DEVICES)
    for _ in range(6):
        watch.see(f"{SERVER}:snmp", samples=(Sample("system.cpu.utilization", 0.95),))
    assert [t.key.rule for t in watch.transitions] == ["cpu-high"]
    (step,) = difference(with_rule(without="cpu-high"), watch, cpu=0.95).steps
    assert (step.step, step.rule) == (Step.RESOLVED, "cpu-high")
    assert "removed" in say(step.note, "en")


def test_what_resolves_by_itself_is_no_difference() -> None:
    watch = Watch(BOOK, DEVICES)
    for _ in range(6):
        watch.see(f"{SERVER}:snmp", samples=(Sample("system.cpu.utilization", 0.95),))
    assert difference(built_in(), watch, cpu=0.1).steps == ()


async def write(settings: Path, cpu: float) -> None:
    loaded = load(settings)
    board = Board(loaded.inventory, loaded.plan, NOW)
    samples = (Sample("system.cpu.utilization", cpu),)
    board.observe(Observation(DEVICE, "snmp", "snmp", NOW, 0.1, Outcome.OK, "", samples))
    await LastSeen(loaded.data, board).write()
    async with Ledger(loaded.data / "ledger.sqlite"):
        pass


def test_the_command_tries_rules_against_what_was_seen_last(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"snmp": {}})
    (tmp_path / "data").mkdir()
    own = {"id": "cpu-lower", "title": {"vi": "x", "en": "x"}, "threshold": LOWER, "attempts": 10}
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.yaml").write_text(json.dumps({"rules": [own]}))
    command = ["-s", str(settings), "rules", "test", "--now", "--rules", str(tmp_path / "own")]
    asyncio.run(write(settings, 0.1))
    assert CliRunner().invoke(main, command).exit_code == 0
    asyncio.run(write(settings, 0.6))
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1, result.output
    assert "By the proposed rules: opened [warning] cpu-lower" in result.stdout
    (tmp_path / "data" / NAME).unlink()
    missing = CliRunner().invoke(main, command)
    assert "the service writes it a minute after its start" in missing.stderr


def test_many_steps_are_counted_by_rule_before_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    words = Words("x", "x")
    steps = tuple(
        Would(Step.OPENED, "cpu-lower", f"18562/{number}", "snmp", "", "warning", words, "")
        for number in range(30)
    )
    say_forecast(Forecast(30, NOW, steps, ()))
    said = capsys.readouterr().out
    assert said.splitlines()[2].split() == [
        "By",
        "the",
        "proposed",
        "rules",
        "opened",
        "cpu-lower",
        "warning",
        "30",
        "30",
    ]
    assert "… and 10 more" in said


@pytest.mark.parametrize("raw", [b"", b"no gzip", b"\x1f\x8b\x08\x00garbage"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / NAME).write_bytes(raw)
    if raw:
        with pytest.raises((ValueError, OSError)):
            list(last_seen(tmp_path))
    else:
        assert list(last_seen(tmp_path)) == []
