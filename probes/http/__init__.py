"""Does a web address answer as expected, how long does each phase take, and is its certificate good?

Each attempt opens a connection of its own, because that is what a user's first click feels: name, TCP, TLS,
first byte, transfer. Redirects are recorded and followed only within the same origin and only when asked to
(abuse case A17); the body is asked for uncompressed and read up to a limit (A13, A14).

References: RFC 9110, 9112, 6797, 7617, 6750; OpenTelemetry HTTP semantic conventions.
"""

from __future__ import annotations

import base64
import ssl
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Annotated, Literal

import aiohttp
from pydantic import Field, field_validator
from yarl import URL

from inventory.network_policy import is_loopback
from inventory.secrets import Credential
from probes.core.certificate import Certificate, Unreadable
from probes.core.observation import Answer, Fact, Outcome, Sample
from probes.core.probe import Params, ProbeFailure, Target
from probes.core.probe import Probe as BaseProbe
from probes.core.text import clean
from probes.core.trust import lenient, shake_hands, verifying
from probes.core.words import Words, same
from probes.http.dial import CertificateRefused, Dial
from probes.http.page import Page

_REFRESH = 3600.0
"""Seconds after which certificate authorities are read from disk again."""

Status = Annotated[str, Field(pattern=r"^[1-5](xx|[0-9]{2})$")]


