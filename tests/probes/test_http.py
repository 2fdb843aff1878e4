"""The http probe against real nginx, and against servers that lie, flood or say nothing."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from inventory.secrets import Credential, Secret
from probes.core.observation import Answer, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.http import HttpParams, Probe
from tests.servers import hostile
from tests.servers.certificates import Authority, weak_rsa
from tests.servers.nginx import nginx, tls

PLAIN = "listen 127.0.0.1:{port}; "
PAGE = """<title>Router  login</title><form><input name="p" TYPE = "password"></form>"""
LOGIN = f"location / {{{{ return 200 '{PAGE}'; }}}}"
BASIC = Credential("http_basic", {"user": "monitor"}, {"password": Secret("mật khẩu")})


@pytest.fixture
async def probe(environment: Environment) -> AsyncIterator[Probe]:
    async with Probe(environment) as opened:
        yield opened


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


async def ask(
    probe: Probe,
    url: str,
    *,
    credential: Credential | None = None,
    address: str = "127.0.0.1",
    seconds: float = 10,
    **params: Any,
) -> Answer:
    asked = HttpParams.model_validate_json(
        json.dumps({"url": url, **params})
    )  # as the inventory's loader does
    async with asyncio.timeout(seconds):
        return await probe.ask(Target("site/web", address, credential), asked)


async def fails(
    probe: Probe,
    url: str,
    *,
    credential: Credential | None = None,
    address: str = "127.0.0.1",
    **params: Any,
) -> ProbeFailure:
    with pytest.raises(ProbeFailure) as caught:
        await ask(probe, url, credential=credential, address=address, **params)
    return caught.value


def plain(port: int, path: str = "/") -> str:
    return f"http://{{address}}:{port}{path}"


def secure(port: int) -> str:
    return f"https://{{address}}:{port}/"


def facts(answer: Answer) -> dict[str, object]:
    return {fact.name: fact.value for fact in answer.facts}


def phases(answer: Answer) -> dict[str, float]:
    return {
        dict(sample.labels)["phase"]: sample.value
        for sample in answer.samples
        if sample.metric == "http.duration"
    }


# -- good and bad certificates -----------------------------------------------------------------------------


async def test_a_good_page_over_https_has_its_phases_and_the_certificates_days(
    probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    site = tls(authority.issue("good")) + ' add_header Strict-Transport-Security "max-age=31536000";'
    async with nginx(tmp_path / "web", site) as port:
        answer = await ask(probe, secure(port), ca_file=str(authority.root))
    assert set(phases(answer)) == {"connect", "tls", "first_byte", "transfer"}
    assert all(seconds >= 0 for seconds in phases(answer).values())
    assert answer.detail.en.startswith("200 OK, 35 bytes in ")
    found = facts(answer)
    assert found["http.status"] == 200
    assert found["http.title"] == "Cổng dịch vụ"
    assert found["http.hsts_max_age"] == 31536000
    assert found["tls.certificate.expired"] is False
    assert found["tls.certificate.name_mismatch"] is False
    (left,) = (sample.value for sample in answer.samples if sample.metric == "tls.certificate.remaining")
    assert 89 * 86400 < left < 90 * 86400


async def test_a_name_costs_a_phase_of_its_own(probe: Probe, authority: Authority, tmp_path: Path) -> None:
    async with nginx(tmp_path / "web", tls(authority.issue("good"))) as port:
        answer = await ask(probe, secure(port), address="localhost", ca_file=str(authority.root))
    assert "dns" in phases(answer)


@pytest.mark.parametrize(
    ("fault", "words"),
    [("expired", "expired"), ("self_signed", "self-signed"), ("name_mismatch", "mismatch")],
)
async def test_a_bad_certificate_fails_and_is_recorded_all_the_same(
    fault: str, words: str, probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    pair = {
        "expired": lambda: authority.issue("x", days=(-30, -1)),
        "self_signed": lambda: authority.issue("x", own=True),
        "name_mismatch": lambda: authority.issue("x", ("other.example",)),
    }[fault]()
    async with nginx(tmp_path / "web", tls(pair)) as port:
        wanted: dict[str, Any] = {"server_name": "localhost", "ca_file": str(authority.root)}
        failure = await fails(probe, secure(port), **wanted)
        answer = await ask(probe, secure(port), verify=False, **wanted)
    assert failure.outcome is Outcome.PROTOCOL_ERROR
    assert words in failure.detail.en
    assert facts(failure.answer)[f"tls.certificate.{fault}"] is True
    assert any(sample.metric == "tls.certificate.remaining" for sample in failure.answer.samples)
    assert facts(answer)[f"tls.certificate.{fault}"] is True
    assert facts(answer)["http.status"] == 200


async def test_an_old_device_answers_when_nothing_is_verified(
    probe: Probe, authority: Authority, tmp_path: Path
) -> None:
    old = tls(authority.issue("x", key=weak_rsa()), "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0;")
    async with nginx(tmp_path / "web", old) as port:
        failure = await fails(probe, secure(port))
        answer = await ask(probe, secure(port), verify=False)
    assert failure.outcome is Outcome.PROTOCOL_ERROR
    assert facts(answer)["tls.certificate.weak_key"] is True


# -- what is expected --------------------------------------------------------------------------------------


async def test_an_unexpected_status_is_named_beside_the_expected_one(probe: Probe, tmp_path: Path) -> None:
    async with nginx(tmp_path / "web", PLAIN + "location / {{ return 502; }}") as port:
        failure = await fails(probe, plain(port))
        answer = await ask(probe, plain(port), status=["200", "5xx"])
    assert failure.outcome is Outcome.PROTOCOL_ERROR
    assert failure.detail.en == "expected 2xx, 3xx, got 502 Bad Gateway"
    assert facts(failure.answer)["http.status"] == 502
    assert facts(answer)["http.status"] == 502


async def test_the_page_must_contain_and_must_not_contain(probe: Probe, tmp_path: Path) -> None:
    async with nginx(
        tmp_path / "web", PLAIN + 'charset utf-8; location / {{ return 200 "Cổng dịch vụ"; }}'
    ) as port:
        await ask(probe, plain(port), body_contains="dịch vụ", body_missing="lỗi")
        lacking = await fails(probe, plain(port), body_contains="một cửa")
        forbidden = await fails(probe, plain(port), body_missing="Cổng")
    assert lacking.detail.en == "the page does not contain 'một cửa'"
    assert forbidden.detail.en == "the page contains 'Cổng'"
    assert lacking.outcome is forbidden.outcome is Outcome.PROTOCOL_ERROR


async def test_a_redirect_is_recorded_and_not_followed(probe: Probe, tmp_path: Path) -> None:
    """Abuse case A17."""
    async with hostile.tcp(hostile.silent) as inside:
        site = PLAIN + f"location / {{{{ return 302 http://127.0.0.1:{inside.port}/latest/meta-data; }}}}"
        async with nginx(tmp_path / "web", site) as port:
            answer = await ask(probe, plain(port), follow=5)
    assert facts(answer)["http.redirect"] == f"http://127.0.0.1:{inside.port}/latest/meta-data"
    assert inside.connections == 0


async def test_a_redirect_within_the_same_origin_is_followed_when_asked(probe: Probe, tmp_path: Path) -> None:
    site = (
        PLAIN + "absolute_redirect off; location = / {{ return 302 /login; }} location /login " + LOGIN[11:]
    )
    async with nginx(tmp_path / "web", site) as port:
        unfollowed = facts(await ask(probe, plain(port)))
        followed = facts(await ask(probe, plain(port), follow=1))
    assert "http.plain_login" not in unfollowed, "a page not seen is unknown, not good"
    assert followed["http.plain_login"] is True
    assert followed["http.title"] == "Router login"


async def test_a_login_page_over_plain_http_is_found(probe: Probe, tmp_path: Path) -> None:
    async with nginx(tmp_path / "web", PLAIN + LOGIN) as port:
        assert facts(await ask(probe, plain(port)))["http.plain_login"] is True


async def test_a_redirect_to_https_is_no_plain_login(probe: Probe, tmp_path: Path) -> None:
    async with nginx(tmp_path / "web", PLAIN + "location / {{ return 301 https://127.0.0.1/; }}") as port:
        found = facts(await ask(probe, plain(port)))
    assert found["http.plain_login"] is False
    assert found["http.https_redirect"] is True


async def test_basic_authentication_over_plain_http_is_found(probe: Probe, tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("a:{PLAIN}b\n")
    site = PLAIN + f"auth_basic x; auth_basic_user_file {users}; location / {{{{ try_files $uri =404; }}}}"
    async with nginx(tmp_path / "web", site) as port:
        found = facts(await ask(probe, plain(port), status=["401"]))
    assert found["http.basic_over_plain"] is True


# -- credentials -------------------------------------------------------------------------------------------


async def echo_authorization(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    sent = next((line for line in head.splitlines() if line.lower().startswith("authorization")), "none")
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(sent)}\r\n\r\n{sent}".encode())
    await writer.drain()


async def test_a_credential_is_sent_as_rfc_7617_says(probe: Probe) -> None:
    expected = base64.b64encode("monitor:mật khẩu".encode()).decode()
    async with hostile.tcp(echo_authorization) as server:
        await ask(probe, plain(server.port), credential=BASIC, body_contains=f"Basic {expected}")


async def test_a_bearer_token_is_sent(probe: Probe) -> None:
    token = Credential("http_bearer", {}, {"token": Secret("abc.def")})
    async with hostile.tcp(echo_authorization) as server:
        await ask(probe, plain(server.port), credential=token, body_contains="Bearer abc.def")


async def test_a_refused_credential_is_auth_failed(probe: Probe) -> None:
    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    async with hostile.tcp(hostile.says(answer, wait=True)) as server:
        failure = await fails(probe, plain(server.port), credential=BASIC)
    assert failure.outcome is Outcome.AUTH_FAILED
    assert "mật" not in failure.detail.en


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "https://192.0.2.1/"])
async def test_a_credential_is_never_sent_in_the_clear_or_to_an_unverified_server(
    url: str, probe: Probe
) -> None:
    failure = await fails(probe, url, credential=BASIC, verify=False)
    assert failure.outcome is Outcome.NOT_READY
    assert "not sent" in failure.detail.en


async def test_a_token_with_a_line_break_is_not_sent_and_not_shown(probe: Probe) -> None:
    token = Credential("http_bearer", {}, {"token": Secret("CANARY\r\nX: y")})
    failure = await fails(probe, "http://127.0.0.1:1/", credential=token)
    assert failure.outcome is Outcome.NOT_READY
    assert "CANARY" not in failure.detail.en


# -- hostile servers ---------------------------------------------------------------------------------------


async def test_a_closed_port_is_refused_not_down(probe: Probe) -> None:
    with hostile.refusing_tcp() as server:
        assert (await fails(probe, plain(server.port))).outcome is Outcome.REFUSED
        assert (await fails(probe, secure(server.port))).outcome is Outcome.REFUSED


async def test_a_name_that_does_not_exist_is_unreachable(probe: Probe) -> None:
    failure = await fails(probe, "http://{address}/", address="no-such-host.invalid")
    assert failure.outcome is Outcome.UNREACHABLE


@pytest.mark.parametrize(
    "behaviour",
    [hostile.garbage, hostile.huge_line, hostile.hang_up, hostile.reset, hostile.reset_on_request],
)
@pytest.mark.parametrize("url", [plain, secure])
async def test_what_is_not_http_is_a_protocol_error(
    probe: Probe, behaviour: hostile.TcpBehaviour, url: object
) -> None:
    assert callable(url)
    async with hostile.tcp(behaviour) as server:
        assert (await fails(probe, url(server.port))).outcome is Outcome.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"A" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZZ\r\n",
    ],
    ids=["huge-header", "many-headers", "two-lengths", "status", "chunk"],
)
async def test_broken_http_is_a_protocol_error(probe: Probe, head: bytes) -> None:
    """Abuse case A16 among them."""
    async with hostile.tcp(hostile.says(head, wait=True)) as server:
        failure = await fails(probe, plain(server.port))
    assert failure.outcome is Outcome.PROTOCOL_ERROR
    assert len(failure.detail.en) < 300


async def test_an_endless_body_is_cut_at_the_limit(probe: Probe) -> None:
    """Abuse case A14."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    async with hostile.tcp(hostile.endless(head)) as server:
        answer = await ask(probe, plain(server.port), max_bytes=100_000)
    assert next(s.value for s in answer.samples if s.metric == "http.response.body.size") == 100_000
    assert "http.plain_login" not in facts(answer), "the part not read may hold it"


