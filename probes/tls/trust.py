"""Whether a certificate leads to an authority we trust, and the certificate TLS 1.3 shows only encrypted."""

from __future__ import annotations

import asyncio
import ssl

from probes.core.network import Network
from probes.core.trust import lenient, shake_hands

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL: being expired is found out elsewhere and must not hide who signed."""
_NOT_TRUSTED = frozenset({2, 18, 19, 20, 21, 24, 27, 28})
"""OpenSSL's verify codes about the chain: issuer missing, self-signed, not verifiable, no CA, rejected."""


class Trust:
    """Whole handshakes with one server. Raises `ProbeFailure` (NOT_READY) when `ca_file` cannot be read."""

    def __init__(
        self, network: Network, address: str, port: int, server_name: str, ca_file: str | None
    ) -> None:
        self._network = network
        self._address, self._port, self._name = address, port, server_name
        self._settings = lenient(ca_file)
        self._settings.verify_flags = ssl.VerifyFlags(self._settings.verify_flags | _NO_CHECK_TIME)

    async def is_missing(self) -> bool | None:
        """Whether the chain leads nowhere; `None` when that could not be found out."""
        self._settings.verify_mode = ssl.CERT_REQUIRED
        try:
            await self._shake_hands()
        except ssl.SSLCertVerificationError as error:
            return True if error.verify_code in _NOT_TRUSTED else None
        except OSError:
            return None
        return False

    async def leaf(self) -> bytes | None:
        """Return the server's certificate without judging it, `None` when there is none to be had."""
        self._settings.verify_mode = ssl.CERT_NONE
        try:
            return await self._shake_hands()
        except OSError:
            return None

    async def _shake_hands(self) -> bytes | None:
        async with asyncio.timeout(5):
            return await shake_hands(self._network, self._address, self._port, self._name, self._settings)