class HttpParams(Params):
    """What to ask a web server."""

    url: Annotated[str, Field(max_length=1000)] = "https://{address}/"
    """Address to get; ``{address}`` stands for the device's."""
    method: Literal["GET", "HEAD"] = "GET"
    """GET, or HEAD to leave the body out."""
    status: Annotated[tuple[Status, ...], Field(min_length=1)] = ("2xx", "3xx")
    """Status codes that are right: ``[200, 3xx]``."""
    body_contains: Annotated[str, Field(max_length=500)] = ""
    """Text the page must contain."""
    body_missing: Annotated[str, Field(max_length=500)] = ""
    """Text the page must not contain: ``"Internal error"``."""
    verify: bool = True
    """Whether the certificate must be good; when not, its faults are still recorded."""
    server_name: Annotated[str, Field(max_length=253)] = ""
    """Name for Host, SNI and certificate when the URL has a bare address."""
    ca_file: str | None = None
    """Further certificate authorities to trust, a PEM file."""
    follow: Annotated[int, Field(ge=0, le=5)] = 0
    """How many redirects to follow within the same scheme, host and port."""
    max_bytes: Annotated[int, Field(ge=1024, le=4 * 1024 * 1024)] = 256 * 1024
    """Bytes of the body to read at most."""
    insecure_credential: bool = False
    """Send the credential over plain HTTP or to an unverified server too."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parsed = URL(value.replace("{address}", "192.0.2.1"))
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.user or parsed.password:
            raise ValueError("must be an http:// or https:// address without a user name")
        return value


class Probe(BaseProbe[HttpParams]):
    """Asks web servers as a user's browser would, once."""

    params = HttpParams
    credential_kinds = ("http_basic", "http_bearer")
    interval = 60.0
    timeout = 10.0

    _settings: dict[tuple[bool, str | None], tuple[float, ssl.SSLContext]]

    async def __aenter__(self) -> Probe:
        """Start without TLS settings: reading the system's authorities takes milliseconds and is shared."""
        self._settings = {}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing stays open."""

    async def ask(self, target: Target, params: HttpParams) -> Answer:
        """Get the page, record everything about it, then compare it with what is expected."""
        url = _url(target.address, params)
        headers = {"Accept-Encoding": "identity", "User-Agent": "commune-monitor", "Accept": "*/*"}
        if params.server_name:
            headers["Host"] = params.server_name
        headers |= _authorization(target.credential, url, params)
        phases: dict[str, float] = {}
        address = await self._resolve(url.host or "", phases)
        for _ in range(params.follow + 1):
            settings = self._tls(params.verify, params.ca_file)
            dial = Dial(self.environment.network, address, settings, params.server_name)
            page = await self._get(dial, address, url, headers, params)
            for name, seconds in dial.phases.items():
                phases[name] = phases.get(name, 0.0) + seconds
            if page.next_within_origin is None:
                break
            url = page.next_within_origin
        answer = _answer(page, dial, phases, params, str(_url(target.address, params)))
        _compare(page, params, answer, credential=target.credential is not None)
        return answer

    async def _resolve(self, host: str, phases: dict[str, float]) -> str:
        """Return the address to ask, also after redirects: they stay within the host."""
        start = time.perf_counter()
        address = await self.environment.network.resolve(host)
        if address != host:
            phases["dns"] = time.perf_counter() - start
        return address

    async def _get(
        self, dial: Dial, address: str, url: URL, headers: dict[str, str], params: HttpParams
    ) -> Page:
        try:
            return await _request(dial, url, headers, params)
        except CertificateRefused as refused:
            facts, samples = await self._look_at_certificate(address, url, params)
            why = refused.words
            text = Words(f"chứng chỉ không hợp lệ: {why.vi}", f"the certificate is not accepted: {why.en}")
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, text, Answer(samples, facts)) from refused
        except aiohttp.ClientResponseError as error:
            why_not = clean(error.message, 160)
            text = Words(f"không phải HTTP: {why_not}", f"not HTTP: {why_not}")
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, text) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            how = _words(error)
            text = Words(f"trả lời bị ngắt giữa chừng: {how.vi}", f"the answer broke off: {how.en}")
            raise ProbeFailure(Outcome.PROTOCOL_ERROR, text) from error

    async def _look_at_certificate(
        self, address: str, url: URL, params: HttpParams
    ) -> tuple[tuple[Fact, ...], tuple[Sample, ...]]:
        """Connect once more, without judging and without asking anything."""
        settings = self._tls(verify=False, ca_file=params.ca_file)
        name = params.server_name or url.host or ""
        try:
            shown = await shake_hands(self.environment.network, address, url.port or 443, name, settings)
        except OSError:
            return (), ()
        return _certificate(shown, url, params)

    def _tls(self, verify: bool, ca_file: str | None) -> ssl.SSLContext:
        now = time.monotonic()
        made, settings = self._settings.get((verify, ca_file), (0.0, None))
        if settings is None or now - made > _REFRESH:
            settings = verifying(ca_file) if verify else lenient(ca_file)
            self._settings[verify, ca_file] = (now, settings)
        return settings


async def _request(dial: Dial, url: URL, headers: dict[str, str], params: HttpParams) -> Page:
    start = time.perf_counter()
    async with (
        aiohttp.ClientSession(
            connector=dial,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # the runner owns the deadline
            auto_decompress=False,
        ) as session,
        session.request(params.method, url, headers=headers, allow_redirects=False) as response,
    ):
        answered = time.perf_counter()
        dial.phases["first_byte"] = answered - start - sum(dial.phases.values())
        body, truncated = await _body(response, params.max_bytes)
        dial.phases["transfer"] = time.perf_counter() - answered
        dial.hang_up()
        reason = clean(response.reason or "", 80)
        return Page(url, params.method, response.status, reason, response.headers, body, truncated)


async def _body(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    parts, size = [], 0
    async for part in response.content.iter_chunked(16384):
        parts.append(part)
        size += len(part)
        if size > limit:
            return b"".join(parts)[:limit], True
    return b"".join(parts), False


def _url(address: str, params: HttpParams) -> URL:
    host = f"[{address}]" if ":" in address else address
    try:
        return URL(params.url.replace("{address}", host))
    except ValueError as error:
        shown = clean(address, 80)
        text = Words(f"{shown} không thành địa chỉ web", f"{shown} makes no web address")
        raise ProbeFailure(Outcome.NOT_READY, text) from error


def _authorization(credential: Credential | None, url: URL, params: HttpParams) -> dict[str, str]:
    """Return the header, if it may be sent (RFC 7617 §4, 6750 §5): to a verified server or this machine."""
    if credential is None:
        return {}
    verified = url.scheme == "https" and params.verify
    if not (verified or is_loopback(url.host or "") or params.insecure_credential):
        raise ProbeFailure(Outcome.NOT_READY, _IN_THE_CLEAR)
    if credential.kind == "http_basic":
        pair = f"{credential.user}:{credential.secrets['password'].reveal()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"}
    token = credential.secrets["token"].reveal()
    if not (token.isascii() and token.isprintable()):
        raise ProbeFailure(Outcome.NOT_READY, _NO_TOKEN)
    return {"Authorization": f"Bearer {token}"}


def _answer(page: Page, dial: Dial, phases: dict[str, float], params: HttpParams, subject: str) -> Answer:
    label = ("url", clean(subject, 200))
    samples = [
        Sample("http.duration", max(seconds, 0.0), "s", (("phase", name), label))
        for name, seconds in phases.items()
    ]
    samples += [
        Sample("http.response.status_code", float(page.status), "{status}", (label,)),
        Sample("http.response.body.size", float(len(page.body)), "By", (label,)),
    ]
    facts, left = _certificate(dial.certificate, page.url, params)
    total = sum(phases.values()) * 1000
    got, size = f"{page.status} {page.reason}".strip(), len(page.body)
    detail = Words(f"{got}, {size} byte trong {total:.0f} ms", f"{got}, {size} bytes in {total:.0f} ms")
    return Answer((*samples, *left), (*page.facts(label[1]), *facts), detail)


def _certificate(
    shown: bytes | None, url: URL, params: HttpParams
) -> tuple[tuple[Fact, ...], tuple[Sample, ...]]:
    if not shown:
        return (), ()
    try:
        certificate = Certificate((shown,))
    except Unreadable:
        return (), ()
    now, port = datetime.now(UTC), str(url.port)
    name = params.server_name or url.host or ""
    return certificate.facts(now, port, name), certificate.samples(now, port)


def _compare(page: Page, params: HttpParams, answer: Answer, *, credential: bool) -> None:
    """Raise `ProbeFailure` with `answer` when the page is not the expected one."""
    code = str(page.status)
    if not any(code == wanted or (wanted[1:] == "xx" and wanted[0] == code[0]) for wanted in params.status):
        refused = credential and page.status in (401, 403)
        got = f"{code} {page.reason}".strip()
        if refused:
            text = Words(f"máy chủ không nhận tài khoản: {got}", f"the credential was refused: {got}")
            raise ProbeFailure(Outcome.AUTH_FAILED, text, answer)
        wanted = ", ".join(params.status)
        text = Words(f"cần mã {wanted}, nhận được {got}", f"expected {wanted}, got {got}")
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, text, answer)
    where = _FIRST_PART if page.truncated else _WHOLE
    if (needed := params.body_contains) and needed not in page.text:
        text = Words(f"{where.vi} không có {needed!r}", f"{where.en} does not contain {needed!r}")
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, text, answer)
    if (bad := params.body_missing) and bad in page.text:
        text = Words(f"trang có {bad!r}", f"the page contains {bad!r}")
        raise ProbeFailure(Outcome.PROTOCOL_ERROR, text, answer)


def _words(error: Exception) -> Words:
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Words("thiết bị ngắt kết nối", "the device cut the connection")
    return same(clean(str(error), 160) or type(error).__name__)


_IN_THE_CLEAR = Words(
    "không gửi tài khoản qua HTTP không mã hóa hoặc tới máy chủ chưa được xác thực",
    "the credential is not sent over plain HTTP or to an unverified server",
)
_NO_TOKEN = Words(
    "mã truy cập (token) có ký tự không dùng được trong HTTP",
    "the bearer token has characters no header may have",
)
_WHOLE = Words("trang", "the page")
_FIRST_PART = Words("phần đầu của trang", "the first part of the page")
