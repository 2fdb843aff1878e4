"""What one HTTP answer shows: status, headers and page as evidence (RFC 9110, 6797; HTTP-01 to HTTP-11)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from multidict import CIMultiDictProxy
from yarl import URL

from probes.core.observation import Fact, FactValue
from probes.core.text import clean

_CHARSETS: Final = frozenset({"utf-8", "iso-8859-1", "windows-1252", "windows-1258", "utf-16", "us-ascii"})
_PASSWORD = re.compile(r"<input\b[^<>]{0,2000}?\btype\s{0,5}=\s{0,5}[\"']?password\b", re.IGNORECASE)
_EXPECTED_HEADERS: Final = ("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options")


class Page(msgspec.Struct, frozen=True):
    """One answer, its body cut at the limit."""

    url: URL
    method: str
    status: int
    reason: str
    headers: CIMultiDictProxy[str]
    body: bytes
    truncated: bool

    @property
    def text(self) -> str:
        """The body in its declared charset if we know that one, else UTF-8; invalid bytes replaced."""
        found = re.search(r"charset=\"?([\w-]{1,20})", self.headers.get("Content-Type", "")[:200])
        charset = found[1].lower() if found else "utf-8"
        return self.body.decode(charset if charset in _CHARSETS else "utf-8", "replace")

    @property
    def redirect(self) -> URL | None:
        """Where the answer sends us; `None` when nowhere, or to something that is no address."""
        location = self.headers.get("Location")
        if location is None or not location.isprintable() or not 300 <= self.status < 400:
            return None
        try:
            return self.url.join(URL(location[:2000]))
        except ValueError:
            return None

    @property
    def next_within_origin(self) -> URL | None:
        """Where it redirects to, if that has the same scheme, host and port (RFC 6454)."""
        following = self.redirect
        if following is None:
            return None
        same = (following.scheme, following.host, following.port) == (
            self.url.scheme,
            self.url.host,
            self.url.port,
        )
        return following if same else None

    @property
    def goes_to_https(self) -> bool:
        """Whether it redirects to HTTPS."""
        return self.redirect is not None and self.redirect.scheme == "https"

    def facts(self, subject: str) -> tuple[Fact, ...]:
        """Everything as evidence about `subject`, the address asked. What cannot be known is left out."""
        values: dict[str, FactValue | None] = {
            "http.status": self.status,
            "http.server": self._header("Server"),
            "http.powered_by": self._header("X-Powered-By"),
            "http.redirect": clean(str(self.redirect), 255) if self.redirect else None,
            "http.title": self._title,
            "http.directory_listing": self._title.startswith("Index of") if self._title else None,
            "http.insecure_cookies": tuple(self._insecure_cookies()),
            **(self._of_plain_http() if self.url.scheme == "http" else self._of_https()),
        }
        return tuple(Fact(name, value, subject) for name, value in values.items() if value is not None)

    def _of_plain_http(self) -> Mapping[str, FactValue | None]:
        challenge = self.headers.get("WWW-Authenticate", "")[:200].lower().lstrip()
        return {
            "http.plain_login": self._shows_login,
            "http.basic_over_plain": self.status == 401 and challenge.startswith(("basic", "digest")),
            "http.https_redirect": self.goes_to_https,
        }

    def _of_https(self) -> Mapping[str, FactValue | None]:
        found = re.search(
            r"max-age\s{0,5}=\s{0,5}\"?([0-9]{1,12})", self.headers.get("Strict-Transport-Security", "")[:500]
        )
        missing = tuple(name for name in _EXPECTED_HEADERS if name not in self.headers)
        return {"http.hsts_max_age": int(found[1]) if found else 0, "http.missing_headers": missing}

    @property
    def _shows_login(self) -> bool | None:
        """Whether a password would be typed here; unknown for a page seen in part or sent away from."""
        if self.goes_to_https:
            return False
        if self.redirect is not None or self.method == "HEAD":
            return None
        return True if _PASSWORD.search(self.text) else (None if self.truncated else False)

    @property
    def _title(self) -> str | None:
        head = self.text[:65536]
        lowered = head.lower()
        start = lowered.find("<title")
        start = lowered.find(">", start) + 1 if start >= 0 else 0
        end = lowered.find("</title", start)
        return clean(head[start:end], 120) if start > 0 and end > start else None

    def _header(self, name: str) -> str | None:
        value = self.headers.get(name)
        return clean(value, 120) if value else None

    def _insecure_cookies(self) -> Iterator[str]:
        """Names of cookies without HttpOnly, or over HTTPS without Secure (baseline HTTP-08)."""
        for cookie in self.headers.getall("Set-Cookie", [])[:20]:
            name, *attributes = cookie[:4096].split(";")
            flags = {attribute.strip().lower() for attribute in attributes}
            if "httponly" not in flags or (self.url.scheme == "https" and "secure" not in flags):
                yield clean(name.partition("=")[0], 64)
