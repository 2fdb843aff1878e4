"""One simulated province for all tests of a module; each test switches off what it switched on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio

import inventory.profiles
from inventory.profile import load_profiles
from inventory.secrets import Credential, Secret
from monitor.demo import snmp_user
from monitor.demo.inventory_files import AUTH_FILE, COMMUNITY_FILE, KEY_FILE, PRIV_FILE
from monitor.demo.layout import Place
from monitor.demo.province import Province
from monitor.demo.ssh_server import USER
from probes.core.observation import Answer
from probes.core.probe import Environment, Probe, Target
from tests import loopback


class ApprovedKeys:
    """Host keys that are approved as soon as they are reported."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str, int], str] = {}

    def approved(self, device: str, address: str, port: int) -> tuple[str, ...]:
        line = self.lines.get((device, address, port))
        return (line,) if line else ()

    def report(self, device: str, address: str, port: int, key: str) -> None:
        self.lines[device, address, port] = key


class Asking:
    """Asks the simulated devices with the real probes, as the service does."""

    def __init__(self, province: Province, state: Path) -> None:
        self.province = province
        self.host_keys = ApprovedKeys()
        list(province.approve_into(self.host_keys))
        profiles = load_profiles(Path(inventory.profiles.__path__[0]))
        self.environment = Environment(profiles, self.host_keys, state, loopback.NETWORK)

    def place(self, device: str) -> Place:
        return next(place for place in self.province.layout.places if place.id == device)

    @property
    def community(self) -> str:
        return (self.province.secrets_folder / COMMUNITY_FILE).read_text()

    @property
    def snmp(self) -> Credential:
        return Credential("snmp_v2c", {}, {"community": Secret(self.community)})

    def snmp_v3(self, *, auth: str = "", priv: str = "") -> Credential:
        settings = {"user": snmp_user.USER, "auth_protocol": "SHA256", "priv_protocol": "AES128"}
        secrets = {
            "auth_password": Secret(auth or (self.province.secrets_folder / AUTH_FILE).read_text()),
            "priv_password": Secret(priv or (self.province.secrets_folder / PRIV_FILE).read_text()),
        }
        return Credential("snmp_v3", settings, secrets)

    @property
    def ssh_key(self) -> Credential:
        key = (self.province.secrets_folder / KEY_FILE).read_text()
        return Credential("ssh_key", {"user": USER}, {"key": Secret(key)})

    async def ask(
        self, kind: type[Probe[Any]], device: str, credential: Credential | None = None, **params: object
    ) -> Answer:
        async with kind(self.environment) as probe, asyncio.timeout(8):
            target = Target(device, self.place(device).address, credential)
            return await probe.ask(target, kind.params(**params))

    async def during(self, kind: str, target: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Return what `ask` answers while the fault is on."""
        await self.province.switch(kind, target, True)
        try:
            return await ask()
        finally:
            await self.province.switch(kind, target, False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asking(tmp_path_factory: Any) -> AsyncIterator[Asking]:
    folder = tmp_path_factory.mktemp("province")
    async with Province(folder / "demo") as province:
        yield Asking(province, folder)
