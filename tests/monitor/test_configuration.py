"""The configuration is taken whole or not at all, and says every mistake of every file at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.document import Invalid
from monitor import configuration
from monitor.change import change


def write(folder: Path, settings: str, inventory: str) -> Path:
    (folder / "inventory").mkdir()
    (folder / "secrets").mkdir(mode=0o700)
    (folder / "inventory" / "all.yaml").write_text(inventory)
    path = folder / "commune-monitor.yaml"
    path.write_text(settings)
    return path


GOOD = """
sites:
  18073:
    owner: {name: A, phone: "1"}
    devices:
      server: {address: 192.0.2.10, role: server, credentials: {snmp: agent}}
credentials:
  agent: {kind: snmp_v2c, community: {file: community}}
"""


def test_a_secret_that_is_missing_is_planned_and_says_which_file_was_expected(tmp_path: Path) -> None:
    loaded = configuration.load(write(tmp_path, "language: en\n", GOOD))
    (check,) = [one for one in loaded.plan if one.probe == "snmp"]
    assert "community" in check.blocked.en
    assert check.target.credential is None


def test_a_secret_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    settings = write(tmp_path, "language: en\n", GOOD)
    secret = tmp_path / "secrets" / "community"
    secret.write_text("canary-7f3a")
    secret.chmod(0o644)
    warnings = [str(one) for one in configuration.load(settings).warnings]
    assert any("chmod 600" in line and str(secret) in line for line in warnings)
    assert not any("canary-7f3a" in line for line in warnings)


def test_mistakes_in_the_settings_stop_with_file_line_and_column(tmp_path: Path) -> None:
    settings = write(tmp_path, "langage: en\nweb: {port: 80800}\n", GOOD)
    with pytest.raises(Invalid) as caught:
        configuration.load(settings)
    first, second = (str(problem) for problem in caught.value.problems)
    assert first.startswith(f"{settings}:1:1: langage: ")
    assert "language" in first
    assert second.startswith(f"{settings}:2:13: web.port: ")


def test_mistakes_of_inventory_and_own_rules_are_told_together(tmp_path: Path) -> None:
    settings = write(tmp_path, "rules: rules\n", GOOD.replace("role: server", "role: servr"))
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text("rules:\n  - id: mine\n    severity: critcal\n")
    with pytest.raises(Invalid) as caught:
        configuration.load(settings)
    text = str(caught.value)
    assert "servr" in text
    assert "critcal" in text


def test_a_notifier_of_an_unknown_kind_names_those_that_exist(tmp_path: Path) -> None:
    settings = write(tmp_path, "notifiers:\n  duty: {kind: telegramm}\n", GOOD)
    with pytest.raises(Invalid) as caught:
        configuration.load(settings)
    assert "telegram" in str(caught.value)
    assert f"{settings}:2:" in str(caught.value)


def test_an_address_that_is_not_asked_is_a_mistake_at_its_place_until_the_settings_permit_it(
    tmp_path: Path,
) -> None:
    inside = GOOD.replace("192.0.2.10", "127.0.0.1")
    settings = write(tmp_path, "language: en\n", inside)
    with pytest.raises(Invalid) as caught:
        configuration.load(settings)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(
        f"{tmp_path}/inventory/all.yaml:6:25: sites.18073.devices.server.address: 127.0.0.1 is "
    )
    assert "`network: {allow: …}` of the settings file" in problem
    settings.write_text("network: {allow: 127.0.0.1}\n")
    assert configuration.load(settings).inventory.devices["18073/server"].address == "127.0.0.1"


def test_a_network_of_the_settings_that_is_none_is_a_mistake_at_its_place(tmp_path: Path) -> None:
    settings = write(tmp_path, "network:\n  deny: [10.0.0.1/8, ten]\n", GOOD)
    with pytest.raises(Invalid) as caught:
        configuration.load(settings)
    first, second = map(str, caught.value.problems)
    assert first.startswith(f"{settings}:2:10: network.deny[0]: ") and "10.0.0.0/8" in first
    assert second.startswith(f"{settings}:2:22: network.deny[1]: ")


def test_links_are_worked_out_again_only_when_a_device_stands_behind_another(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    (tmp_path / "commune-monitor.yaml").write_text("web: {port: 0}\n")
    office = (
        "sites: {18073: {devices: {"
        "router: {address: 192.0.2.1, role: router}, ups: {address: 192.0.2.2, role: ups%s}}}}"
    )
    (inventory / "a.yaml").write_text(office % "")
    first = configuration.load(tmp_path / "commune-monitor.yaml")
    links = change(first, first).topology
    (inventory / "a.yaml").write_text(office % ", title: UPS")
    titled = configuration.reload(first)
    assert change(first, titled, links).topology is links
    (inventory / "a.yaml").write_text(office % ", parents: []")
    assert change(titled, configuration.reload(titled), links).topology.parents["18073/ups"] == ()


PLAN = "maintenance: [{{id: a, reason: R, author: A, where: {{site: {site}}}, from: 2026-12-01 22:00, for: {span}}}]\n"


def test_planned_maintenance_is_taken_with_the_rest_or_not_at_all(tmp_path: Path) -> None:
    settings = write(tmp_path, "maintenance: plan.yaml\n", GOOD.replace("role: server", "role: sever"))
    (tmp_path / "plan.yaml").write_text(PLAN.format(site="18073", span="4"))
    with pytest.raises(Invalid) as caught:
        configuration.load(settings)
    assert {Path(problem.file).name for problem in caught.value.problems} == {"all.yaml", "plan.yaml"}


def test_planned_maintenance_that_means_nothing_is_a_warning_at_its_place(tmp_path: Path) -> None:
    settings = write(tmp_path, "maintenance: plan.yaml\n", GOOD)
    (tmp_path / "plan.yaml").write_text(PLAN.format(site="18100", span="4h"))
    loaded = configuration.load(settings)
    (doubt,) = [one for one in loaded.warnings if one.path == "maintenance[0].where"]
    assert (doubt.line, doubt.column, doubt.severity) == (1, 52, "warning")
    assert tmp_path / "plan.yaml" in loaded.edited
    (tmp_path / "plan.yaml").write_text(PLAN.format(site="18073", span="4h"))
    again = configuration.reload(loaded)
    assert not [one for one in again.warnings if one.path == "maintenance[0].where"]
