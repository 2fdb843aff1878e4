"""A certificate authority for tests: good certificates, and bad ones, one fault each."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate (with the chain below the root) and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A root of its own; `root` is the PEM file to trust."""

    def __init__(self, folder: Path, name: str = "Test Root") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._certificate = _build(self._name, self._key, self._name, self._key, ca=True)
        self.root = folder / "root.pem"
        self.root.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        label: str,
        names: tuple[str, ...] = ("localhost", "127.0.0.1"),
        *,
        days: tuple[float, float] = (-1, 90),
        key: Key | None = None,
        own: bool = False,
        through: bool = False,
        complete: bool = True,
    ) -> Pair:
        """Issue for `names`, valid from now + days[0] to now + days[1].

        `own`: it signs itself; `through`: an intermediate authority signs, sent along when `complete`.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject, chain = _name(names[0] if names else label), []
        signer_name, signer = (subject, key) if own else (self._name, self._key)
        if through:
            signer_name, signer = _name("Test Intermediate"), ec.generate_private_key(ec.SECP256R1())
            chain = [_build(signer_name, signer, self._name, self._key, ca=True)]
        leaf = _build(subject, key, signer_name, signer, names=names, days=days)
        pair = Pair(self._folder / f"{label}.pem", self._folder / f"{label}.key")
        shown = [leaf, *(chain if complete else [])]
        pair.certificate.write_bytes(b"".join(c.public_bytes(serialization.Encoding.PEM) for c in shown))
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pair


def weak_rsa() -> rsa.RSAPrivateKey:
    """Return an RSA key of 1024 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def strong_rsa() -> rsa.RSAPrivateKey:
    """Return an RSA key of 2048 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _build(
    subject: x509.Name,
    key: Key,
    issuer: x509.Name,
    signer: Key,
    *,
    names: tuple[str, ...] = (),
    days: tuple[float, float] = (-1, 90),
    ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), False)
    return builder.sign(signer, hashes.SHA256())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
