"""How a family's profile would read a recording that it was not written from.

A family with two recordings or more is read once more, each recording by a profile that has lost what only this
recording shows: every object of a vendor's own MIB that no other recording of the family has. What is still read was
to be known without it. (A lower bound: a profile is also written from the vendor's MIB, which names more than one
model shows.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.profiles.cases import Case
from bench.profiles.judge import Judge, Verdict
from bench.profiles.run import reports
from bench.recordings import Recording
from inventory.profile import Profile
from inventory.readings import Kind, Table
from probes.snmp import ber

STANDARD = "1.3.6.1.2.1."


async def held_out(several: Mapping[str, Case], profiles: Mapping[str, Profile]) -> list[Verdict]:
    """Judge each recording of a family with others by what the family's profile owes to these others."""
    families: defaultdict[str, dict[str, Case]] = defaultdict(dict)
    async for name, case, reported in reports(several, profiles):
        families[str(reported.facts.get("snmp.profile", ""))][name] = case
    out: list[Verdict] = []
    for family, members in families.items():
        for name, case in members.items() if family in profiles and len(members) > 1 else ():
            others = [other.recording for key, other in members.items() if key != name]
            reduced = {**profiles, family: owed(profiles[family], others)}
            async for _, _, reported in reports({name: case}, reduced):
                out += Judge(name, case.expected, reported, case.recording).verdicts()
    return out


def owed(profile: Profile, others: Sequence[Recording]) -> Profile:
    """Return what is left of a profile when only the standard MIBs and these recordings are known."""

    def known(*numbers: str | None) -> bool:
        return any(
            number is not None and (number.startswith(STANDARD) or any(_has(one, number) for one in others))
            for number in numbers
        )

    def table_known(table: Table) -> bool:
        numbers = [r for r in table.columns.values() if r.kind is not Kind.TEXT and not r.fixed]
        return any(known(reading.oid, reading.fallback) for reading in numbers)

    read = {name: r for name, r in profile.read.items() if known(r.oid, r.fallback)}
    tables = {name: table for name, table in profile.tables.items() if table_known(table)}
    return profile.model_copy(update={"read": read, "tables": tables})


def _has(recording: Recording, number: str) -> bool:
    """Whether a recording has this object, or a row of this column."""
    name = ber.oid(number)
    return name in recording.rows or recording.after(name, 1)[0][0].startswith(name)
