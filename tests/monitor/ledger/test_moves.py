"""A device has another id: what the ledger knows of it follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio

from alerts.incident import IncidentKey, Status, Step
from monitor.ledger import Ledger
from probes.core.words import say
from tests.monitor.ledger.steps import KEY, OTHER, T0, step, to_none, to_one

WAS, NOW = "18073/router", "18100/router-b"
LATER = T0 + timedelta(hours=1)


@pytest_asyncio.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


async def test_incidents_and_their_steps_are_under_the_new_id_and_stay_open(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED), step(Step.RESOLVED, minutes=1)], to_none)
    await ledger.incidents.record(
        [step(Step.OPENED, minutes=8, evidence="x"), step(Step.OPENED, OTHER)], to_one
    )
    (moved,) = await ledger.move({WAS: NOW}, LATER)
    assert (moved.id, moved.key, moved.status) == (2, KEY.of(NOW), Status.OPEN)
    assert [one.id for one in await ledger.incidents.search(device=NOW)] == [2, 1]
    assert [one.id for one in await ledger.incidents.search(site="18100")] == [3, 2, 1]
    assert await ledger.incidents.search(device=WAS) == []
    assert {one.key.device for one in await ledger.incidents.timeline(2)} == {NOW}
    assert len(await ledger.deliveries.of(2)) == 1, "moving tells nobody"
    (resolved,) = await ledger.incidents.record([step(Step.RESOLVED, KEY.of(NOW), minutes=15)], to_none)
    assert resolved.id == 2


async def test_what_is_open_under_both_ids_goes_on_under_the_present_one(ledger: Ledger) -> None:
    await ledger.incidents.record([step(Step.OPENED), step(Step.OPENED, KEY.of(NOW), minutes=5)], to_one)
    (ended,) = await ledger.move({WAS: NOW}, LATER)
    assert (ended.id, ended.status, ended.resolved_at) == (1, Status.RESOLVED, LATER)
    assert [one.id for one in await ledger.incidents.all_open()] == [2]
    assert (
        say((await ledger.incidents.timeline(1))[-1].note, "en")
        == f"goes on as incident 2: {WAS} is {NOW} now"
    )
    assert len(await ledger.deliveries.of(1)) == 1, "nobody is told that it is over"


async def test_two_former_ids_become_one_device(ledger: Ledger) -> None:
    third = IncidentKey("device-down", "old/router")
    await ledger.incidents.record([step(Step.OPENED), step(Step.OPENED, third)], to_none)
    await ledger.move({WAS: NOW, "old/router": NOW}, LATER)
    assert [(one.id, one.key.device) for one in await ledger.incidents.all_open()] == [(1, NOW)]


async def test_moving_again_and_moving_what_is_unknown_change_nothing(ledger: Ledger) -> None:
    (incident,) = await ledger.incidents.record([step(Step.OPENED)], to_none)
    await ledger.move({WAS: NOW}, LATER)
    assert await ledger.move({WAS: NOW, "a/b": "c/d"}, LATER) == []
    assert await ledger.move({}, LATER) == []
    assert [one.id for one in await ledger.incidents.all_open()] == [incident.id]


async def test_approved_host_keys_follow_and_a_revoked_one_stays_revoked(ledger: Ledger) -> None:
    keys = [f"ssh-ed25519 {text}" for text in ("AAAA", "BBBB")]
    for device in (WAS, NOW):
        for key in keys:
            ledger.host_keys.report(device, "192.0.2.1", 22, key)
    prints = {key.key: key.fingerprint for key in await ledger.host_keys.stored("pending")}
    await ledger.host_keys.approve(WAS, prints[keys[0]], "an", T0)
    await ledger.host_keys.approve(WAS, prints[keys[1]], "an", T0)
    await ledger.host_keys.revoke(NOW, prints[keys[1]], "an", T0)
    await ledger.move({WAS: NOW}, LATER)
    assert ledger.host_keys.approved(NOW, "192.0.2.1", 22) == (keys[0],)
    assert ledger.host_keys.approved(WAS, "192.0.2.1", 22) == ()
    assert await ledger.host_keys.stored("pending") == []


async def test_places_of_credentials_follow_but_never_widen_those_of_the_present_id(ledger: Ledger) -> None:
    here, there = frozenset({"192.0.2.1:161"}), frozenset({"192.0.2.9:161"})
    await ledger.bindings.attach({(WAS, "snmp"): here, (WAS, "http"): here, (NOW, "snmp"): there}, T0)
    await ledger.move({WAS: NOW}, LATER)
    assert ledger.bindings.known == {(NOW, "snmp"): there, (NOW, "http"): here}


async def test_a_device_that_answered_under_a_former_id_has_answered(ledger: Ledger) -> None:
    ledger.answered.note(WAS, T0)
    ledger.answered.note(NOW, LATER)
    await ledger.move({WAS: NOW}, LATER)
    assert list(ledger.answered.first) == [NOW]
    assert abs(ledger.answered.first[NOW] - T0) < timedelta(seconds=1)
