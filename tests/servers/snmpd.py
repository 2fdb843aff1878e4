"""net-snmp's snmpd on loopback, with communities and SNMPv3 users of the test's choice; no root needed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.servers.debian import require
from tests.servers.ports import free_udp_port

USERS = (
    ("md5des", "MD5", "DES"),
    ("sha1aes", "SHA", "AES"),
    ("sha224aes", "SHA-224", "AES"),
    ("sha256aes256", "SHA-256", "AES-256"),
    ("sha384aes192", "SHA-384", "AES-192"),
    ("sha512aes", "SHA-512", "AES"),
    ("sha1aes256", "SHA", "AES-256"),
    ("sha1aes256c", "SHA", "AES-256-C"),
)
"""User, authentication and privacy protocol in net-snmp's words; every password is `PASSWORD`."""
PASSWORD = "mot-mat-khau-dai"


class Snmpd(msgspec.Struct, frozen=True):
    """A running agent."""

    host: str
    port: int
    pid: int


@contextmanager
def snmpd(
    folder: Path, *, community: str = "cong-dong", extra: str = "", port: int = 0, host: str = "127.0.0.1"
) -> Iterator[Snmpd]:
    """Run snmpd with its files in `folder` until the context ends."""
    binary = require("snmpd", package="snmpd")
    port = port or free_udp_port(host)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log").unlink(missing_ok=True)
    (folder / "snmpd.conf").write_text(_configuration(community, extra))
    address = f"udp6:[{host}]:{port}" if ":" in host else f"udp:{host}:{port}"
    environment = {"SNMP_PERSISTENT_DIR": str(folder / "state"), "SNMPCONFPATH": str(folder), "MIBS": ""}
    options = ["-f", "-Lf", str(folder / "log"), "-C", "-c", str(folder / "snmpd.conf"), "-I", "-smux"]
    process = subprocess.Popen([binary, *options, "-p", str(folder / "pid"), address], env=environment)
    try:
        _wait(process, folder / "log")
        yield Snmpd(host, port, process.pid)
    finally:
        process.terminate()
        process.wait(10)


def _configuration(community: str, extra: str) -> str:
    lines = [f"rocommunity {community}", f"rocommunity6 {community}", "master no"]
    lines += ["sysName may-chu-xa", "sysLocation Ha Tinh", "sysServices 72"]
    for user, auth, priv in USERS:
        lines += [f"createUser {user} {auth} {PASSWORD} {priv} {PASSWORD}", f"rouser {user} priv"]
    return "\n".join([*lines, extra, ""])


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"snmpd ended: {log.read_text() if log.exists() else 'without a word'}")
        if log.exists() and "NET-SNMP version" in log.read_text():
            return
        time.sleep(0.02)
    raise AssertionError("snmpd did not start in 15 s")
