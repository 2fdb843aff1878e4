"""Incidents in the ledger: what each step does, and what holds after any of them."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Step, Transition, Words
from alerts.telling.notification import Message
from monitor.ledger import Ledger
from tests.alerts.tellers import Composed
from tests.monitor.ledger.steps import KEY, OTHER, T0, acknowledge, message, step, to_none, to_one


@pytest_asyncio.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


async def test_an_opened_incident_is_there_after_a_restart(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as first:
        (incident,) = await first.incidents.record([step(Step.OPENED, evidence="3 attempts")], to_none)
    async with Ledger(tmp_path / "ledger.sqlite") as second:
        assert await second.incidents.all_open() == [incident]
        assert await second.incidents.timeline(incident.id) == [step(Step.OPENED, evidence="3 attempts")]
    assert (incident.status, incident.opened_at, incident.evidence) == (Status.OPEN, T0, "3 attempts")


async def test_opening_again_what_is_open_changes_nothing_and_tells_nobody(ledger: Ledger) -> None:
    (first,) = await ledger.incidents.record([step(Step.OPENED)], to_one)
    (second,) = await ledger.incidents.record([step(Step.OPENED, minutes=5)], to_one)
    assert second == first
    assert len(await ledger.deliveries.of(first.id)) == 1
    assert len(await ledger.incidents.timeline(first.id)) == 1


async def test_opening_again_with_another_severity_is_a_change(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED, severity=Severity.WARNING)], to_one)
    (incident,) = await ledger.incidents.record([step(Step.OPENED, minutes=5)], to_one)
    assert (incident.id, incident.severity) == (1, Severity.CRITICAL)
    assert incident.changed_at == T0 + timedelta(minutes=5)
    assert [entry.step for entry in await ledger.incidents.timeline(1)] == [Step.OPENED, Step.CHANGED]
    assert [delivery.step for delivery in await ledger.deliveries.of(1)] == [Step.OPENED, Step.CHANGED]


@pytest.mark.parametrize("what", [Step.RESOLVED, Step.CHANGED, Step.NOTED, Step.ACKNOWLEDGED])
async def test_a_step_of_what_is_not_open_is_ignored(ledger: Ledger, what: Step) -> None:
    assert await ledger.incidents.record([step(what)], to_one) == []
    assert await ledger.incidents.search() == []


async def test_a_resolved_incident_keeps_what_was_wrong_and_one_long_after_is_new(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED, evidence="no answer")], to_one)
    (resolved,) = await ledger.incidents.record([step(Step.RESOLVED, minutes=9, evidence="answers")], to_one)
    assert (resolved.status, resolved.evidence) == (Status.RESOLVED, "no answer")
    assert resolved.resolved_at == T0 + timedelta(minutes=9)
    assert await ledger.incidents.all_open() == []
    (again,) = await ledger.incidents.record([step(Step.OPENED, minutes=15)], to_one)
    assert again.id != resolved.id


async def test_what_comes_back_soon_is_the_same_incident_and_nobody_has_it(ledger: Ledger) -> None:
    (first,) = await ledger.incidents.record([step(Step.OPENED)], to_one)
    await acknowledge(ledger, first.id, "A", "", T0, to_none)
    await ledger.incidents.record([step(Step.RESOLVED, minutes=9)], to_one)
    (again,) = await ledger.incidents.record([step(Step.OPENED, minutes=12, evidence="away again")], to_one)
    assert (again.id, again.status, again.resolved_at, again.reopened) == (first.id, Status.OPEN, None, 1)
    assert (again.acknowledged_by, again.opened_at, again.evidence) == ("", first.opened_at, "away again")
    assert (await ledger.incidents.timeline(first.id))[-1].step is Step.REOPENED
    assert [delivery.step for delivery in await ledger.deliveries.of(first.id)] == [
        Step.OPENED, Step.RESOLVED, Step.REOPENED,
    ]  # fmt: skip
    assert await ledger.incidents.all_open() == [again]


async def test_acknowledging_says_who_and_the_incident_stays_open(ledger: Ledger) -> None:
    (incident,) = await ledger.incidents.record([step(Step.OPENED)], to_one)
    taken = await acknowledge(ledger, incident.id, "Nguyễn Văn A", "đang xử lý", T0, to_none)
    assert taken is not None
    assert (taken.status, taken.acknowledged_by) == (Status.ACKNOWLEDGED, "Nguyễn Văn A")
    assert await ledger.incidents.all_open() == [taken]
    entry = (await ledger.incidents.timeline(incident.id))[-1]
    assert (entry.step, entry.who, entry.note) == (Step.ACKNOWLEDGED, "Nguyễn Văn A", "đang xử lý")
    (worse,) = await ledger.incidents.record([step(Step.CHANGED, evidence="worse")], to_none)
    assert worse.acknowledged_by == "Nguyễn Văn A"


async def test_only_what_is_open_can_be_acknowledged(ledger: Ledger) -> None:
    assert await acknowledge(ledger, 1, "a", "", T0, to_none) is None
    await ledger.incidents.record([step(Step.OPENED), step(Step.RESOLVED)], to_none)
    assert await acknowledge(ledger, 1, "a", "", T0, to_none) is None


async def test_incidents_are_listed_newest_first_by_what_is_asked_for(ledger: Ledger) -> None:
    finding = step(Step.OPENED, OTHER, kind=Kind.FINDING, severity=Severity.HIGH)
    await ledger.incidents.record(
        [step(Step.OPENED), finding, step(Step.RESOLVED), step(Step.OPENED, minutes=6)], to_none
    )

    async def ids(**asked: object) -> list[int]:
        return [incident.id for incident in await ledger.incidents.search(**asked)]  # type: ignore[arg-type]

    assert await ids() == [3, 2, 1]
    assert await ids(kind=Kind.FINDING) == [2]
    assert await ids(site="18073") == [3, 1]
    assert await ids(device="18100/server") == [2]
    assert await ids(status=Status.RESOLVED) == [1]
    assert await ids(limit=2) == [3, 2]
    assert await ids(before_id=3, limit=1) == [2]
    assert await ids(site="x' OR '1'='1") == []


async def test_incidents_of_a_site_are_also_those_of_several_sites_that_hit_it(ledger: Ledger) -> None:
    of_a_carrier = IncidentKey("common-cause", "@carrier", "", "vnpt")
    shared = msgspec.structs.replace(step(Step.OPENED, of_a_carrier), sites=("18073", "18100"))
    await ledger.incidents.record([shared, step(Step.OPENED)], to_none)
    for site, numbers in (("18073", [2, 1]), ("18100", [1]), ("18101", []), ("1810", [])):
        assert [one.id for one in await ledger.incidents.search(site=site)] == numbers


async def test_when_composing_fails_nothing_is_stored(ledger: Ledger) -> None:
    def broken(incident: Incident, transition: Transition) -> Sequence[Message]:
        if transition.key == OTHER:
            raise ZeroDivisionError
        return [message(incident, transition)]

    with pytest.raises(ZeroDivisionError):
        await ledger.incidents.record([step(Step.OPENED), step(Step.OPENED, OTHER)], Composed(broken))
    assert await ledger.incidents.search() == []


async def test_pruning_removes_old_resolved_incidents_and_nothing_open(ledger: Ledger) -> None:
    await ledger.incidents.record(
        [step(Step.OPENED), step(Step.RESOLVED, minutes=1), step(Step.OPENED, OTHER)], to_one
    )
    assert await ledger.prune(T0) == 0
    assert await ledger.prune(T0 + timedelta(minutes=2)) == 1
    assert [incident.key for incident in await ledger.incidents.search()] == [OTHER]
    assert await ledger.incidents.timeline(1) == []
    assert await ledger.deliveries.of(1) == []


KEYS = [KEY, OTHER, IncidentKey("device-down", "18073/router", "ping")]
STEPS = st.builds(
    step,
    st.sampled_from(list(Step)),
    st.sampled_from(KEYS),
    severity=st.sampled_from([Severity.WARNING, Severity.CRITICAL]),
    evidence=st.sampled_from(["", "a"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(STEPS, max_size=6), max_size=6))
def test_any_steps_leave_at_most_one_open_incident_a_key(calls: list[list[Transition]]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with Ledger(Path(folder) / "ledger.sqlite") as ledger:
                for transitions in calls:
                    await ledger.incidents.record(transitions, to_one)
                await check(ledger)

    async def check(ledger: Ledger) -> None:
        opened = await ledger.incidents.all_open()
        assert len({incident.key for incident in opened}) == len(opened)
        assert {incident.key for incident in opened} == expected(calls)
        for incident in await ledger.incidents.search(limit=1000):
            steps = [entry.step for entry in await ledger.incidents.timeline(incident.id)]
            assert steps[0] is Step.OPENED
            assert (steps[-1] is Step.RESOLVED) == (incident.status is Status.RESOLVED)
            assert steps.count(Step.REOPENED) == incident.reopened

    asyncio.run(play())


def expected(calls: list[list[Transition]]) -> set[IncidentKey]:
    """Return the keys that are open after `calls`, by the simplest possible reckoning."""
    opened: set[IncidentKey] = set()
    for transition in (transition for transitions in calls for transition in transitions):
        if transition.step is Step.OPENED:
            opened.add(transition.key)
        elif transition.step is Step.RESOLVED:
            opened.discard(transition.key)
    return opened


async def test_steps_written_before_there_were_words_still_show(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    said = Words("báo cho: An", "told: An")
    async with Ledger(path) as ledger:
        await ledger.incidents.record([msgspec.structs.replace(step(Step.OPENED), note=said)], to_none)
        assert [one.note for one in await ledger.incidents.timeline(1)] == [said]
    with sqlite3.connect(path) as db:
        for table in ("timeline", "incidents"):
            db.execute(
                f"UPDATE {table} SET body = json_set(body, '$.note', 'An', '$.evidence', 'snmp: timeout')"
            )
    db.close()
    async with Ledger(path) as ledger:
        (first,) = await ledger.incidents.timeline(1)
        (incident,) = await ledger.incidents.all_open()
    assert (first.note, first.evidence, incident.evidence) == ("An", "snmp: timeout", "snmp: timeout")
