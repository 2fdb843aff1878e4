"""Debian's SIPp as a SIP agent that is busy: a second opinion on what a SIP answer looks like."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from tests.servers.debian import require

_COPIED = "[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n"
SCENARIO = f"""<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="busy">
  <recv request="OPTIONS" crlf="true"/>
  <send><![CDATA[

SIP/2.0 100 Trying
{_COPIED.format(tag="")}
]]></send>
  <pause milliseconds="100"/>
  <send><![CDATA[

SIP/2.0 486 Busy Here
Server: SIPp
{_COPIED.format(tag=";tag=[call_number]")}
]]></send>
</scenario>
"""


@contextlib.asynccontextmanager
async def sipp(folder: Path) -> AsyncIterator[int]:
    """Run SIPp over UDP on loopback, giving its port; it says 100, waits 0.1 s and says 486."""
    binary = require("sipp", package="sip-tester")
    (folder / "busy.xml").write_text(SCENARIO)
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        binary, "-sf", "busy.xml", "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-skip_rlimit",
        cwd=folder, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _until_bound(port)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _until_bound(port: int) -> None:
    for _ in range(100):
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return
        await asyncio.sleep(0.05)
    raise AssertionError(f"sipp does not listen on {port}")
