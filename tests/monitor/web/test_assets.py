"""The vendored scripts are exactly those that were locked."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VENDOR = ROOT / "monitor" / "web" / "static" / "vendor"


def test_the_vendored_files_are_as_committed() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "assets" / "vendor.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_file_would_be_noticed() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    assert sums["htmx.min.js"] == hashlib.sha256((VENDOR / "htmx.min.js").read_bytes()).hexdigest()
    assert set(sums) == {path.name for path in VENDOR.iterdir()} - {"SHA256SUMS"}


def test_the_lock_names_exact_versions_and_no_registry() -> None:
    package = json.loads((ROOT / "assets" / "package.json").read_text())
    lock = (ROOT / "assets" / "package-lock.json").read_text()
    assert all(version[0].isdigit() for version in package["dependencies"].values())
    assert "resolved" not in lock
    packages = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}
    assert set(package["dependencies"]) <= {name.removeprefix("node_modules/") for name in packages}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
