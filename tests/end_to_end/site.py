"""A commune office of real servers on loopback, the files of a service that watches it, and patience."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from inventory.document import Invalid
from monitor import configuration
from monitor.configuration import Configuration
from monitor.house import Monitoring
from probes.core.observation import Outcome
from tests import loopback
from tests.servers.sshd import Server

DEVICE = "18073/server"
COMMUNITY = "cong-dong"


def write_service(
    folder: Path,
    checks: Mapping[str, Mapping[str, object]],
    *,
    smtp: int = 0,
    ssh: Server | None = None,
    **more: object,
) -> Path:
    """Write settings, secrets and a one-device inventory; return the settings file. JSON is YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
    secrets = {"community": COMMUNITY, "key": ssh.key if ssh else ""}
    for name, value in secrets.items():
        path = folder / "secrets" / name
        path.write_text(value)
        path.chmod(0o600)
    settings: dict[str, object] = {
        "web": {"port": 0, "login": False},
        "network": {"allow": [*loopback.NETWORKS]},
        **more,
    }
    if smtp:
        settings["notifiers"] = {"duty": _mail(smtp)}
    (folder / "commune-monitor.yaml").write_text(json.dumps(settings))
    (folder / "inventory").mkdir(exist_ok=True)
    (folder / "inventory" / "office.yaml").write_text(json.dumps(_inventory(checks, ssh)))
    return folder / "commune-monitor.yaml"


def load(settings: Path) -> Configuration:
    """Read the configuration; the test fails with every mistake in it."""
    try:
        return configuration.load(settings)
    except Invalid as error:
        raise AssertionError(str(error)) from error


def outcome(running: Monitoring, check: str) -> Outcome | None:
    """Return how a check of the device last ended."""
    last = running.board.last(f"{DEVICE}:{check}")
    return last.outcome if last else None


def open_rules(running: Monitoring) -> set[str]:
    """Return the rules with something open."""
    return {incident.key.rule for incident in running.board.incidents.values()}


def _mail(port: int) -> dict[str, object]:
    return {
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "monitor@example.vn",
        "to": ["truc@example.vn"],
    }


def _inventory(checks: Mapping[str, Mapping[str, object]], ssh: Server | None) -> dict[str, object]:
    owner = {"name": "Nguyễn Văn A", "unit": "UBND phường Thành Sen", "phone": "0912345678"}
    device = {"address": "127.0.0.1", "role": "real", "checks": {}}
    return {
        "credentials": {
            "agent": {"kind": "snmp_v2c", "community": {"file": "community"}},
            "login": {"kind": "ssh_key", "user": ssh.user if ssh else "nobody", "key": {"file": "key"}},
        },
        "defaults": {"credentials": {"snmp": "agent", "ssh": "login"}},
        "roles": {"real": {"title": {"vi": "Máy thật", "en": "Real machine"}, "checks": checks}},
        "sites": {"18073": {"owner": owner, "devices": {"server": device}}},
    }
