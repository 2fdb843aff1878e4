"""The sip probe: its codec, its transactions with a scripted agent, and Debian's baresip."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.core.observation import Answer, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.core.text import clean
from probes.sip import Params, Probe
from probes.sip.message import MAX_FIELDS, MAX_HEAD, Malformed, Options, parse
from tests.servers.baresip import baresip
from tests.servers.hostile import (
    TcpBehaviour,
    UdpBehaviour,
    drip,
    endless,
    garbage,
    hang_up,
    huge_line,
    mute,
    noise,
    refusing_tcp,
    refusing_udp,
    reset,
    reset_on_request,
    silent,
    tcp,
    udp,
)
from tests.servers.sip_agent import answer, deaf, replying, serving
from tests.servers.sipp import sipp

OK = answer("200 OK", "Server: Codec \x07 9", "Allow: INVITE, OPTIONS", "Allow: BYE,<b>,options")


async def ask(environment: Environment, port: int, address: str = "127.0.0.1", **params: Any) -> Answer:
    settings = Params.model_validate({"port": port, "wait": 2.0, **params})
    async with Probe(environment) as probe:
        return await probe.ask(Target("x/y", address), settings)


async def failing(environment: Environment, port: int, **params: Any) -> ProbeFailure:
    with pytest.raises(ProbeFailure) as failure:
        await ask(environment, port, **params)
    return failure.value


def samples(told: Answer) -> dict[str, float]:
    return {sample.metric: sample.value for sample in told.samples}


def facts(told: Answer) -> dict[str, object]:
    return {fact.name: fact.value for fact in told.facts}


# -- What each answer means --------------------------------------------------------------------------------


async def test_a_living_unit_tells_its_time_its_product_and_its_methods(environment: Environment) -> None:
    async with udp(replying(OK)) as agent:
        told = await ask(environment, agent.port)
    assert 0 < samples(told)["sip.rtt"] < 0.4
    assert samples(told)["sip.response.status_code"] == 200
    assert samples(told)["sip.retransmissions"] == 0
    assert facts(told) == {
        "sip.status": "200 OK",
        "sip.server": "Codec � 9",
        "sip.allow": ("BYE", "INVITE", "OPTIONS"),
    }
    assert told.detail.en.startswith("200 OK, ")


@pytest.mark.parametrize(
    "status",
    ["202 Accepted", "302 Moved", "400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found",
     "405 Method Not Allowed", "407 Proxy Authentication Required", "486 Busy Here", "501 Not Implemented",
     "603 Decline"],
)  # fmt: skip
async def test_any_final_response_is_a_living_stack(environment: Environment, status: str) -> None:
    async with udp(replying(answer(status))) as agent:
        assert facts(await ask(environment, agent.port))["sip.status"] == status


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("408 Request Timeout", Outcome.TIMEOUT),
        ("500 Server Internal Error", Outcome.PROTOCOL_ERROR),
        ("503 Service Unavailable", Outcome.PROTOCOL_ERROR),
    ],
)
async def test_a_unit_that_cannot_serve_fails_with_what_it_said(
    environment: Environment, status: str, outcome: Outcome
) -> None:
    async with udp(replying(answer(status))) as agent:
        failure = await failing(environment, agent.port)
    assert (failure.outcome, failure.detail.en) == (outcome, f"answered {status}")
    assert samples(failure.answer)["sip.response.status_code"] == int(status[:3])


async def test_a_provisional_response_is_waited_out(environment: Environment) -> None:
    async with udp(replying(answer("100 Trying"), OK)) as agent:
        assert facts(await ask(environment, agent.port))["sip.status"] == "200 OK"


async def test_only_provisional_responses_are_a_protocol_error(environment: Environment) -> None:
    async with udp(replying(answer("100 Trying"))) as agent:
        failure = await failing(environment, agent.port, wait=0.7)
    assert failure.outcome is Outcome.PROTOCOL_ERROR
    assert failure.detail.en == "100 Trying and then no final response"


# -- UDP ---------------------------------------------------------------------------------------------------


async def test_a_lost_request_is_sent_again_unchanged(environment: Environment) -> None:
    async with udp(deaf(1, OK)) as agent:
        told = await ask(environment, agent.port)
    assert samples(told)["sip.retransmissions"] == 1
    assert 0.5 <= samples(told)["sip.rtt"] < 0.9
    assert agent.received[0] == agent.received[1]


async def test_two_questions_share_no_identity(environment: Environment) -> None:
    async with udp(replying(OK)) as agent:
        await ask(environment, agent.port)
        await ask(environment, agent.port)
    one, two = (parse(request) for request in agent.received)
    for name in ("via", "call-id", "from"):
        assert one.first(name) != two.first(name)


async def test_silence_is_a_timeout_that_says_how_often_we_asked(environment: Environment) -> None:
    async with udp(mute) as agent:
        failure = await failing(environment, agent.port, wait=1.6)
    assert failure.outcome is Outcome.TIMEOUT
    assert failure.detail.en == "no reply to 3 OPTIONS requests in 1.6 s"
    assert agent.connections == 3


async def test_a_port_without_sip_is_refused(environment: Environment) -> None:
    with refusing_udp() as closed:
        failure = await failing(environment, closed.port)
    assert failure.outcome is Outcome.REFUSED


def echo(datagram: bytes) -> list[bytes]:
    return [datagram]


def flood(datagram: bytes) -> list[bytes]:
    return [b"x"] * 2000


STRANGERS = {
    "another branch": lambda request: OK(request).replace(b"branch=z9hG4bK", b"branch=z9hG4bKother"),
    "another Call-ID": lambda request: OK(request).replace(b"Call-ID: ", b"Call-ID: x"),
    "another method": lambda request: OK(request).replace(b"1 OPTIONS", b"1 INVITE"),
    "no Via": answer("200 OK", without="via"),
    "no CSeq": answer("200 OK", without="cseq"),
    "status 700": answer("700 What"),
    "status 099": answer("099 What"),
}


NONSENSE: dict[str, UdpBehaviour] = {
    "noise": noise,
    "our own request": echo,
    "a flood": flood,
    **{name: replying(respond) for name, respond in STRANGERS.items()},
}


async def test_what_is_no_response_to_us_is_a_protocol_error_soon(environment: Environment) -> None:
    async def outcome(behaviour: UdpBehaviour) -> Outcome:
        async with udp(behaviour) as agent, asyncio.timeout(1.8):
            return (await failing(environment, agent.port, wait=8.0)).outcome

    outcomes = await asyncio.gather(*map(outcome, NONSENSE.values()))
    assert dict(zip(NONSENSE, outcomes, strict=True)) == dict.fromkeys(NONSENSE, Outcome.PROTOCOL_ERROR)


async def test_the_true_answer_is_heard_among_noise(environment: Environment) -> None:
    async with udp(lambda datagram: [*noise(datagram), OK(datagram)]) as agent:
        assert facts(await ask(environment, agent.port))["sip.status"] == "200 OK"


async def test_an_answer_of_another_address_is_not_heard(environment: Environment) -> None:
    loop = asyncio.get_running_loop()
    async with udp(mute) as agent:
        other, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.2", agent.port)
        )
        question = asyncio.create_task(failing(environment, agent.port, wait=0.6))
        await asyncio.sleep(0.2)
        host, port = parse(agent.received[0]).first("via").split()[1].split(";")[0].split(":")
        other.sendto(OK(agent.received[0]), (host, int(port)))
        failure = await question
        other.close()
    assert failure.outcome is Outcome.TIMEOUT


# -- TCP and TLS -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PEM file with a key and its self-signed certificate, as conference units have."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "codec")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=2))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("sip") / "codec.pem"
    path.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()) + signed.public_bytes(pem))
    return path


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("before", [b"", b"\r\n\r\n"])
async def test_over_tcp_a_living_unit_answers_after_its_keep_alives(
    environment: Environment, before: bytes
) -> None:
    async with tcp(serving(answer("100 Trying"), OK, before=before)) as agent:
        told = await ask(environment, agent.port, transport="tcp")
    assert facts(told)["sip.status"] == "200 OK"
    assert samples(told)["sip.connect.duration"] > 0


async def test_over_tls_a_self_signed_unit_answers_and_tells_its_version(
    environment: Environment, certificate: Path
) -> None:
    async with tcp(serving(OK), tls=server_tls(certificate)) as agent:
        told = await ask(environment, agent.port, transport="tls")
    assert facts(told)["sip.tls_version"] == "TLSv1.3"


HOSTILE_STREAMS = [
    (garbage, Outcome.PROTOCOL_ERROR),
    (huge_line, Outcome.PROTOCOL_ERROR),
    (endless(), Outcome.PROTOCOL_ERROR),
    (endless(chunk=b"\r\n\r\n" * 1000), Outcome.PROTOCOL_ERROR),
    (endless(chunk=b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"), Outcome.PROTOCOL_ERROR),
    (serving(answer("100 Trying", "l: 9999999")), Outcome.PROTOCOL_ERROR),
    (serving(answer("100 Trying", "l: -1")), Outcome.PROTOCOL_ERROR),
    (hang_up, Outcome.PROTOCOL_ERROR),
    (reset, Outcome.PROTOCOL_ERROR),
    (reset_on_request, Outcome.PROTOCOL_ERROR),
    (serving(answer("100 Trying")), Outcome.PROTOCOL_ERROR),
    (silent, Outcome.TIMEOUT),
    (drip(b"SIP/2.0 200 OK\r\n", pause=0.2), Outcome.TIMEOUT),
]


@pytest.mark.parametrize(("behaviour", "outcome"), HOSTILE_STREAMS)
async def test_over_tcp_every_hostile_server_has_its_outcome(
    environment: Environment, behaviour: TcpBehaviour, outcome: Outcome
) -> None:
    async with tcp(behaviour) as agent:
        failure = await failing(environment, agent.port, transport="tcp", wait=0.7)
    assert failure.outcome is outcome


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [(garbage, Outcome.PROTOCOL_ERROR), (hang_up, Outcome.PROTOCOL_ERROR), (reset, Outcome.PROTOCOL_ERROR),
     (reset_on_request, Outcome.PROTOCOL_ERROR), (silent, Outcome.TIMEOUT)],
)  # fmt: skip
async def test_what_speaks_no_tls_has_its_outcome(
    environment: Environment, behaviour: TcpBehaviour, outcome: Outcome
) -> None:
    async with tcp(behaviour) as agent:
        failure = await failing(environment, agent.port, transport="tls", wait=0.7)
    assert failure.outcome is outcome


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_closed_tcp_port_is_refused(environment: Environment, transport: str) -> None:
    with refusing_tcp() as closed:
        failure = await failing(environment, closed.port, transport=transport)
    assert failure.outcome is Outcome.REFUSED


# -- The real thing ----------------------------------------------------------------------------------------


async def test_baresip_answers_over_udp_tcp_and_tls(
    environment: Environment, certificate: Path, tmp_path: Path
) -> None:
    async with baresip(tmp_path, certificate=certificate) as unit:
        for transport, port in (("udp", unit.port), ("tcp", unit.port), ("tls", unit.tls_port)):
            told = await ask(environment, port, transport=transport, user="commune")
            assert facts(told)["sip.status"] == "200 OK"
            assert str(facts(told)["sip.server"]).startswith("baresip v")
            assert "INVITE" in facts(told)["sip.allow"]  # type: ignore[operator]


async def test_baresip_without_that_user_is_still_alive_and_stopped_it_is_refused(
    environment: Environment, tmp_path: Path
) -> None:
    async with baresip(tmp_path) as unit:
        assert facts(await ask(environment, unit.port))["sip.status"] == "404 Not Found"
    assert (await failing(environment, unit.port)).outcome is Outcome.REFUSED


async def test_sipp_that_is_busy_is_alive(environment: Environment, tmp_path: Path) -> None:
    async with sipp(tmp_path) as port:
        told = await ask(environment, port, user="commune")
    assert facts(told) == {"sip.status": "486 Busy Here", "sip.server": "SIPp"}
    assert samples(told)["sip.rtt"] >= 0.1


# -- The codec ---------------------------------------------------------------------------------------------

REQUEST = Options("sip:192.0.2.7:5060", "UDP", "192.0.2.1:40000")


def test_our_request_is_what_rfc_3261_asks_for() -> None:
    message = parse(REQUEST.encode())
    assert message.start == "OPTIONS sip:192.0.2.7:5060 SIP/2.0"
    assert message.status == 0
    names = {name for name, _ in message.fields}
    assert names >= {"via", "max-forwards", "from", "to", "call-id", "cseq", "contact", "content-length"}
    assert message.first("via").endswith(";rport")
    assert REQUEST.encode().endswith(b"\r\n\r\n")


def test_compact_folded_and_bare_newline_forms_are_understood() -> None:
    raw = (
        f"SIP/2.0 200\nv:\tSIP/2.0/UDP x;received=1.2.3.4\n ;Branch={REQUEST.branch};rport=5\n"
        f"I: {REQUEST.call_id}\nCSeq: 1  OPTIONS\nl: 0\n\nbody: no\n"
    ).encode()
    message = parse(raw)
    assert REQUEST.is_answered_by(message)
    assert (message.status, message.reason, message.first("body")) == (200, "", "")


@pytest.mark.parametrize(
    "raw",
    [b"", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"SIP/2.0 200 OK\r\nno colon\r\n\r\n",
     b"SIP/2.0 200 OK\r\n: empty\r\n\r\n", b"SIP/2.0 200 OK\r\nb\xffd: 1\r\n\r\n",
     b"SIP/2.0 200 OK\r\n" + b"a: 1\r\n" * (MAX_FIELDS + 1), b"SIP/2.0 200 OK\r\na: " + b"x" * MAX_HEAD],
)  # fmt: skip
def test_what_is_no_message_or_too_much_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse(raw)


@given(st.binary(max_size=600) | st.binary(max_size=300).map(lambda tail: b"SIP/2.0 200 OK\r\n" + tail))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    try:
        message = parse(raw)
    except Malformed:
        return
    assert len(message.fields) <= MAX_FIELDS
    assert not REQUEST.is_answered_by(message)
    assert clean(message.reason).isprintable()


MUTATION = st.tuples(st.integers(0, 10_000), st.binary(max_size=3))


@given(st.lists(MUTATION, min_size=1, max_size=6))
def test_a_damaged_answer_is_understood_or_malformed_and_never_a_surprise(
    mutations: list[tuple[int, bytes]],
) -> None:
    raw = OK(REQUEST.encode())
    for place, replacement in mutations:
        at = place % (len(raw) + 1)
        raw = raw[:at] + replacement + raw[at + 1 :]
    try:
        message = parse(raw)
        REQUEST.is_answered_by(message)
        assert 0 <= message.content_length <= 999_999
    except Malformed:
        pass


TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).filter(lambda name: name != "l")
VALUE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40).map(str.strip)


@given(st.lists(st.tuples(TOKEN, VALUE), max_size=20), st.integers(100, 699))
def test_what_is_written_is_read_again(fields: list[tuple[str, str]], status: int) -> None:
    raw = f"SIP/2.0 {status} Fine\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    message = parse(raw.encode())
    assert (message.status, message.reason) == (status, "Fine")
    assert [value for _, value in message.fields] == [value for _, value in fields]


@pytest.mark.parametrize("user", ["a\r\nb", "a b", "a@b", "x" * 65, "a\n"])
def test_a_user_that_would_break_the_request_is_refused(user: str) -> None:
    with pytest.raises(ValidationError):
        Params(user=user)
