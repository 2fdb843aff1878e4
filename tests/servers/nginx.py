"""A real nginx on loopback ports, without daemon and without root.

    async with nginx(folder, SITE.format(...)) as port: ...

The configuration is the inside of one ``server`` block; ``{port}`` in it stands for the port.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.servers.certificates import Pair
from tests.servers.debian import require
from tests.servers.ports import free_port, wait_for_port

_MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type text/html;
  server {{
    {server}
  }}
}}
"""
OLD_PROTOCOLS = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;"
GOOD_PROTOCOLS = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"


def tls(pair: Pair, more: str = GOOD_PROTOCOLS) -> str:
    """Return the part of a server block that serves `pair`, and a page."""
    return (
        f"listen 127.0.0.1:{{port}} ssl; ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key}; "
        f'{more} location / {{{{ return 200 "<title>Cổng dịch vụ</title>ok"; }}}}'
    )


@contextlib.asynccontextmanager
async def nginx(folder: Path, server: str, *, port: int = 0) -> AsyncIterator[int]:
    """Serve one ``server`` block; yield its port."""
    binary = require("nginx", package="nginx-light")
    port = port or free_port()
    config = _write(folder, server.format(port=port))
    process = await asyncio.create_subprocess_exec(
        binary,
        "-p",
        str(folder),
        "-c",
        str(config),
        "-e",
        str(folder / "error.log"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await wait_for_port(port, process)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _write(folder: Path, server: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(_MAIN.format(folder=folder, server=server))
    return config
