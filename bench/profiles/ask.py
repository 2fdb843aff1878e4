"""One recording, asked as the probe asks: what is reported of it, and of which objects that is made."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from inventory.profile import Profile
from probes.core.observation import Answer, Sample
from probes.core.probe import ProbeFailure
from probes.snmp.ber import dotted
from probes.snmp.cells import Both
from probes.snmp.cells import Counter as Growth
from probes.snmp.collect import Collector
from probes.snmp.engine import Engine, Peer
from probes.snmp.plan import Output, Overall, Plan
from probes.snmp.security import Community
from probes.snmp.session import Session
from probes.snmp.study import Study

INTERVAL = 60.0
"""Seconds between the two polls, by the session's clock."""


class Evidence(msgspec.Struct, frozen=True):
    """One number that the probe reports, and the objects it is made of."""

    metric: str
    labels: Mapping[str, str]
    value: float | None
    objects: frozenset[str]


class Reported(msgspec.Struct):
    """Everything the probe found out about one device."""

    facts: Mapping[str, object] = {}
    evidence: Sequence[Evidence] = ()
    counters: Mapping[str, int] = {}
    """What counters stand at, by object."""
    samples: tuple[Sample, ...] = ()
    """What both polls said, the later one where both did."""
    failure: str = ""


class _Kept(Study):
    """A study whose plan can be looked at."""

    made: Plan

    async def plan(self) -> Plan:
        self.made = await super().plan()
        return self.made


async def ask(
    engine: Engine, address: tuple[str, int], name: str, profiles: Mapping[str, Profile]
) -> Reported:
    """Recognise, study and poll one recording twice."""
    studies: list[_Kept] = []
    now = [1000.0]

    def study(collector: Collector) -> Study:
        studies.append(_Kept(collector, profiles, None, 512, ()))
        return studies[-1]

    peer = Peer(address, Community(name), wait=3.0, tries=1)
    session = Session(engine, peer, study, clock=lambda: now[0], budget=5000)
    try:
        answer: Answer = await session.poll()
        now[0] += INTERVAL
        again = await session.poll()
    except ProbeFailure as failure:
        return Reported(failure=failure.detail.en)
    plan = studies[-1].made
    samples = {(sample.metric, sample.labels): sample for sample in (*answer.samples, *again.samples)}
    return Reported(
        {fact.name: fact.value for fact in answer.facts}, *_read(plan), samples=tuple(samples.values())
    )


def _read(plan: Plan) -> tuple[list[Evidence], dict[str, int]]:
    places: dict[tuple[int, str], str] = {}
    counters: dict[str, int] = {}
    for step in plan.steps:
        for name, cell in zip(step.oids, step.cells, strict=True):
            text = dotted(name)
            for one in cell.others if isinstance(cell, Both) else (cell,):
                places[id(one.readings), one.name] = text
                if isinstance(one, Growth) and one.last is not None:
                    counters[text] = one.last
    return [_evidence(output, places) for output in _outputs(plan)], counters


def _outputs(plan: Plan) -> Iterator[Output]:
    for output in plan.outputs:
        yield from output.rows if isinstance(output, Overall) else (output,)


def _evidence(output: Output, places: Mapping[tuple[int, str], str]) -> Evidence:
    maps = output.readings.maps if isinstance(output.readings, ChainMap) else [output.readings]
    objects = {
        places[id(readings), name]
        for readings in maps
        for name in output.value.names
        if (id(readings), name) in places
    }
    sample = output.sample()
    return Evidence(output.metric, dict(output.labels), sample.value if sample else None, frozenset(objects))
