"""Compiles MIB modules into the service's names: ``python scripts/compile_mibs.py FOLDER > probes/snmp/mib.csv``.

FOLDER holds MIB files of any names, in any depth (Debian's `snmp-mibs-downloader` fetches the standard ones, vendors
offer theirs). The file that comes out holds facts only: numbers, names, the words of enumerations, and the
severity that a vendor wrote beside a notification. `WHOLE` modules go in with all their objects,
`TRAPS` with their notifications and what these carry.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WHOLE = """
SNMPv2-MIB IF-MIB IP-MIB TCP-MIB UDP-MIB HOST-RESOURCES-MIB ENTITY-MIB ENTITY-SENSOR-MIB ENTITY-STATE-MIB UPS-MIB
Printer-MIB POWER-ETHERNET-MIB BRIDGE-MIB Q-BRIDGE-MIB LLDP-MIB UCD-SNMP-MIB SNMP-FRAMEWORK-MIB EtherLike-MIB
CISCO-PROCESS-MIB CISCO-MEMORY-POOL-MIB CISCO-CDP-MIB
""".split()  # noqa: SIM905  sixty names read better as text
TRAPS = """
NET-SNMP-AGENT-MIB BGP4-MIB OSPF-TRAP-MIB DISMAN-EVENT-MIB VRRP-MIB RMON-MIB
CISCO-ENVMON-MIB CISCO-CONFIG-MAN-MIB CISCO-ENTITY-FRU-CONTROL-MIB CISCO-TELEPRESENCE-MIB
CISCO-TELEPRESENCE-CALL-MIB CISCO-STACKWISE-MIB CISCO-PORT-SECURITY-MIB CISCO-STP-EXTENSIONS-MIB
CISCO-HSRP-MIB CISCO-SYSLOG-MIB CISCO-ERR-DISABLE-MIB
PowerNet-MIB XUPS-MIB MG-SNMP-UPS-MIB FORTINET-CORE-MIB FORTINET-FORTIGATE-MIB MIKROTIK-MIB
HUAWEI-ENTITY-EXTENT-MIB HUAWEI-BASE-TRAP-MIB HUAWEI-LDT-MIB HH3C-ENTITY-EXT-MIB
JUNIPER-MIB SFOS-FIREWALL-MIB RUCKUS-EVENT-MIB IDRAC-MIB-SMIv2 VMWARE-ENV-MIB
POLYCOM-ENDPOINT-MIB HP-ICF-FAULT-FINDER-MIB
""".split()  # noqa: SIM905
ROOTS = {"iso": "1", "ccitt": "0", "zeroDotZero": "0.0"}
MAX_VALUES = 40
_STRINGS = re.compile(r'"[^"]*"')
_MODULE = re.compile(r"^\s*([A-Za-z][\w-]*)\s+DEFINITIONS\s*::=\s*BEGIN", re.MULTILINE)
_IMPORTS = re.compile(r"\bIMPORTS\b(.*?);", re.DOTALL)
_MACRO = re.compile(r"\bMACRO\s*::=\s*BEGIN.*?\bEND\b", re.DOTALL)
_ASSIGNED = re.compile(
    r"\b([a-z][\w-]*)\s+(OBJECT\s+IDENTIFIER|OBJECT-TYPE|OBJECT-IDENTITY|MODULE-IDENTITY|NOTIFICATION-TYPE|TRAP-TYPE|"
    r"OBJECT-GROUP|NOTIFICATION-GROUP|MODULE-COMPLIANCE)\b((?:(?!::=).)*?)::=\s*(\{[^}]*\}|\d+)",
    re.DOTALL,
)
_CONVENTION = re.compile(
    r"\b([A-Z][\w-]*)\s*::=\s*(?:TEXTUAL-CONVENTION\b(?:(?!::=).)*?SYNTAX\s+)?"
    r"(INTEGER|BITS)\s*(\{[^}]*\})",
    re.DOTALL,
)
_SYNTAX = re.compile(r"\bSYNTAX\s+([\w-]+)\s*(\{[^}]*\})?")
_VALUES = re.compile(r"([A-Za-z][\w-]*)\s*\(\s*(-?\d+)\s*\)")
_LISTED = re.compile(r"\b(?:OBJECTS|VARIABLES)\s*\{([^}]*)\}")
_ENTERPRISE = re.compile(r"\bENTERPRISE\s+([\w-]+)")
_SEVERITY = re.compile(r"--#SEVERITY\s+(\w+)")
SEVERITIES = {"critical": "critical", "major": "critical", "severe": "critical", "warning": "warning",
              "minor": "warning", "informational": "low"}  # fmt: skip


@dataclass
class Definition:
    """One name of a module, not yet a number."""

    module: str
    name: str
    kind: str
    parent: str
    tail: str
    values: str = ""
    carries: tuple[str, ...] = ()
    severity: str = ""
    oid: str = ""


@dataclass
class Module:
    """A module's names, and where those it uses are from."""

    name: str
    imports: dict[str, str] = field(default_factory=dict)
    names: dict[str, Definition] = field(default_factory=dict)
    conventions: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> Iterator[Module]:
    """Return the modules of one file."""
    heads = list(_MODULE.finditer(text))
    for at, head in enumerate(heads):
        end = heads[at + 1].start() if at + 1 < len(heads) else len(text)
        yield _module(head[1], text[head.end() : end])


