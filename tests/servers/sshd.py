"""A real OpenSSH server on a loopback port, hardened or weak, with its own host key and configuration.

    async with sshd(folder) as server:      # or sshd(folder, WEAK)
        ...server.port, server.user, server.key...

An ordinary user's sshd lets only that user in, by key. As root an account is made for the tests, with
a password, and removed again (`account`).
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import secrets
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.debian import require
from tests.servers.ports import free_port, wait_for_port

HARDENED = """
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256
Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
PermitRootLogin prohibit-password
MaxAuthTries 4
LoginGraceTime 1m
"""
WEAK = """
KexAlgorithms +diffie-hellman-group1-sha1,diffie-hellman-group14-sha1
Ciphers +3des-cbc,aes128-cbc
MACs +hmac-md5,hmac-sha1-96
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
"""
OLD_ONLY = """
KexAlgorithms diffie-hellman-group1-sha1
Ciphers 3des-cbc
MACs hmac-md5
"""


@dataclass(frozen=True)
class Account:
    """A user of this machine; `password` is empty when there is none we know."""

    user: str
    password: str = ""


@dataclass(frozen=True)
class Server:
    """A running sshd."""

    port: int
    user: str
    key: str
    """Private key that is let in, OpenSSH format."""
    host_key: str
    """Public host key, ``"ssh-ed25519 AAAA…"``."""
    process: asyncio.subprocess.Process


@contextlib.contextmanager
def account() -> Iterator[Account]:
    """As root: a user made for the tests, removed at the end. Otherwise: ourselves."""
    if os.geteuid() != 0:
        yield Account(getpass.getuser())
        return
    made = Account(f"cm-test-{os.getpid()}", secrets.token_hex(12))
    useradd = require("useradd", package="passwd")
    subprocess.run([useradd, "--no-create-home", "--shell", "/bin/sh", made.user], check=True)
    try:
        chpasswd = require("chpasswd", package="passwd")
        subprocess.run([chpasswd], input=f"{made.user}:{made.password}", text=True, check=True)
        yield made
    finally:
        userdel = require("userdel", package="passwd")
        subprocess.run([userdel, "--force", made.user], check=False, capture_output=True)


def make_key(path: Path, kind: str = "ed25519") -> str:
    """Make a key pair without passphrase at `path`; return the public line without comment."""
    keygen = require("ssh-keygen", package="openssh-client")
    subprocess.run([keygen, "-q", "-t", kind, "-N", "", "-C", "", "-f", str(path)], check=True)
    return _public(path)


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that another account can read: pytest's are ours alone."""
    with tempfile.TemporaryDirectory(prefix="cm-sshd-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.asynccontextmanager
async def sshd(
    folder: Path,
    config: str = HARDENED,
    *,
    who: Account | None = None,
    port: int = 0,
    kinds: tuple[str, ...] = ("ed25519",),
) -> AsyncIterator[Server]:
    """Serve on a free loopback port with host keys of `kinds`, made once for each folder."""
    binary = require("sshd", package="openssh-server")
    port = port or free_port()
    written = _write(folder, config, port, kinds)
    process = await asyncio.create_subprocess_exec(
        binary, "-D", "-e", "-f", str(written), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await wait_for_port(port, process)
        yield Server(
            port=port,
            user=(who or Account(getpass.getuser())).user,
            key=(folder / "client").read_text(),
            host_key=_public(folder / f"host_{kinds[0]}"),
            process=process,
        )
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _write(folder: Path, config: str, port: int, kinds: tuple[str, ...]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("client", *(f"host_{kind}" for kind in kinds)):
        if not (folder / name).exists():
            make_key(folder / name, name.partition("_")[2] or "ed25519")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where OpenSSH separates its privileges
    lines = [
        config,
        *(f"HostKey {folder / f'host_{kind}'}" for kind in kinds),
        f"ListenAddress 127.0.0.1:{port}",
        f"AuthorizedKeysFile {folder / 'client.pub'}",
        "StrictModes no",
        "UsePAM no",
        "PidFile none",
    ]
    written = folder / "sshd_config"
    written.write_text("\n".join(lines) + "\n")
    written.chmod(0o644)
    return written


def _public(path: Path) -> str:
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])
