"""The codec of the TLS prober: hostile bytes end in `Malformed`, never in another exception."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.tls import suites
from probes.tls.hello import (
    MAX_HANDSHAKE,
    TLS_1_2,
    TLS_1_3,
    Alert,
    Malformed,
    Reader,
    ServerHello,
    client_hello,
    is_ssl2_server_hello,
)
from probes.tls.survey import Findings
from tests.servers.certificates import Authority

ALERT_70 = b"\x15\x03\x03\x00\x02\x02\x46"


def hello(version: int = TLS_1_2, suite: int = 0xC02F) -> bytes:
    body = version.to_bytes(2, "big") + bytes(32) + b"\x00" + suite.to_bytes(2, "big") + b"\x00"
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


@given(st.binary(max_size=600))
def test_any_bytes_give_an_answer_nothing_or_malformed(data: bytes) -> None:
    try:
        reply = Reader().feed(data)
    except Malformed:
        return
    assert reply is None or isinstance(reply, Alert | ServerHello)


@given(st.binary(max_size=300), st.integers(1, 7))
def test_a_hello_followed_by_anything_is_read_the_same_in_pieces(rest: bytes, step: int) -> None:
    data = hello() + b"\x16\x03\x03" + len(rest).to_bytes(2, "big") + rest
    whole, pieces = outcome([data]), outcome([data[at : at + step] for at in range(0, len(data), step)])
    assert whole == pieces


def outcome(parts: list[bytes]) -> object:
    reader = Reader()
    try:
        replies = [reply for part in parts if (reply := reader.feed(part)) is not None]
    except Malformed as error:
        return str(error)
    return replies[:1] or reader.so_far


def test_an_alert_is_a_refusal_with_its_number() -> None:
    assert Reader().feed(ALERT_70) == Alert(70)


def test_a_warning_before_the_hello_is_passed_over() -> None:
    reader = Reader()
    assert reader.feed(b"\x15\x03\x03\x00\x02\x01\x70") is None
    assert reader.feed(hello()) is None
    assert reader.so_far is not None


def test_a_handshake_over_the_limit_is_malformed() -> None:
    reader = Reader()
    record = b"\x16\x03\x03\x40\x00\x0b\x00\xff\xff" + bytes(0x4000 - 4)
    reader.feed(hello())
    with pytest.raises(Malformed):
        for _ in range(MAX_HANDSHAKE // 0x4000 + 1):
            reader.feed(record)


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_openssl_reads_our_hello_and_we_read_its_answer(version: int, tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("x", ("localhost",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(
        client_hello(version, suites.TLS_1_3 if version == TLS_1_3 else suites.GENERAL, "xã.example")
    )
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    answer = Reader().feed(outgoing.read())
    assert isinstance(answer, ServerHello)
    assert answer.version == version
    assert answer.secure_renegotiation
    assert len(answer.chain) == (0 if version == TLS_1_3 else 1)


def test_an_address_is_no_host_name_for_sni() -> None:
    assert len(client_hello(TLS_1_2, [1], "192.0.2.1")) == len(client_hello(TLS_1_2, [1]))
    assert len(client_hello(TLS_1_2, [1], "a.example")) > len(client_hello(TLS_1_2, [1]))


def test_every_weak_suite_is_named_once_and_no_good_one_is_among_them() -> None:
    numbers = [number for kind in suites.WEAK for number in kind]
    assert len(numbers) == len(set(numbers)) == 55
    assert not set(numbers) & set(suites.FORWARD_SECRET)
    assert all(name.startswith("TLS_") for kind in suites.WEAK for name in kind.values())


def test_an_incomplete_list_of_versions_never_passes_for_a_good_one() -> None:
    unsure = Findings((TLS_1_2,), (0x0301,), None, None, None, None)
    assert {fact.name for fact in unsure.facts("443")} == {"tls.untested_versions"}
    bad_anyway = Findings((TLS_1_2, 0x0300), (0x0301,), None, None, None, None)
    assert ("SSLv3", "TLS1.2") in [fact.value for fact in bad_anyway.facts("443")]


@given(st.binary(max_size=20))
def test_only_an_ssl2_server_hello_is_one(data: bytes) -> None:
    assert not is_ssl2_server_hello(data) or data[2] == 4


def test_an_ssl2_server_hello_is_recognised() -> None:
    assert is_ssl2_server_hello(b"\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00")
