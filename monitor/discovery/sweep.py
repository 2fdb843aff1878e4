"""Visiting addresses, gently: who answers, and what it says of itself.

SNMP is asked with the credentials it is given, and nothing else is ever sent a secret: SSH is looked at from outside,
HTTP without a login.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from inventory.secrets import Credential
from monitor.discovery.doors import Door, Doors
from monitor.runner import Runner
from probes.core.observation import Fact, Observation, Outcome
from probes.core.probe import Check, Probe, Target
from probes.core.text import clean

WAIT = 1.0
"""Seconds for one answer of a device on the province's own network."""
EARLY = 5
"""Questions an address gets from which nothing is heard."""
_LOOK = 6.0
"""Seconds for reading a page, a banner or what an agent says."""


class Found(msgspec.Struct, frozen=True):
    """What one address shows. Texts are cleaned, one line each (abuse cases A33 to A36)."""

    address: str
    at: datetime
    ping: bool = False
    tcp: tuple[int, ...] = ()
    """Open TCP ports."""
    facts: Mapping[str, str] = {}
    """What it says, by the name of the fact: ``snmp.sys_descr``, ``http.title`` …"""
    credential: str = ""
    """Name of the SNMP credential it answered to."""


class Pace:
    """Lets questions out one by one, `rate` a second."""

    def __init__(self, rate: float) -> None:
        self.visits = max(1, round(rate * 2 * WAIT / EARLY))
        """Addresses to visit at the same time: so many silent ones use the rate up."""
        self._gap = 1 / rate
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for one's turn."""
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + self._gap, now)
        await asyncio.sleep(self._next - now)


class Sweep:
    """Asks addresses with the real probes; `credentials` are tried for SNMP in their order."""

    def __init__(
        self,
        probes: Mapping[str, Probe[Any]],
        doors: Doors,
        credentials: Mapping[str, Credential],
        pace: Pace,
        now: Callable[[], datetime],
    ) -> None:
        self._probes = probes
        self._runner = Runner(probes, now)
        self._doors = doors
        self._credentials = credentials
        self._pace = pace
        self._now = now

    async def run(self, addresses: Iterable[str], visited: Callable[[Found | None], None]) -> None:
        """Visit every address; `visited` is told each one's result, `None` where nothing answers."""
        waiting = iter(addresses)

        async def visitor() -> None:
            for address in waiting:
                visited(await self.visit(address))

        async with asyncio.TaskGroup() as visitors:
            for _ in range(self._pace.visits):
                visitors.create_task(visitor())

    async def visit(self, address: str) -> Found | None:
        """Return what one address shows, `None` when nothing is heard of it."""
        early = [door for door in self._doors.tcp if door.early]
        ping, (said, credential), first = await asyncio.gather(
            self._ask("icmp", address, count=1, wait=WAIT), self._snmp(address), self._knock(address, early)
        )
        heard = (
            ping.outcome is Outcome.OK or bool(said) or any(one.outcome.is_answer for one in first.values())
        )
        if not heard:
            return None
        late = [door for door in self._doors.tcp if not door.early]
        knocked = first | await self._knock(address, late)
        is_open = [door for door in self._doors.tcp if knocked[door.port].outcome is Outcome.OK]
        facts = [*said, *await self._sip(address)]
        for door in is_open:
            facts += await self._look(address, door)
        return Found(
            address,
            self._now(),
            ping.outcome is Outcome.OK,
            tuple(sorted(door.port for door in is_open)),
            _texts(facts),
            credential,
        )

    async def _knock(self, address: str, doors: Sequence[Door]) -> dict[int, Observation]:
        asked = (self._ask("tcp", address, timeout=2 * WAIT, port=door.port) for door in doors)
        return dict(zip((door.port for door in doors), await asyncio.gather(*asked), strict=True))

    async def _snmp(self, address: str) -> tuple[tuple[Fact, ...], str]:
        """Return what the agent says, and the name of the credential it answers to."""
        for port in self._doors.snmp:
            for name, credential in self._credentials.items():
                answer = await self._ask(
                    "snmp", address, credential, _LOOK, port=port, wait=WAIT, max_interfaces=0
                )
                if answer.facts:
                    return answer.facts, name
        return (), ""

    async def _sip(self, address: str) -> tuple[Fact, ...]:
        for port in self._doors.sip:
            answer = await self._ask("sip", address, timeout=3 * WAIT, port=port, wait=2 * WAIT)
            if answer.facts:
                return answer.facts
        return ()

    async def _look(self, address: str, door: Door) -> tuple[Fact, ...]:
        """Return what is said behind an open door."""
        if door.speaks == "ssh":
            return (await self._ask("ssh", address, timeout=_LOOK, port=door.port)).facts
        if door.speaks:
            url = f"{door.speaks}://{{address}}:{door.port}/"
            page = await self._ask(
                "http", address, timeout=_LOOK, url=url, verify=False, follow=2, max_bytes=65536
            )
            return page.facts
        return ()

    async def _ask(
        self,
        probe: str,
        address: str,
        credential: Credential | None = None,
        timeout: float = 2 * WAIT,
        **params: object,
    ) -> Observation:
        await self._pace.turn()
        asked = type(self._probes[probe]).params.model_validate_json(msgspec.json.encode(params))
        target = Target(f"discovery/{address}", address, credential)
        return await self._runner.run(Check(probe, probe, target, asked, 3600.0, timeout))


def _texts(facts: Iterable[Fact]) -> dict[str, str]:
    """Return the first value of each fact as a text; yes-or-no facts and empty ones say nothing here."""
    texts: dict[str, str] = {}
    for fact in facts:
        value = ", ".join(fact.value) if isinstance(fact.value, tuple) else fact.value
        if value != "" and not isinstance(value, bool):
            texts.setdefault(fact.name, clean(str(value), 200))
    return texts