def _module(name: str, raw: str) -> Module:
    module = Module(name)
    severities = {
        m[1]: s[1] for m in _ASSIGNED.finditer(_STRINGS.sub('""', raw)) if (s := _SEVERITY.search(m[3]))
    }
    body = _MACRO.sub("", re.sub(r"--[^\n]*?(?:--|$)", "", _STRINGS.sub('""', raw), flags=re.MULTILINE))
    imports = _IMPORTS.search(body)
    if imports:
        for names, origin in re.findall(r"([\w\s,-]*?)\bFROM\s+([\w-]+)", imports[1]):
            module.imports |= dict.fromkeys(re.findall(r"[\w-]+", names), origin)
        body = body[imports.end() :]
    for found in _CONVENTION.finditer(body):
        module.conventions[found[1]] = _values(found[3])
    for found in _ASSIGNED.finditer(body):
        definition = _definition(module.name, found)
        definition.severity = SEVERITIES.get(severities.get(found[1], "").lower(), "")
        module.names.setdefault(found[1], definition)
    return module


def _definition(module: str, found: re.Match[str]) -> Definition:
    name, kind, inside, value = found[1], " ".join(found[2].split()), found[3], found[4]
    listed = _LISTED.search(inside)
    carries = tuple(re.findall(r"[\w-]+", listed[1])) if listed else ()
    if kind == "TRAP-TYPE":
        enterprise = _ENTERPRISE.search(inside)
        return Definition(
            module, name, "trap", enterprise[1] if enterprise else "", f"0.{value}", carries=carries
        )
    words = re.sub(r"[A-Za-z][\w-]*\s*\(\s*(\d+)\s*\)", r"\1", value.strip("{} \n\t")).split()
    values = ""
    if kind == "OBJECT-TYPE" and (syntax := _SYNTAX.search(inside)):
        values = _values(syntax[2]) if syntax[2] else f"={syntax[1]}"
    sort = {"OBJECT-TYPE": "object", "OBJECT-IDENTITY": "object", "NOTIFICATION-TYPE": "trap"}.get(
        kind, "node"
    )
    return Definition(
        module, name, sort, words[0], ".".join(words[1:]), values, carries if sort == "trap" else ()
    )


def _values(braces: str) -> str:
    pairs = _VALUES.findall(braces)
    return " ".join(f"{number}={word}" for word, number in pairs[:MAX_VALUES])


class Library:
    """Every module that was found."""

    def __init__(self, folder: Path) -> None:
        self.modules: dict[str, Module] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.stat().st_size < 8 << 20 and ".git" not in path.parts:
                for module in parse(path.read_text("utf-8", errors="replace")):
                    known = self.modules.get(module.name)
                    if known is None or len(known.names) < len(module.names):
                        self.modules[module.name] = module

    def oid(self, module: Module, name: str, depth: int = 0) -> str:
        """Return the number of a name, empty when something on the way to it is missing."""
        if name in ROOTS or name.isdigit():
            return ROOTS.get(name, name)
        definition = self._find(module, name)
        if definition is None or depth > 40:
            return ""
        if not definition.oid:
            home = self.modules[definition.module]
            above = self.oid(home, definition.parent, depth + 1)
            definition.oid = f"{above}.{definition.tail}".strip(".") if above else ""
        return definition.oid

    def _find(self, module: Module, name: str) -> Definition | None:
        if name in module.names:
            return module.names[name]
        origin = self.modules.get(module.imports.get(name, ""))
        if origin and name in origin.names:
            return origin.names[name]
        for other in ("SNMPv2-SMI", "RFC1155-SMI", "RFC1213-MIB", "SNMPv2-MIB"):
            if other in self.modules and name in self.modules[other].names:
                return self.modules[other].names[name]
        return None

    def values(self, module: Module, definition: Definition) -> str:
        """Return the words of an enumeration."""
        if not definition.values.startswith("="):
            return definition.values
        convention = definition.values[1:]
        for home in (module, self.modules.get(module.imports.get(convention, ""))):
            if home and convention in home.conventions:
                return home.conventions[convention]
        return "1=true 2=false" if convention == "TruthValue" else ""

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Return what the service keeps: kind, module, name, number, and the words of an enumeration or a severity."""
        kept: set[str] = set()
        for name in (*WHOLE, *TRAPS):
            module = self.modules.get(name)
            if module is None:
                sys.stderr.write(f"no module {name}\n")
                continue
            carried = {c for d in module.names.values() if d.kind == "trap" for c in d.carries}
            for definition in module.names.values():
                wanted = definition.kind in ("object", "trap") and (
                    name in WHOLE or definition.kind == "trap" or definition.name in carried
                )
                number = self.oid(module, definition.name) if wanted else ""
                if number.startswith("1.") and number not in kept:
                    kept.add(number)
                    yield self._row(module, definition, number)
            for other in sorted(carried - module.names.keys()):
                found = self._find(module, other)
                number = self.oid(module, other)
                if found and found.kind == "object" and number.startswith("1.") and number not in kept:
                    kept.add(number)
                    yield self._row(self.modules[found.module], found, number)

    def _row(self, module: Module, definition: Definition, number: str) -> tuple[str, ...]:
        words = self.values(module, definition) if definition.kind == "object" else ""
        return definition.kind, module.name, definition.name, number, words or definition.severity


def main() -> None:
    """Write the names to stdout."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("kind", "module", "name", "oid", "words"))
    out.writerows(
        sorted(Library(Path(sys.argv[1])).rows(), key=lambda row: [int(n) for n in row[3].split(".")])
    )


if __name__ == "__main__":
    main()
