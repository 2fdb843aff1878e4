"""The engine against net-snmp's agent and against agents that err or lie."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.snmp import ber, message
from probes.snmp.ber import Malformed, oid
from probes.snmp.channel import Drop
from probes.snmp.collect import Collector
from probes.snmp.engine import Engine, Peer, socket_address
from probes.snmp.keys import KeyRing, localize, master
from probes.snmp.security import Community, Security
from probes.snmp.template import Template
from probes.snmp.usm import EngineState, User
from tests.servers import snmp_agent as twisted
from tests.servers.snmp_agent import Agent, Twist, agent, linux
from tests.servers.snmpd import PASSWORD, USERS, Snmpd, snmpd

SYS_NAME = oid("1.3.6.1.2.1.1.5.0")
ASK = Template.get((SYS_NAME,))
OURS = {"SHA": "SHA1", "AES": "AES128", "AES-192": "AES192", "AES-256": "AES256", "AES-256-C": "AES256"}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine() as running:
        yield running


def user(
    name: str, auth: str, priv: str, auth_password: str = PASSWORD, priv_password: str = PASSWORD
) -> User:
    auth, priv = OURS.get(auth, auth.replace("-", "")), OURS.get(priv, priv)
    return User(name, (auth, auth_password), (priv, priv_password), KeyRing(), time.monotonic)


def at(server: Snmpd | Agent, security: Security | None = None, wait: float = 0.3) -> Peer:
    return Peer(("127.0.0.1", server.port), security or Community("public"), wait)


async def name_of(engine: Engine, peer: Peer) -> ber.Value:
    return (await engine.request(peer, ASK)).varbinds[0][2]


async def failure(engine: Engine, peer: Peer) -> ProbeFailure:
    with pytest.raises(ProbeFailure) as caught:
        await engine.request(peer, ASK)
    return caught.value


# net-snmp


@pytest.mark.parametrize("version", [message.V1, message.V2C])
async def test_net_snmp_answers_a_community(engine: Engine, real: Snmpd, version: int) -> None:
    assert await name_of(engine, at(real, Community("cong-dong", version))) == b"may-chu-xa"


@pytest.mark.parametrize(("name", "auth", "priv"), USERS)
async def test_net_snmp_answers_every_pair_of_v3_protocols(
    engine: Engine, real: Snmpd, name: str, auth: str, priv: str
) -> None:
    peer = at(real, user(name, auth, priv), wait=1.0)
    assert await name_of(engine, peer) == b"may-chu-xa"
    assert await name_of(engine, peer) == b"may-chu-xa"


async def test_a_wrong_community_is_silence_and_says_what_it_may_be(engine: Engine, real: Snmpd) -> None:
    failed = await failure(engine, at(real, Community("khac")))
    assert failed.outcome is Outcome.TIMEOUT
    assert "wrong community" in failed.detail.en


@pytest.mark.parametrize(
    ("security", "words"),
    [
        (user("nobody", "SHA", "AES"), "user"),
        (user("sha1aes", "SHA", "AES", auth_password="another-one"), "digest"),
        (user("sha1aes", "SHA", "AES", priv_password="another-one"), "privacy password"),
        (user("sha1aes256", "SHA", "AES-256", priv_password="another-one"), "privacy password"),
        (user("sha1aes", "SHA-256", "AES"), "digest"),
    ],
)
async def test_what_a_v3_agent_does_not_accept_is_auth_failed(
    engine: Engine, real: Snmpd, security: User, words: str
) -> None:
    failed = await failure(engine, at(real, security))
    assert failed.outcome is Outcome.AUTH_FAILED
    assert words in failed.detail.en


async def test_an_absent_v3_agent_is_a_timeout_not_a_wrong_password(engine: Engine) -> None:
    async with agent(linux(), twist=twisted.silent) as mute:
        failed = await failure(engine, at(mute, user("sha1aes", "SHA", "AES"), wait=0.2))
    assert failed.outcome is Outcome.TIMEOUT


async def test_a_v3_agent_that_restarts_or_gets_another_engine_id_is_met_again(
    engine: Engine, tmp_path: Path
) -> None:
    with snmpd(tmp_path / "one", extra="engineID first-box") as first:
        known = user("sha256aes256", "SHA-256", "AES-256")
        peer = at(first, known, wait=1.0)
        assert await name_of(engine, peer) == b"may-chu-xa"
        assert known.state
        before, port = known.state, first.port
    # As if it had run for long and had been started often: net-snmp in a fresh folder has lost its boots.
    known.state = EngineState(before.id, before.boots + 5, before.offset - 100_000)
    with snmpd(tmp_path / "one", extra="engineID first-box", port=port):
        assert await name_of(engine, peer) == b"may-chu-xa"
        assert known.state.boots == before.boots
    with snmpd(tmp_path / "two", extra="engineID second-box", port=port):
        assert await name_of(engine, peer) == b"may-chu-xa"
        assert known.state.id != before.id


async def test_a_remembered_engine_needs_no_discovery(engine: Engine, real: Snmpd) -> None:
    first = user("sha1aes", "SHA", "AES")
    await name_of(engine, at(real, first, wait=1.0))
    again = user("sha1aes", "SHA", "AES")
    assert first.state
    again.recall(first.state)
    datagram = again.seal(ASK, 0x01020304)
    assert first.state.id in datagram
    assert await name_of(engine, at(real, again, wait=1.0)) == b"may-chu-xa"


async def test_a_wrongly_remembered_time_is_corrected(engine: Engine, real: Snmpd) -> None:
    known = user("sha1aes", "SHA", "AES")
    await name_of(engine, at(real, known, wait=1.0))
    assert known.state
    known.recall(EngineState(known.state.id, known.state.boots + 3, known.state.offset + 9_999))
    assert await name_of(engine, at(real, known, wait=1.0)) == b"may-chu-xa"


async def test_ipv6_works(engine: Engine, tmp_path: Path) -> None:
    with snmpd(tmp_path, host="::1") as six:
        peer = Peer(socket_address("::1", six.port), Community("cong-dong"))
        assert await name_of(engine, peer) == b"may-chu-xa"


# sources of keys


def test_keys_are_those_of_the_rfc() -> None:
    engine_id = bytes.fromhex("000000000000000000000002")
    md5, sha = master("md5", b"maplesyrup"), master("sha1", b"maplesyrup")
    assert localize("md5", md5, engine_id).hex() == "526f5eed9fcce26f8964c2930787d82b"
    assert localize("sha1", sha, engine_id).hex() == "6695febc9288e36282235fc7151f128497b38f3f"


# agents that err or lie


async def test_a_closed_port_is_refused_at_once(engine: Engine) -> None:
    async with agent(linux()) as gone:
        port = gone.port
    began = time.monotonic()
    failed = await failure(engine, Peer(("127.0.0.1", port), Community("public"), 5.0))
    assert failed.outcome is Outcome.REFUSED
    assert time.monotonic() - began < 1


async def test_a_refusal_ends_only_the_question_that_met_it(engine: Engine) -> None:
    async with agent(linux()) as gone:
        port = gone.port
    async with agent(linux()) as good:
        good.delay = 0.1
        peers = [at(good, wait=2.0)] * 8 + [Peer(("127.0.0.1", port), Community("public"), 2.0)] * 8
        results = await asyncio.gather(*(engine.request(peer, ASK) for peer in peers), return_exceptions=True)
    assert [isinstance(result, message.Pdu) for result in results] == [True] * 8 + [False] * 8
    assert {result.outcome for result in results if isinstance(result, ProbeFailure)} == {Outcome.REFUSED}


@pytest.mark.parametrize(
    "twist", [twisted.silent, twisted.wrong_id, twisted.another_community, twisted.from_another_address]
)
async def test_an_answer_that_is_not_ours_is_no_answer(engine: Engine, twist: Twist) -> None:
    async with agent(linux(), twist=twist) as liar:
        failed = await failure(engine, at(liar, wait=0.2))
        assert len(liar.requests) == 2
    assert failed.outcome is Outcome.TIMEOUT
    assert engine.drops.total() == (0 if twist is twisted.silent else 2)


async def test_the_retry_has_another_unpredictable_id(engine: Engine) -> None:
    async with agent(linux(), twist=twisted.silent) as mute:
        await failure(engine, at(mute, wait=0.1))
        first, second = (request.pdu.request_id for request in mute.requests)
    assert first != second
    assert abs(first - second) > 1


async def test_noise_is_skipped_and_counted(engine: Engine) -> None:
    async with agent(linux(), twist=twisted.garbage_first) as noisy:
        assert await name_of(engine, at(noisy)) == b"may-chu"
    assert engine.drops == {Drop.GARBAGE: 2, Drop.NOT_VALID: 1}


async def test_a_cancelled_question_leaves_nothing_behind(engine: Engine) -> None:
    async with agent(linux(), twist=twisted.silent) as mute:
        asking = asyncio.create_task(engine.request(at(mute, wait=5.0), ASK))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert not any(channel.waiting for channel in engine.channels)


async def test_many_questions_at_once_wait_for_their_turn_and_are_all_answered() -> None:
    async with agent(linux()) as good, Engine(shards=1, in_flight=50) as engine:
        answers = await asyncio.gather(*(name_of(engine, at(good, wait=5.0)) for _ in range(3000)))
    assert set(answers) == {b"may-chu"}


async def test_a_slow_agent_does_not_hold_up_the_others(engine: Engine) -> None:
    async with agent(linux()) as good, agent(linux(), twist=twisted.silent) as mute:
        stuck = [asyncio.create_task(engine.request(at(mute, wait=2.0), ASK)) for _ in range(200)]
        await asyncio.sleep(0)
        began = time.monotonic()
        await asyncio.gather(*(name_of(engine, at(good)) for _ in range(200)))
        assert time.monotonic() - began < 1
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


# reading what is not known yet


def collector(engine: Engine, served: Agent, version: int = message.V2C) -> Collector:
    return Collector(engine, at(served, Community("public", version)))


COLUMNS = [oid("1.3.6.1.2.1.2.2.1.8"), oid("1.3.6.1.2.1.31.1.1.1.6"), oid("1.3.6.1.2.1.99")]


@pytest.mark.parametrize("version", [message.V1, message.V2C])
@pytest.mark.parametrize("first", [1, 120, 16_380, 4_294_967_000])
async def test_columns_are_walked_whole(engine: Engine, version: int, first: int) -> None:
    async with agent(linux(interfaces=60, first=first)) as served:
        oper, received, absent = await collector(engine, served, version).walk(COLUMNS, 512)
    assert list(oper) == [ber.index_bytes((index,)) for index in range(first, first + 60)]
    assert len(received) == 60
    assert absent == {}


async def test_a_walk_ends_at_the_cap(engine: Engine) -> None:
    async with agent(linux(interfaces=60)) as served:
        oper, *_ = await collector(engine, served).walk(COLUMNS, 20)
    assert len(oper) == 20


async def test_a_table_that_goes_in_circles_is_a_protocol_error(engine: Engine) -> None:
    async with agent(linux(), twist=twisted.circle) as looping:
        with pytest.raises(ProbeFailure) as caught:
            await collector(engine, looping).walk(COLUMNS[:1], 512)
    assert caught.value.outcome is Outcome.PROTOCOL_ERROR
    assert "circles" in caught.value.detail.en


async def test_too_big_answers_are_asked_in_smaller_parts(engine: Engine) -> None:
    async with agent(linux(interfaces=40), most=7) as small:
        reader = collector(engine, small)
        names = [oid(f"1.3.6.1.2.1.31.1.1.1.1.{index}") for index in range(1, 41)]
        assert len(await reader.get(names)) == 40
        assert reader.binds <= 7
        oper, *_ = await reader.walk(COLUMNS[:2], 512)
        assert len(oper) == 40


async def test_a_variable_that_fails_does_not_hide_the_others(engine: Engine) -> None:
    bad = "1.3.6.1.2.1.2.1.0"
    async with agent(linux(), twist=twisted.gen_err_at(bad)) as served:
        found = await collector(engine, served).get([SYS_NAME, oid(bad), oid("1.3.6.1.2.1.1.3.0")])
    assert set(found) == {SYS_NAME, oid("1.3.6.1.2.1.1.3.0")}


async def test_v1_without_a_variable_gives_the_others(engine: Engine) -> None:
    async with agent(linux()) as served:
        found = await collector(engine, served, message.V1).get([oid("1.3.6.1.9.9.0"), SYS_NAME])
    assert set(found) == {SYS_NAME}


# noise in v3


def test_a_hundred_thousand_mutated_v3_messages_raise_nothing_but_the_documented() -> None:
    dice = random.Random(8)
    engine_id = bytes.fromhex("80001f8880deadbeef")
    known = user("giam-sat", "SHA", "AES")
    report = b"\x30\x11\x06\x0a\x2b\x06\x01\x06\x03\x0f\x01\x01\x04\x00\x41\x01\x01\x05\x00"
    known.recall(EngineState(engine_id, 3, time.monotonic() - 500))
    seeds = [known.seal(ASK, 0x01020304), user("x", "SHA", "AES").seal(ASK, 0x01020304), report]
    began, documented = time.monotonic(), 0
    for turn in range(100_000):
        mutated = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 3)):
            mutated[dice.randrange(len(mutated))] = dice.randrange(256)
        try:
            known.open(bytes(mutated), 0x01020304)
        except (Malformed, ProbeFailure):
            documented += 1
        if turn % 1000 == 0:
            known.recall(EngineState(engine_id, 3, time.monotonic() - 500))
    assert documented > 90_000
    assert time.monotonic() - began < 60
