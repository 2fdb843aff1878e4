"""The icmp probe against the kernel's own echo replies, and in networks of our own that lose them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from probes.core.observation import Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.icmp import LONGEST, NO_PERMISSION, Params, Probe
from tests.servers.namespace import run_in_own_network

ASK = """
import asyncio, gc, json, os, pathlib, sys
from probes.core.hostkeys import NoHostKeys
from probes.core.probe import Environment, ProbeFailure, Target
from probes import icmp
from tests import loopback
from probes.icmp import Params, Probe

def environment():
    return Environment(profiles={}, host_keys=NoHostKeys(), state_dir=pathlib.Path("."), network=loopback.NETWORK)

def sysctl(name, value):
    pathlib.Path("/proc/sys/net", name).write_text(str(value))

async def ask(probe, address, **params):
    try:
        answer, outcome = await probe.ask(Target("x/y", address), Params(**params)), "ok"
        detail = answer.detail.en
    except ProbeFailure as failure:
        answer, outcome, detail = failure.answer, str(failure.outcome), failure.detail.en
    return {"outcome": outcome, "detail": detail, "samples": {s.metric: s.value for s in answer.samples}}

async def once(address, **params):
    async with Probe(environment()) as probe:
        return await ask(probe, address, **params)

def show(value):
    print(json.dumps(value))
"""
QUICK = "count=3, spacing=0.01, wait=0.3"


def in_network(script: str, **options: object) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run_in_own_network(ASK + script, **options))  # type: ignore[arg-type]
    return told


ADDRESSES = ["127.0.0.1", "127.9.8.7", "::1", "localhost", "::ffff:127.0.0.1"]
NO_NAMES = ["no-such-host.invalid", "a..b", "x" * 300, "bad\u202ename"]


def test_a_device_that_answers_has_no_loss_and_a_round_trip_time() -> None:
    told = in_network(f"show({{a: asyncio.run(once(a, {QUICK})) for a in {ADDRESSES!r}}})")
    for address in ADDRESSES:
        answer = told[address]
        samples = answer["samples"]
        assert answer["outcome"] == "ok"
        assert samples["icmp.loss"] == 0
        assert 0 < samples["icmp.rtt.min"] <= samples["icmp.rtt.mean"] <= samples["icmp.rtt.max"] < 0.3
        assert 0 <= samples["icmp.jitter"] < 0.3
        assert answer["detail"].startswith("3 of 3 replies, ")


def test_the_unprivileged_socket_is_enough_where_the_system_allows_it() -> None:
    told = in_network(
        f"show(asyncio.run(once('127.0.0.1', {QUICK})))",
        setup='echo "0 0" > /proc/sys/net/ipv4/ping_group_range',
        drop_raw_sockets=True,
    )
    assert told["outcome"] == "ok"


def test_without_any_permission_the_probe_is_not_ready_and_says_what_to_set() -> None:
    told = in_network(f"show(asyncio.run(once('127.0.0.1', {QUICK})))", drop_raw_sockets=True)
    assert told == {"outcome": "not_ready", "detail": NO_PERMISSION.en, "samples": {}}


def test_no_reply_at_all_is_a_timeout_with_full_loss() -> None:
    told = in_network(
        f"sysctl('ipv4/icmp_echo_ignore_all', 1); show(asyncio.run(once('127.0.0.1', {QUICK})))"
    )
    assert told == {
        "outcome": "timeout",
        "detail": "no reply to 3 echo requests",
        "samples": {"icmp.loss": 1.0},
    }


def test_some_replies_are_an_answer_with_their_share_of_loss() -> None:
    told = in_network("""
async def main():
    async with Probe(environment()) as probe, asyncio.TaskGroup() as group:
        asked = group.create_task(ask(probe, "127.0.0.1", count=4, spacing=0.2, wait=0.3))
        await asyncio.sleep(0.3)
        sysctl("ipv4/icmp_echo_ignore_all", 1)
    return asked.result()
