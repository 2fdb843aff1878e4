"""What an SSH server says before a login: identification line and algorithms (RFC 4253 §4.2, §7.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from probes.core.observation import Fact
from probes.core.text import clean

MAX_PREFACE: Final = 8 * 1024
"""Bytes a server may send before and with its identification line."""
MAX_PREFACE_LINES: Final = 50
MAX_LINE: Final = 255
"""RFC 4253 §4.2: the identification line with its CR LF."""
MAX_PACKET: Final = 35_000
"""RFC 4253 §6.1: a packet every implementation must be able to read; ours need be no larger."""
MAX_NAMES: Final = 100
_KEXINIT: Final = 20
_MAY_COME_FIRST: Final = frozenset({2, 4})
"""SSH_MSG_IGNORE and SSH_MSG_DEBUG."""

_WEAK_KEX = re.compile(
    r"^(diffie-hellman-group1-sha1|diffie-hellman-group14-sha1|diffie-hellman-group-exchange-sha1"
    r"|rsa1024-sha1|gss-(group1|group14|gex)-sha1-.*)$"
)
"""RFC 9142 §3: SHA-1 and groups below 2048 bits are not to be used."""
_WEAK_CIPHERS = re.compile(
    r"^(none|arcfour.*|rc4.*|des|3des-.*|blowfish-.*|cast128-.*|idea-.*|.*-cbc(@.*)?)$"
)
"""Baseline SSH-04: no encryption, 64-bit blocks, RC4 (RFC 8758), CBC (CVE-2008-5161)."""
_WEAK_MACS = re.compile(r"^(none|.*md5.*|.*-96(-.*)?(@.*)?)$")
"""Baseline SSH-05: MD5 and tags cut to 96 bits. SHA-1 as an HMAC is old and unbroken: see `legacy_macs`."""
_STRICT = "kex-strict-s-v00@openssh.com"


class Malformed(Exception):
    """What the server sent is not SSH; the text says how, cleaned."""


class Offer(msgspec.Struct, frozen=True):
    """Identification line and algorithm names, cleaned, in the server's order."""

    version: str
    kex: tuple[str, ...]
    host_key_types: tuple[str, ...]
    ciphers: tuple[str, ...]
    """Both directions together."""
    macs: tuple[str, ...]

    @property
    def weak_kex(self) -> tuple[str, ...]:
        """Key exchanges of baseline SSH-03."""
        return tuple(name for name in self.kex if _WEAK_KEX.match(name))

    @property
    def weak_ciphers(self) -> tuple[str, ...]:
        """Ciphers of baseline SSH-04."""
        return tuple(name for name in self.ciphers if _WEAK_CIPHERS.match(name))

    @property
    def weak_macs(self) -> tuple[str, ...]:
        """MACs of baseline SSH-05."""
        return tuple(name for name in self.macs if _WEAK_MACS.match(name))

    @property
    def legacy_macs(self) -> tuple[str, ...]:
        """HMAC-SHA-1, which the baseline rates low."""
        return tuple(
            name for name in self.macs if name.startswith("hmac-sha1") and not _WEAK_MACS.match(name)
        )

    @property
    def terrapin(self) -> bool:
        """Whether CVE-2023-48795 applies: ChaCha20 or CBC with encrypt-then-MAC, and no strict exchange."""
        cbc_etm = any(name.endswith("-cbc") for name in self.ciphers) and any(
            "-etm@" in name for name in self.macs
        )
        exposed = cbc_etm or any(name.startswith("chacha20-poly1305") for name in self.ciphers)
        return exposed and _STRICT not in self.kex

    def facts(self, subject: str) -> tuple[Fact, ...]:
        """Everything as evidence about `subject`, the port."""
        values: dict[str, bool | str | tuple[str, ...]] = {
            "ssh.version": self.version,
            "ssh.kex": self.kex,
            "ssh.host_key_types": self.host_key_types,
            "ssh.ciphers": self.ciphers,
            "ssh.macs": self.macs,
            "ssh.weak_kex": self.weak_kex,
            "ssh.weak_ciphers": self.weak_ciphers,
            "ssh.weak_macs": self.weak_macs,
            "ssh.legacy_macs": self.legacy_macs,
            "ssh.terrapin": self.terrapin,
            "ssh.protocol_1": self.version.startswith("SSH-1."),
        }
        return tuple(Fact(name, value, subject) for name, value in values.items())


def read(data: bytes) -> Offer | None:
    """Read the start of a server's byte stream; `None` when more is needed. Raises `Malformed`."""
    line, rest = _identification(data)
    if line is None:
        return None
    payload = _first_kexinit(rest)
    return None if payload is None else _offer(line, payload)


def preface(data: bytes) -> str:
    """Return what a server said first, cleaned, for a message: ``"Exceeded MaxStartups"``."""
    return clean(data[:200].splitlines()[0], 80) if data.strip() else ""


def _identification(data: bytes) -> tuple[bytes | None, bytes]:
    window = data[:MAX_PREFACE]
    start = 0
    for _ in range(MAX_PREFACE_LINES + 1):
        end = window.find(b"\n", start)
        line = window[start:end] if end >= 0 else window[start:]
        if line.startswith(b"SSH-"):
            if len(line) > MAX_LINE:
                raise Malformed(f"the identification line is longer than {MAX_LINE} bytes")
            if end >= 0:
                return line.rstrip(b"\r"), data[end + 1 :]
        if end < 0:
            if len(window) == MAX_PREFACE:
                raise Malformed(f"no identification line in the first {MAX_PREFACE} bytes")
            return None, b""
        start = end + 1
    raise Malformed(f"more than {MAX_PREFACE_LINES} lines before the identification line")


def _first_kexinit(rest: bytes) -> bytes | None:
    while len(rest) >= 5:
        length, padding = int.from_bytes(rest[:4], "big"), rest[4]
        if not 5 <= length <= MAX_PACKET or padding + 2 > length:
            raise Malformed("the first packet is no SSH packet")
        if len(rest) < 4 + length:
            return None
        payload = rest[5 : 4 + length - padding]
        if payload[0] == _KEXINIT:
            return payload
        if payload[0] not in _MAY_COME_FIRST:
            raise Malformed(f"message {payload[0]} instead of KEXINIT")
        rest = rest[4 + length :]
    return None


def _offer(line: bytes, payload: bytes) -> Offer:
    lists, at = [], 17  # the message number and the cookie of 16 bytes come first
    for _ in range(6):
        size = int.from_bytes(payload[at : at + 4], "big")
        raw = payload[at + 4 : at + 4 + size]
        if len(payload) < at + 4 or len(raw) < size:
            raise Malformed("a cut KEXINIT")
        lists.append(_names(raw))
        at += 4 + size
    kex, host_keys, ciphers_in, ciphers_out, macs_in, macs_out = lists
    return Offer(clean(line), kex, host_keys, _union(ciphers_in, ciphers_out), _union(macs_in, macs_out))


def _names(raw: bytes) -> tuple[str, ...]:
    names = raw.split(b",", MAX_NAMES)[:MAX_NAMES]
    return tuple(text for text in (clean(name, 64) for name in names) if text)


def _union(*lists: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in lists for name in names))
