"""The vendored scripts are exactly those that were locked."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient

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


async def test_files_come_compressed_for_those_who_can_read_it(client: TestClient[Any, Any]) -> None:
    for name in ("style.css", "vendor/htmx.min.js", "shapes.svg"):
        plain = (VENDOR.parent / name).read_bytes()
        for wish in ("gzip, br", "identity"):
            async with client.get(f"/static/{name}", headers={"Accept-Encoding": wish}) as answer:
                assert answer.status == 200
                assert await answer.read() == plain
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert int(answer.headers["Content-Length"]) < len(plain) / 2 or wish == "identity"


async def test_no_name_reaches_outside_the_folder(client: TestClient[Any, Any]) -> None:
    for name in ("..%2fapp.py", "%2e%2e/app.py", "vendor", "vendor/", "vendor/..%2f..%2fapp.py", "nul%00"):
        async with client.get(f"/static/{name}") as answer:
            assert answer.status == 404, name
