"""A commune of three devices in a row, and how they fall silent."""

from __future__ import annotations

from alerts.incident import Step
from probes.core.observation import Outcome
from tests.alerts.province import Watch

OPENED, RESOLVED, CHANGED = Step.OPENED, Step.RESOLVED, Step.CHANGED


ROUTER, SWITCH, SERVER = "18562/router", "18562/switch", "18562/server"


def silence(watch: Watch, *devices: str, times: int = 1) -> None:
    """Let every check of `devices` be silent, one after another."""
    for _ in range(times):
        for name in devices:
            watch.see(f"{name}:icmp", Outcome.TIMEOUT).see(f"{name}:snmp", Outcome.TIMEOUT)


def answer(watch: Watch, *devices: str, times: int = 1) -> None:
    for _ in range(times):
        for name in devices:
            watch.see(f"{name}:icmp").see(f"{name}:snmp")
