"""The page `docs/profiles-measured.md`: everything that is measured of the profiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from alerts.rule import RuleBook
from bench.profiles.cases import Case
from bench.profiles.held_out import held_out
from bench.profiles.noise import ROUNDS, Told, noise
from bench.profiles.run import judge
from bench.profiles.table import table
from bench.profiles.unseen import KINDS, WAYS, Kept, disguised, kept
from inventory.profile import Profile
from probes.core.words import say

UNSEEN = """
## Models that nobody recorded

The profiles were written with these recordings at hand. What they would read of another model is estimated in two
ways, both of values that are read right today.

*Another number.* Each recording is read once more under a sysObjectID that no profile knows: with another last number
(the vendor's next model), directly below the vendor's enterprise (its next product line), and so again with a sysDescr
that says nothing. The objects by which profiles recognise such devices were chosen with the recordings at hand.

*Held out.* Each recording of a family that has others is read by a profile that has lost every object of the vendor's
own MIB which only this recording has: what is left was to be known without it. A lower bound, for profiles are also
written from MIBs.

"""
NOISE = """
## What the rules would tell

Every recorded device says the same {rounds} times, a minute apart, and all built-in rules judge it. These are other
people's devices, some of them with real faults: {incidents} incidents on {devices} of {of} devices.

| Rule | Severity | Device | What |
|---|---|---|---|
"""


async def page(several: Mapping[str, Case], profiles: Mapping[str, Profile], rules: RuleBook) -> str:
    """Return the whole page."""
    known = await judge(several, profiles)
    devices = {name: case for name, case in several.items() if not name.startswith("detect/")}
    ways: dict[str, dict[str, Kept]] = {}
    for way in WAYS:
        ways[way] = kept(known, await judge(disguised(several, way), profiles))
    ways["held out"] = kept(known, await held_out(devices, profiles))
    told = await noise(devices, profiles, rules)
    return table(known) + UNSEEN + _shares(ways) + _noise(told, len(devices))


def _shares(ways: Mapping[str, Mapping[str, Kept]]) -> str:
    lines = ["| Kind | " + " | ".join(ways) + " |", "|---|" + "---:|" * len(ways)]
    for kind in KINDS:
        cells = [f"{100 * way[kind].share:.1f} % of {way[kind].known}" for way in ways.values()]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _noise(told: Sequence[Told], devices: int) -> str:
    head = NOISE.format(
        rounds=ROUNDS, incidents=len(told), devices=len({one.device for one in told}), of=devices
    )
    counts = Counter((one.rule, one.severity, one.device, _what(one)) for one in told)
    rows = [
        f"| {rule} | {severity} | {device} | {what}{f', {count} times' if count > 1 else ''} |"
        for (rule, severity, device, what), count in sorted(counts.items())
    ]
    return head + "\n".join(rows) + "\n"


def _what(one: Told) -> str:
    """What is told, without the names that strangers gave."""
    metric = say(one.evidence, "en").partition("[")[0]
    part = one.subject.rpartition(" (")[2].rstrip(")") if one.subject.endswith(")") else ""
    return f"`{metric.partition(' =')[0]}`{f' of {part}' if part else ''}"
