"""A nation to look at: 3,321 communes with twenty devices each, and one data centre that services run on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from alerts.incident import IncidentKey, Kind, Severity, Step, Transition, Words
from inventory.communes import Communes
from inventory.model import Commune, Contact, Device, Inventory, Need, Role, Service, Site, Text
from monitor.ledger.identities import MODEL, NAME, SERIAL, Trait
from monitor.ledger.teller import Nobody
from monitor.neighbours import MARK
from probes.core.observation import Fact, Observation, Outcome
from tests.monitor.web.province import Province

DEVICES = 20
"""Of a commune: a router, and what is reached through it."""
SERVICES = 12
PAST = 3000
"""Incidents that are over."""
FINDINGS = 400
CARRIERS = ("Viettel", "VNPT", "MobiFone", "CMC")


def nation() -> Inventory:
    """Return every commune of the official list, and the data centre."""
    roles = {
        "router": Role(name="router", title=Text(vi="Bộ định tuyến", en="Router")),
        "web": Role(name="web", title=Text(vi="Hệ thống web", en="Web system")),
        "ups": Role(name="ups", title=Text(vi="Bộ lưu điện", en="UPS")),
    }
    needs = {
        "commune": (
            Need(name="router", title=Text(vi="Bộ định tuyến", en="Router"), roles=("router",), count=1),
            Need(name="power", title=Text(vi="Bộ lưu điện", en="UPS"), roles=("ups",), count=1),
        )
    }
    sites = [_site(number, commune) for number, commune in enumerate(Communes.load())]
    return Inventory((_centre(), *sites), roles, {}, needs, {one.name: one for one in _services()})


def _site(number: int, commune: Commune) -> Site:
    code = commune.code
    devices = tuple(
        Device(
            id=f"{code}/d{at}", name=f"d{at}", site=code, title=f"Thiết bị {at}", address="192.0.2.1",
            role="ups" if at == 1 and number % 10 else "router",
            parents=(f"{code}/d0",) if at else (),
        )
        for at in range(DEVICES)
    )  # fmt: skip
    owner = Contact(name="Nguyễn Văn A", unit=f"UBND {commune.name}", phone="0912 345 678")
    place = 8.6 + (number * 7 % 3321) / 3321 * 14, 103 + (number * 31 % 3321) / 3321 * 6
    return Site(
        id=code, name=commune.name, kind="commune", commune=commune, owner=owner, location=place,
        carrier=CARRIERS[number % len(CARRIERS)], power_feed=f"E{number % 200}", devices=devices,
    )  # fmt: skip


def _centre() -> Site:
    devices = tuple(
        Device(
            id=f"ttdl/web{at}", name=f"web{at}", site="ttdl", title=f"Hệ thống {at}", address="192.0.2.2",
            role="web",
        )
        for at in range(SERVICES)
    )  # fmt: skip
    return Site(id="ttdl", name="Trung tâm dữ liệu", kind="data_centre", devices=devices)


def _services() -> list[Service]:
    return [
        Service(
            name=f"dich-vu-{at}", title=Text(vi=f"Dịch vụ {at}", en=f"Service {at}"),
            runs_on=(f"ttdl/web{at}",), needs=("dich-vu-0",) if at else (), used_by=(),
        )
        for at in range(SERVICES)
    ]  # fmt: skip


async def record(town: Province) -> None:
    """Give the ledger a past: incidents that are over, and findings that are open."""
    sites = [site for site in town.inventory.sites.values() if site.kind == "commune"]
    now = datetime.now(UTC)
    for at in range(PAST):
        key = IncidentKey("device-down", f"{sites[at % len(sites)].id}/d{at % DEVICES}")
        begun = now - timedelta(minutes=20 * (PAST - at) + 30)
        steps = [
            _step(key, Step.OPENED, begun, Kind.INCIDENT, Severity.CRITICAL),
            _step(key, Step.RESOLVED, begun + timedelta(minutes=12), Kind.INCIDENT, Severity.CRITICAL),
        ]
        await town.ledger.incidents.record(steps, Nobody())
    await _told(town, now)
    found = [
        _step(IncidentKey("SSH-12", f"{site.id}/d2"), Step.OPENED, now, Kind.FINDING, Severity.HIGH)
        for site in sites[:: len(sites) // FINDINGS][:FINDINGS]
    ]
    for incident in await town.ledger.incidents.record(found, Nobody()):
        town.board.set_incident(incident)


async def _told(town: Province, now: datetime) -> None:
    """Let every device have answered and said what it is, and every router name what is behind it."""
    devices = list(town.inventory.devices.values())
    town.ledger.answered.learn({one.id: now for one in devices[50:]})
    traits = {
        one.id: {
            name: Trait(f"{name} {number}", now, f"{name} {number}", now) for name in (MODEL, SERIAL, NAME)
        }
        for number, one in enumerate(devices)
    }
    town.ledger.identities.learn(traits)
    for number, one in enumerate(devices):
        if one.name == "d0":
            town.board.observe(
                Observation(one.id, "snmp", "snmp", now, 0.1, Outcome.OK, "", (), _facts(number))
            )
        if number % 1000 == 0:
            await asyncio.sleep(0)


def _facts(number: int) -> tuple[Fact, ...]:
    told = tuple(
        Fact(
            "neighbours.told",
            ("LLDP", f"{NAME} {number + at}", f"02:00:00:00:{at:02}", "1", "", "switch"),
            f"p{at}",
        )
        for at in range(1, 6)
    )
    return (Fact(MARK, f"{NAME} {number}"), *told)


def _step(key: IncidentKey, step: Step, at: datetime, kind: Kind, severity: Severity) -> Transition:
    words = Words("Bộ định tuyến mất kết nối", "Router down")
    return Transition(key, step, at, kind, severity, words, "3/3 không trả lời")
