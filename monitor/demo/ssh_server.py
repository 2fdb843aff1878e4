"""Simulated SSH servers: believable answers to the command of the ssh probe, hardened or weak."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import Callable, Mapping
from typing import Any

import asyncssh

from monitor.demo import faults
from monitor.demo.layout import SSH_PORT
from monitor.demo.listener import Listener
from monitor.demo.machine import Machine
from monitor.demo.mib import Moment
from monitor.demo.mib_tables import CORES, DISKS, MEMORY, busy_seconds, cpu, memory_used, used

USER = "giamsat"
_VERSION = "OpenSSH_9.2p1 Debian-2+deb12u7"
_STRONG: Mapping[str, Any] = {
    "kex_algs": ("curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"),
    "encryption_algs": ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr"),
    "mac_algs": ("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"),
}
_WEAK: Mapping[str, Any] = {
    "kex_algs": (
        *_STRONG["kex_algs"],
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group1-sha1",
    ),
    "encryption_algs": (*_STRONG["encryption_algs"], "aes128-cbc", "3des-cbc"),
    "mac_algs": (*_STRONG["mac_algs"], "hmac-sha1", "hmac-md5"),
}
_HARDENED = {
    "permitrootlogin": "no",
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "permitemptypasswords": "no",
    "hostbasedauthentication": "no",
    "ignorerhosts": "yes",
    "maxauthtries": "3",
    "logingracetime": "30",
    "clientaliveinterval": "300",
    "clientalivecountmax": "2",
    "loglevel": "VERBOSE",
    "x11forwarding": "no",
    "allowtcpforwarding": "no",
    "disableforwarding": "yes",
    "permituserenvironment": "no",
}
_CARELESS = _HARDENED | {"permitrootlogin": "yes", "passwordauthentication": "yes", "maxauthtries": "10"}
_ASKED = re.compile(r"(?:^|[;'] ?)s ([a-z]{1,20})")
"""Sections the probe's command asks for (`probes.ssh.script`)."""


class SshServer:
    """The SSH port of one machine."""

    def __init__(self, machine: Machine, host_key: asyncssh.SSHKey, authorized: str) -> None:
        self._machine = machine
        self._host_key = host_key
        self._authorized = asyncssh.import_authorized_keys(authorized)
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._weak = self._is_weak()
        self._options = self._make_options()
        self._listener = Listener(machine, SSH_PORT, self._serve)
        machine.changed.append(self._react)

    async def close(self) -> None:
        """Close the port and every connection."""
        self._machine.changed.remove(self._react)
        self._listener.close()
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        self._drop()

    def _is_weak(self) -> bool:
        return self._machine.has(faults.WEAKEN_SSH)

    def _make_options(self) -> asyncssh.SSHServerConnectionOptions:
        return asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: _Door(weak=self._weak),
            server_host_keys=[self._host_key],
            authorized_client_keys=self._authorized,
            process_factory=self._run,
            server_version=_VERSION,
            login_timeout=30,
            **(_WEAK if self._weak else _STRONG),
        )

    def _react(self) -> None:
        """A changed configuration counts for new connections: like a restarted server, drop the old ones."""
        if self._weak != self._is_weak():
            self._weak = self._is_weak()
            self._options = self._make_options()
            self._drop()

    def _drop(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()
        self._connections.clear()

    def _serve(self, connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._greet(connection))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _greet(self, visitor: socket.socket) -> None:
        if self._machine.delay:
            await asyncio.sleep(self._machine.delay)
        with contextlib.suppress(asyncssh.Error, OSError):  # a visitor who leaves is ordinary
            connection = await asyncssh.run_server(visitor, options=self._options)
            self._connections = {known for known in self._connections if not known.is_closed()}
            self._connections.add(connection)

    async def _run(self, process: asyncssh.SSHServerProcess[str]) -> None:
        await asyncio.sleep(self._machine.delay)
        if self._machine.silent:
            return  # the connection stays and nothing is said
        process.stdout.write(answer(process.command or "", Moment(self._machine)))
        process.exit(0)


class _Door(asyncssh.SSHServer):
    """Who may come in: the monitoring user with its key; a weak server also lists passwords."""

    def __init__(self, *, weak: bool) -> None:
        self._weak = weak

    def begin_auth(self, username: str) -> bool:
        """Always ask for a credential."""
        return True

    def password_auth_supported(self) -> bool:
        """Whether passwords are listed as a way in."""
        return self._weak

    def validate_password(self, username: str, password: str) -> bool:
        """Accept none: the demo has no passwords."""
        return False


def answer(command: str, moment: Moment) -> str:
    """Return what the probe's script would print on this machine: the sections that `command` asks for."""
    return "".join(f"\n@@{name}\n{_section(name, moment)}" for name in _ASKED.findall(command))


def _section(name: str, moment: Moment) -> str:
    write = _SECTIONS.get(name)
    return write(moment) if write else ""


def _uptime(moment: Moment) -> str:
    idle = CORES * (moment.uptime - busy_seconds(moment))
    return f"{moment.uptime:.2f} {idle:.2f}\n"


def _load(moment: Moment) -> str:
    load = CORES * cpu(moment)
    return f"{load:.2f} {load * 0.97:.2f} {load * 0.94:.2f} 2/213 {int(moment.uptime) % 32768}\n"


def _stat(moment: Moment) -> str:
    busy = int(100 * CORES * busy_seconds(moment))
    idle = int(100 * CORES * moment.uptime) - busy
    return f"cpu  {busy * 7 // 10} 0 {busy - busy * 7 // 10} {idle} 0 0 0 0 0 0\n"


def _memory(moment: Moment) -> str:
    free = int(MEMORY * (1 - memory_used(moment)))
    sizes = {
        "MemTotal": MEMORY,
        "MemFree": free // 2,
        "MemAvailable": free,
        "SwapTotal": 4194304,
        "SwapFree": 4194304,
    }
    return "".join(f"{name + ':':<16}{size:>9} kB\n" for name, size in sizes.items())


def _df(moment: Moment) -> str:
    lines = ["Filesystem     Type 1024-blocks     Used Available Capacity Mounted on"]
    for index, (mount, size, share) in enumerate(DISKS, 1):
        ratio = used(moment, mount, share)
        taken = int(size * ratio)
        lines.append(f"/dev/sda{index} ext4 {size} {taken} {size - taken} {ratio:.0%} {mount}")
    return "\n".join(lines) + "\n"


def _sshd(moment: Moment) -> str:
    settings = _CARELESS if moment.machine.has(faults.WEAKEN_SSH) else _HARDENED
    return "effective\n" + "".join(f"{name} {value}\n" for name, value in settings.items())


def _units(moment: Moment) -> str:
    return "ok\n"


def _os(moment: Moment) -> str:
    return 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'


def _kernel(moment: Moment) -> str:
    return "Linux 6.1.0-28-amd64\n"


_SECTIONS: Mapping[str, Callable[[Moment], str]] = {
    "uptime": _uptime,
    "loadavg": _load,
    "stat": _stat,
    "meminfo": _memory,
    "df": _df,
    "units": _units,
    "os": _os,
    "kernel": _kernel,
    "sshd": _sshd,
}


def quieten() -> None:
    """Let asyncssh log problems only: 70 servers would tell of every connection."""
    asyncssh.set_log_level(logging.ERROR)
