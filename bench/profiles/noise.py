"""What the rules would tell of a recording: every recorded device, asked again and again with the same answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from alerts.incident import IncidentKey, Step
from alerts.judging.engine import Engine as Judge
from alerts.rule import RuleBook
from bench.profiles.ask import Reported
from bench.profiles.cases import Case
from bench.profiles.run import reports
from inventory.model import CheckSpec, Device, Inventory, Site
from inventory.profile import Profile
from probes.core.observation import Observation, Outcome
from probes.core.probe import Params
from probes.core.words import Said

START = datetime(2026, 11, 23, tzinfo=UTC)
ROUNDS = 40
"""Polls, a minute apart, that say the same: more than any rule's attempts and patience."""


class Told(msgspec.Struct, frozen=True):
    """One incident that stands after some polls of a recording."""

    device: str
    rule: str
    severity: str
    subject: str
    evidence: Said


def told(device: str, reported: Reported, rules: RuleBook) -> list[Told]:
    """Return what stands open after a device said the same `ROUNDS` times."""
    check = CheckSpec(name="snmp", probe="snmp", params=Params(), interval=60.0, timeout=10.0)
    one = Device(
        id="site/device", name="device", site="site", title=device, address="192.0.2.1", role="other",
        profile=str(reported.facts.get("snmp.profile", "")) or None, checks=(check,),
    )  # fmt: skip
    judge = Judge(rules, Inventory((Site(id="site", name="Site", kind="other", devices=(one,)),), {}, {}))
    standing: dict[IncidentKey, Told] = {}
    for round_ in range(ROUNDS):
        now = START + timedelta(minutes=round_)
        seen = Observation(one.id, "snmp", "snmp", now, 0.01, Outcome.OK, "", reported.samples)
        for step in judge.take(seen, now).transitions:
            standing[step.key] = Told(device, step.key.rule, step.severity, step.key.subject, step.evidence)
            if step.step is Step.RESOLVED:
                del standing[step.key]
    return list(standing.values())


async def noise(several: Mapping[str, Case], profiles: Mapping[str, Profile], rules: RuleBook) -> list[Told]:
    """Ask every recording and return what the rules tell of it."""
    return [
        one async for name, _, reported in reports(several, profiles) for one in told(name, reported, rules)
    ]
