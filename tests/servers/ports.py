"""Loopback ports for servers that are programs of their own and cannot take port 0."""

from __future__ import annotations

import asyncio
import socket


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def free_udp_port(host: str = "127.0.0.1") -> int:
    """Return a UDP port of `host` that nobody has now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind((host, 0))
        return int(bound.getsockname()[1])


async def wait_for_port(port: int, process: asyncio.subprocess.Process, *, seconds: float = 10.0) -> None:
    """Return when `process` accepts connections at `port`; fail when it ends or needs longer."""
    async with asyncio.timeout(seconds):
        while True:
            assert process.returncode is None, f"the server ended with exit code {process.returncode}"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await writer.wait_closed()
            return
