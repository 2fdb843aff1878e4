"""Rules tried against a week that was really stored, in the closed hours of a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.rule import BUILT_IN, RuleBook, load_rules
from monitor import configuration
from monitor.cli import main
from monitor.configuration import Configuration
from monitor.replay.attempts import Attempts
from monitor.replay.history import History
from monitor.replay.trial import Trial, try_rules, without_history
from monitor.store import StoreUnavailable
from monitor.store.duckdb import DuckDBStore
from probes.core.observation import Observation, Outcome, Sample
from tests.end_to_end.site import DEVICE, write_service

HOUR = timedelta(hours=1)
BEGAN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 6 * HOUR
CUT = (BEGAN + timedelta(minutes=90), BEGAN + timedelta(minutes=100))
"""When the device said nothing."""
PING = {"interval": "1m", "timeout": "5s"}


def attempts() -> Iterator[Observation]:
    """Three hours of a ping each minute, ten minutes of them in vain; a poll of the CPU that is busy once."""
    for minute in range(180):
        at = BEGAN + timedelta(minutes=minute)
        silent = CUT[0] <= at < CUT[1]
        outcome = Outcome.TIMEOUT if silent else Outcome.OK
        yield Observation(DEVICE, "icmp", "icmp", at, 5.0 if silent else 0.01, outcome)
        if not silent:
            busy = 0.85 if 20 <= minute < 40 else 0.1
            sample = Sample("system.cpu.utilization", busy)
            later = at + timedelta(seconds=20)
            yield Observation(DEVICE, "snmp", "snmp", later, 0.1, Outcome.OK, "", (sample,))
        else:
            yield Observation(DEVICE, "snmp", "snmp", at + timedelta(seconds=20), 5.0, Outcome.TIMEOUT)


async def stored(folder: Path) -> None:
    """Store the attempts as the service would have, and close their hours."""
    async with DuckDBStore(folder, flush_every=60.0) as store:
        for observation in attempts():
            store.append(observation)
        await store.flush()
        await store.compact()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service's settings with that history behind them."""
    folder = tmp_path_factory.mktemp("service")
    duty = {"kind": "webhook", "url": "http://127.0.0.1:1/", "allow": ["127.0.0.1"]}
    settings = write_service(folder, {"icmp": PING, "snmp": PING}, notifiers={"duty": duty})
    asyncio.run(stored(folder / "data" / "store"))
    return settings


def proposed(folder: Path, *rules: dict[str, object]) -> RuleBook:
    return load_rules(*BUILT_IN, written(folder, *rules))


def written(folder: Path, *rules: dict[str, object]) -> Path:
    (folder / "rules").mkdir()
    named = [{"title": {"vi": "x", "en": "x"}} | rule for rule in rules]
    (folder / "rules" / "own.yaml").write_text(json.dumps({"rules": named}))
    return folder / "rules"


BUSY: dict[str, object] = {
    "id": "cpu-busy",
    "threshold": {"metric": "system.cpu.utilization", "warning": {"above": "80%", "clear": "70%"}},
    "attempts": 5,
}
PATIENT: dict[str, object] = {
    "id": "device-down", "severity": "critical", "device_down": {}, "attempts": 30, "resolve_after": 2,
}  # fmt: skip


def tried(settings: Path, book: RuleBook) -> Trial:
    loaded: Configuration = configuration.load(settings)
    return try_rules(loaded, book, BEGAN - HOUR, datetime.now(UTC))


def test_attempts_come_back_as_they_were(watched: Path) -> None:
    inventory = configuration.load(watched).inventory
    history = History(watched.parent / "data" / "store", Attempts(inventory))
    span = history.span(BEGAN - HOUR, datetime.now(UTC))
    assert span is not None and span[0] <= BEGAN
    back = list(history.observations(*span, {"system.cpu.utilization"}))
    assert [(one.time, one.check, one.outcome, one.samples) for one in back] == [
        (one.time, one.check, one.outcome, one.samples) for one in attempts()
    ]


def test_the_rules_in_force_told_of_the_outage_once_and_of_its_end_once(watched: Path) -> None:
    found = tried(watched, configuration.load(watched).rules)
    (row,) = found.comparison.rules
    assert (row.name, row.incidents, row.messages) == ("device-down", (1, 1), (2, 2))
    assert not found.comparison.new and not found.comparison.vanished
    assert found.attempts == 360
    assert (found.start, found.end) == (BEGAN, BEGAN + timedelta(minutes=179, seconds=20))


def test_a_further_rule_tells_more_and_a_patient_one_less(watched: Path, tmp_path: Path) -> None:
    found = tried(watched, proposed(tmp_path, BUSY, PATIENT)).comparison
    (new,), (gone,) = found.new, found.vanished
    assert (new.rule, new.device, new.messages) == ("cpu-busy", DEVICE, 2)
    assert BEGAN + timedelta(minutes=20) < new.opened_at < BEGAN + timedelta(minutes=30)
    assert (gone.rule, gone.messages) == ("device-down", 2)
    assert CUT[0] < gone.opened_at < CUT[1] < (gone.resolved_at or CUT[0])
    assert found.sites[0].messages == (2, 2)


def test_what_the_history_does_not_hold_is_said_aloud(watched: Path, tmp_path: Path) -> None:
    fact: dict[str, object] = {
        "id": "no-fact", "severity": "low", "kind": "finding",
        "fact": {"name": "ssh.version", "expect": {"equals": "x"}},
    }  # fmt: skip
    book = proposed(tmp_path, fact)
    assert "no-fact" in without_history(book)
    assert any("facts" in line for line in tried(watched, book).not_replayed)


def test_without_history_that_is_said(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"icmp": PING})
    with pytest.raises(StoreUnavailable, match="no history yet"):
        tried(settings, configuration.load(settings).rules)


def call(settings: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["-s", str(settings), "rules", *map(str, arguments)])


def test_the_command_prints_the_difference_and_says_it_by_its_exit_code(
    watched: Path, tmp_path: Path
) -> None:
    assert call(watched, "test", "--since", "1d").exit_code == 0
    result = call(watched, "test", "--since", "1d", "--rules", written(tmp_path, BUSY))
    assert result.exit_code == 1
    assert "Only by the proposed rules: 1" in result.stdout
    assert "cpu-busy" in result.stdout and "Not tried:" in result.stdout
    plain = call(watched, "test", "--since", "1d", "--rules", tmp_path / "rules", "--json")
    assert json.loads(plain.stdout)["comparison"]["incidents"] == [1, 2]


def test_check_says_every_mistake_with_its_place(watched: Path, tmp_path: Path) -> None:
    assert call(watched, "check").exit_code == 0
    folder = written(tmp_path, {"id": "x y", "severity": "low", "device_down": {}}, {"id": "b", "attemps": 3})
    result = call(watched, "check", folder)
    assert result.exit_code == 2
    assert result.stderr.count("own.yaml:1:") >= 2
    assert call(watched, "check", tmp_path / "nowhere").exit_code == 2
    assert call(watched, "test", "--rules", folder).exit_code == 2


def test_list_names_every_rule(watched: Path) -> None:
    listed = call(watched, "list")
    assert "device-down" in listed.stdout and "system.cpu.utilization" in listed.stdout
    assert len(json.loads(call(watched, "list", "--json").stdout)) == len(load_rules(*BUILT_IN))
