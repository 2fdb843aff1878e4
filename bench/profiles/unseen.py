"""How a model that nobody recorded would be read: each recording under a sysObjectID that no profile knows.

`leaf` gives it another last number, as the vendor's next model has; `branch` a place of its own directly below the
vendor's enterprise, as the vendor's next product line has; `wordless` does that and says nothing in sysDescr either.
All else stays. What is still found and equal, of what was before, says how far profiles fit families and not models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from bench.profiles.cases import Case
from bench.profiles.judge import Verdict
from probes.snmp import ber

SYS_OBJECT_ID = ber.oid("1.3.6.1.2.1.1.2.0")
SYS_DESCR = ber.oid("1.3.6.1.2.1.1.1.0")
ENTERPRISES = "1.3.6.1.4.1."
UNSEEN = "999999"
KINDS = ("vendor", "port", "cpu", "memory", "storage", "sensor", "state", "supply")


def leaf(number: str) -> str:
    """Return the number of another model: its last arc is another."""
    return f"{number.rpartition('.')[0]}.{UNSEEN}"


def branch(number: str) -> str:
    """Return the number of another product line, directly below the enterprise."""
    return f"{ENTERPRISES}{number.removeprefix(ENTERPRISES).partition('.')[0]}.{UNSEEN}.1"


WAYS = {"leaf": leaf, "branch": branch, "wordless": branch}


def disguised(several: Mapping[str, Case], way: str) -> dict[str, Case]:
    """Return the recordings of devices with a vendor's number, each under an unseen one."""
    out: dict[str, Case] = {}
    for name, case in several.items():
        row = case.recording.rows.get(SYS_OBJECT_ID)
        number = ber.dotted(row[2]) if row and row[2] else ""
        if number.startswith(ENTERPRISES) and number.count(".") > ENTERPRISES.count("."):
            rows = [(SYS_OBJECT_ID, ber.OID, ber.oid(WAYS[way](number)))]
            if way == "wordless":
                rows.append((SYS_DESCR, ber.OCTETS, b"device"))
            out[name] = msgspec.structs.replace(case, recording=case.recording.changed(*rows))
    return out


class Kept(msgspec.Struct, frozen=True):
    """Of one kind: how many values were read right, and how many of these still are under an unseen number."""

    known: int
    still: int

    @property
    def share(self) -> float:
        """The part that is still read."""
        return self.still / self.known if self.known else 1.0


def kept(known: Sequence[Verdict], unseen: Sequence[Verdict]) -> dict[str, Kept]:
    """Compare two judgements of the same recordings, by kind."""
    devices = {verdict.device for verdict in unseen}
    right = {_key(v) for v in known if v.verdict == "equal" and v.device in devices}
    still = {_key(v) for v in unseen if v.verdict == "equal"} & right
    return {
        kind: Kept(sum(key[1] == kind for key in right), sum(key[1] == kind for key in still))
        for kind in KINDS
    }


def _key(verdict: Verdict) -> tuple[str, str, str, str]:
    return verdict.device, verdict.kind, verdict.item, verdict.expected
