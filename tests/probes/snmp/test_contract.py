"""One contract for both engines, ours and pysnmp's: the same questions to net-snmp and to agents that err or lie.

Where pysnmp does otherwise the test says so by its name; these are the reasons why it is no engine for the poll loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.snmp import ber, message
from probes.snmp.ber import Value, oid
from probes.snmp.channel import Drop
from probes.snmp.collect import Collector
from probes.snmp.engine import Asks, Engine, Peer, socket_address
from probes.snmp.keys import KeyRing
from probes.snmp.reference import Reference
from probes.snmp.security import Community, Security
from probes.snmp.template import Template
from probes.snmp.usm import User
from tests.servers import snmp_agent as twisted
from tests.servers import snmp_v3_agent as v3
from tests.servers.snmp_agent import Agent, Twist, agent, linux
from tests.servers.snmp_v3_agent import V3Agent, its_user, v3_agent
from tests.servers.snmpd import PASSWORD, USERS, Snmpd, snmpd

SYS_NAME, SYS_UPTIME = oid("1.3.6.1.2.1.1.5.0"), oid("1.3.6.1.2.1.1.3.0")
ABSENT_COLUMN, ABSENT_ROW = oid("1.3.6.1.2.1.99.1.0"), oid("1.3.6.1.2.1.1.5.1")
OURS = {"SHA": "SHA1", "AES": "AES128", "AES-192": "AES192", "AES-256": "AES256", "AES-256-C": "AES256"}
STATE = oid("1.3.6.1.2.1.2.2.1.8")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


@pytest.fixture(params=["ours", "pysnmp"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Asks]:
    async with AsyncExitStack() as stack:
        ours = request.param == "ours"
        yield await stack.enter_async_context(Engine() if ours else Reference())


@pytest.fixture
async def ours() -> AsyncIterator[Engine]:
    async with Engine() as running:
        yield running


def at(server: Snmpd | Agent, security: Security | None = None, wait: float = 0.3) -> Peer:
    return Peer(("127.0.0.1", server.port), security or Community("public"), wait)


def user(name: str, auth: str, priv: str, password: str = PASSWORD) -> User:
    auth, priv = OURS.get(auth, auth.replace("-", "")), OURS.get(priv, priv)
    return User(name, (auth, password), (priv, password), KeyRing(), time.monotonic)


async def get(engine: Asks, peer: Peer, *names: bytes) -> list[Value]:
    return [value for _, _, value in (await engine.request(peer, Template.get(names))).varbinds]


async def failure(engine: Asks, peer: Peer) -> ProbeFailure:
    with pytest.raises(ProbeFailure) as caught:
        await get(engine, peer, SYS_NAME)
    return caught.value


# -- net-snmp ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [message.V1, message.V2C])
async def test_net_snmp_answers_each_kind_of_question_to_a_community(
    engine: Asks, real: Snmpd, version: int
) -> None:
    peer = at(real, Community("cong-dong", version), wait=2.0)
    assert await get(engine, peer, SYS_NAME) == [b"may-chu-xa"]
    following = await engine.request(peer, Template.get_next((SYS_UPTIME, SYS_NAME)))
    assert [bind[0] for bind in following.varbinds] == [oid("1.3.6.1.2.1.1.4.0"), oid("1.3.6.1.2.1.1.6.0")]
    if version == message.V2C:
        several = await engine.request(peer, Template.bulk((SYS_UPTIME, SYS_NAME), 2))
        assert [ber.dotted(name)[14:] for name, _, _ in several.varbinds] == ["4.0", "6.0", "5.0", "7.0"]
        absent = await engine.request(peer, Template.get((ABSENT_ROW,)))
        assert [bind[1] for bind in absent.varbinds] == [ber.NO_SUCH_INSTANCE]


@pytest.mark.parametrize(("name", "auth", "priv"), USERS)
async def test_net_snmp_answers_every_pair_of_v3_protocols(
    real: Snmpd, name: str, auth: str, priv: str
) -> None:
    async with Engine() as first, Reference(reeder=priv == "AES-256-C") as second:
        for engine in (first, second):
            peer = at(real, user(name, auth, priv), wait=2.0)
            assert await get(engine, peer, SYS_NAME) == [b"may-chu-xa"]
            assert await get(engine, peer, SYS_NAME) == [b"may-chu-xa"]


async def test_both_engines_read_the_same_values_of_net_snmp(real: Snmpd) -> None:
    columns = [oid(f"1.3.6.1.2.1.2.2.1.{n}") for n in (1, 2, 3, 5, 6)] + [oid("1.3.6.1.2.1.1.9.1.2")]
    async with Engine() as first, Reference() as second:
        peer = at(real, Community("cong-dong"), wait=2.0)
        walked = [await Collector(engine, peer).walk(columns, 100) for engine in (first, second)]
    assert walked[0] == walked[1]
    assert all(len(column) > 0 for column in walked[0])


async def test_both_engines_speak_ipv6(engine: Asks, tmp_path: Path) -> None:
    with snmpd(tmp_path, host="::1") as six:
        peer = Peer(socket_address("::1", six.port), Community("cong-dong"), 2.0)
        assert await get(engine, peer, SYS_NAME) == [b"may-chu-xa"]


@pytest.mark.parametrize(
    "security",
    [
        user("nobody", "SHA", "AES"),
        user("sha1aes", "SHA", "AES", "another-one"),
        user("sha1aes", "MD5", "AES"),
    ],
)
async def test_a_user_that_net_snmp_refuses_is_auth_failed(
    engine: Asks, real: Snmpd, security: Security
) -> None:
    assert (await failure(engine, at(real, security, wait=1.0))).outcome is Outcome.AUTH_FAILED


async def test_a_wrong_community_is_silence(engine: Asks, real: Snmpd) -> None:
    assert (await failure(engine, at(real, Community("khac"), wait=0.2))).outcome is Outcome.TIMEOUT


# -- agents that err -----------------------------------------------------------------------------------------


async def test_what_an_agent_does_not_have_is_no_value(engine: Asks) -> None:
    async with agent(linux()) as served:
        assert await get(engine, at(served), ABSENT_COLUMN, SYS_NAME, ABSENT_ROW) == [None, b"may-chu", None]
        last = (await engine.request(at(served), Template.get_next((oid("1.3.6.1.6"),)))).varbinds[0]
    assert (last[1], last[2]) == (ber.END_OF_MIB, None)


@pytest.mark.parametrize("status", [message.TOO_BIG, message.GEN_ERR, 16])
async def test_an_error_status_is_given_to_the_one_who_asked(engine: Asks, status: int) -> None:
    async with agent(linux(), twist=twisted.failing(status)) as failing:
        answer = await engine.request(at(failing), Template.get((SYS_NAME,)))
    assert answer.error_status == status


async def test_gen_err_with_an_index_costs_only_the_variable_it_points_at(engine: Asks) -> None:
    bad = "1.3.6.1.2.1.2.1.0"
    async with agent(linux(), twist=twisted.gen_err_at(bad)) as served:
        found = await Collector(engine, at(served)).get([SYS_NAME, oid(bad), SYS_UPTIME])
    assert set(found) == {SYS_NAME, SYS_UPTIME}


async def test_v1_says_no_such_name_and_the_others_are_read(engine: Asks) -> None:
    async with agent(linux()) as served:
        found = await Collector(engine, at(served, Community("public", message.V1))).get(
            [ABSENT_COLUMN, SYS_NAME]
        )
    assert set(found) == {SYS_NAME}


async def test_a_table_is_read_in_parts_from_a_small_agent(engine: Asks) -> None:
    async with agent(linux(interfaces=30), most=5) as small:
        (state,) = await Collector(engine, at(small)).walk([STATE], 100)
    assert len(state) == 30


async def test_a_huge_answer_arrives_whole(engine: Asks) -> None:
    """60 kB travel in many fragments, or in one packet over loopback: whole or not at all."""
    mib = linux() | {f"1.3.6.1.2.1.99.{n}": (ber.OCTETS, b"x" * 1000) for n in range(1, 61)}
    async with agent(mib) as served:
        answer = await engine.request(at(served, wait=2.0), Template.bulk((oid("1.3.6.1.2.1.99"),), 60))
    assert [len(value) for _, _, value in answer.varbinds if isinstance(value, bytes)] == [1000] * 60


async def test_values_of_every_kind_are_the_same_to_both(engine: Asks) -> None:
    values: list[tuple[int, Value]] = [
        (ber.INTEGER, -(2**31)),
        (ber.INTEGER, 2**31 - 1),
        (ber.OCTETS, b"\xff\xfe khong phai UTF-8 \x00"),
        (ber.OCTETS, b""),
        (ber.OID, oid("1.3.6.1.4.1.4294967295.0")),
        (ber.OID, oid("0.0")),
        (ber.IP_ADDRESS, bytes((203, 0, 113, 9))),
        (ber.COUNTER32, 2**32 - 1),
        (ber.GAUGE32, 2**31),
        (ber.TIMETICKS, 2**32 - 1),
        (ber.COUNTER64, 2**64 - 1),
        (ber.OPAQUE, 23.5),
        (ber.OPAQUE, 0.1),
        (ber.OPAQUE, math.inf),
    ]
    mib = {f"1.3.6.1.2.1.99.{n}.0": value for n, value in enumerate(values)}
    async with agent(mib) as served:
        asked = Template.get(tuple(oid(name) for name in mib))
        answer = await engine.request(at(served), asked)
    assert [(tag, value) for _, tag, value in answer.varbinds] == values


# -- agents that lie -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("twist", [twisted.silent, twisted.wrong_id, twisted.another_community])
async def test_what_answers_no_question_of_ours_is_no_answer(engine: Asks, twist: Twist) -> None:
    async with agent(linux(), twist=twist) as liar:
        assert (await failure(engine, at(liar, wait=0.2))).outcome is Outcome.TIMEOUT


async def test_an_answer_from_another_address_is_dropped_counted_and_named(ours: Engine) -> None:
    async with agent(linux(), twist=twisted.from_another_address) as liar:
        failed = await failure(ours, at(liar, wait=0.2))
    assert failed.outcome is Outcome.TIMEOUT
    assert "answers from port" in failed.detail.en
    assert ours.drops == {Drop.ANOTHER_ADDRESS: 2}


async def test_pysnmp_believes_an_answer_from_another_address() -> None:
    async with agent(linux(), twist=twisted.from_another_address) as liar, Reference() as engine:
        assert await get(engine, at(liar), SYS_NAME) == [b"may-chu"]


async def test_rows_that_repeat_end_the_walk(engine: Asks) -> None:
    async with agent(linux(), twist=twisted.circle) as looping:
        with pytest.raises(ProbeFailure) as caught:
            await Collector(engine, at(looping)).walk([STATE], 512)
    assert caught.value.outcome is Outcome.PROTOCOL_ERROR


async def test_rows_that_decrease_end_the_walk(engine: Asks) -> None:
    async with agent(linux(), twist=twisted.backwards) as looping:
        with pytest.raises(ProbeFailure) as caught:
            await Collector(engine, at(looping)).walk([STATE], 512)
    assert caught.value.outcome is Outcome.PROTOCOL_ERROR


async def test_a_table_without_end_is_cut_off(ours: Engine) -> None:
    async with agent(linux(), twist=twisted.endless) as looping:
        (rows,) = await Collector(ours, at(looping, wait=2.0)).walk([STATE], 512)
        assert len(rows) == 512
        asked = len(looping.requests)
        with pytest.raises(ProbeFailure) as caught:
            await Collector(ours, at(looping, wait=2.0)).walk([STATE], 10**9)
        assert len(looping.requests) - asked <= 400
    assert caught.value.outcome is Outcome.PROTOCOL_ERROR


async def test_noise_before_the_answer_is_skipped(ours: Engine) -> None:
    async with agent(linux(), twist=twisted.garbage_first) as noisy:
        assert await get(ours, at(noisy), SYS_NAME) == [b"may-chu"]
    assert ours.drops == {Drop.GARBAGE: 2, Drop.NOT_VALID: 1}


async def test_our_id_with_a_broken_content_is_no_answer_and_the_failure_says_so(ours: Engine) -> None:
    async with agent(linux(), twist=twisted.broken_content) as broken:
        failed = await failure(ours, at(broken, wait=0.2))
    assert failed.outcome is Outcome.TIMEOUT
    assert "no valid answer" in failed.detail.en
    assert ours.drops == {Drop.NOT_VALID: 2}


# -- v3 engines over time ------------------------------------------------------------------------------------


async def test_an_agent_that_restarts_is_asked_once_more_and_answers(engine: Asks) -> None:
    async with v3_agent(linux()) as served:
        peer = at(served, its_user(time.monotonic), wait=1.0)
        assert await get(engine, peer, SYS_NAME) == [b"may-chu"]
        served.boots, served.age = served.boots + 1, 3
        before = len(served.asked)
        assert await get(engine, peer, SYS_NAME) == [b"may-chu"]
        assert len(served.asked) - before == 2


async def test_a_clock_that_jumps_out_of_the_time_window_costs_one_more_question(engine: Asks) -> None:
    async with v3_agent(linux()) as served:
        peer = at(served, its_user(time.monotonic), wait=1.0)
        await get(engine, peer, SYS_NAME)
        served.age += 5000
        before = len(served.asked)
        assert await get(engine, peer, SYS_NAME) == [b"may-chu"]
        assert len(served.asked) - before == 2


async def test_a_box_exchanged_for_another_is_met_anew(ours: Engine) -> None:
    async with v3_agent(linux()) as served:
        known = its_user(time.monotonic)
        peer = at(served, known, wait=1.0)
        await get(ours, peer, SYS_NAME)
        served.become("1/second")
        before = len(served.asked)
        assert await get(ours, peer, SYS_NAME) == [b"may-chu"]
        assert len(served.asked) - before == 2
        assert known.take_news() == ("engine_id_changed",)
        assert known.take_news() == ()


async def test_boots_that_fell_are_believed_under_a_fresh_id_and_told(ours: Engine) -> None:
    async with v3_agent(linux()) as served:
        known = its_user(time.monotonic)
        peer = at(served, known, wait=1.0)
        await get(ours, peer, SYS_NAME)
        served.boots, served.age = 1, 10
        assert await get(ours, peer, SYS_NAME) == [b"may-chu"]
    assert known.take_news() == ("boots_fell",)


async def replayed(ours: Engine, served: V3Agent, known: User) -> ProbeFailure:
    peer = at(served, known, wait=0.2)
    assert await get(ours, peer, SYS_NAME) == [b"may-chu"]
    return await failure(ours, peer)


async def test_an_old_answer_sent_again_is_no_answer(ours: Engine) -> None:
    async with v3_agent(linux()) as served:
        served.reshape = v3.replaying()
        assert (await replayed(ours, served, its_user(time.monotonic))).outcome is Outcome.TIMEOUT
    assert ours.drops == {Drop.UNASKED: 2}


async def test_an_old_answer_under_a_new_id_has_a_wrong_digest(ours: Engine) -> None:
    async with v3_agent(linux()) as served:
        served.reshape = v3.renumbered()
        assert (await replayed(ours, served, its_user(time.monotonic))).outcome is Outcome.TIMEOUT
    assert ours.drops == {Drop.NOT_VALID: 2}


@pytest.mark.parametrize("twist", [v3.bent, v3.stripped])
async def test_what_was_changed_on_the_way_is_no_answer(ours: Engine, twist: v3.Twist) -> None:
    async with v3_agent(linux()) as served:
        known = its_user(time.monotonic)
        await get(ours, at(served, known), SYS_NAME)
        served.reshape = twist
        assert (await failure(ours, at(served, known, wait=0.2))).outcome is Outcome.TIMEOUT
    assert ours.drops == {Drop.NOT_VALID: 2}


async def test_an_agent_that_reports_for_ever_is_given_up(ours: Engine) -> None:
    async with v3_agent(linux()) as served:
        served.reshape = served.restarting
        failed = await failure(ours, at(served, its_user(time.monotonic), wait=0.5))
        assert len(served.asked) <= 5
    assert failed.outcome in (Outcome.TIMEOUT, Outcome.AUTH_FAILED)
