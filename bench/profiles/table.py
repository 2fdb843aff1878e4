"""The judgements as figures, and as the page `docs/profiles-measured.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.profiles.judge import Verdict

KINDS = (
    "vendor",
    "system",
    "model",
    "version",
    "serial",
    "port",
    "cpu",
    "memory",
    "storage",
    "sensor",
    "state",
    "supply",
)
"""``sensor`` are numbers, ``state`` are states and counts: of those LibreNMS' choice is one of many."""
JUDGED = ("port", "cpu", "memory", "storage", "sensor")


def summary(verdicts: Sequence[Verdict]) -> dict[str, dict[str, float]]:
    """Return for each kind: expected, found, equal, and the share that is equal."""
    out: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        counts = Counter(verdict.verdict for verdict in verdicts if verdict.kind == kind)
        whole = sum(counts.values())
        found = whole - counts["missing"]
        share = counts["equal"] / whole if whole else 1.0
        elsewhere = sum(v.kind == kind and v.found == "elsewhere" for v in verdicts)
        out[kind] = {
            "expected": whole,
            "found": found,
            "equal": counts["equal"],
            "elsewhere": elsewhere,
            "share": round(share, 4),
        }
    return out


RULES = """# How well the profiles read: measured

Made by `python -m bench.profiles ../shared/devices --table`; not to be edited. The real engine asks each recording
over UDP on loopback, recognises it, studies it and polls it twice. What was expected is what LibreNMS found in the
same recording (`expected.json`). An expected value is *found* when the probe reports something made of the same
object, and *equal* when it says the same.

Read the figures with care. The profiles were written with these recordings at hand, so the first table says how much of
this equipment is read; what to expect of another model is further below. What states mean is our own judgement of the
words in the vendors' MIBs (`scripts/judge_states.py`, one rule for all): it differs from LibreNMS' in places, and
states whose MIB was not at hand, or that cannot tell good from bad, are not reported at all: hence their low share.
Units and scales of sensors were held against MIB files (`scripts/verify_sensors.py`; docs/profiles.md has the counts).
Where LibreNMS reads what is offline, empty or no number (65535 minutes, -1 as a power), nothing is reported, which
counts as missing here. The rules:

* **vendor**: one of the vendors that the label names. **system**: the name LibreNMS uses, case and punctuation aside.
  **model, version, serial**: one of the two texts holds the other.
* **port**: by ifIndex; its name, whether it is up (nothing, when switched off), and where its counters of octets
  stand, as far as the recording holds them. Software loopbacks are left out. A name that LibreNMS made up
  is not compared.
* **cpu, memory, storage**: within one percentage point. Where the probe reads another object than LibreNMS, a pool
  of the same kind with the same value counts, once (net-snmp: used memory without buffers and caches);
  the column *elsewhere* says how often, also for sensors.
* **sensor**: numbers, within 0.6 % or 0.05, in its unit (minutes, percent). **state**: what the state means (0 to 3),
  and counts. Which states and counts there are is LibreNMS' choice.
* **supply**: levels of a printer, within one point. What it marked with `check` is left out.
"""


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the measured table: the kinds, the families, and what is not equal."""
    lines = [
        RULES,
        "| Kind | Expected | Found | Equal | Elsewhere | Share |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind, row in summary(verdicts).items():
        lines.append(
            f"| {kind} | {row['expected']} | {row['found']} | {row['equal']} | {row['elsewhere']}"
            f" | {100 * row['share']:.1f} % |"
        )
    lines += [
        "",
        "## Families with values",
        "",
        "| System | Expected | Found | Equal | Different | Why not |",
    ]
    lines.append("|---|---:|---:|---:|---:|---|")
    judged = [v for v in verdicts if v.kind in (*JUDGED, "state", "supply")]
    for family in sorted({v.family for v in judged}):
        lines.append(_family(family, [v for v in judged if v.family == family]))
    return "\n".join(lines) + "\n"


def _family(name: str, verdicts: Sequence[Verdict]) -> str:
    counts = Counter(v.verdict for v in verdicts)
    wrong = Counter(f"{v.kind} {v.verdict}" for v in verdicts if v.verdict != "equal")
    why = ", ".join(f"{count} {what}" for what, count in wrong.most_common())
    found = len(verdicts) - counts["missing"]
    return f"| {name} | {len(verdicts)} | {found} | {counts['equal']} | {counts['different']} | {why} |"
