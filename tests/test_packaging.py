"""What is shipped is what is there: packages, data files, locks, and the servers that the tests need."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from probes.core.discovery import discover
from tests.conftest import ROOT

PACKAGES = ("inventory", "probes", "alerts", "monitor")


def project() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_package_list_names_every_package_of_the_tree() -> None:
    listed = project()["tool"]["setuptools"]["packages"]  # type: ignore[index]
    found = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for init in (ROOT / package).rglob("__init__.py")
    }
    assert sorted(listed) == sorted(found)


def test_the_import_contracts_name_every_probe() -> None:
    probes = {probe.__module__ for probe in discover().values()}
    contracts = [
        {name for key in ("modules", "forbidden_modules") for name in contract.get(key, ())}
        for contract in project()["tool"]["importlinter"]["contracts"]  # type: ignore[index]
        if contract["type"] in ("independence", "forbidden")
    ]
    about_probes = [named for named in contracts if named & probes]
    assert len(about_probes) >= 3
    assert all(probes == named for named in about_probes)


def test_every_debian_server_the_tests_need_is_installed_by_make_test() -> None:
    script = (ROOT / "scripts" / "test-servers.sh").read_text(encoding="utf-8")
    installed = set(re.findall(r"^need \S+ (\S+)$", script, re.MULTILINE))
    wanted: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        if path != Path(__file__):
            wanted |= set(
                re.findall(r'require\("[^"]+", package="([^"]+)"\)', path.read_text(encoding="utf-8"))
            )
    assert wanted
    assert wanted <= installed


def test_the_locks_carry_hashes_and_name_no_host() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-build.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9][\w.\-]*==", text, re.MULTILINE)
        assert pins
        assert len(re.findall(r"== ?\S+ \\\n +--hash=sha256:", text)) == len(pins)
        assert "://" not in text


def test_every_direct_dependency_says_why_it_is_there() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("dependencies = [", 1)[1].split("\n]", 1)[0]
    lines = [line for line in block.splitlines() if line.strip()]
    assert lines
    assert all("# " in line for line in lines)
