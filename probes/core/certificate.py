"""What an X.509 certificate says about itself: who, until when, how strong, for which name (RFC 5280).

Each property is judged alone: a verifying library names one fault only, and passes some (RSA of 1024 bits).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from probes.core.observation import Fact, FactValue, Sample
from probes.core.text import clean


class Unreadable(Exception):
    """What the server sent as its certificate is none."""


class Certificate:
    """A server's certificate; `chain` is what it sent, its own first. Raises `Unreadable`."""

    def __init__(self, chain: Sequence[bytes]) -> None:
        try:
            self._chain = [x509.load_der_x509_certificate(der) for der in chain[:10]]
            self._leaf = self._chain[0]
            self.not_before = self._leaf.not_valid_before_utc
            self.not_after = self._leaf.not_valid_after_utc
            self._who = clean(self._leaf.subject.rfc4514_string(), 200)
            self._by = clean(self._leaf.issuer.rfc4514_string(), 200)
            self._key, self._weak_key = _strength(self._leaf)
        except (ValueError, TypeError, IndexError, UnsupportedAlgorithm) as error:
            raise Unreadable("the certificate cannot be read") from error

    def samples(self, now: datetime, subject: str) -> tuple[Sample, ...]:
        """Seconds left, negative when expired, labelled with the port `subject`."""
        return (
            Sample(
                "tls.certificate.remaining", (self.not_after - now).total_seconds(), "s", (("port", subject),)
            ),
        )

    def facts(self, now: datetime, subject: str, name: str = "") -> tuple[Fact, ...]:
        """Evidence about the port `subject`; the name is compared only when one is given."""
        values: dict[str, FactValue | None] = {
            "tls.certificate.subject": self._who,
            "tls.certificate.issuer": self._by,
            "tls.certificate.not_after": self.not_after.isoformat(),
            "tls.certificate.lifetime_days": (self.not_after - self.not_before).days,
            "tls.certificate.fingerprint": self._leaf.fingerprint(hashes.SHA256()).hex(),
            "tls.certificate.key": self._key,
            "tls.certificate.expired": self.not_after < now,
            "tls.certificate.not_yet_valid": self.not_before > now,
            "tls.certificate.self_signed": self.self_signed,
            "tls.certificate.weak_key": self._weak_key,
            "tls.certificate.weak_signature": any(_signed_weakly(one) for one in self._signed_by_others()),
            "tls.certificate.name_mismatch": self._name_mismatch(name),
        }
        return tuple(Fact(key, value, subject) for key, value in values.items() if value is not None)

    @property
    def self_signed(self) -> bool:
        """Whether it vouches for itself."""
        return _signs_itself(self._leaf)

    def _signed_by_others(self) -> Iterator[x509.Certificate]:
        """Every certificate whose signature carries trust: all but a root sent along (TLS-08)."""
        yield self._leaf
        yield from (one for one in self._chain[1:] if one.issuer != one.subject)

    def _name_mismatch(self, name: str) -> bool | None:
        """Whether `name` is not in it; unknown for a bare address, unless the certificate lists addresses."""
        names, addresses = _alternative_names(self._leaf)
        try:
            wanted = ipaddress.ip_address(name)
        except ValueError:
            return not any(_matches(pattern, name) for pattern in names) if name else None
        return wanted not in addresses if addresses else None


def _strength(leaf: x509.Certificate) -> tuple[str, bool | None]:
    """Name of the key and whether it is too weak: RSA below 2048 bits, EC below 256, DSA (TLS-07)."""
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}", key.key_size < 2048
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}", key.curve.key_size < 256
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA {key.key_size}", True
    strong = isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
    return type(key).__name__.strip("_").removesuffix("PublicKey"), False if strong else None


def _signed_weakly(certificate: x509.Certificate) -> bool:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return True  # older than anything the library still knows: MD2, MD4
    return isinstance(algorithm, hashes.MD5 | hashes.SHA1)


def _signs_itself(certificate: x509.Certificate) -> bool:
    if certificate.issuer != certificate.subject:
        return False
    try:
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return True  # an algorithm the library no longer checks; the names say it all the same
    return True


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _alternative_names(leaf: x509.Certificate) -> tuple[list[str], list[Address]]:
    """DNS names and addresses of subjectAltName; the common name does not count (RFC 9525 §6.2)."""
    try:
        listed = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = listed.get_values_for_type(x509.IPAddress)
        names = listed.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return [], []
    single = [one for one in addresses if isinstance(one, ipaddress.IPv4Address | ipaddress.IPv6Address)]
    return names[:1000], single


def _matches(pattern: str, name: str) -> bool:
    """RFC 9525 §6.3: a wildcard stands for the whole leftmost label and nothing else."""
    pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if pattern.startswith("*."):
        label, _, rest = name.partition(".")
        return bool(label) and rest == pattern[2:] and "." in rest
    return pattern == name
