"""A hostile agent changes nothing for the good ones that are asked beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from bench.hostile import LIES, Lie
from probes.snmp import message
from probes.snmp.ber import oid
from probes.snmp.engine import Engine, Peer
from probes.snmp.security import Community
from probes.snmp.template import Template
from tests.servers.snmp_agent import agent, linux

GOOD = 20
NAME = Template.get((oid("1.3.6.1.2.1.1.5.0"),))


class Liar(asyncio.DatagramProtocol):
    """Tells one lie to everybody who asks."""

    def __init__(self, lie: Lie) -> None:
        self._lie = lie

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for datagram in self._told(data):
            assert isinstance(self._transport, asyncio.DatagramTransport)
            self._transport.sendto(datagram, addr)

    def _told(self, data: bytes) -> Iterator[bytes]:
        return self._lie(message.decode(data))


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__.strip("_"))
async def test_good_agents_are_read_as_ever_beside_one_that_lies(lie: Lie) -> None:
    async with AsyncExitStack() as stack:
        good = [await stack.enter_async_context(agent(linux(1))) for _ in range(GOOD)]
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Liar(lie), local_addr=("127.0.0.1", 0))
        stack.callback(transport.close)
        engine = await stack.enter_async_context(Engine())
        liar = Peer(transport.get_extra_info("sockname"), Community("public"), wait=0.3, tries=2)
        lied = [asyncio.create_task(engine.request(liar, NAME)) for _ in range(3)]
        peers = [Peer(("127.0.0.1", one.port), Community("public"), wait=2.0, tries=1) for one in good]
        answers = await asyncio.gather(*(engine.request(peer, NAME) for peer in peers for _ in range(3)))
        assert [len(answer.varbinds) for answer in answers] == [1] * (3 * GOOD)
        assert all(answer.error_status == message.NO_ERROR for answer in answers)
        await asyncio.gather(*lied, return_exceptions=True)
