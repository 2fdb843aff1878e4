"""Writes what states mean into the device profiles: ``python scripts/judge_states.py FOLDER`` (of MIB files).

For each ``states:`` of `inventory/profiles/` the enumeration is looked up in the vendor's MIB, and each of its words
is judged by one rule, `meaning`, the same for all vendors. An entry whose object no MIB of FOLDER defines is taken
out: what nobody can look up is no fact. MIB files are their vendors'; only numbers, names and our judgement stay.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from compile_mibs import Library

PROFILES = Path(__file__).parent.parent / "inventory" / "profiles"
_ENTRY = re.compile(
    r"^  (?P<key>\w+): \{.*?\boid: (?P<oid>[\d.]+).*?(?P<states>states: \{[^}]*\}).*\}(?P<comment> *#.*)?$"
)
_EMPTY = re.compile(r"^sensors:\n\n?(?=\S|\Z)", re.MULTILINE)
_ANSWERS = {"true", "false", "yes", "no"}
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")

# What the words of enumerations say, in the field's usual sense. Order: the gravest that is there counts.
CRITICAL = """
critical fail failed failure fault faulty error down dead fatal broken bad emergency alarm severe shutdown
nonrecoverable major damaged abnormal overheat overheated unrecoverable stopped blocked short cut crashed
defective disruption overheating overtemperature breached nonoperational env outofservice
""".split()  # noqa: SIM905
WARNING = """
warning warn degraded degrade minor marginal testing test low high bypass boost trim replace replaced replacing
rebuilding rebuild predictive overload attention lost disconnected mismatch recovering discharging reduced
threshold upper lower noncritical missing depleted smart calibrating maintenance unbalanced foreign removed
offline expired expiring repairing expanding migrating syncing partially pin suspended nonredundant
unsynchronized wrong aborted locked rejected isolated underspeed overspeed readonly utilityoff outoftolvolt
outoftolfreq forbidden check
""".split()  # noqa: SIM905
UNKNOWN = """
other unknown present absent installed supported applicable available unavailable na invalid undefined unused
monitored configured empty reserved detected inactive disabled off none initializing initialized starting
unsupported fitted equipped new split
""".split()  # noqa: SIM905
OK = """
ok normal up online on good enabled active running ready operational healthy standby idle charging charged
closed nominal valid optimal functional connected connect line enable sufficient clear cleared complete
completed safe passed spare hotspare powered working fine full economic eco registered inserted date hook
rebuilt range functioning operation master slave member primary secondary roaming home synchronized floating
resting alive supply standalone
""".split()  # noqa: SIM905
DOCUMENTED = {
    "1.3.6.1.4.1.6574.1.1": "1=normal 2=failed",
    "1.3.6.1.4.1.6574.1.3": "1=normal 2=failed",
    "1.3.6.1.4.1.6574.1.4.1": "1=normal 2=failed",
    "1.3.6.1.4.1.6574.1.4.2": "1=normal 2=failed",
    "1.3.6.1.4.1.6574.2.1.1.5": "1=normal 2=initialized 3=notInitialized 4=systemPartitionFailed 5=crashed",
    "1.3.6.1.4.1.6574.3.1.1.3": (
        "1=normal 2=repairing 3=migrating 4=expanding 5=deleting 6=creating 7=raidSyncing 8=raidParityChecking"
        " 9=raidAssembling 10=canceling 11=degraded 12=crashed"
    ),
    "1.3.6.1.4.1.3808.1.1.1.2.1.1": "1=unknown 2=batteryNormal 3=batteryLow",
    "1.3.6.1.4.1.3808.1.1.1.2.2.5": "1=noBatteryNeedsReplacing 2=batteryNeedsReplacing",
    "1.3.6.1.4.1.3808.1.1.1.4.1.1": "1=unknown 2=onLine 3=onBattery 4=onBoost 5=onSleep 6=off 7=rebooting",
}
"""Enumerations that MIBs tell in words, not in their syntax: SYNOLOGY-SYSTEM-, -DISK- and -RAID-MIB, CPS-MIB."""


def meaning(word: str) -> str:
    """Return what a word of an enumeration means for the device: ok, warning, critical or unknown.

    The gravest part counts. "no" and "not" turn what follows about: ``noAlarm`` is ok, ``notReady`` a warning,
    ``notOk`` critical, ``notPresent`` unknown. A low load is no trouble, a low battery is, and so is running on one.
    """
    words = [part.lower() for part in _WORDS.findall(word)]
    if words[:1] == ["non"]:
        words = ["".join(words[:2]), *words[2:]]
    if {"low", "load"} <= {*words}:
        return "ok"
    if words[:2] in (["on", "battery"], ["off", "line"]):
        return "warning"
    if words == ["out", "of", "range"]:
        return "critical"
    negated = words[:1] in (["no"], ["not"])
    found = _gravest(words[negated:])
    if not negated or found == "unknown":
        return found
    if found == "ok":
        return "critical" if words[1:] in (["ok"], ["functioning"]) else "warning"
    return "ok"


def _gravest(words: list[str]) -> str:
    for name, known in (("critical", CRITICAL), ("warning", WARNING), ("unknown", UNKNOWN), ("ok", OK)):
        if not set(known).isdisjoint(words):
            return name
    return "unknown"


def enumerations(folder: Path) -> dict[str, tuple[str, str]]:
    """Return by number the name (``MODULE::name``) and the enumeration (``"1=ok 2=failed"``) of every object."""
    library = Library(folder)
    found = {number: ("in the description of the object", words) for number, words in DOCUMENTED.items()}
    for module in library.modules.values():
        for definition in module.names.values():
            if definition.kind == "object" and (number := library.oid(module, definition.name)):
                words = library.values(module, definition)
                if words:
                    found.setdefault(number, (f"{module.name}::{definition.name}", words))
    with (PROFILES.parent.parent / "probes" / "snmp" / "mib.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["kind"] == "object" and "=" in row["words"]:
                found.setdefault(row["oid"], (f"{row['module']}::{row['name']}", row["words"]))
    return found


def judged(line: str, known: dict[str, tuple[str, str]]) -> str | None:
    """Return a line of a profile with its states judged anew; `None` when no MIB defines the object."""
    entry = _ENTRY.match(line)
    if entry is None:
        return line
    if texts := _texts(entry["states"]):
        states = ", ".join(f"{text}: {meaning(text.strip(chr(34)))}" for text in texts)
        return line.replace(entry["states"], f"states: {{{states}}}")
    number = entry["oid"]
    while number.count(".") > 8 and number not in known:
        number = number.rpartition(".")[0]
    if number not in known:
        return None
    name, words = known[number]
    pairs = [pair.split("=") for pair in words.split()]
    yes = meaning(name.rpartition("::")[2]) if {word.lower() for _, word in pairs} <= _ANSWERS else ""
    states = ", ".join(f"{value}: {_answer(word, yes) if yes else meaning(word)}" for value, word in pairs)
    bare = line.removesuffix(entry["comment"] or "")
    return bare.replace(entry["states"], f"states: {{{states}}}") + f" # {name}"


def _answer(word: str, yes: str) -> str:
    """Return what yes or no means where the object's own name says what yes means."""
    if word.lower() in ("true", "yes"):
        return yes
    return {"ok": "critical", "unknown": "unknown"}.get(yes, "ok")


def _texts(states: str) -> list[str]:
    """Return the keys of states that an agent tells in words, which are judged as they are; none for numbers."""
    keys = re.findall(r"(\"[^\"]*\"|[^{},:]+): \w+[,}]", states.removeprefix("states: "))
    keys = [key.strip() for key in keys]
    return keys if any(re.search(r"[A-Za-z]", key) for key in keys) else []


def main(folder: Path) -> None:
    """Judge every profile, and say what was done."""
    known = enumerations(folder)
    kept = gone = 0
    for path in sorted(PROFILES.glob("*.yaml")):
        before = path.read_text("utf-8").splitlines()
        after = [(line, judged(line, known) if "states: {" in line else line) for line in before]
        for line, result in after:
            gone += result is None
            kept += result is not None and "states: {" in line
            if result is None:
                sys.stdout.write(f"{path.name}: {line.strip()[:110]}\n")
        text = "\n".join(result for _, result in after if result is not None) + "\n"
        path.write_text(_EMPTY.sub("", text), "utf-8")
    sys.stdout.write(f"{kept} judged, {gone} taken out\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
