"""Every kind of real server stopped and started again: an incident, a message, and the end of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from alerts.incident import DeviceState
from monitor.house import Monitoring, monitoring
from probes.core.observation import Outcome
from tests.end_to_end.site import DEVICE, load, outcome, write_service
from tests.patience import eventually
from tests.servers.baresip import baresip
from tests.servers.certificates import Authority
from tests.servers.nginx import nginx, tls
from tests.servers.ports import free_port, free_udp_port
from tests.servers.smtp import smtp
from tests.servers.snmpd import PASSWORD, snmpd
from tests.servers.sshd import Account, Server, account, open_folder, sshd

CHECKS = ("agent", "login", "portal", "codec")


class Office:
    """One machine with an SNMPv3 agent, sshd, an HTTPS portal and a conference unit, on ports of their own."""

    def __init__(self, folder: Path, who: Account, readable: Path) -> None:
        self._folder, self._who, self._readable = folder, who, readable
        self._authority = Authority(folder / "ca")
        self._pair = self._authority.issue("portal", days=(-1, 200))
        self.ports = {
            "agent": free_udp_port(),
            "login": free_port(),
            "portal": free_port(),
            "codec": 0,
        }

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Server]:
        """Serve everything until left."""
        async with AsyncExitStack() as stack:
            stack.enter_context(snmpd(self._folder / "snmpd", port=self.ports["agent"]))
            await stack.enter_async_context(
                nginx(self._folder / "nginx", tls(self._pair), port=self.ports["portal"])
            )
            (self._folder / "baresip").mkdir(exist_ok=True)
            unit = await stack.enter_async_context(
                baresip(self._folder / "baresip", port=self.ports["codec"])
            )
            self.ports["codec"] = unit.port
            yield await stack.enter_async_context(
                sshd(self._readable, who=self._who, port=self.ports["login"])
            )

    @property
    def checks(self) -> dict[str, dict[str, object]]:
        """Checks of the device, quick ones."""
        quick = {"interval": "3s", "timeout": "3s"}
        root = str(self._authority.root)
        return {
            "agent": {"probe": "snmp", "port": self.ports["agent"], **quick},
            "login": {"probe": "ssh", "port": self.ports["login"], **quick},
            "portal": {
                "probe": "http",
                "url": f"https://127.0.0.1:{self.ports['portal']}/",
                "ca_file": root,
                "body_contains": "ok",
                **quick,
            },
            "codec": {"probe": "sip", "port": self.ports["codec"], "wait": 2.5, **quick},
        }


def v3_and_password(settings: Path, who: Account) -> None:
    """Add an SNMPv3 user, and log in by password where there is one."""
    secrets = settings.parent / "secrets"
    for name, value in {"v3": PASSWORD, "password": who.password or "-"}.items():
        (secrets / name).write_text(value)
        (secrets / name).chmod(0o600)
    text = (settings.parent / "inventory" / "office.yaml").read_text()
    agent = '{"kind": "snmp_v3", "user": "sha256aes256", "auth_password": {"file": "v3"}, '
    agent += '"priv_protocol": "AES256", "priv_password": {"file": "v3"}}'
    text = text.replace('{"kind": "snmp_v2c", "community": {"file": "community"}}', agent)
    (settings.parent / "inventory" / "office.yaml").write_text(text)


async def test_each_server_that_stops_is_one_incident_with_a_message_and_ends_when_it_is_back(
    tmp_path: Path,
) -> None:
    with account() as who, open_folder() as readable:
        office = Office(tmp_path, who, readable)
        async with smtp() as mailbox, AsyncExitStack() as stack:
            server = await stack.enter_async_context(office.open())
            settings = write_service(tmp_path, office.checks, smtp=mailbox.port, ssh=server)
            v3_and_password(settings, who)
            async with monitoring(load(settings)) as running:
                await approve_the_host_key(running)
                await eventually(lambda: all_are(running, Outcome.OK))
                await eventually(lambda: running.board.status(DEVICE).state is DeviceState.UP)
                await stack.aclose()
                await eventually(lambda: len(failures(running)) == len(CHECKS))
                await eventually(lambda: len(mailbox.mails) == len(CHECKS))
                async with office.open():
                    await eventually(lambda: not failures(running))
                    await eventually(lambda: len(mailbox.mails) == 2 * len(CHECKS))
                    await eventually(lambda: running.board.status(DEVICE).state is DeviceState.UP)
                    await asyncio.sleep(3)
                assert len(mailbox.mails) == 2 * len(CHECKS), "nothing is told twice"


async def approve_the_host_key(running: Monitoring) -> None:
    await eventually(lambda: outcome(running, "login") is Outcome.UNTRUSTED)
    for key in await running.ledger.host_keys.stored("pending"):
        await running.ledger.host_keys.approve(DEVICE, key.fingerprint, "admin", datetime.now(UTC))


def all_are(running: Monitoring, wanted: Outcome) -> bool:
    return all(outcome(running, check) is wanted for check in CHECKS)


def failures(running: Monitoring) -> set[str]:
    return {one.key.check for one in running.board.incidents.values() if one.key.rule == "service-failed"}
