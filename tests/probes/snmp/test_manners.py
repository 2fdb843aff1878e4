"""Politeness: a budget, answers that fit, one question at a time, and less of them to a device that stays silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import inventory.profiles
from inventory.profile import Profile, load_profiles
from inventory.secrets import Credential, Secret
from probes.core.hostkeys import NoHostKeys
from probes.core.observation import Fact, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.snmp import Params, Probe, ber, message
from probes.snmp.breaker import SILENT_POLLS, Breaker
from probes.snmp.collect import MAX_BINDS
from probes.snmp.engine import Engine, Peer
from probes.snmp.message import Message
from probes.snmp.security import Community, Security
from probes.snmp.session import POLLS_PER_PLAN, Session, studies
from tests import loopback
from tests.servers import snmp_agent as twisted
from tests.servers.snmp_agent import Agent, agent, linux
from tests.servers.snmp_v3_agent import its_user, v3_agent

UPTIME = ber.oid("1.3.6.1.2.1.1.3.0")
PUBLIC = Credential("snmp_v2c", {}, {"community": Secret("public")})


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    return dict(load_profiles(Path(inventory.profiles.__path__[0])))


@asynccontextmanager
async def session(
    served: Agent,
    profiles: dict[str, Profile],
    budget: int = 1000,
    security: Security | None = None,
    wait: float = 0.1,
) -> AsyncIterator[Session]:
    async with Engine() as engine:
        peer = Peer(("127.0.0.1", served.port), security or Community("public"), wait)
        yield Session(engine, peer, studies(profiles, None, 512, ()), budget=budget)


async def silence(device: Session) -> ProbeFailure:
    with pytest.raises(ProbeFailure) as caught:
        await device.poll()
    assert caught.value.outcome is Outcome.TIMEOUT
    return caught.value


# -- the breaker ---------------------------------------------------------------------------------------------


async def test_a_device_that_stays_silent_is_asked_one_cheap_question_until_it_answers(
    profiles: dict[str, Profile],
) -> None:
    async with agent(linux()) as served, session(served, profiles) as device:
        await device.poll()
        served.twist = twisted.silent
        for _ in range(SILENT_POLLS):
            await silence(device)
        served.requests.clear()
        failed = await silence(device)
        assert [[bind[0] for bind in request.pdu.varbinds] for request in served.requests] == [[UPTIME]]
        assert failed.answer.facts == (Fact("snmp.breaker", "open"),)
        assert "asked only for sysUpTime" in failed.detail.en
        served.twist = twisted.honest
        assert len((await device.poll()).samples) > 3


async def test_a_host_that_refuses_is_not_silent(profiles: dict[str, Profile]) -> None:
    async with agent(linux()) as served:
        gone = served
    async with session(gone, profiles) as device:
        for _ in range(SILENT_POLLS + 2):
            with pytest.raises(ProbeFailure) as caught:
                await device.poll()
            assert caught.value.outcome is Outcome.REFUSED
            assert caught.value.answer.facts == ()


def test_one_answer_closes_the_breaker() -> None:
    breaker = Breaker()
    for _ in range(SILENT_POLLS):
        assert not breaker.is_open
        breaker.stayed_silent()
    assert breaker.is_open
    breaker.answered()
    assert not breaker.is_open


async def test_a_deadline_shorter_than_our_patience_counts_as_silence(profiles: dict[str, Profile]) -> None:
    async with agent(linux(), twist=twisted.silent) as mute, session(mute, profiles) as device:
        for _ in range(SILENT_POLLS):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await device.poll()
        mute.requests.clear()
        assert (await silence(device)).answer.facts
        assert len(mute.requests) == 1


# -- answers that fit ----------------------------------------------------------------------------------------


def loses_more_than(most: int) -> twisted.Twist:
    """A path on which large answers are lost: fragments that a firewall drops."""

    def twist(request: Message, answer: Message) -> list[bytes]:
        return [message.encode(answer)] if len(answer.pdu.varbinds) <= most else []

    return twist


async def test_answers_that_get_lost_are_asked_in_smaller_parts_and_later_in_larger_ones(
    profiles: dict[str, Profile],
) -> None:
    async with agent(linux(30)) as served, session(served, profiles, wait=0.5) as device:
        served.twist = loses_more_than(11)
        while not await polled(device):
            assert len(served.requests) < 100
        read = await device.poll()
        assert sum(sample.metric == "hw.network.up" for sample in read.samples) == 30
        served.twist = twisted.honest
        for _ in range(5 * POLLS_PER_PLAN):
            served.requests.clear()
            await polled(device)
            if max(map(asked_for, served.requests)) > 24:
                break
        else:
            pytest.fail("the parts never grew again")


def asked_for(request: Message) -> int:
    asked = request.pdu
    times = asked.error_index if asked.tag == message.GET_BULK else 1
    assert len(asked.varbinds) * times <= MAX_BINDS
    return len(asked.varbinds) * times


async def polled(device: Session) -> bool:
    try:
        await device.poll()
    except ProbeFailure:
        return False
    return True


# -- the budget ----------------------------------------------------------------------------------------------


async def test_a_first_poll_beyond_the_budget_goes_on_at_the_next(profiles: dict[str, Profile]) -> None:
    async with agent(linux(120)) as served, session(served, profiles, budget=40, wait=5.0) as device:
        attempts = 1
        while not await polled(device):
            assert len(served.requests) <= 40 * attempts
            attempts += 1
        assert attempts > 1
        assert len(served.requests) <= 40 * attempts


async def test_two_checks_of_one_device_never_ask_at_the_same_time(
    profiles: dict[str, Profile], tmp_path: Path
) -> None:
    overlaps = busy = 0

    async with (
        agent(linux()) as served,
        Probe(Environment(profiles, NoHostKeys(), tmp_path, loopback.NETWORK)) as probe,
    ):
        served.delay = 0.005

        def seen(request: Message, answer: Message) -> list[bytes]:
            nonlocal busy, overlaps
            busy += 1
            overlaps += busy > 1
            asyncio.get_running_loop().call_later(0.004, done)
            return [message.encode(answer)]

        def done() -> None:
            nonlocal busy
            busy -= 1

        served.twist = seen
        target = Target("a/b", "127.0.0.1", PUBLIC)
        checks = [Params(port=served.port), Params(port=served.port, max_interfaces=1)] * 2
        await asyncio.gather(*(probe.ask(target, params) for params in checks))
        before = len(served.requests)
        await asyncio.gather(*(probe.ask(target, params) for params in checks))
    assert overlaps == 0
    assert len(served.requests) - before <= 2 * len(checks)


# -- what an operator should know of a v3 engine -------------------------------------------------------------


async def test_another_engine_id_is_told_once(profiles: dict[str, Profile]) -> None:
    user = its_user(time.monotonic)
    async with v3_agent(linux()) as served, session(served, profiles, security=user, wait=1.0) as device:
        assert not any(fact.name == "snmp.engine_event" for fact in (await device.poll()).facts)
        served.become("1/second")
        assert Fact("snmp.engine_event", "engine_id_changed") in (await device.poll()).facts
        assert not any(fact.name == "snmp.engine_event" for fact in (await device.poll()).facts)
