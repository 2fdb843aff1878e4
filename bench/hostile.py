"""Good agents beside hostile ones: ``python -m bench.hostile [--devices N] [--rounds R] [--json]``.

The same probe polls a fleet in rounds, first alone, then with agents beside it that err and lie: storms of made-up
answers, tables without end, OIDs that decrease, answers of 60 kB, from another port, a hundred times, garbage, tooBig.
Both times: failures and values of the good ones, and how long their polls took. They must not differ.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterator

from bench.agents import address
from bench.pipeline import PORT, agents
from bench.snmp_engines import Fleet, running_probe
from probes.core.probe import ProbeFailure, Target
from probes.snmp import Params, Probe, ber, message
from probes.snmp.ber import Malformed
from probes.snmp.message import Message, Pdu

LIARS_PORT = 21164
AT_ONCE = 100
FLEET = Fleet(0)

Lie = Callable[[Message], Iterator[bytes]]


def _said(asked: Message, binds: list[ber.VarBind], number: int | None = None, status: int = 0) -> bytes:
    key = asked.pdu.request_id if number is None else number
    return message.encode(
        Message(asked.version, asked.community, Pdu(message.RESPONSE, key, status, 0, binds))
    )


def _storm(asked: Message) -> Iterator[bytes]:
    for _ in range(300):
        yield _said(asked, asked.pdu.varbinds, number=random.getrandbits(31))


def _endless(asked: Message) -> Iterator[bytes]:
    yield _said(
        asked,
        [(bind[0] + bytes([1, row]), ber.INTEGER, 1) for bind in asked.pdu.varbinds for row in range(20)],
    )


def _decreasing(asked: Message) -> Iterator[bytes]:
    yield _said(asked, [(ber.oid("1.3.6.1.2.1.1.1.0"), ber.OCTETS, b"back") for _ in asked.pdu.varbinds])


def _huge(asked: Message) -> Iterator[bytes]:
    yield _said(
        asked,
        [(bind[0], ber.OCTETS, b"x" * (60_000 // len(asked.pdu.varbinds))) for bind in asked.pdu.varbinds],
    )


def _garbage(asked: Message) -> Iterator[bytes]:
    for size in range(0, 1400, 100):
        yield random.randbytes(size)


def _again(asked: Message) -> Iterator[bytes]:
    for _ in range(100):
        yield _said(asked, [(bind[0], ber.OCTETS, b"\xff\xfe") for bind in asked.pdu.varbinds])


def _too_big(asked: Message) -> Iterator[bytes]:
    yield _said(asked, [], status=message.TOO_BIG)


LIES: tuple[Lie, ...] = (_storm, _endless, _decreasing, _huge, _garbage, _again, _too_big)


def lie() -> None:
    """Answer at one address for each lie until the process is ended; the last also answers from another port."""
    ready, elsewhere = selectors.DefaultSelector(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number, told in enumerate((*LIES, _again)):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((address(number), LIARS_PORT))
        ready.register(one, selectors.EVENT_READ, (told, elsewhere if number == len(LIES) else one))
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            assert isinstance(key.fileobj, socket.socket)
            data, who = key.fileobj.recvfrom(65535)
            told, out = key.data
            try:
                for datagram in told(message.decode(data)):
                    out.sendto(datagram, who)
            except (Malformed, OSError):
                continue


async def rounds(probe: Probe, devices: int, count: int, liars: bool) -> dict[str, float]:
    """Poll everybody `count` times; return figures of the good ones."""
    places, took = asyncio.Semaphore(AT_ONCE), list[float]()
    failed = values = 0

    async def one(number: int) -> None:
        nonlocal failed, values
        async with places:
            began = time.perf_counter()
            try:
                target = Target(f"good/{number}", address(number), FLEET.credential)
                answer = await probe.ask(target, Params(port=PORT))
                values += len(answer.samples)
            except ProbeFailure:
                failed += 1
            took.append(time.perf_counter() - began)

    async def hostile(number: int) -> None:
        try:
            target = Target(f"liar/{number}", address(number), FLEET.credential)
            await probe.ask(target, Params(port=LIARS_PORT, wait=0.5))
        except ProbeFailure:
            return

    began = time.process_time()
    for _ in range(count):
        beside = [asyncio.create_task(hostile(n)) for n in range(len(LIES) + 1)] if liars else []
        await asyncio.gather(*(one(number) for number in range(devices)))
        await asyncio.gather(*beside)
    took.sort()
    return {
        "polls": len(took),
        "failed": failed,
        "values": values,
        "p50_ms": round(took[len(took) // 2] * 1e3, 1),
        "p99_ms": round(took[len(took) * 99 // 100] * 1e3, 1),
        "cpu_us_per_poll": round((time.process_time() - began) / len(took) * 1e6, 1),
    }


async def measure(devices: int, count: int) -> dict[str, dict[str, float]]:
    """Return the figures alone and beside hostile agents."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.hostile", "--lie", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        async with agents(devices), running_probe() as probe:
            await rounds(probe, devices, 2, liars=False)  # the first contact, and the first rates
            alone = await rounds(probe, devices, count, liars=False)
            beside = await rounds(probe, devices, count, liars=True)
    finally:
        process.terminate()
        await process.wait()
    return {"alone": alone, "beside hostile agents": beside}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--lie", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.lie:
        lie()
    result = asyncio.run(measure(options.devices, options.rounds))
    if options.json:
        print(json.dumps(result))
        return
    for name, row in result.items():
        print(name, "  ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
