"""Judge the recordings and print what became of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

import msgspec

import inventory.profiles
from alerts.rule import BUILT_IN, load_rules
from bench.profiles.cases import cases
from bench.profiles.noise import noise
from bench.profiles.report import page
from bench.profiles.run import judge
from bench.profiles.table import summary
from inventory.profile import load_profiles


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", action="store_true", help="docs/profiles-measured.md")
    parser.add_argument("--noise", action="store_true", help="what the rules would tell of the recordings")
    parser.add_argument("--missed", metavar="KIND", help="list what is missing or different")
    parser.add_argument("--only", nargs="*", default=[], help="these recordings only")
    options = parser.parse_args()
    started = time.monotonic()
    profiles = load_profiles(Path(inventory.profiles.__path__[0]))
    several = cases(options.folder, options.only)
    if options.table:
        print(asyncio.run(page(several, profiles, load_rules(*BUILT_IN))), end="")
        return
    if options.noise:
        devices = {name: case for name, case in several.items() if not name.startswith("detect/")}
        for one in asyncio.run(noise(devices, profiles, load_rules(*BUILT_IN))):
            print(one.device, one.rule, one.severity, one.evidence)
        return
    verdicts = asyncio.run(judge(several, profiles))
    if options.json:
        wrong = [msgspec.to_builtins(v) for v in verdicts if v.verdict != "equal"]
        json.dump({"summary": summary(verdicts), "not_equal": wrong}, sys.stdout, indent=1)
        return
    for kind, row in summary(verdicts).items():
        print(
            f"{kind:8} {row['expected']:6} expected {row['found']:6} found {row['equal']:6} equal {row['share']:.1%}"
        )
    print(f"{time.monotonic() - started:.1f} s")
    for v in verdicts:
        if options.missed in (v.kind, "all") and v.verdict != "equal":
            print(v.device, v.kind, v.verdict, v.item, "|", v.expected, "|", v.found, "|", v.oid)


if __name__ == "__main__":
    main()
