"""Keys and ciphers of SNMPv3's user-based security model.

Sources: RFC 3414 (MD5, SHA-1, DES), RFC 7860 (SHA-2), RFC 3826 (AES-128), draft-blumenthal-aes-usm-04 and
draft-reeder-snmpv3-usm-3desede-00 (3DES; the two ways to stretch a short digest to the key of AES-192/256).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

DIGESTS = {
    "MD5": ("md5", 12),
    "SHA1": ("sha1", 12),
    "SHA224": ("sha224", 16),
    "SHA256": ("sha256", 24),
    "SHA384": ("sha384", 32),
    "SHA512": ("sha512", 48),
}
"""hashlib's name and the bytes of the digest that a message carries, by authentication protocol."""
KEY_BYTES = {"DES": 16, "3DES": 32, "AES128": 16, "AES192": 24, "AES256": 32}
BLOCKS = frozenset({"DES", "3DES"})
"""Ciphers that work on whole blocks of 8 bytes, with the end of the key in the starting block."""
MEBIBYTE = 1 << 20


class Keys:
    """What one user needs to talk with one engine; several privacy keys when the stretching is ambiguous."""

    __slots__ = ("_blocks", "authentication", "cipher", "digest", "digest_bytes", "privacy")

    def __init__(
        self, digest: str, digest_bytes: int, authentication: bytes, privacy: tuple[bytes, ...], cipher: str
    ) -> None:
        self.digest = digest
        self.digest_bytes = digest_bytes
        self.authentication = authentication
        self.privacy = privacy
        self.cipher = cipher
        self._blocks: list[CipherContext | None] = [None] * len(privacy)
        """AES without a mode, by key, once it was needed."""

    def sign(self, message: bytes) -> bytes:
        """Return the truncated HMAC of `message`."""
        return hmac.digest(self.authentication, message, self.digest)[: self.digest_bytes]

    def encrypt(self, which: int, plain: bytes, boots: int, time: int, salt: bytes) -> bytes:
        """Return `plain` under the privacy key number `which`."""
        worker = self._cipher(self.privacy[which], boots, time, salt).encryptor()
        if self.cipher in BLOCKS:
            plain += bytes(-len(plain) % 8)
        return worker.update(plain) + worker.finalize()

    def decrypt(self, which: int, secret: bytes, boots: int, time: int, salt: bytes) -> bytes:
        """Return what `secret` says under the privacy key number `which`; garbage under a wrong one."""
        if self.cipher in BLOCKS:
            secret = secret[: len(secret) & ~7]
            worker = self._cipher(self.privacy[which], boots, time, salt).decryptor()
            return worker.update(secret) + worker.finalize()
        return self._cfb_decrypted(which, boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt, secret)

    def _cfb_decrypted(self, which: int, start: bytes, secret: bytes) -> bytes:
        """CFB needs the cipher of every block before, all known here (NIST SP 800-38A §6.3): one pass gives them all.

        The library makes a new context for each message, which costs four times as much as this.
        """
        blocks = self._blocks[which]
        if blocks is None:
            blocks = self._blocks[which] = Cipher(AES(self.privacy[which]), ECB()).encryptor()  # noqa: S305
        size = len(secret)
        stream = blocks.update((start + secret)[: size + -size % 16])
        return (int.from_bytes(secret) ^ int.from_bytes(stream[:size])).to_bytes(size)

    def _cipher(self, key: bytes, boots: int, time: int, salt: bytes) -> Cipher[CFB] | Cipher[CBC]:
        if self.cipher in BLOCKS:
            start = bytes(a ^ b for a, b in zip(key[-8:], salt, strict=True))
            # Three times the same key is single DES, which the library no longer offers by name.
            return Cipher(TripleDES(key[:-8] * (3 if self.cipher == "DES" else 1)), CBC(start))
        return Cipher(AES(key), CFB(boots.to_bytes(4, "big") + time.to_bytes(4, "big") + salt))


class KeyRing:
    """Master keys by password: each costs a hash of one MiB, so each is made once."""

    def __init__(self) -> None:
        self._masters: dict[tuple[str, str], bytes] = {}

    def keys(self, auth: tuple[str, str], priv: tuple[str, str], engine_id: bytes) -> Keys:
        """Return the keys for one engine; `auth` and `priv` are ``(protocol, password)``."""
        digest, size = DIGESTS[auth[0]]
        first = localize(digest, self._master(digest, priv[1]), engine_id)
        privacy = _stretched(digest, first, engine_id, KEY_BYTES[priv[0]])
        if priv[0] == "3DES":
            privacy = privacy[-1:]  # its draft is Reeder's
        authentication = localize(digest, self._master(digest, auth[1]), engine_id)
        return Keys(digest, size, authentication, privacy, priv[0])

    def _master(self, digest: str, password: str) -> bytes:
        key = self._masters.get((digest, password))
        if key is None:
            key = self._masters[digest, password] = master(digest, password.encode())
        return key


def master(digest: str, password: bytes) -> bytes:
    """Return the key of a password: the hash of its repetition to one MiB (RFC 3414 A.2)."""
    repeated = password * (MEBIBYTE // len(password) + 1)
    return hashlib.new(digest, repeated[:MEBIBYTE], usedforsecurity=False).digest()


def localize(digest: str, key: bytes, engine_id: bytes) -> bytes:
    """Return the key for one engine (RFC 3414 A.2)."""
    return hashlib.new(digest, key + engine_id + key, usedforsecurity=False).digest()


def _stretched(digest: str, key: bytes, engine_id: bytes, size: int) -> tuple[bytes, ...]:
    if len(key) >= size:
        return (key[:size],)

    def blumenthal(known: bytes) -> bytes:
        return hashlib.new(digest, known, usedforsecurity=False).digest()

    def reeder(known: bytes) -> bytes:
        return localize(digest, master(digest, known[-len(key) :]), engine_id)

    return _grow(key, size, blumenthal), _grow(key, size, reeder)


def _grow(key: bytes, size: int, more: Callable[[bytes], bytes]) -> bytes:
    while len(key) < size:
        key += more(key)
    return key[:size]
