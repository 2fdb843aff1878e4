"""Logging in: whose host key it is comes first, and only to an approved one a credential is sent, once."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, cast

import asyncssh
from asyncssh.encryption import get_default_encryption_algs
from asyncssh.kex import get_default_kex_algs

from inventory.secrets import Credential
from probes.core.observation import Answer, Fact, Outcome
from probes.core.probe import ProbeFailure
from probes.core.text import clean
from probes.core.words import Words
from probes.ssh.offer import Offer
from probes.ssh.wire import Wire

_HOST_KEY_ALGORITHMS = (
    "ssh-ed25519",
    "ssh-ed448",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-rsa",
)
_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
_NOBODY: tuple[list[str], list[str], list[str]] = ([], [], [])
"""Known hosts for asyncssh: none, so that it asks `Client` about every key. Empty would mean a file
in the home directory, and `None` no check at all."""


class HostKey:
    """A host key as one OpenSSH line: type and base64 without a comment."""

    def __init__(self, line: str) -> None:
        self.kind, _, self._encoded = line.partition(" ")
        self.line = line

    @classmethod
    def of(cls, key: asyncssh.SSHKey) -> HostKey:
        """Take the two words of asyncssh's export."""
        return cls(" ".join(key.export_public_key("openssh").decode("ascii").split()[:2]))

    @property
    def fingerprint(self) -> str:
        """``SHA256:…`` as ``ssh-keygen -l`` prints it."""
        digest = hashlib.sha256(self._blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")

    @property
    def rsa_bits(self) -> int | None:
        """Length of the modulus of an RSA key (RFC 4253 §6.6), else `None`."""
        if self.kind != "ssh-rsa":
            return None
        fields, at = [], 0
        for _ in range(3):
            size = int.from_bytes(self._blob[at : at + 4], "big")
            fields.append(self._blob[at + 4 : at + 4 + size])
            at += 4 + size
        return int.from_bytes(fields[2], "big").bit_length()

    @property
    def _blob(self) -> bytes:
        try:
            return base64.b64decode(self._encoded, validate=True)
        except (binascii.Error, ValueError):
            return b""

    def facts(self, subject: str) -> tuple[Fact, ...]:
        """Type, fingerprint and, for RSA, length."""
        found = [
            Fact("ssh.host_key_fingerprint", self.fingerprint, subject),
            Fact("ssh.host_key_type", clean(self.kind, 64), subject),
        ]
        if self.rsa_bits is not None:
            found.append(Fact("ssh.host_key_rsa_bits", self.rsa_bits, subject))
        return tuple(found)


def normal(line: str) -> str:
    """An approved key's line without comment and surplus spaces."""
    return " ".join(line.split()[:2])


class Client(asyncssh.SSHClient):
    """Answers asyncssh's questions for one login: is this host key approved, and what do we log in with."""

    def __init__(
        self, approved: Sequence[str], credential: Credential | None, key: asyncssh.SSHKey | None
    ) -> None:
        self.host_key: HostKey | None = None
        self.methods: tuple[str, ...] = ()
        self.offered = False
        """Whether a credential has been sent."""
        self._approved = frozenset(approved)
        self._credential = credential
        self._key = key
        self._connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Remember the connection, to ask it which methods the server lists."""
        self._connection = conn

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Approve exactly the keys an operator approved; without a credential there is no reason to go on."""
        self.host_key = HostKey.of(key)
        return self._credential is not None and self.host_key.line in self._approved

    def public_key_auth_requested(self) -> asyncssh.SSHKey | None:
        """Offer our key once."""
        self._note_methods()
        return self._key if self._once(self._key is not None) else None

    def password_auth_requested(self) -> str | None:
        """Offer our password once: a second try of a wrong one may lock the account."""
        self._note_methods()
        return self._password() if self._once(self._has_password) else None

    def kbdint_auth_requested(self) -> str | None:
        """Many servers ask for the password this way only (PAM)."""
        self._note_methods()
        return "" if self._has_password and not self.offered else None

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Answer one hidden question, the password, and no other."""
        if not prompts:
            return []
        if len(prompts) == 1 and not prompts[0][1] and self._once(self._has_password):
            return [self._password()]
        return None

    @property
    def _has_password(self) -> bool:
        return self._credential is not None and self._credential.kind == "ssh_password"

    def _password(self) -> str:
        return self._credential.secrets["password"].reveal() if self._credential else ""

    def _once(self, possible: bool) -> bool:
        if not possible or self.offered:
            return False
        self.offered = True
        return True

    def _note_methods(self) -> None:
        if self._connection is not None and not self.methods:
            listed = self._connection.get_server_auth_methods()
            self.methods = tuple(clean(name, 64) for name in listed[:16])


def private_key(credential: Credential) -> asyncssh.SSHKey | None:
    """Read the key of an ``ssh_key`` credential. Raises `ProbeFailure` (NOT_READY) when it cannot be used."""
    if credential.kind != "ssh_key":
        return None
    passphrase = credential.secrets.get("passphrase")
    try:
        return asyncssh.import_private_key(
            credential.secrets["key"].reveal(), passphrase.reveal() if passphrase else None
        )
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise ProbeFailure(Outcome.NOT_READY, _NO_KEY) from None  # the cause may quote the key


async def connect(wire: Wire, client: Client, user: str, *, legacy: bool) -> asyncssh.SSHClientConnection:
    """Log in over `wire`. Raises `ProbeFailure`; what was learned on the way stays in `wire` and `client`."""
    try:
        return await asyncssh.connect(
            wire.address,
            wire.port,
            tunnel=cast(Any, wire),
            config=None,
            known_hosts=_NOBODY,
            client_factory=lambda: client,
            username=user,
            client_keys=None,
            agent_path=None,
            gss_kex=False,
            gss_auth=False,
            host_based_auth=False,
            x509_trusted_certs=None,
            preferred_auth=("publickey", "password", "keyboard-interactive"),
            server_host_key_algs=_preferring(client._approved),
            **(_LEGACY if legacy else {}),
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise ProbeFailure(Outcome.UNTRUSTED, _NOT_APPROVED) from error
    except asyncssh.PermissionDenied as error:
        raise _refused(client, user) from error
    except (asyncssh.Error, OSError, ValueError) as error:  # asyncssh reads damaged packets into ValueErrors
        raise _broken(error, wire, client, user) from error


_LEGACY: dict[str, Any] = {"kex_algs": "*", "encryption_algs": "*", "mac_algs": "*", "signature_algs": "*"}


def _preferring(approved: frozenset[str]) -> list[str]:
    """Ask for an approved key's type first, or a server with several keys would seem to have changed."""
    kinds = {line.partition(" ")[0] for line in approved}
    known = kinds | (set(_RSA) if "ssh-rsa" in kinds else set())
    return sorted(_HOST_KEY_ALGORITHMS, key=lambda name: name not in known)


def _refused(client: Client, user: str) -> ProbeFailure:
    name, listed = clean(user, 64), ", ".join(client.methods)
    if client.offered:
        text = Words(f"thiết bị không nhận tài khoản {name}", f"the credential of user {name} was refused")
        return ProbeFailure(Outcome.AUTH_FAILED, text)
    text = Words(
        f"thiết bị không hỏi loại tài khoản này của {name}; cách nó nhận: {listed or 'không rõ'}",
        f"user {name} was not asked for this kind of credential; methods listed: {listed or 'none we know'}",
    )
    return ProbeFailure(Outcome.AUTH_FAILED, text)


def _broken(error: Exception, wire: Wire, client: Client, user: str) -> ProbeFailure:
    overture = wire.overture
    if client.offered:
        # OpenSSH ends a connection with too many failures by a disconnect, some others just hang up
        return _refused(client, user)
    if overture is not None and overture.malformed is not None:
        text = Words(f"không phải SSH: {overture.malformed}", f"not SSH: {overture.malformed}")
        return ProbeFailure(Outcome.PROTOCOL_ERROR, text)
    if isinstance(error, asyncssh.KeyExchangeFailed) or (overture is not None and _strange(overture.offer)):
        return ProbeFailure(Outcome.PROTOCOL_ERROR, _NOTHING_IN_COMMON)
    if overture is not None and overture.offer is None:
        return ProbeFailure(Outcome.PROTOCOL_ERROR, _at_once(overture.heard))
    return ProbeFailure(Outcome.PROTOCOL_ERROR, ended(error))


def _at_once(heard: str) -> Words:
    vi, en = (f", nói {heard!r}", f", saying {heard!r}") if heard else ("", "")
    return Words(f"thiết bị ngắt kết nối ngay{vi}", f"the device cut the connection at once{en}")


def ended(error: Exception) -> Words:
    """Return how a connection ended, with the library's own words."""
    said = clean(str(error), 160)
    return Words(f"kết nối bị ngắt: {said}", f"the connection ended: {said}")


_NO_KEY = Words(
    "không đọc được khóa riêng SSH: sai định dạng, thiếu hoặc sai mật khẩu của khóa",
    "the SSH private key cannot be read: wrong format, or a passphrase missing or wrong",
)
_NOT_APPROVED = Words("khóa máy chủ chưa được duyệt", "the host key is not approved")
_NOTHING_IN_COMMON = Words(
    "không có thuật toán chung; `legacy: true` cho phép thuật toán cũ",
    "no algorithm in common; `legacy: true` allows old ones",
)


def _strange(offer: Offer | None) -> bool:
    """Whether the server offers nothing that we use without `legacy`; it may hang up before we can say so."""
    if offer is None:
        return False
    ours = (get_default_kex_algs(), offer.kex), (get_default_encryption_algs(), offer.ciphers)
    return any(not {name.decode() for name in used}.intersection(offered) for used, offered in ours)


def with_answer(error: ProbeFailure, answer: Answer) -> ProbeFailure:
    """The same failure with the evidence gathered on the way."""
    return ProbeFailure(error.outcome, error.detail, answer)
