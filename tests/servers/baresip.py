"""A real SIP user agent: Debian's baresip, without sound or video, on loopback by UDP, TCP and TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers.debian import require

CONFIG = """\
sip_listen {host}:{port}
{certificate}
module_path {modules}
module_app account.so
module menu.so
"""


@dataclass(frozen=True)
class Baresip:
    """Where it listens: `port` for UDP and TCP, the next one for TLS."""

    host: str
    port: int

    @property
    def tls_port(self) -> int:
        """Port of SIP over TLS, when it was given a certificate."""
        return self.port + 1


@contextlib.asynccontextmanager
async def baresip(folder: Path, *, port: int = 0, certificate: Path | None = None) -> AsyncIterator[Baresip]:
    """Run baresip with its configuration in `folder`; `certificate` is a PEM file of key and certificate."""
    binary = require("baresip", package="baresip-core")
    unit = Baresip("127.0.0.1", port or _free_port_pair())
    (folder / "config").write_text(
        CONFIG.format(
            host=unit.host, port=unit.port, modules=_modules(),
            certificate=f"sip_certificate {certificate}" if certificate else "",
        )
    )  # fmt: skip
    (folder / "accounts").write_text(f"<sip:commune@{unit.host}:{unit.port}>;regint=0\n")
    (folder / "contacts").write_text("")
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        binary, "-f", str(folder), "-n", unit.host,
        stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env={"HOME": str(folder)},
    )  # fmt: skip
    try:
        await _until_listening(unit, lambda: (folder / "log").read_text(errors="replace"))
        yield unit
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        log.close()


async def _until_listening(unit: Baresip, log: Callable[[], str]) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(unit.host, unit.port)
            writer.close()
            await writer.wait_closed()
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"baresip does not listen on {unit.port}: {log()[-1000:]}")


def _modules() -> Path:
    for place in ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"):
        if Path(place).is_dir():
            return Path(place)
    raise AssertionError("baresip's modules are not where Debian's package baresip-core puts them")


def _free_port_pair() -> int:
    """Return a port that is free, and the next one too, for UDP and TCP."""
    for _ in range(50):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError, OverflowError):
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            stack.enter_context(socket.socket()).bind(("127.0.0.1", port + 1))
            for number in (port, port + 1):
                stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)).bind(("127.0.0.1", number))
            return port
    raise AssertionError("no two neighbouring free ports")
