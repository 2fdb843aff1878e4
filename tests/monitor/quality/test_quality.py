"""The figures of the alarms, from pure rows and from a real ledger."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from alerts.incident import IncidentKey, Kind, Severity, Step, Transition, Words
from monitor.cli import main
from monitor.ledger import Ledger, LedgerError
from monitor.ledger.teller import Nobody
from monitor.quality.figures import Quality, figures, is_suspected, spread
from monitor.quality.measure import measure
from monitor.quality.record import Past, Sent
from monitor.quality.watch import QualityWatch
from probes.core.observation import Observation, Outcome
from tests.alerts.province import Watch, built_in, device, inventory
from tests.end_to_end.site import write_service
from tests.monitor.ledger.steps import acknowledge

NOW = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
DEVICES = inventory(device("router"), device("server", "router"))


def past(number: int = 1, lasts: float | None = 600.0, taken: float | None = None, **more: object) -> Past:
    opened = NOW - timedelta(hours=number)
    after = {name: opened + timedelta(seconds=s) if s is not None else None for name, s in
             {"resolved_at": lasts, "acknowledged_at": taken, "since": -60.0}.items()}  # fmt: skip
    given = {"rule": "device-down", "device": "18562/router", "check": "", "severity": "critical"}
    rest = {"touched": taken is not None, "false": False, "sites": ()}
    return msgspec.convert({"id": number, "opened_at": opened, **given, **after, **rest, **more}, Past)


def of(*incidents: Past, messages: tuple[Sent, ...] = (), communes: int = 2) -> Quality:
    return figures(NOW - WEEK, NOW, incidents, messages, communes, lambda _: 60.0)


def test_a_spread_is_the_median_and_what_nine_of_ten_do_not_pass() -> None:
    assert spread([float(n) for n in range(1, 11)]) == msgspec.structs.replace(
        spread([]), count=10, median=6.0, p90=10.0
    )
    assert spread([]).median is None


def test_incidents_are_counted_by_rule_commune_and_week() -> None:
    found = of(past(1), past(2, rule="disk-full", false=True), past(3), communes=2)
    assert (found.whole.incidents, found.whole.false) == (3, 1)
    assert found.per_commune_week == pytest.approx(1.5)
    assert [(group.name, group.incidents, group.false) for group in found.rules] == [
        ("device-down", 2, 0),
        ("disk-full", 1, 1),
    ]
    assert found.sites == (("18562", 3),)


def test_times_are_from_the_first_failure_to_the_end() -> None:
    whole = of(past(1, lasts=600, taken=120), past(2, lasts=None)).whole
    assert (whole.detect.median, whole.acknowledge.median, whole.resolve.median) == (60.0, 120.0, 600.0)
    assert (whole.detect.count, whole.acknowledge.count, whole.resolve.count) == (2, 1, 1)


@pytest.mark.parametrize(
    ("one", "suspected"),
    [
        (past(lasts=59), True),
        (past(lasts=61), False),
        (past(lasts=None), False),
        (past(lasts=59, taken=5), False),
        (past(lasts=59, touched=True), False),
        (past(lasts=59, false=True), False),
    ],
)
def test_what_is_over_at_once_untouched_is_suspected(one: Past, suspected: bool) -> None:
    assert is_suspected(one, 60.0) is suspected
    assert not is_suspected(one, None)


def test_channels_say_how_long_they_took_and_what_was_about_nothing() -> None:
    messages = (
        Sent("duty", "delivered", 2.0, false=False),
        Sent("duty", "given_up", None, false=True),
        Sent("sms", "waiting", None, false=False),
    )
    duty, sms = of(messages=messages).channels
    assert (duty.told, duty.given_up, duty.false, duty.delay.median) == (1, 1, 1, 2.0)
    assert (sms.waiting, sms.delay.median) == (1, None)


async def filled(file: Path) -> None:
    """Write an incident that is found after two attempts, taken on, over, and called false."""
    watch = Watch(built_in(), DEVICES)
    watch.now = datetime.now(UTC) - timedelta(hours=2)
    for name in ("router", "server"):
        watch.see(f"18562/{name}:icmp").see(f"18562/{name}:snmp")
    for _ in range(4):
        for name in ("server", "router"):
            watch.see(f"18562/{name}:icmp", Outcome.TIMEOUT).see(f"18562/{name}:snmp", Outcome.TIMEOUT)
    async with Ledger(file) as ledger:
        (incident,) = await ledger.incidents.record(watch.transitions, Nobody())
        at = incident.opened_at + timedelta(minutes=5)
        await acknowledge(ledger, incident.id, "truc", "", at, Nobody())
        about = (incident.kind, incident.severity, incident.summary)
        resolved = Transition(incident.key, Step.RESOLVED, at + timedelta(minutes=5), *about)
        await ledger.incidents.record([resolved], Nobody())
        await ledger.false_alarms.mark(incident.id, "truc", "thử điện", at, false=True)


async def test_a_real_ledger_is_measured(tmp_path: Path) -> None:
    await filled(tmp_path / "ledger.sqlite")
    now = datetime.now(UTC)
    found = measure(tmp_path / "ledger.sqlite", DEVICES, now - WEEK, now)
    assert (found.whole.incidents, found.whole.false, found.communes) == (1, 1, 1)
    assert found.whole.acknowledge.median == 300.0
    assert found.whole.resolve.median == 600.0
    assert found.whole.detect.median is not None and 5 < found.whole.detect.median < 60
    assert measure(tmp_path / "ledger.sqlite", DEVICES, now - 2 * WEEK, now - WEEK).whole.incidents == 0


async def test_a_false_alarm_is_taken_back_and_the_timeline_says_both_once(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        key = IncidentKey("device-down", "18562/router")
        opened = Transition(key, Step.OPENED, NOW, Kind.INCIDENT, Severity.CRITICAL, Words("x", "x"))
        await ledger.incidents.record([opened], Nobody())
        for false in (True, True, False, False):
            await ledger.false_alarms.mark(1, "truc", "thử", NOW, false=false)
        assert await ledger.false_alarms.of(1) is None
        assert [step.note for step in await ledger.incidents.timeline(1) if step.step is Step.NOTED] == [
            Words("báo sai: thử", "false alarm: thử"),
            Words("không phải báo sai: thử", "no false alarm after all: thử"),
        ]
        assert await ledger.false_alarms.mark(0, "truc", "", NOW, false=True) is None
        assert await ledger.false_alarms.mark(99, "truc", "", NOW, false=True) is None


async def test_the_service_keeps_the_figures_as_series_of_its_own(tmp_path: Path) -> None:
    await filled(tmp_path / "ledger.sqlite")
    stored: list[Observation] = []
    watch = QualityWatch(
        tmp_path / "ledger.sqlite", lambda: DEVICES, stored.append, lambda: datetime.now(UTC)
    )
    await watch.look()
    (observation,) = stored
    values = {(sample.metric, sample.labels): sample.value for sample in observation.samples}
    assert observation.device == "@monitor"
    assert values["alerts.false", ()] == 1.0
    assert values["alerts.resolve.time", (("quantile", "0.9"),)] == 600.0
    assert values["alerts.rule.incidents", (("rule", "device-down"),)] == 1.0


def test_the_command_says_them_for_people_and_programs(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"icmp": {}})
    (tmp_path / "data").mkdir()
    asyncio.run(filled(tmp_path / "data" / "ledger.sqlite"))
    said = CliRunner().invoke(main, ["-s", str(settings), "quality", "--since", "7d"])
    assert said.exit_code == 0, said.stderr
    assert "1 incidents" in said.stdout and "1 false (100.0%)" in said.stdout
    plain = CliRunner().invoke(main, ["-s", str(settings), "quality", "--json"])
    assert json.loads(plain.stdout)["whole"]["acknowledge"]["median"] == 300.0
    assert CliRunner().invoke(main, ["-s", str(settings), "quality", "--since", "x"]).exit_code == 2


def test_a_ledger_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        measure(tmp_path / "ledger.sqlite", DEVICES, NOW - WEEK, NOW)
