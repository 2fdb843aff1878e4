"""Writes what states mean into the device profiles: ``python scripts/judge_states.py FOLDER`` (of MIB files).

For each ``states:`` of `inventory/profiles/` the enumeration is looked up in the vendor's MIB, and each of its words
is judged by one rule, `meaning`, the same for all vendors. An entry whose object no MIB of FOLDER defines is taken
out: what nobody can look up is no fact. MIB files are their vendors'; only numbers, names and our judgement stay.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Collection, Sequence
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

PHRASES = {
    "low load": "ok",
    "present ok": "ok",
    "on battery": "warning",
    "by pass": "warning",
    "off line": "warning",
    "over load": "warning",
    "utility off": "warning",
    "inverter off": "warning",
    "yellow alarm": "warning",
    "over temp": "critical",
    "out of range": "critical",
    "not ok": "critical",
    "not functioning": "critical",
}
"""Words that mean something together which none of them does alone; they come first."""
NOT_HEALTH = {
    "upsAdvInputLineFailCause",  # of the past: why an UPS took over the last time, be it a test
    "storageDisruptionDetected",  # yes also of a camera that has no card
    "upsmgOutputInverterOff",  # so is the inverter of an UPS that is not needed
    "cRFCfgRedundancyOperMode",  # one supervisor is a choice
    "aiRadioStatus",  # down is also a radio that is switched off
    "boxServicesFanItemState",  # editions of the module number the words differently
    "panMgmtPanoramaConnected",  # also where there is no Panorama, nor shall be
    "panMgmtPanorama2Connected",
}
"""Objects whose bad words are said of what is well, as recordings of healthy devices show."""
OTHERWISE = {"wanState": {"disconnected": "unknown"}, "Operability": {"removed": "unknown"}}
"""Words that mean something else of objects whose names end so: a WAN port that nobody uses is disconnected too, and
an empty slot of Cisco's UCS is "removed"."""
# What the words of enumerations say, in the field's usual sense. Order: the gravest that is there counts.
CRITICAL = """
critical fail failed failure fault faulty error down dead fatal broken bad emergency alarm severe shutdown
nonrecoverable major damaged abnormal overheat overheated unrecoverable stopped blocked short cut crashed
defective disruption overheating overtemperature breached nonoperational env outofservice faulted unavail
depleted inoperable problem alarmstate
""".split()  # noqa: SIM905
WARNING = """
warning warn degraded degrade minor marginal testing test low high bypass boost trim replace replaced replacing
rebuilding rebuild predictive overload attention lost disconnected mismatch recovering discharging reduced
threshold upper lower noncritical missing smart calibrating maintenance unbalanced foreign removed offline
expired expiring repairing expanding migrating syncing partially suspended nonredundant unsynchronized wrong
aborted locked rejected isolated underspeed overspeed readonly utilityoff outoftolvolt outoftolfreq forbidden
check loss replacement booster reducer weak boosting
deactive
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
resting alive supply standalone pass redundant powering operable
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
    "1.3.6.1.4.1.2620.1.6.7.8.1.1.6": "0=inRange 1=outOfRange 2=unknown",
    "1.3.6.1.4.1.2620.1.6.7.8.2.1.6": "0=inRange 1=outOfRange 2=unknown",
    "1.3.6.1.4.1.2620.1.6.7.8.3.1.6": "0=inRange 1=outOfRange 2=unknown",
    "1.3.6.1.4.1.25506.8.35.9.1.1.1.2": "1=active 2=deactive 3=notInstalled 4=unsupported",
    "1.3.6.1.4.1.25506.8.35.9.1.2.1.2": "1=active 2=deactive 3=notInstalled 4=unsupported",
    "1.3.6.1.4.1.3808.1.1.1.2.1.1": "1=unknown 2=batteryNormal 3=batteryLow",
    "1.3.6.1.4.1.3808.1.1.1.2.2.5": "1=noBatteryNeedsReplacing 2=batteryNeedsReplacing",
    "1.3.6.1.4.1.3808.1.1.1.4.1.1": "1=unknown 2=onLine 3=onBattery 4=onBoost 5=onSleep 6=off 7=rebooting",
}
"""Enumerations that MIBs tell in words, not in their syntax, or whose numbers no file resolves: CHECKPOINT-MIB,
HH3C-LswDEVM-MIB, SYNOLOGY-SYSTEM-, -DISK- and -RAID-MIB, CPS-MIB."""


def meaning(word: str) -> str:
    """Return what a word of an enumeration means for the device: ok, warning, critical or unknown.

    The gravest part counts. "no" and "not" turn what follows about, wherever they stand: ``noAlarm`` and
    ``chassisNotBreached`` are ok, ``notReady`` a warning, ``notPresent`` unknown.
    """
    words = [part for whole in _WORDS.findall(word) for part in _parts(whole.lower())]
    if words[:1] == ["non"]:
        words = ["".join(words[:2]), *words[2:]]
    if words == ["battery"]:
        return "warning"
    together = f" {' '.join(words)} "
    for phrase, means in PHRASES.items():
        if f" {phrase} " in together:
            return means
    at = next((at for at, part in enumerate(words) if part in ("no", "not")), None)
    if at is None:
        return _gravest(words)
    found = _gravest(words[at + 1 :])
    return {"ok": "warning", "unknown": "unknown"}.get(found, "ok")


def _parts(word: str) -> list[str]:
    """Return a lower-case word, or the two that were written as one: ``notpresent``."""
    known = word.startswith("not") and any(word[3:] in some for some in (CRITICAL, WARNING, UNKNOWN, OK))
    return ["not", word[3:]] if known else [word]


def _gravest(words: list[str]) -> str:
    for name, known in (("critical", CRITICAL), ("warning", WARNING), ("unknown", UNKNOWN), ("ok", OK)):
        if not set(known).isdisjoint(words):
            return name
    return "unknown"


def enumerations(folder: Path) -> dict[str, tuple[str, str]]:
    """Return by number the name (``MODULE::name``) and the enumeration (``"1=ok 2=failed"``) of every object."""
    library = Library(folder)
    found: dict[str, tuple[str, str]] = {}
    for module in library.modules.values():
        for definition in module.names.values():
            if definition.kind == "object" and (number := library.oid(module, definition.name)):
                words = library.values(module, definition)
                if words and len(words) > len(found.get(number, ("", ""))[1]):
                    found[number] = f"{module.name}::{definition.name}", words
    with (PROFILES.parent.parent / "probes" / "snmp" / "mib.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["kind"] == "object" and "=" in row["words"]:
                found.setdefault(row["oid"], (f"{row['module']}::{row['name']}", row["words"]))
    return found | {
        number: ("in the description of the object", words) for number, words in DOCUMENTED.items()
    }


def judged(line: str, known: dict[str, tuple[str, str]]) -> str | None:
    """Return a line of a profile with its states judged anew; `None` when no MIB defines the object."""
    entry = _ENTRY.match(line)
    if entry is None:
        return line
    if texts := _texts(entry["states"]):
        said = {text: meaning(text.strip('"')) for text in texts}
        states = ", ".join(f"{text}: {means}" for text, means in said.items())
        return (
            line.replace(entry["states"], f"states: {{{states}}}") if _tells_health(said.values()) else None
        )
    number = entry["oid"]
    while number.count(".") > 8 and number not in known:
        number = number.rpartition(".")[0]
    if number not in known:
        return None
    name, words = known[number]
    states = _states(name.rpartition("::")[2], [pair.split("=") for pair in words.split()])
    if not _tells_health(states.values()) or name.rpartition("::")[2] in NOT_HEALTH:
        return None
    written = ", ".join(f"{value}: {means}" for value, means in states.items())
    bare = line.removesuffix(entry["comment"] or "")
    return bare.replace(entry["states"], f"states: {{{written}}}") + f" # {name}"


def _states(name: str, pairs: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return what each value means; where the words are yes and no, the object's own name says what yes means."""
    plain = {word.lower() for _, word in pairs} - {"other", "unknown"}
    means = meaning(name)
    if plain <= _ANSWERS or (plain <= {"on", "off"} and means in ("warning", "critical")):
        return {value: _answer(word.lower(), means) for value, word in pairs}
    else_ = next((words for ending, words in OTHERWISE.items() if name.endswith(ending)), {})
    return {value: else_.get(word) or meaning(word) for value, word in pairs}


def _tells_health(means: Collection[str]) -> bool:
    """Whether a state can tell good from bad: one that knows only one of them is a mode, a place, a kind."""
    return "ok" in means and not {"warning", "critical"}.isdisjoint(means)


def _answer(word: str, yes: str) -> str:
    """Return what yes or no means where `yes` is what yes means."""
    if word in ("true", "yes", "on"):
        return yes
    if word not in ("false", "no", "off"):
        return "unknown"
    return {"ok": "warning", "unknown": "unknown"}.get(yes, "ok")


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
