"""InfluxDB 1.6 from Debian behind nginx, which maps the 2.x write address onto it and checks a token."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.servers.debian import require

TOKEN = "canary-token-5d1f"

_INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
"""

_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size 20m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  map $arg_bucket $db {{ "~^(?<d>[^/%]+)" $d; default ""; }}
  map $arg_bucket $rp {{ "~^[^/%]+(?:/|%2[Ff])(?<r>.+)$" "&rp=$r"; default ""; }}
  map $arg_precision $unit {{ us u; default $arg_precision; }}
  map $http_authorization $stranger {{ "Token {token}" 0; default 1; }}
  server {{
    listen 127.0.0.1:{front};
    if ($stranger) {{ return 401 '{{"code":"unauthorized","message":"unauthorized access"}}'; }}
    location = /api/v2/write {{
      rewrite ^ /write?db=$db$rp&precision=$unit? break;
      proxy_set_header Authorization ""; proxy_pass http://127.0.0.1:{port};
    }}
    location = /query {{ proxy_set_header Authorization ""; proxy_pass http://127.0.0.1:{port}; }}
  }}
}}
"""


class InfluxDB:
    """A running server: `url` is nginx, `direct` the 1.6 server behind it."""

    def __init__(self, url: str, direct: str) -> None:
        self.url = url
        self.direct = direct

    def create(self, database: str) -> str:
        """Create a database and return its name."""
        self.query(f'CREATE DATABASE "{database}"', "POST")
        return database

    def query(self, question: str, method: str = "GET", **params: str) -> str:
        """Return the raw answer of the server to InfluxQL."""
        address = f"{self.direct}/query?{urllib.parse.urlencode({'q': question} | params)}"
        with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=10) as answer:
            return str(answer.read().decode())


@contextmanager
def influxdb(folder: Path) -> Iterator[InfluxDB]:
    """Run both servers with their files in `folder`."""
    influxd, nginx = require("influxd", package="influxdb"), require("nginx", package="nginx-light")
    port, rpc, front = _free_ports(3)
    (folder / "influxdb.conf").write_text(_INFLUX.format(folder=folder, port=port, rpc=rpc))
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=port, front=front, token=TOKEN))
    with ExitStack() as stack:
        _start(stack, [influxd, "-config", str(folder / "influxdb.conf")])
        _start(stack, [nginx, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")])
        _wait(f"http://127.0.0.1:{port}/ping")
        _wait(f"http://127.0.0.1:{front}/query")
        yield InfluxDB(f"http://127.0.0.1:{front}", f"http://127.0.0.1:{port}")


def _start(stack: ExitStack, command: list[str]) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