async def test_a_compressed_bomb_is_not_unpacked(probe: Probe) -> None:
    """Abuse case A13."""
    bomb = gzip.compress(bytes(50 * 1024 * 1024))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    async with hostile.tcp(hostile.says(head + bomb, wait=True)) as server:
        answer = await ask(probe, plain(server.port))
    assert next(s.value for s in answer.samples if s.metric == "http.response.body.size") == len(bomb)


@pytest.mark.parametrize(
    "behaviour",
    [hostile.silent, hostile.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", pause=0.05)],
)
async def test_silence_and_slowness_end_at_the_deadline(
    probe: Probe, behaviour: hostile.TcpBehaviour
) -> None:
    """Abuse case A15."""
    start = time.monotonic()
    async with hostile.tcp(behaviour) as server:
        for url in (plain(server.port), secure(server.port)):
            if url.startswith("https") and behaviour is not hostile.silent:
                continue  # a dripped text is no TLS at its first byte
            with pytest.raises(TimeoutError):
                await ask(probe, url, seconds=0.5)
    assert time.monotonic() - start < 3


ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-16\r\nSet-Cookie: a=b\r\nWWW-Authenticate: Basic x\r\n"
    b"Content-Length: 30\r\n\r\n<title>hello</title><input type=password>",
    b"HTTP/1.1 302 Found\r\nLocation: http://[::1/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /next?x=1\r\nStrict-Transport-Security: max-age=5\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 x\r\nLocation: \xe2\x80\xae\r\nContent-Length: 0\r\n\r\n",
)


