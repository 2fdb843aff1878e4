"""A network of our own (a Linux network namespace) in which a test may break the network for real."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.debian import require

ROOT = Path(__file__).parents[2]


def run_in_own_network(
    script: str, *, setup: str = "", drop_raw_sockets: bool = False, seconds: float = 20
) -> str:
    """Run Python `script` as root of a fresh network where only the loopback is up; return what it prints.

    `setup` is shell run before it (``echo 1 > /proc/sys/net/…``). With `drop_raw_sockets` the script has lost
    CAP_NET_RAW. Needs user namespaces when the tests run as an ordinary user.
    """
    unshare = require("unshare", package="util-linux")
    ip = require("ip", package="iproute2")
    drop = f"{require('setpriv', package='util-linux')} --bounding-set -net_raw --inh-caps -net_raw"
    command = f'set -e; {ip} link set lo up; {setup or "true"}; exec {drop if drop_raw_sockets else ""} "$@"'
    python = [sys.executable, "-X", "dev", "-W", "error", "-c", script]
    done = subprocess.run(
        [unshare, "--user", "--map-root-user", "--net", "sh", "-c", command, "sh", *python],
        cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    if "unshare failed" in done.stderr:  # as in a container with the usual seccomp profile
        pytest.skip(f"this system allows no network of our own: {done.stderr.strip()}")
    assert done.returncode == 0, f"in the own network: {done.stderr}"
    return done.stdout