show(asyncio.run(main()))
""")
    assert told["outcome"] == "ok"
    assert told["samples"]["icmp.loss"] == 0.5
    assert told["detail"].startswith("2 of 4 replies")


def test_a_network_without_a_way_is_unreachable_at_once() -> None:
    told = in_network("show(asyncio.run(once('192.0.2.1')))")
    assert told == {"outcome": "unreachable", "detail": "ping: network is unreachable", "samples": {}}


async def test_an_address_with_a_zone_is_not_ready_and_no_bug(environment: Environment) -> None:
    with pytest.raises(ProbeFailure, match="zone") as failure:
        await Probe(environment).ask(Target("x/y", "fd00::1%lo"), Params())
    assert failure.value.outcome is Outcome.NOT_READY


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    told = in_network(f"show({{name: asyncio.run(once(name)) for name in {NO_NAMES!r}}})")
    for answer in told.values():
        assert answer["outcome"] == "unreachable"
        assert "does not resolve" in answer["detail"]
        assert len(answer["detail"]) < 120
        assert answer["detail"].isprintable()


def test_a_device_that_comes_back_answers_the_next_question() -> None:
    told = in_network(f"""
async def main():
    async with Probe(environment()) as probe:
        sysctl("ipv4/icmp_echo_ignore_all", 1)
        away = await ask(probe, "127.0.0.1", {QUICK})
        sysctl("ipv4/icmp_echo_ignore_all", 0)
        return {{"outcomes": [away["outcome"], (await ask(probe, "127.0.0.1", {QUICK}))["outcome"]]}}
show(asyncio.run(main()))
""")
    assert told["outcomes"] == ["timeout", "ok"]


def test_a_cancelled_attempt_breaks_no_other_and_leaves_nothing_behind() -> None:
    told = in_network("""
def open_files():
    return len(os.listdir("/proc/self/fd"))

async def main():
    await asyncio.sleep(0)
    before = open_files()
    async with Probe(environment()) as probe:
        for turn in range(20):
            tasks = [asyncio.create_task(ask(probe, f"127.0.1.{n}", count=2, spacing=0.02, wait=1))
                     for n in range(10)]
            await asyncio.sleep(0.001 * turn)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(r["samples"]["icmp.loss"] == 0 for r in results[1::2]), results
        waiting = len(probe._sockets[4]._waiting)
    return {"waiting": waiting, "files": open_files() - before, "tasks": len(asyncio.all_tasks())}
show(asyncio.run(main()))
""")
    assert told == {"waiting": 0, "files": 0, "tasks": 1}


def test_the_icmp_identifier_changes_with_time_and_the_old_socket_is_closed() -> None:
    told = in_network("""
import socket, struct
icmp.SOCKET_AGE = 0.2

async def main():
    sniffer = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    seen = set()
    async with Probe(environment()) as probe:
        files = []
        for _ in range(4):
            assert (await ask(probe, "127.0.0.1", count=2, spacing=0.12, wait=1))["outcome"] == "ok"
            files.append(len(os.listdir("/proc/self/fd")))
            await asyncio.sleep(0.12)
    sniffer.setblocking(False)
    try:
        while packet := sniffer.recv(2048):
            seen.add(struct.unpack_from("!H", packet, 24)[0])
    except BlockingIOError:
        sniffer.close()
    return {"identifiers": len(seen), "files": max(files) - min(files)}
show(asyncio.run(main()))
""")
    assert told["identifiers"] == 4
    assert told["files"] == 0


def test_a_thousand_devices_are_pinged_at_once_without_a_loss() -> None:
    told = in_network("""
async def main():
    async with Probe(environment()) as probe:
        answers = await asyncio.gather(*(ask(probe, f"127.1.{n // 250}.{n % 250 + 1}", count=2, wait=3)
                                         for n in range(1000)))
    return {"lost": sum(answer["samples"]["icmp.loss"] for answer in answers)}
show(asyncio.run(main()))
""")
    assert told["lost"] == 0


async def test_here_the_loopback_answers_or_the_probe_says_what_this_machine_lacks(
    environment: Environment,
) -> None:
    async with Probe(environment) as probe:
        try:
            answer = await probe.ask(Target("x/y", "127.0.0.1"), Params(count=1, wait=1.0))
        except ProbeFailure as failure:
            assert (failure.outcome, failure.detail) == (Outcome.NOT_READY, NO_PERMISSION)
        else:
            assert {sample.metric for sample in answer.samples} == {
                "icmp.loss", "icmp.rtt.min", "icmp.rtt.mean", "icmp.rtt.max"
            }  # fmt: skip


def test_a_series_that_cannot_end_within_the_timeout_is_refused() -> None:
    with pytest.raises(ValidationError, match=f"not be more than {LONGEST:g} seconds"):
        Params(count=50, spacing=1.0)
