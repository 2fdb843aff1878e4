"""What is no mistake but doubtful is said as a warning: dead ends, and names that mean two things."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.loader import load_inventory
from tests.inventory.traits import PROBES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def doubts(folder: Path, text: str) -> list[str]:
    """Return the warnings that are not about owners or credentials."""
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    found = load_inventory(folder, PROBES).warnings
    said = [f"{one.line}: {one.path}: {one.message}" for one in found]
    return [one for one in said if "answers for" not in one and "credential" not in one]


def test_a_device_without_a_check_is_a_dead_end(folder: Path) -> None:
    text = """sites:
  18073:
    devices:
      lone: {address: 192.0.2.1, role: bare}
      router: {address: 192.0.2.2, role: bare}
      switch: {address: 192.0.2.3, role: switch, parent: router}
      server: {address: 192.0.2.4, role: server, parents: [router, switch]}
roles: {bare: {title: {vi: A, en: B}, behind: [], checks: {icmp: {enabled: false}, snmp: {}}}}
"""
    assert doubts(folder, text) == [
        "4: sites.18073.devices.lone: is not watched: it has no check",
        "5: sites.18073.devices.router: is not watched: it has no check; when it fails, "
        "what is behind it (2) is called down, not unreachable",
    ]


def test_a_role_that_does_not_say_what_it_is_behind_is_named_once(folder: Path) -> None:
    text = """roles:
  kiosk: {title: {vi: A, en: B}, checks: {icmp: {}}}
  top: {title: {vi: A, en: B}, behind: [], checks: {icmp: {}}}
sites:
  18073:
    devices:
      router: {address: 192.0.2.1, role: router}
      switch: {address: 192.0.2.2, role: switch}
      k1: {address: 192.0.2.3, role: kiosk}
      k2: {address: 192.0.2.4, role: kiosk}
      top: {address: 192.0.2.5, role: top}
"""
    assert doubts(folder, text) == [
        "2: roles.kiosk: does not say what it is behind, so 18073/k1 is never unreachable, only down; "
        "write 'behind:' ([] for nothing)"
    ]
    said = text.replace("role: kiosk", "role: kiosk, parent: router")
    assert doubts(folder, said) == []


def test_two_things_of_one_name_are_told(folder: Path) -> None:
    text = """sites:
  a: {name: Kho dữ liệu}
  b: {name: Kho dữ liệu}
  18073:
    devices:
      s1: {address: 192.0.2.1, role: server, title: Máy chủ một cửa}
      s2: {address: 192.0.2.2, role: server, title: Máy chủ một cửa}
      u1: {address: 192.0.2.3, role: ups}
      u2: {address: 192.0.2.4, role: ups}
"""
    assert doubts(folder, text) == [
        "3: sites.b: is called 'Kho dữ liệu' like a",
        "7: sites.18073.devices.s2.title: is called 'Máy chủ một cửa' like s1",
    ]
