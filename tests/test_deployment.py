"""The container files keep their promises: pinned, unprivileged, nothing exposed, secrets as files."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inventory.profile import load_profiles
from monitor import configuration
from tests.conftest import ROOT

SERVICES = ("monitor", "influxdb", "grafana")
DASHBOARD = ROOT / "deploy/grafana/dashboards/commune-monitor.json"
_QUERY = re.compile(r'SELECT \w+\("(?P<field>\w+)"\) FROM "(?P<measurement>[\w.]+)"')


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8")))


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text("utf-8")


def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text("utf-8"))["panels"])


def queries() -> Iterator[str]:
    return (target["query"] for panel in panels() for target in panel["targets"])


def metrics() -> set[str]:
    """Every metric that a probe, a profile or the store writes."""
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "probes").rglob("*.py"))
    source += (ROOT / "monitor/store/intake.py").read_text("utf-8")
    named = set(re.findall(r'Sample\(\s*"([a-z0-9_.]+)"', source)) | set(
        re.findall(r'"((?:probe|icmp|sip|tcp)\.[a-z_.]+)"', source)
    )
    profiles = load_profiles(ROOT / "inventory/profiles").values()
    for profile in profiles:
        named |= {metric.metric for metric in profile.metrics.values()}
        named |= {m.metric for table in profile.tables.values() for m in table.metrics.values()}
    return named


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_read_only_and_without_privilege(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] > 0
    assert service["mem_limit"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_port_is_bound_to_this_machine_only(compose: dict[str, Any], name: str) -> None:
    ports = compose["services"][name]["ports"]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_has_an_exact_version(compose: dict[str, Any], name: str) -> None:
    image = compose["services"][name]["image"]
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+", image)


def test_no_secret_is_in_the_compose_file_or_the_environment(compose: dict[str, Any]) -> None:
    assert set(compose["secrets"]) == {"influxdb-token", "influxdb-password", "grafana-password"}
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./deploy/secrets/")
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET", name):
                assert name.endswith("_FILE"), name
                assert value.startswith("/run/secrets/"), name


def test_the_other_servers_run_as_ordinary_users(compose: dict[str, Any], dockerfile: str) -> None:
    assert compose["services"]["influxdb"]["user"] == "1000:1000"
    assert compose["services"]["grafana"]["user"] == "472:0"
    assert re.search(r"^USER 10001:10001$", dockerfile, re.MULTILINE)


def test_every_service_is_asked_for_its_health(compose: dict[str, Any], dockerfile: str) -> None:
    assert "/healthz" in dockerfile.partition("HEALTHCHECK")[2]
    for name in ("influxdb", "grafana"):
        assert compose["services"][name]["healthcheck"]["test"][0] == "CMD"


def test_the_image_is_built_from_exact_versions_and_hashes(dockerfile: str) -> None:
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert bases
    assert all(
        re.fullmatch(r"python:3\.11\.\d+-slim-bookworm(@sha256:[0-9a-f]{64})?", base) for base in bases
    )
    installs = re.findall(r"pip install ([^&\\]+)", dockerfile)
    assert installs
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)


def test_all_that_is_copied_into_the_image_is_there_and_sent_to_the_builder(dockerfile: str) -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied: set[str] = set()
    for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE):
        copied.update(line.split()[:-1])
    assert copied == sent
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_service_runs_with_the_settings_in_the_image(compose: dict[str, Any], dockerfile: str) -> None:
    assert '["--settings", "/config/settings.yaml", "run"]' in dockerfile
    assert "./deploy/config:/config:ro" in compose["services"]["monitor"]["volumes"]
    loaded = configuration.load(ROOT / "deploy/config/settings.yaml")
    assert {check.id for check in loaded.plan} == {"giam-sat/influxdb:http", "giam-sat/grafana:http"}
    assert [str(warning) for warning in loaded.warnings] == []
    influx = compose["services"]["influxdb"]["environment"]
    store = loaded.settings.store
    assert (store.kind, store.org, store.bucket) == (  # type: ignore[union-attr]
        "influxdb",
        influx["DOCKER_INFLUXDB_INIT_ORG"],
        influx["DOCKER_INFLUXDB_INIT_BUCKET"],
    )


def test_secrets_are_random_kept_and_out_of_reach_of_others(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets.sh"
    script.write_bytes((ROOT / "deploy/make-secrets.sh").read_bytes())
    subprocess.run(["sh", script], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert len(set(made.values())) == 3
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in made.values())
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    again = subprocess.run(["sh", script], check=True, capture_output=True, text=True)
    assert [line.split()[0] for line in again.stdout.splitlines()] == ["kept"] * 3
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}


def test_every_panel_asks_for_a_metric_that_exists() -> None:
    known = metrics()
    asked = {
        f"{match['measurement']}.{match['field']}" for query in queries() if (match := _QUERY.match(query))
    }
    assert len(asked) >= 10
    assert asked - known == set()


def test_grafana_reads_from_the_database_the_service_writes_to(compose: dict[str, Any]) -> None:
    path = ROOT / "deploy/grafana/provisioning/datasources/influxdb.yaml"
    [source] = yaml.safe_load(path.read_text())["datasources"]
    bucket = compose["services"]["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert source["jsonData"]["dbName"] == bucket
    assert source["jsonData"]["version"] == "InfluxQL"
    assert source["secureJsonData"]["httpHeaderValue1"] == "Token $__file{/run/secrets/influxdb-token}"
    assert {panel["datasource"]["uid"] for panel in panels()} == {source["uid"]}


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= taken
    assert len({panel["id"] for panel in panels()}) == len(panels())
