"""The tls probe against real nginx with good and bad certificates, and against servers that speak no TLS."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from probes.core.observation import Answer, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.tls import Probe, TlsParams
from tests.servers import hostile
from tests.servers.certificates import Authority, Pair, strong_rsa, weak_rsa
from tests.servers.debian import require
from tests.servers.nginx import OLD_PROTOCOLS, nginx, tls

WEAK_ONLY = "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0;"
WITHOUT_CIPHER = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0;"
BAD = ("expired", "not_yet_valid", "self_signed", "name_mismatch", "weak_key", "weak_signature", "untrusted")


@pytest.fixture
async def probe(environment: Environment) -> AsyncIterator[Probe]:
    async with Probe(environment) as opened:
        yield opened


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


async def ask(
    probe: Probe, port: int, ca: Path | None = None, *, name: str = "localhost", seconds: float = 20
) -> Answer:
    params = TlsParams(port=port, server_name=name, ca_file=str(ca) if ca else None, pause=0)
    async with asyncio.timeout(seconds):
        return await probe.ask(Target("site/web", "127.0.0.1"), params)


def facts(answer: Answer) -> dict[str, object]:
    return {fact.name.removeprefix("tls."): fact.value for fact in answer.facts}


def faults(answer: Answer) -> set[str]:
    found = facts(answer)
    return {name for name in BAD if found.get(f"certificate.{name}") is True}


async def test_a_good_server_has_no_fault(probe: Probe, authority: Authority, tmp_path: Path) -> None:
    async with nginx(tmp_path / "web", tls(authority.issue("good"))) as port:
        answer = await ask(probe, port, authority.root)
    found = facts(answer)
    assert found["versions"] == ("TLS1.2", "TLS1.3")
    assert found["weak_ciphers"] == ()
    assert found["forward_secrecy"] is True
    assert [found[f"certificate.{name}"] for name in BAD] == [False] * len(BAD)
    assert found["certificate.key"] == "EC secp256r1"
    assert {fact.subject for fact in answer.facts} == {str(port)}
    (left,) = answer.samples
    assert (left.metric, left.unit, left.labels) == ("tls.certificate.remaining", "s", (("port", str(port)),))
    assert 89 * 86400 < left.value < 90 * 86400


MAKERS: dict[str, Callable[[Authority], Pair]] = {
    "expired": lambda ca: ca.issue("x", days=(-30, -1)),
    "not_yet_valid": lambda ca: ca.issue("x", days=(1, 30)),
    "self_signed": lambda ca: ca.issue("x", own=True),
    "name_mismatch": lambda ca: ca.issue("x", ("other.example", "*.localhost")),
    "weak_key": lambda ca: ca.issue("x", key=weak_rsa()),
    "untrusted": lambda ca: ca.issue("x", through=True, complete=False),
}


@pytest.mark.parametrize("fault", sorted(MAKERS))
async def test_one_fault_of_a_certificate_is_that_fault_alone(
    fault: str, probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    pair = MAKERS[fault](authority)
    async with nginx(tmp_path / "web", tls(pair, OLD_PROTOCOLS)) as port:
        answer = await ask(probe, port, authority.root)
    assert faults(answer) == {fault}
    if fault == "expired":
        assert answer.samples[0].value < 0


async def test_a_name_only_in_the_common_name_does_not_count(
    probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    async with nginx(tmp_path / "web", tls(authority.issue("localhost", ()))) as port:
        assert faults(await ask(probe, port, authority.root)) == {"name_mismatch"}


async def test_without_a_name_to_compare_a_mismatch_is_unknown(
    probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    async with nginx(tmp_path / "web", tls(authority.issue("x", ("other.example",)))) as port:
        assert "certificate.name_mismatch" not in facts(await ask(probe, port, authority.root, name=""))


async def test_an_intermediate_sent_along_is_trusted(
    probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    async with nginx(tmp_path / "web", tls(authority.issue("x", through=True))) as port:
        assert faults(await ask(probe, port, authority.root)) == set()


def made_by_openssl(folder: Path, digest: str) -> Pair:
    openssl = require("openssl", package="openssl")
    pair = Pair(folder / "made.pem", folder / "made.key")
    make = [
        openssl,
        "req",
        "-x509",
        digest,
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=localhost",
    ]
    make += [
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(pair.key),
        "-out",
        str(pair.certificate),
    ]
    subprocess.run(make, check=True, capture_output=True)
    return pair


def short_prime(folder: Path) -> Path:
    openssl = require("openssl", package="openssl")
    prime = folder / "dh.pem"
    subprocess.run(
        [openssl, "dhparam", "-dsaparam", "-out", str(prime), "1024"], check=True, capture_output=True
    )
    return prime


async def test_a_sha1_signature_is_weak(probe: Probe, tmp_path: Path) -> None:
    pair = made_by_openssl(tmp_path, "-sha1")
    async with nginx(tmp_path / "web", tls(pair, OLD_PROTOCOLS)) as port:
        assert faults(await ask(probe, port)) == {"self_signed", "weak_signature"}


async def test_old_versions_are_found_and_the_absence_of_new_ones(
    probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    async with nginx(tmp_path / "web", tls(authority.issue("x", key=weak_rsa()), WEAK_ONLY)) as port:
        found = facts(await ask(probe, port, authority.root))
    assert found["versions"] == ("TLS1.0",)
    assert found["forward_secrecy"] is False


async def test_suites_without_cipher_and_without_certificate_are_named(
    probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    async with nginx(tmp_path / "web", tls(authority.issue("x", key=strong_rsa()), WITHOUT_CIPHER)) as port:
        found = facts(await ask(probe, port, authority.root))
    assert found["versions"] == ("TLS1.0", "TLS1.1", "TLS1.2")
    weak = found["weak_ciphers"]
    assert isinstance(weak, tuple)
    assert any("NULL" in name for name in weak)
    assert any("anon" in name for name in weak)


async def test_a_short_diffie_hellman_prime_is_measured(
    probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    prime = short_prime(tmp_path)
    more = f"ssl_protocols TLSv1.2; ssl_ciphers DHE:@SECLEVEL=0; ssl_dhparam {prime};"
    async with nginx(tmp_path / "web", tls(authority.issue("x", key=strong_rsa()), more)) as port:
        assert facts(await ask(probe, port, authority.root))["dh_bits"] == 1024


async def test_a_server_of_tls_1_3_only_shows_its_certificate_too(
    probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    async with nginx(tmp_path / "web", tls(authority.issue("x"), "ssl_protocols TLSv1.3;")) as port:
        answer = await ask(probe, port, authority.root)
    assert facts(answer)["versions"] == ("TLS1.3",)
    assert facts(answer)["weak_ciphers"] == ()
    assert faults(answer) == set()
    assert answer.samples


def answering(replies: dict[bytes, bytes]) -> hostile.TcpBehaviour:
    """Answer a hello by the two bytes of its version; no entry: say nothing."""

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(4096)
        version = (
            b"2" if hello[0] & 0x80 else (b"1.3" if b"\x2b\x00\x03\x02\x03\x04" in hello else hello[9:11])
        )
        writer.write(replies.get(version, b""))
        await reader.read()

    return behaviour


def server_hello(version: bytes) -> bytes:
    body = version + bytes(32) + b"\x00\x00\x2f\x00"
    message = b"\x02" + len(body).to_bytes(3, "big") + body + b"\x0e\x00\x00\x00"
    return b"\x16" + version + len(message).to_bytes(2, "big") + message


REFUSED = b"\x15\x03\x01\x00\x02\x02\x46"
SSL_2_HELLO = b"\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00"
NOTHING_OLD = {
    b"\x03\x02": REFUSED,
    b"\x03\x01": REFUSED,
    b"\x03\x00": REFUSED,
    b"1.3": REFUSED,
    b"2": REFUSED,
}


async def test_ssl_2_and_3_are_found(probe: Probe) -> None:
    replies = {**NOTHING_OLD, b"\x03\x03": server_hello(b"\x03\x03"), b"\x03\x00": server_hello(b"\x03\x00")}
    async with hostile.tcp(answering({**replies, b"2": SSL_2_HELLO})) as server:
        found = facts(await ask(probe, server.port))
    assert found["versions"] == ("SSLv2", "SSLv3", "TLS1.2")
    assert "untested_versions" not in found


async def test_a_version_whose_test_got_no_answer_is_unknown_and_the_list_is_left_out(probe: Probe) -> None:
    replies = {**NOTHING_OLD, b"\x03\x03": server_hello(b"\x03\x03")}
    del replies[b"\x03\x01"]
    async with hostile.tcp(answering(replies)) as server:
        found = facts(await ask(probe, server.port))
    assert found["untested_versions"] == ("TLS1.0",)
    assert "versions" not in found


async def fails(probe: Probe, port: int, seconds: float = 5) -> ProbeFailure:
    with pytest.raises(ProbeFailure) as caught:
        await ask(probe, port, seconds=seconds)
    return caught.value


async def test_a_closed_port_is_refused_not_down(probe: Probe) -> None:
    with hostile.refusing_tcp() as server:
        assert (await fails(probe, server.port)).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "behaviour", [hostile.garbage, hostile.huge_line, hostile.hang_up, hostile.reset_on_request]
)
async def test_what_is_not_tls_is_a_protocol_error(probe: Probe, behaviour: hostile.TcpBehaviour) -> None:
    async with hostile.tcp(behaviour) as server:
        assert (await fails(probe, server.port)).outcome is Outcome.PROTOCOL_ERROR


async def test_a_plain_http_server_is_a_protocol_error_that_says_not_tls(probe: Probe) -> None:
    async with hostile.tcp(hostile.says(b"HTTP/1.1 400 Bad Request\r\n\r\n", wait=True)) as server:
        assert "not TLS" in (await fails(probe, server.port)).detail.en


@pytest.mark.parametrize("behaviour", [hostile.silent, hostile.drip(b"\x16\x03\x01\x40\x00", pause=0.05)])
async def test_silence_and_slowness_end_at_the_deadline(
    probe: Probe, behaviour: hostile.TcpBehaviour
) -> None:
    start = time.monotonic()
    async with hostile.tcp(behaviour) as server:
        with pytest.raises(TimeoutError):
            await ask(probe, server.port, seconds=0.5)
    assert time.monotonic() - start < 2


async def test_an_endless_certificate_list_is_cut(probe: Probe) -> None:
    """Abuse case A60: records of one handshake message that never ends."""
    start = b"\x16\x03\x03\x40\x00\x02\xff\xff\xff" + bytes(0x4000 - 4)
    async with hostile.tcp(hostile.endless(start, chunk=b"\x16\x03\x03\x40\x00" + bytes(0x4000))) as server:
        failure = await fails(probe, server.port)
    assert failure.outcome is Outcome.PROTOCOL_ERROR


async def test_an_authority_file_that_is_missing_says_something_about_us(
    probe: Probe, tmp_path: Path
) -> None:
    with pytest.raises(ProbeFailure) as caught:
        await ask(probe, 443, tmp_path / "absent.pem")
    assert caught.value.outcome is Outcome.NOT_READY