def damaged(chance: random.Random) -> bytes:
    answer = bytearray(chance.choice(ANSWERS))
    for _ in range(chance.choice((0, 1, 2, 5))):
        at = chance.randrange(len(answer))
        answer[at : at + chance.randrange(4)] = bytes(
            chance.choice(b"\r\n:;= <\x00\xffa1") for _ in range(chance.randrange(4))
        )
    return bytes(answer)


async def test_damaged_answers_never_become_a_bug_of_ours(probe: Probe) -> None:
    chance = random.Random(20261)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(damaged(chance))
        await writer.drain()

    outcomes = set()
    async with hostile.tcp(answer) as server:
        for _ in range(400):
            try:
                await ask(probe, plain(server.port), follow=1)
            except ProbeFailure as failure:
                outcomes.add(failure.outcome)
            else:
                outcomes.add(Outcome.OK)
    assert outcomes == {Outcome.OK, Outcome.PROTOCOL_ERROR}


async def test_headers_are_cleaned_before_they_become_facts(probe: Probe) -> None:
    """Abuse cases A35 and A36."""
    lines = (
        "HTTP/1.1 200 OK",
        "Server: a\u202eb\u0085",
        "Content-Length: 0",
        "Set-Cookie: sid=1; Path=/",
        "",
        "",
    )
    head = "\r\n".join(lines).encode()
    async with hostile.tcp(hostile.says(head, wait=True)) as server:
        answer = await ask(probe, plain(server.port))
    assert facts(answer)["http.server"] == "a\ufffdb"
    assert facts(answer)["http.insecure_cookies"] == ("sid",)


@pytest.mark.parametrize("url", ["ftp://x/", "x", "http://", "http://user:pw@host/", "file:///etc/passwd"])
def test_an_address_that_is_no_web_address_is_refused_at_load(url: str) -> None:
    with pytest.raises(ValidationError):
        HttpParams(url=url)


@pytest.mark.parametrize("status", ["2", "20x", "600", "2XX", ""])
def test_a_status_that_is_none_is_refused_at_load(status: str) -> None:
    with pytest.raises(ValidationError):
        HttpParams(status=(status,))
