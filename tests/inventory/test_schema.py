"""The schema for editors accepts what the loader accepts, and refuses much of what it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import inventory
from inventory import document, yamltree
from inventory.problem import Problem
from inventory.reference import renewed
from inventory.schema import CREDENTIALS, ENTRIES
from inventory.words import Words
from monitor.cli.schema import schema_of
from monitor.settings import settings_model
from probes.core.discovery import discover
from tests.conftest import ROOT
from tests.inventory.test_bad_config import cases

PAGE = ROOT / "docs" / "inventory.md"
FILES = [
    *sorted((ROOT / "inventory" / "example").glob("*.yaml")),
    ROOT / "inventory" / "roles.yaml",
    ROOT / "inventory" / "coverage.yaml",
]
RULES = [
    path for folder in ("rules", "baseline") for path in sorted((ROOT / "alerts" / folder).glob("*.yaml"))
]
UNSEEN = [
    "address_multicast",
    "address_octet",
    "address_url",
    "address_with_port",
    "check_needs_credential",
    "credential_of_wrong_kind",
    "former_commune",
    "interval_too_long",
    "need_of_unknown_role",
    "need_without_roles",
    "parameter_missing",
    "parent_and_parents",
    "parent_in_unknown_site",
    "parent_of_itself",
    "parents_in_a_loop",
    "pasts_of_two",
    "role_behind_itself_by_turns",
    "role_behind_unknown",
    "role_without_title",
    "service_needs_unknown",
    "service_on_unknown_device",
    "service_without_anything",
    "services_in_a_loop",
    "timeout_longer_than_interval",
    "unknown_commune",
    "unknown_credential",
    "unknown_parent",
    "unknown_role",
]
"""Mistakes that a schema of one file cannot see."""


@pytest.fixture(scope="module")
def schemas() -> dict[str, dict[str, Any]]:
    return {what: schema_of(what) for what in ("inventory", "settings", "rules")}


def tree(path: Path) -> Any:
    """Return what is written in a file, `None` if an editor would call it no YAML, or we refuse its YAML."""
    problems: list[Problem] = []
    node = document.read(path, problems)
    return None if node is None or problems else yamltree.plain(node)


def complaints(schema: dict[str, Any], value: Any) -> list[str]:
    jsonschema = pytest.importorskip(
        "jsonschema", reason="the development dependency jsonschema is not installed"
    )
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(value)]


def test_every_schema_is_one(schemas: dict[str, dict[str, Any]]) -> None:
    jsonschema = pytest.importorskip(
        "jsonschema", reason="the development dependency jsonschema is not installed"
    )
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_files_of_the_product_are_accepted(schemas: dict[str, dict[str, Any]], path: Path) -> None:
    assert complaints(schemas["inventory"], tree(path)) == []


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_the_rules_of_the_product_are_accepted(schemas: dict[str, dict[str, Any]], path: Path) -> None:
    assert complaints(schemas["rules"], tree(path)) == []


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
def test_what_the_page_shows_is_accepted(
    schemas: dict[str, dict[str, Any]], tmp_path: Path, text: str
) -> None:
    (tmp_path / "shown.yaml").write_text(text, encoding="utf-8")
    assert complaints(schemas["inventory"], tree(tmp_path / "shown.yaml")) == []


@pytest.mark.parametrize("path", [case for case in cases() if case.is_file()], ids=lambda path: path.stem)
def test_a_mistake_is_refused_unless_one_file_cannot_show_it(
    schemas: dict[str, dict[str, Any]], path: Path
) -> None:
    written = tree(path)
    if written is not None:
        assert bool(complaints(schemas["inventory"], written)) == (path.stem not in UNSEEN)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("settings", "web: {prot: 8080}"),
        ("settings", "language: fr"),
        ("settings", "store: {kind: sqlite}"),
        ("rules", "rules: [{id: a, title: {vi: A, en: A}, sevirity: low}]"),
        ("inventory", "sites: {18073: {devices: {a: {address: x, role: r, checks: {icmp: {port: 3}}}}}}"),
        ("inventory", "sites: {18073: {devices: {a: {address: x, role: r, profile: cisc}}}}"),
        ("inventory", "defaults: {credentials: {snpm: a}}"),
    ],
)
def test_a_typing_error_is_refused(
    schemas: dict[str, dict[str, Any]], tmp_path: Path, what: str, text: str
) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert complaints(schemas[what], tree(tmp_path / "a.yaml"))


@pytest.mark.parametrize(
    "text",
    [
        "sites: {18073: {devices: {a: {address: x, role: kiosk, title: 112, checks: {telnet: {port: 2323}}}}}}",
        "sites: {18073: {devices: {a: {address: x, role: web, checks: {own: {probe: tcp, port: 1, interval: 2m}}}}}}",
        "sites: {18073: {owner: {name: A, phone: 113}, location: [18, 105.9]}}",
        "roles: {kiosk: {title: {vi: A, en: B}, behind: switch, checks: {plain: {enabled: false}}}}",
    ],
)
def test_what_the_loader_takes_is_not_refused(
    schemas: dict[str, dict[str, Any]], tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    assert complaints(schemas["inventory"], tree(tmp_path / "a.yaml")) == []


def test_the_readmes_settings_are_accepted(schemas: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    shown = next(block for block in blocks if "# commune-monitor.yaml" in block)
    (tmp_path / "shown.yaml").write_text(shown, encoding="utf-8")
    assert complaints(schemas["settings"], tree(tmp_path / "shown.yaml")) == []


def test_every_probe_role_and_kind_of_credential_is_proposed(schemas: dict[str, dict[str, Any]]) -> None:
    parts = schemas["inventory"]["$defs"]
    assert {f"check.{probe}" for probe in discover()} <= set(parts)
    assert {f"credential.{kind}" for kind in CREDENTIALS} <= set(parts)
    assert "conference" in parts["role_name"]["anyOf"][0]["enum"]
    assert parts["check.tcp"]["properties"]["port"]["description"] == "Cổng TCP\nTCP port number."
    assert parts["device"]["properties"]["role"]["description"].startswith("Vai trò; ")


def test_the_words_are_of_keys_that_exist_and_every_key_has_some() -> None:
    words = Words.load()
    for name, model in ENTRIES.items():
        for key in model.model_fields:
            meaning = words.of(name, key)
            assert meaning.vi not in ("", meaning.en)
        assert set(words.entries[name]) <= set(model.model_fields)
    credentials = {key for model in CREDENTIALS.values() for key in model.model_fields}
    assert set(words.entries["credential"]) == credentials
    assert set(words.entries) == {*ENTRIES, "credential"}
    for probe, texts in words.probes.items():
        assert set(texts) <= set(discover()[probe].params.model_fields)


def test_the_page_lists_the_keys_there_are() -> None:
    page = PAGE.read_text("utf-8")
    assert renewed(page) == page, "run: python -m inventory.reference docs/inventory.md"
    assert Path(inventory.__path__[0]).parent == ROOT


def test_a_setting_is_described_by_the_text_under_it(schemas: dict[str, dict[str, Any]]) -> None:
    assert set(schemas["settings"]["properties"]) == set(settings_model().model_fields)
    assert schemas["settings"]["properties"]["data"]["description"].startswith("Folder the service writes")
