"""Neighbours are read from agents that have every table, some or none, and from agents that lie."""

from __future__ import annotations

import pytest

from inventory.secrets import Credential, Secret
from probes.core.observation import Answer, FactValue, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.snmp import Params, Probe, What, ber
from tests.servers import snmp_agent as twisted
from tests.servers.snmp_agent import Mib, Twist, agent, linux

PUBLIC = Credential("snmp_v2c", {}, {"community": Secret("public")})
LLDP = "1.0.8802.1.1.2.1"
OWN, OTHER = bytes.fromhex("00005e005301"), bytes.fromhex("00005e005302")
MULTICAST = "1.0.94.0.0.1"


def text(value: str) -> tuple[int, ber.Value]:
    return ber.OCTETS, value.encode()


def number(value: int) -> tuple[int, ber.Value]:
    return ber.INTEGER, value


def neighbour(row: str, chassis: tuple[int, bytes], name: str) -> Mib:
    return {
        f"{LLDP}.4.1.1.4.{row}": number(chassis[0]),
        f"{LLDP}.4.1.1.5.{row}": (ber.OCTETS, chassis[1]),
        f"{LLDP}.4.1.1.7.{row}": text("gi1/0/24"),
        f"{LLDP}.4.1.1.9.{row}": text(name),
        f"{LLDP}.4.1.1.10.{row}": text("a switch"),
    }


SWITCH: Mib = {
    **linux(),
    f"{LLDP}.3.2.0": (ber.OCTETS, OWN),
    f"{LLDP}.3.7.1.3.7": text("port 7"),
    **neighbour("0.7.1", (4, OTHER), "sw2"),
    **neighbour("0.8.2", (5, bytes((1, 192, 0, 2, 9))), "sw3"),
    f"{LLDP}.4.2.1.3.0.7.1.1.4.192.0.2.3": number(2),
    "1.3.6.1.4.1.9.9.23.1.2.1.1.4.2.1": (ber.OCTETS, bytes((192, 0, 2, 4))),
    "1.3.6.1.4.1.9.9.23.1.2.1.1.6.2.1": text("phone"),
    "1.3.6.1.2.1.17.1.4.1.2.33": number(2),
    "1.3.6.1.2.1.17.4.3.1.2.0.0.94.0.83.9": number(33),
    f"1.3.6.1.2.1.17.4.3.1.2.{MULTICAST}": number(33),
    "1.3.6.1.2.1.17.7.1.2.2.1.2.10.0.0.94.0.83.9": number(33),
    "1.3.6.1.2.1.4.22.1.2.2.192.0.2.7": (ber.OCTETS, bytes.fromhex("00005e005307")),
    "1.3.6.1.2.1.4.22.1.2.2.192.0.2.8": (ber.OCTETS, b""),
}


async def ask(environment: Environment, mib: Mib, twist: Twist = twisted.honest) -> Answer:
    async with Probe(environment) as probe, agent(mib, twist=twist) as served:
        params = Params(port=served.port, read=What.NEIGHBOURS, wait=0.3)
        return await probe.ask(Target("a/b", "127.0.0.1", PUBLIC), params)


def facts(answer: Answer) -> list[tuple[str, str, FactValue]]:
    return [(fact.name, fact.subject, fact.value) for fact in answer.facts]


async def test_every_table_is_read_and_names_the_ports(environment: Environment) -> None:
    found = facts(await ask(environment, SWITCH))
    mac = "00:00:5e:00:53:0"
    assert (
        "neighbours.told",
        "port 7",
        ("LLDP", "sw2", f"{mac}2", "gi1/0/24", "192.0.2.3", "a switch"),
    ) in found
    assert ("neighbours.told", "8", ("LLDP", "sw3", "", "gi1/0/24", "192.0.2.9", "a switch")) in found
    assert ("neighbours.told", "Gi0/2", ("CDP", "phone", "", "", "192.0.2.4", "")) in found
    assert ("neighbours.behind", "Gi0/2", (f"{mac}9",)) in found, "once, and no multicast address"
    assert ("neighbours.addresses", "", (f"192.0.2.7 {mac}7",)) in found
    own = next(value for name, _, value in found if name == "neighbours.own")
    assert isinstance(own, tuple) and own[0] == f"{mac}1"


async def test_an_agent_without_any_of_it_says_so_cheaply(environment: Environment) -> None:
    async with Probe(environment) as probe, agent(linux()) as served:
        params = Params(port=served.port, read=What.NEIGHBOURS)
        answer = await probe.ask(Target("a/b", "127.0.0.1", PUBLIC), params)
        assert len(served.requests) < 10
    assert answer.detail.en.startswith("0 neighbours")


@pytest.mark.parametrize("twist", [twisted.circle, twisted.backwards, twisted.endless])
async def test_an_agent_that_lies_is_a_protocol_error_or_bounded(
    environment: Environment, twist: Twist
) -> None:
    try:
        answer = await ask(environment, SWITCH, twist)
    except ProbeFailure as failure:
        assert failure.outcome is Outcome.PROTOCOL_ERROR
    else:
        assert sum(name == "neighbours.told" for name, _, _ in facts(answer)) <= 128


async def test_what_neighbours_say_is_cleaned_and_bounded(environment: Environment) -> None:
    rows = {
        oid: row
        for n in range(300)
        for oid, row in neighbour(f"0.{n}.1", (7, b"\xff\x00<b>"), "\u202e" * 400).items()
    }
    told = [
        value
        for name, _, value in facts(await ask(environment, {**linux(), **rows}))
        if name == "neighbours.told"
    ]
    assert len(told) == 128
    assert all(
        len(part) <= 120 and "\u202e" not in part
        for value in told
        if isinstance(value, tuple)
        for part in value
    )
