"""The tcp probe against open, closed, filtered and talkative ports."""

from __future__ import annotations

import asyncio

import pytest

from probes.core.observation import Answer, Fact, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.tcp import Params, Probe
from tests.servers.hostile import (
    TcpBehaviour,
    drip,
    endless,
    filtered_tcp,
    hang_up,
    refusing_tcp,
    reset,
    says,
    silent,
    tcp,
)

TELNET_NEGOTIATION = b"\xff\xfd\x18\xff\xfd\x20\xff\xfa\x27\x01\xff\xf0"


async def ask(environment: Environment, port: int, address: str = "127.0.0.1", **params: object) -> Answer:
    settings = Params.model_validate({"port": port, **params})
    async with Probe(environment) as probe:
        return await probe.ask(Target("x/y", address), settings)


async def test_an_open_port_is_ok_with_the_time_it_took(environment: Environment) -> None:
    async with tcp(silent) as server:
        answer = await ask(environment, server.port)
    (sample,) = answer.samples
    assert (sample.metric, sample.unit) == ("tcp.connect.duration", "s")
    assert 0 < sample.value < 1
    assert answer.facts == (Fact("tcp.port", "open", str(server.port)),)
    assert answer.detail.en.startswith(f"TCP port {server.port} is open, ")


async def test_a_closed_port_is_refused_and_told_as_a_fact(environment: Environment) -> None:
    with refusing_tcp() as closed, pytest.raises(ProbeFailure) as failure:
        await ask(environment, closed.port)
    assert failure.value.outcome is Outcome.REFUSED
    assert failure.value.answer.facts == (Fact("tcp.port", "closed", str(closed.port)),)


async def test_a_closed_port_that_should_be_closed_is_a_good_answer(environment: Environment) -> None:
    with refusing_tcp() as closed:
        answer = await ask(environment, closed.port, expect="closed")
    assert answer.facts == (Fact("tcp.port", "closed", str(closed.port)),)
    assert answer.samples == ()


async def test_an_open_port_that_should_be_closed_is_evidence_and_no_failure(
    environment: Environment,
) -> None:
    async with tcp(silent) as server:
        answer = await ask(environment, server.port, expect="closed")
    assert Fact("tcp.port", "open", str(server.port)) in answer.facts
    assert answer.detail.en == f"TCP port {server.port} is open and should be closed"


@pytest.mark.parametrize("expect", ["open", "closed"])
async def test_a_filtered_port_is_silence_until_the_deadline(environment: Environment, expect: str) -> None:
    with filtered_tcp() as filtered, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await ask(environment, filtered.port, expect=expect)


async def test_a_banner_becomes_a_fact_cleaned_and_bounded(environment: Environment) -> None:
    async with tcp(says(b"220 \x1b[31mred\x00 \xe2\x80\xae mail\r\nmore\r\n")) as server:
        answer = await ask(environment, server.port, banner=True)
    facts = {fact.name: fact.value for fact in answer.facts}
    assert facts["tcp.banner"] == "220 �[31mred� � mail more"
    assert facts["tcp.telnet"] is False


@pytest.mark.parametrize(
    "said",
    [TELNET_NEGOTIATION, b"\r\nWelcome to R1\r\nlogin: ", b"Username:", TELNET_NEGOTIATION + b"Password: "],
)
async def test_telnet_is_known_by_its_negotiation_or_its_prompt(
    environment: Environment, said: bytes
) -> None:
    async with tcp(says(said)) as server:
        answer = await ask(environment, server.port, banner=True, expect="closed")
    assert Fact("tcp.telnet", True, str(server.port)) in answer.facts
    assert all("\ufffd" not in str(fact.value) for fact in answer.facts)


@pytest.mark.parametrize("behaviour", [silent, hang_up, reset, drip(b"a", pause=0.5), endless()])
async def test_no_server_keeps_the_banner_reader_longer_than_its_second(
    environment: Environment, behaviour: TcpBehaviour
) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with tcp(behaviour) as server:
        answer = await ask(environment, server.port, banner=True)
    assert Fact("tcp.port", "open", str(server.port)) in answer.facts
    assert loop.time() - started < 1.5
    assert all(len(str(fact.value)) <= 256 for fact in answer.facts)


async def test_ipv6_and_host_names_work(environment: Environment) -> None:
    async with tcp(silent, host="::1") as six, tcp(silent) as four:
        assert (await ask(environment, six.port, "::1")).samples
        assert (await ask(environment, four.port, "::ffff:127.0.0.1")).samples


async def test_a_name_that_does_not_resolve_is_unreachable(environment: Environment) -> None:
    with pytest.raises(ProbeFailure, match="the name no-such") as failure:
        await ask(environment, 22, "no-such.invalid")
    assert failure.value.outcome is Outcome.UNREACHABLE
