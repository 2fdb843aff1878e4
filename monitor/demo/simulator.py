"""The process that is the simulated province: it serves every device until its standard input ends.

It reads orders from standard input and writes news to standard output (`monitor.demo.wire`). It is started by
`monitor.demo.province`; when that process goes, however it goes, the input ends and this one with it.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import asyncssh
import click

from monitor.demo import wire
from monitor.demo.certificates import Authority
from monitor.demo.faults import struck
from monitor.demo.layout import Layout, Place
from monitor.demo.machine import Machine
from monitor.demo.mib_tables import mibs
from monitor.demo.phone import Phone
from monitor.demo.sip_agent import SipAgent
from monitor.demo.snmp_agent import Agent
from monitor.demo.snmp_user import Guard, Passwords
from monitor.demo.ssh_server import SshServer, quieten
from monitor.demo.telnet import TelnetPort
from monitor.demo.web_system import WebSystem
from probes.snmp.keys import KeyRing

_BREATH = 100
"""Devices started between two reports of progress."""


class Simulator:
    """Every machine of the province with its servers."""

    def __init__(self, start: wire.Start, stack: AsyncExitStack) -> None:
        self.layout: Layout = start.layout
        self.machines = {place.id: Machine(place) for place in start.layout.places}
        self._start = start
        self._stack = stack
        self._mibs = mibs()
        self._ring = KeyRing()
        self._authority = Authority()

    async def serve(self, folder: Path) -> None:
        """Open every port, telling how far it is."""
        (folder / wire.CA_FILE).write_bytes(self._authority.pem)
        for done, machine in enumerate(self.machines.values(), 1):
            self._open(machine)
            if done % _BREATH == 0:
                _tell(wire.Progress(done, len(self.machines)))
                await asyncio.sleep(0)
        phone = await Phone(self.layout.phone).open()
        self._stack.push_async_callback(phone.cleanup)
        _tell(wire.Ready(len(self.machines)))

    def obey(self, order: wire.Order) -> None:
        """Switch a fault."""
        for place in struck(self.layout, order.kind, order.target):
            self.machines[place.id].switch(order.kind, on=order.on)
        _tell(wire.Done(order.number))

    def _open(self, machine: Machine) -> None:
        place = machine.place
        if place.serves("telnet"):
            self._stack.callback(TelnetPort(machine).close)
        if place.serves("snmp"):
            self._stack.callback(Agent(machine, self._mibs[place.role], self._snmp(place)).close)
        if place.serves("sip"):
            self._stack.callback(SipAgent(machine).close)
        if place.serves("ssh"):
            key = asyncssh.import_private_key(self._start.host_keys[place.id])
            self._stack.push_async_callback(SshServer(machine, key, self._start.authorized).close)
        if place.serves("https"):
            self._stack.push_async_callback(WebSystem(machine, self._authority).close)

    def _snmp(self, place: Place) -> bytes | Guard:
        if place.guards_snmp:
            return Guard(place, Passwords(*self._start.passwords), self._ring)
        return self._start.community.encode()


def _tell(news: wire.News) -> None:
    sys.stdout.write(wire.line(news))
    sys.stdout.flush()


async def _orders() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=wire.LONGEST)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


async def simulate(folder: Path) -> None:
    """Serve until standard input ends."""
    orders = await _orders()
    async with AsyncExitStack() as stack:
        simulator = Simulator(wire.read(await orders.readline(), wire.Start), stack)
        await simulator.serve(folder)
        while text := await orders.readline():
            simulator.obey(wire.read(text, wire.Order))


def _allow_many_sockets() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
def main(folder: Path) -> None:
    """Serve the simulated province of FOLDER; orders come on standard input."""
    _allow_many_sockets()
    quieten()
    asyncio.run(simulate(folder))


if __name__ == "__main__":
    main()
